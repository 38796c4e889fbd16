//! `GET /admin/usage`

use e2e::World;
use http::Method;
use serde_json::json;

#[test]
fn usage_is_reported_per_tenant() {
    let world = World::get();
    let tenant = world.tenant();
    let key = tenant.api_key(&["usage:write"]);
    let body = json!({ "resource_type": "ai_requests", "amount": 7 });
    tenant.post("/api/v1/tenant/usage", &body).token(&key).send().expect(200);
    let get = |query: &str| {
        let path = format!("/admin/usage?tenant_id={}&{query}", tenant.id);
        world.admin(Method::GET, &path).send()
    };
    let page = get("resource_type=ai_requests").expect(200);
    assert_eq!((&page["total"], &page["items"][0]["amount"]), (&json!(1), &json!(7)));
    assert_eq!(page["items"][0]["tenant_slug"], tenant.slug.as_str());
    let month = get("resource_type=ai_requests&granularity=month").expect(200);
    assert_eq!(month["items"][0]["period"].as_str().unwrap().len(), "2030-01".len());
    let csv = get("format=csv&resource_type=ai_requests");
    assert!(csv.header("content-type").starts_with("text/csv"));
    let lines: Vec<_> = csv.text.lines().collect();
    assert_eq!(lines[0], "period,tenant_id,tenant_slug,resource_type,amount");
    assert!(
        lines[1].ends_with(&format!("{},{},ai_requests,7", tenant.id, tenant.slug)),
        "{}",
        csv.text
    );
    assert_eq!(lines.len(), 2);
    assert_eq!(get("from=2030-01-02&to=2030-01-01").expect_invalid(), ["from"]);
    assert_eq!(get("from=yesterday&granularity=hour").expect_invalid(), ["from", "granularity"]);
    let all = world.admin(Method::GET, "/admin/usage?limit=1").send().expect(200);
    assert!(all["total"].as_i64() > Some(0));
}
