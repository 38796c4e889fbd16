//! Request examples. `/docs` fills them in, so sending an unmodified example must be harmless: changes affect only
//! names, and the ids do not exist.

use serde_json::{Value, json};

/// An id that does not exist.
const ID: &str = "01920000-0000-7000-8000-000000000000";

/// The id of a tenant that does not exist.
const TENANT: &str = "0192a5c0-6b1c-7a53-9d7c-0a3e4f5b6c7d";

/// Returns the example of a request body.
fn body(method: &str, path: &str) -> Option<Value> {
    let limits = json!({ "users": 10, "storage": 5_368_709_120_i64, "api_calls": 5_000,
                         "ai_requests": 100, "requests_per_minute": 120, "cache": 16_777_216 });
    let api_key = json!({ "name": "Deployment", "scopes": ["tenant:read", "files:read"],
                          "environment": "live", "max_requests_per_minute": 60 });
    Some(match (method, path) {
        ("post", "/admin/tenants") => json!({
            "name": "Acme Corporation", "admin_email": "admin@acme.example", "slug": "acme",
            "plan": "free", "settings": { "theme": "dark" },
        }),
        ("put" | "patch", "/admin/tenants/{id}") => json!({ "name": "Acme Corporation" }),
        ("patch", "/admin/tenants/{id}/users/{user}") => {
            json!({ "private_metadata": { "crm": 17 } })
        }
        ("post", "/admin/tenants/{id}/rename") => json!({ "slug": "acme-corporation" }),
        ("post", "/admin/tenants/{id}/api-keys" | "/api/v1/api-keys") => api_key,
        ("post", "/admin/plans") => json!({ "name": "trial", "limits": limits }),
        ("put" | "patch", "/admin/plans/{name}") => json!({ "limits": { "users": 10 } }),
        ("post", "/admin/operator-keys") => json!({
            "name": "Nightly maintenance", "scopes": ["maintenance:run"],
            "expires_at": "2030-01-31T12:00:00Z", "allowed_networks": ["192.0.2.0/24"],
        }),
        ("patch", "/admin/operator-keys/{id}") => json!({ "name": "Nightly maintenance" }),
        ("post", "/api/v1/auth/login") => {
            json!({ "email": "admin@acme.example", "password": "correct horse battery staple" })
        }
        ("post", "/api/v1/auth/setup") => json!({
            "setup_token": "the setup token of an invitation",
            "password": "correct horse battery staple",
        }),
        ("post", "/api/v1/auth/second-factor") => {
            json!({ "challenge": "the challenge of a sign-in", "code": "123456" })
        }
        ("post", "/api/v1/auth/second-factor/enrollment") => {
            json!({ "challenge": "the challenge of a sign-in", "name": "Phone" })
        }
        ("post", "/api/v1/auth/recent-sign-in") => json!({ "password": "the current password" }),
        ("post", "/api/v1/profile/second-factors") => json!({ "name": "Phone" }),
        ("post", "/api/v1/profile/second-factors/{id}/confirm") => json!({ "code": "123456" }),
        ("put", "/api/v1/tenant/switching") => json!({ "tenants": [TENANT] }),
        ("patch", "/api/v1/tenant/security-policy") => json!({ "second_factor_grace_days": 7 }),
        ("patch", "/api/v1/tenant/mail-settings") => json!({ "language": "en" }),
        ("post", "/api/v1/users/{id}/reset-password") => json!({ "send_mail": true }),
        ("post", "/api/v1/auth/refresh" | "/api/v1/auth/logout") => {
            json!({ "refresh_token": "the refresh token of a sign-in" })
        }
        ("post", "/api/v1/auth/introspect" | "/api/v1/auth/revoke") => {
            json!({ "token": "the token to check" })
        }
        ("post", "/api/v1/users") => json!({
            "email": "ursula@acme.example", "first_name": "Ursula", "last_name": "Le Guin",
            "role": "user",
        }),
        ("patch", "/api/v1/users/{id}" | "/api/v1/profile") => json!({ "first_name": "Ursula" }),
        ("post", "/api/v1/profile/password") => json!({
            "current_password": "the current password",
            "new_password": "correct horse battery staple",
        }),
        ("patch", "/api/v1/api-keys/{id}") => json!({ "name": "Deployment" }),
        ("post", "/api/v1/api-keys/{id}/rotate" | "/admin/operator-keys/{id}/rotate") => {
            json!({ "overlap_seconds": 3_600 })
        }
        ("post", "/api/v1/permissions") => {
            json!({ "name": "notes:write", "description": "Write notes" })
        }
        ("post", "/api/v1/roles") => json!({ "name": "Editor", "permissions": ["files:read"] }),
        ("patch", "/api/v1/roles/{id}") => json!({ "name": "Editor" }),
        ("post", "/api/v1/groups") => json!({ "name": "Editors", "roles": [] }),
        ("patch", "/api/v1/groups/{id}") => json!({ "name": "Editors" }),
        ("post", "/api/v1/tenant/usage") => json!({
            "resource_type": "ai_requests", "amount": 1, "idempotency_key": "report-2030-01-31-1",
        }),
        // It expires after a minute.
        ("post", "/api/v1/tenant/database/credentials") => {
            json!({ "access": "read", "expires_in": 60, "connections": 1 })
        }
        (
            "put",
            "/api/v1/cache/{key}"
            | "/api/v1/files/{path}"
            | "/admin/tenants/{id}/files/{file}/chunks/{index}",
        ) => json!("Hello, world"),
        _ => return of_accounts(method, path).or_else(|| of_passkeys(method, path)),
    })
}

/// Returns the example of a request body about the account of a person.
fn of_accounts(method: &str, path: &str) -> Option<Value> {
    Some(match (method, path) {
        (
            "post",
            "/api/v1/account/password-reset"
            | "/api/v1/account/sign-in"
            | "/api/v1/account/tenant-list",
        ) => json!({ "email": "nobody@acme.example" }),
        ("post", "/api/v1/account/password-reset/confirm") => json!({
            "token": "the token of a message", "new_password": "correct horse battery staple",
        }),
        ("post", "/api/v1/account/sign-in/confirm") => json!({
            "request": "the token of a request", "code": "1234 5678",
        }),
        ("post", "/api/v1/account/address") => json!({ "new_email": "ursula@acme.example" }),
        ("post", "/api/v1/account/verification") => json!({ "language": "de" }),
        (
            "post",
            "/api/v1/account/verification/confirm"
            | "/api/v1/account/address/confirm"
            | "/api/v1/account/address/object"
            | "/api/v1/account/tenant-list/confirm",
        ) => json!({ "token": "the token of a message" }),
        ("post", "/api/v1/account/tenants/switch") => json!({ "tenant": TENANT }),
        _ => return None,
    })
}

/// Returns the example of a request body about passkeys.
fn of_passkeys(method: &str, path: &str) -> Option<Value> {
    Some(match (method, path) {
        ("patch", "/api/v1/account/passkeys/{id}") => json!({ "name": "Laptop" }),
        ("post", "/api/v1/account/passkeys/registration/confirm") => {
            json!({ "credential": registration(), "name": "Laptop" })
        }
        (
            "post",
            "/api/v1/account/passkeys/sign-in/confirm"
            | "/api/v1/account/passkeys/recent-sign-in/confirm",
        ) => json!({ "credential": authentication() }),
        (
            "post",
            "/api/v1/account/passkeys/second-factor"
            | "/api/v1/account/passkeys/second-factor/enrollment",
        ) => json!({ "challenge": "the challenge of a sign-in" }),
        ("post", "/api/v1/account/passkeys/second-factor/confirm") => {
            json!({ "challenge": "the challenge of a sign-in", "credential": authentication() })
        }
        ("post", "/api/v1/account/passkeys/second-factor/enrollment/confirm") => json!({
            "challenge": "the challenge of a sign-in", "credential": registration(), "name": "Laptop",
        }),
        _ => return None,
    })
}

/// Returns the result of `navigator.credentials.create()`, shortened.
fn registration() -> Value {
    json!({ "id": "AQID", "type": "public-key", "response": {
        "clientDataJSON": "e30", "attestationObject": "oA", "transports": ["internal", "hybrid"] } })
}

/// Returns the result of `navigator.credentials.get()`, shortened.
fn authentication() -> Value {
    json!({ "id": "AQID", "type": "public-key", "response": {
        "clientDataJSON": "e30", "authenticatorData": "AAAA", "signature": "MEUC", "userHandle": "Bw" } })
}

/// Returns the example of a path parameter.
fn parameter(path: &str, name: &str) -> Option<&'static str> {
    Some(match (path, name) {
        (_, "id" | "key_id" | "file" | "user") => ID,
        ("/api/v1/permissions/{name}", "name") => "notes:write",
        (_, "index") => "0",
        ("/admin/plans/{name}", "name") => "trial",
        (_, "slug") => "acme",
        (_, "key") => "greeting",
        (_, "path") => "notes/hello.txt",
        _ => return None,
    })
}

/// Adds examples to an operation.
pub fn add(operation: &mut Value, method: &str, path: &str) {
    let content = operation.pointer_mut("/requestBody/content").and_then(Value::as_object_mut);
    if let Some(content) = content {
        let example = body(method, path);
        let example = example.unwrap_or_else(|| panic!("{method} {path} has no example body"));
        for media_type in content.values_mut() {
            media_type["example"] = example.clone();
        }
    }
    let parameters = operation.pointer_mut("/parameters").and_then(Value::as_array_mut);
    for parameter in parameters.into_iter().flatten() {
        let name = parameter["name"].as_str().unwrap_or_default().to_owned();
        if parameter["in"] == "path" {
            let example = self::parameter(path, &name);
            let example =
                example.unwrap_or_else(|| panic!("{method} {path}: {name} has no example"));
            parameter["example"] = json!(example);
        }
        // A filled-in example would consume the caller's quota.
        if name == "consume" {
            parameter.as_object_mut().map(|parameter| parameter.remove("example"));
        }
    }
}
