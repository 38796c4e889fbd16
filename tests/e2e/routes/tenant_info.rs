//! `GET /api/v1/tenant/info`

use e2e::World;
use insta::assert_json_snapshot;

#[test]
fn everybody_of_a_tenant_sees_what_it_is() {
    let tenant = World::get().tenant();
    for role in ["admin", "user", "viewer"] {
        let user = tenant.user(role);
        let info = tenant.get("/api/v1/tenant/info").token(&user.access_token).send().expect(200);
        assert_eq!(info["id"], tenant.id);
        assert_json_snapshot!("tenant_info", info, {
            ".id" => "[id]",
            ".slug" => "[slug]",
            ".name" => "[name]",
            ".admin_email" => "[email]",
            ".created_at" => "[time]",
            ".updated_at" => "[time]",
        });
    }
}
