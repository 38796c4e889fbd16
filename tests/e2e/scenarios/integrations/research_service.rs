//! The research service.

use e2e::World;
use http::Method;
use serde_json::{Value, json};

use super::{Program, without_tenancy};

#[test]
fn research_service_separates_tenants() {
    let world = World::get();
    let (acme, globex) = (world.tenant(), world.tenant());
    let mut keys = json!({});
    for tenant in [&acme, &globex] {
        keys[&tenant.slug] = json!(tenant.api_key(&["usage:write"]));
    }
    let environment = [("GATEWAY_KEYS", keys.to_string())];
    let service = Program::python_with("research-service/research.py", &environment);
    let ask = |token: &str, question: &str| {
        let call = service.call(Method::POST, "/research").json(&json!({ "question": question }));
        call.token(token).send()
    };
    let list = |token: &str| -> Value {
        service.call(Method::GET, "/research").token(token).send().expect(200)
    };
    assert_eq!(ask(&acme.admin.access_token, "why?").expect(201)["asked_by"], acme.admin.id);
    let key = globex.api_key(&["tenant:read"]);
    ask(&key, "how?").expect(201);
    assert_eq!(list(&acme.user("viewer").access_token)["items"][0]["question"], "why?");
    let of_globex = list(&globex.admin.access_token);
    assert_eq!(
        (&of_globex["tenant"], &of_globex["items"][0]["question"]),
        (&json!(globex.slug), &json!("how?"))
    );
    // The service forwards errors of Tenancy unchanged.
    assert_eq!(ask("nonsense", "x").expect(401)["code"], "invalid_token");
    let elsewhere = service.call(Method::GET, "/research").slug(&globex.slug);
    let elsewhere = elsewhere.token(&acme.admin.access_token).send();
    assert_eq!(elsewhere.expect(403)["code"], "tenant_mismatch");
    let limits = json!({ "limits": { "ai_requests": 1 } });
    let path = format!("/admin/tenants/{}", acme.id);
    world.admin(Method::PATCH, &path).json(&limits).send().expect(200);
    let refused = ask(&acme.admin.access_token, "again?");
    assert_eq!(refused.expect(429)["code"], "quota_exceeded");
    assert_ne!(refused.header("retry-after"), "");
}

#[test]
fn research_service_handles_errors() {
    let tenant = World::get().tenant();
    let token = &tenant.admin.access_token;
    let service = Program::python("research-service/research.py");
    let ask = |service: &Program, body: &[u8]| {
        service.call(Method::POST, "/research").token(token).body("application/json", body).send()
    };
    let deep = "[".repeat(60_000);
    let long = " ".repeat(70_000);
    for (body, status) in [
        (&b"{"[..], 400),
        (b"\xff", 400),
        (deep.as_bytes(), 400),
        (b"", 400),
        (b"[]", 422),
        (b"{}", 422),
        (b"{\"question\":1}", 422),
        (long.as_bytes(), 413),
    ] {
        let answer = ask(&service, body);
        assert_eq!(answer.status, status, "{}", answer.text);
        assert!(answer.json()["error"].is_string());
    }
    // Rejected requests are not counted.
    assert_eq!(tenant.used("ai_requests")["current_usage"], 0);
    let away = without_tenancy("research-service/research.py");
    let answer = ask(&away, b"{\"question\":\"why?\"}");
    assert_eq!((answer.status, answer.header("retry-after")), (503, "1"), "{}", answer.text);
}
