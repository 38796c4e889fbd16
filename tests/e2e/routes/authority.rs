//! Checks the authority of every endpoint that declares one: a caller with the scope of the endpoint, and an object
//! beyond the authority of the caller.

use e2e::{Answer, TestTenant, World, endpoints, unique};
use http::Method;
use serde_json::{Value, json};
use web::{Authority, Endpoint};

/// Returns a body that asks for more than the authority of the caller, if the endpoint creates or updates an object.
fn body(authority: Authority, method: &Method, creates: bool) -> Option<Value> {
    let name = unique("authority");
    match (authority, method) {
        (_, &Method::DELETE) => None,
        (Authority::Tenants, _) => Some(json!({ "status": "deleted" })),
        (Authority::Users, &Method::POST) if creates => {
            Some(json!({ "email": format!("{name}@acme.com"), "role": "admin" }))
        }
        (Authority::Users, &Method::PATCH) => Some(json!({ "first_name": "A" })),
        (Authority::ApiKeys | Authority::TenantApiKeys, &Method::POST) if creates => {
            Some(json!({ "name": name, "scopes": ["users:write"] }))
        }
        (Authority::Roles, &Method::POST) => {
            Some(json!({ "name": name, "permissions": ["audit:read"] }))
        }
        (Authority::OperatorKeys, &Method::POST) if creates => {
            Some(json!({ "name": name, "scopes": ["plans:read"] }))
        }
        (_, &Method::PATCH) => Some(json!({ "name": name })),
        _ => Some(json!({})),
    }
}

/// Creates a permission, a role with it, and a group with the role. Returns the name and the ids.
fn strong_roles(tenant: &TestTenant) -> (String, String, String) {
    let create = |path: &str, body: &Value| {
        tenant.post(path, body).token(&tenant.admin.access_token).send().expect(201)
    };
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let permission = unique("notes").replace('-', "_") + ":write";
    create("/api/v1/permissions", &json!({ "name": permission }));
    let role = json!({ "name": unique("role"), "permissions": [permission] });
    let role = text(&create("/api/v1/roles", &role)["id"]);
    let group = json!({ "name": unique("group"), "roles": [role] });
    let group = text(&create("/api/v1/groups", &group)["id"]);
    (permission, role, group)
}

/// Calls an endpoint with a credential that holds only the scope of the endpoint. The call is about an object beyond the
/// authority of the credential.
fn call(tenant: &TestTenant, endpoint: &Endpoint, authority: Authority) -> Answer {
    let world = World::get();
    let of_operator = |scope| world.operator_key(&[scope]);
    let strong_operator_key = of_operator("plans:read");
    let strong_key = || {
        let key = json!({ "name": "strong", "scopes": ["users:write"] });
        tenant.create_api_key(&key)["id"].as_str().unwrap().to_owned()
    };
    let (weak, operator_key, id) = match authority {
        Authority::Users => (tenant.api_key(&["users:write"]), None, tenant.admin.id.clone()),
        Authority::Roles => (tenant.api_key(&["roles:write"]), None, String::new()),
        Authority::PersonalData => (tenant.api_key(&["users:read"]), None, tenant.admin.id.clone()),
        Authority::ApiKeys => (tenant.api_key(&["api_keys:write"]), None, strong_key()),
        Authority::DatabaseCredentials => {
            let path = "/api/v1/tenant/database/credentials";
            let strong = json!({ "access": "owner", "connections": 1 });
            let strong = tenant.post(path, &strong).token(&tenant.admin.access_token).send();
            let id = strong.expect(201)["id"].as_str().unwrap().to_owned();
            (tenant.api_key(&["tenant:read"]), None, id)
        }
        Authority::OperatorKeys => {
            let key = of_operator("operator_keys:write");
            (key.text.clone(), Some(key), strong_operator_key.id.clone())
        }
        Authority::TenantApiKeys | Authority::Tenants => {
            let is_tenant = authority == Authority::Tenants;
            let key =
                of_operator(if is_tenant { "tenants:write" } else { "tenant_api_keys:write" });
            (key.text.clone(), Some(key), tenant.id.clone())
        }
    };
    let Endpoint { method, path, .. } = endpoint;
    // A path that ends with a plural creates an object.
    let creates = path.ends_with('s');
    let (permission, role, group) = strong_roles(tenant);
    let id = match *path {
        path if path.starts_with("/api/v1/roles") => &role,
        path if path.starts_with("/api/v1/groups") => &group,
        _ => &id,
    };
    let mut path = path.replace("{id}", id);
    path = path.replace("{user}", &tenant.admin.id);
    if authority == Authority::Roles {
        path = path.replace("{name}", &permission);
    }
    if path.contains("{key_id}") {
        path = path.replace("{key_id}", &strong_key());
    }
    let call = world.call(method.clone(), &path).slug(&tenant.slug).token(&weak);
    let body = match path.as_str() {
        "/api/v1/groups" => Some(json!({ "name": unique("group"), "roles": [role] })),
        _ => body(authority, method, creates),
    };
    let answer = match body {
        Some(body) => call.json(&body).send(),
        None => call.send(),
    };
    // The key is revoked on drop.
    drop(operator_key);
    answer
}

// S16
#[test]
fn declared_authority_limits_each_caller() {
    let tenant = World::get().tenant();
    let mut checked = 0;
    for endpoint in endpoints() {
        let Some(authority) = endpoint.authority else { continue };
        let Endpoint { method, path, .. } = endpoint;
        let answer = call(&tenant, endpoint, authority);
        let code = || answer.json()["code"].as_str().unwrap_or_default().to_owned();
        match authority {
            Authority::Users
            | Authority::Roles
            | Authority::ApiKeys
            | Authority::DatabaseCredentials
            | Authority::OperatorKeys => {
                assert_eq!(answer.status, 403, "{method} {path}: {}", answer.text);
                let refusals = ["scope_not_held", "administrator_required"];
                assert!(refusals.contains(&code().as_str()), "{method} {path}: {}", answer.text);
            }
            Authority::Tenants | Authority::PersonalData => {
                assert_eq!(answer.status, 403, "{method} {path}: {}", answer.text);
                assert_eq!(code(), "forbidden", "{method} {path}: {}", answer.text);
            }
            // An operator is not limited.
            Authority::TenantApiKeys => {
                assert!(answer.status < 300, "{method} {path}: {}", answer.text);
            }
        }
        checked += 1;
    }
    assert!(checked >= 20, "{checked}");
}
