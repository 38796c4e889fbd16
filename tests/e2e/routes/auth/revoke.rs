//! `POST /api/v1/auth/revoke` (RFC 7009)

use e2e::{Answer, World};
use http::Method;

fn revoke(service: &str, token: &str) -> Answer {
    World::get()
        .call(Method::POST, "/api/v1/auth/revoke")
        .token(service)
        .body("application/x-www-form-urlencoded", format!("token={token}"))
        .send()
}

// S10
#[test]
fn revoked_token_ends_its_session() {
    let tenant = World::get().tenant();
    let service = tenant.api_key(&["tokens:revoke"]);
    let (one, two) = (tenant.user("user"), tenant.user("user"));
    for (token, user) in [(&one.access_token, &one), (&two.refresh_token, &two)] {
        let answer = revoke(&service, token);
        assert_eq!((answer.status, answer.text.as_str()), (200, ""));
        let profile = tenant.get("/api/v1/profile").token(&user.access_token).send();
        profile.expect_problem(401, "token_revoked");
        // Revoking the token again is not an error.
        assert_eq!(revoke(&service, token).status, 200);
    }
    let events = tenant.wait_until_audited("auth.logout", 2);
    assert!(events.iter().all(|event| event["actor_type"] == "api_key"), "{events:?}");
}

// S17
#[test]
fn revoking_foreign_token_is_no_op() {
    let world = World::get();
    let (tenant, other) = (world.tenant(), world.tenant());
    let service = tenant.api_key(&["tokens:revoke"]);
    let other_key = other.api_key(&[]);
    for token in [
        "nonsense",
        "ldx_nonsense",
        &other_key,
        &other.admin.access_token,
        &other.admin.refresh_token,
    ] {
        assert_eq!(revoke(&service, token).status, 200);
    }
    other.get("/api/v1/profile").token(&other.admin.access_token).send().expect(200);
    let key = tenant.api_key(&[]);
    let problem = revoke(&service, &key).expect_problem(400, "unsupported_token_type");
    assert_eq!(problem["error"], "unsupported_token_type");
}
