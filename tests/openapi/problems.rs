//! The problems of each operation: the statuses and the codes that a caller has to handle.
//!
//! The end-to-end tests compare each problem that they receive with the committed document.

use std::collections::{BTreeMap, BTreeSet};

use http::Method;
use serde_json::{Value, json};
use tenancy::access::{self, Access};

/// The codes of each status.
type Problems = BTreeMap<u16, BTreeSet<&'static str>>;

/// Problems of single operations: method, start of the path, status, codes.
const SPECIFIC: &[(&str, &str, u16, &[&str])] = &[
    ("POST", "/admin/operator-keys", 403, &["scope_not_held", "stronger_api_key"]),
    ("POST", "/admin/operator-keys", 409, &["operator_key_name_taken", "too_many_operator_keys"]),
    ("PATCH", "/admin/operator-keys/{id}", 403, &["scope_not_held", "stronger_api_key"]),
    ("PATCH", "/admin/operator-keys/{id}", 409, &["operator_key_name_taken"]),
    ("PATCH", "/admin/operator-keys/{id}", 412, &["precondition_failed"]),
    ("DELETE", "/admin/operator-keys/{id}", 403, &["scope_not_held", "stronger_api_key"]),
    ("GET", "/admin/operator-keys/{id}", 412, &["precondition_failed"]),
    ("POST", "/admin/operator-keys/{id}/rotate", 403, &["scope_not_held", "stronger_api_key"]),
    ("POST", "/admin/operator-keys/{id}/rotate", 412, &["precondition_failed"]),
    ("DELETE", "/admin/operator-keys/{id}", 412, &["precondition_failed"]),
    ("POST", "/admin/plans", 409, &["plan_taken"]),
    ("DELETE", "/admin/plans/{name}", 409, &["plan_in_use"]),
    ("POST", "/admin/tenants", 409, &["slug_taken", "domain_taken"]),
    ("POST", "/admin/tenants", 422, &["idempotency_key_reused"]),
    ("PUT", "/admin/tenants/{id}", 409, &["illegal_transition", "domain_taken"]),
    ("PUT", "/admin/tenants/{id}", 412, &["precondition_failed"]),
    ("PATCH", "/admin/tenants/{id}", 409, &["illegal_transition", "domain_taken"]),
    ("PATCH", "/admin/tenants/{id}", 412, &["precondition_failed"]),
    ("DELETE", "/admin/tenants/{id}", 409, &["illegal_transition"]),
    ("DELETE", "/admin/tenants/{id}", 412, &["precondition_failed"]),
    ("GET", "/admin/tenants/{id}", 412, &["precondition_failed"]),
    ("POST", "/admin/tenants/{id}/rotate-key", 409, &["illegal_transition"]),
    ("POST", "/admin/tenants/{id}/api-keys", 403, &["tenant_suspended", "tenant_deleted"]),
    ("POST", "/admin/tenants/{id}/api-keys", 409, &["too_many_api_keys"]),
    ("DELETE", "/admin/tenants/{id}/api-keys/{key_id}", 404, &["api_key_not_found"]),
    ("POST", "/api/v1/api-keys", 403, &["scope_not_held", "stronger_api_key"]),
    ("POST", "/api/v1/api-keys", 409, &["too_many_api_keys"]),
    ("PATCH", "/api/v1/api-keys/{id}", 403, &["scope_not_held", "stronger_api_key"]),
    ("PATCH", "/api/v1/api-keys/{id}", 403, &["user_required"]),
    ("DELETE", "/api/v1/api-keys/{id}", 403, &["scope_not_held", "stronger_api_key"]),
    ("POST", "/api/v1/api-keys/{id}/rotate", 403, &["scope_not_held", "stronger_api_key"]),
    ("POST", "/api/v1/auth/introspect", 401, &["invalid_client"]),
    ("POST", "/api/v1/auth/introspect", 400, &["invalid_request"]),
    ("POST", "/api/v1/auth/revoke", 401, &["invalid_client"]),
    ("POST", "/api/v1/auth/revoke", 400, &["invalid_request", "unsupported_token_type"]),
    ("POST", "/api/v1/auth/login", 401, &["invalid_credentials"]),
    ("POST", "/api/v1/auth/login", 429, &["too_many_attempts"]),
    ("POST", "/api/v1/auth/refresh", 401, &["invalid_refresh_token"]),
    ("POST", "/api/v1/auth/setup", 401, &["invalid_setup_token"]),
    ("POST", "/api/v1/auth/setup", 429, &["too_many_attempts"]),
    ("POST", "/api/v1/auth/logout", 401, &["invalid_refresh_token"]),
    ("POST", "/api/v1/auth/logout", 404, &["session_not_found"]),
    ("DELETE", "/api/v1/auth/sessions/{id}", 404, &["session_not_found"]),
    ("GET", "/api/v1/auth/verify", 429, &["quota_exceeded"]),
    ("GET", "/api/v1/cache/{key}", 404, &["cache_entry_not_found"]),
    ("DELETE", "/api/v1/cache/{key}", 404, &["cache_entry_not_found"]),
    ("PUT", "/api/v1/cache/{key}", 507, &["quota_exceeded"]),
    ("GET", "/api/v1/files/{path}", 404, &["file_not_found"]),
    ("GET", "/api/v1/files/{path}", 412, &["precondition_failed"]),
    ("GET", "/api/v1/files/{path}", 416, &["range_not_satisfiable"]),
    ("PUT", "/api/v1/files/{path}", 412, &["precondition_failed"]),
    ("PUT", "/api/v1/files/{path}", 507, &["quota_exceeded"]),
    ("DELETE", "/api/v1/files/{path}", 404, &["file_not_found"]),
    ("DELETE", "/api/v1/files/{path}", 412, &["precondition_failed"]),
    ("PATCH", "/api/v1/profile", 409, &["username_taken"]),
    ("POST", "/api/v1/profile/password", 401, &["invalid_credentials"]),
    ("POST", "/api/v1/profile/password", 429, &["too_many_attempts"]),
    ("POST", "/api/v1/tenant/usage", 422, &["idempotency_key_reused"]),
    ("POST", "/api/v1/users", 403, &["scope_not_held", "quota_exceeded"]),
    ("POST", "/api/v1/users", 409, &["email_taken", "username_taken"]),
    ("PATCH", "/api/v1/users/{id}", 403, &["scope_not_held", "administrator_required"]),
    ("PATCH", "/api/v1/users/{id}", 409, &["email_taken", "username_taken", "last_admin"]),
    ("DELETE", "/api/v1/users/{id}", 403, &["scope_not_held", "administrator_required"]),
    ("DELETE", "/api/v1/users/{id}", 409, &["last_admin"]),
    (
        "POST",
        "/api/v1/users/{id}/reset-password",
        403,
        &["scope_not_held", "administrator_required"],
    ),
    ("GET", "/metrics", 401, &["authentication_required", "invalid_token"]),
];

/// Objects that an id in a path can name.
const NOT_FOUND: [(&str, &str); 6] = [
    ("/admin/operator-keys/{id}", "operator_key_not_found"),
    ("/admin/plans/{name}", "plan_not_found"),
    ("/admin/tenants/{id}", "tenant_not_found"),
    ("/admin/audit", "tenant_not_found"),
    ("/api/v1/api-keys/{id}", "api_key_not_found"),
    ("/api/v1/users/{id}", "user_not_found"),
];

fn of_operation(method: &Method, path: &str, access: Access, operation: &Value) -> Problems {
    let mut problems = Problems::new();
    let mut add = |status, codes: &[&'static str]| {
        problems.entry(status).or_default().extend(codes);
    };
    add(500, &["internal_error"]);
    add(503, &["unavailable", "misconfigured"]);
    // A trusted proxy that does not report an address.
    add(400, &["invalid_header"]);
    let is_of_tenant = path.starts_with("/api/v1/");
    match access {
        Access::Public if is_of_tenant => {
            add(429, &["rate_limited"]);
            add(400, &["tenant_required"]);
            add(403, &["tenant_mismatch", "tenant_suspended", "tenant_deleted"]);
            add(404, &["tenant_not_found"]);
        }
        Access::Public => add(429, &["rate_limited"]),
        Access::Operator(_) => {
            add(401, &["authentication_required", "invalid_admin_key", "invalid_operator_key"]);
            add(403, &["forbidden"]);
            add(429, &["rate_limited", "too_many_attempts"]);
        }
        Access::Authenticated | Access::Member(_) | Access::User(_) => {
            add(401, &["authentication_required", "invalid_token", "token_expired"]);
            add(401, &["token_revoked", "invalid_api_key"]);
            add(403, &["forbidden", "tenant_mismatch", "tenant_suspended", "tenant_deleted"]);
            add(404, &["tenant_not_found"]);
            add(429, &["rate_limited"]);
            if access::is_metered(method, path) {
                add(429, &["quota_exceeded"]);
            }
            if matches!(access, Access::User(_)) {
                add(403, &["user_required"]);
            }
        }
    }
    let content = &operation["requestBody"]["content"];
    if content.is_object() {
        add(400, &["body_incomplete"]);
        add(408, &["body_too_slow"]);
        add(413, &["body_too_large"]);
        add(415, &["unsupported_content_coding"]);
        if content["application/json"].is_object() {
            add(400, &["invalid_json"]);
            add(415, &["unsupported_media_type"]);
        }
        if content["application/x-www-form-urlencoded"].is_object() {
            add(415, &["unsupported_media_type"]);
        }
    }
    if content.is_object() || operation["parameters"].is_array() {
        add(422, &["validation_failed"]);
    }
    for (start, code) in NOT_FOUND {
        if path.starts_with(start) {
            add(404, &[code]);
        }
    }
    for (own, start, status, codes) in SPECIFIC {
        if *own == method.as_str() && *start == path {
            add(*status, codes);
        }
    }
    problems
}

/// Describes the problems of an operation.
pub fn describe(operation: &mut Value, method: &Method, path: &str, access: Access) {
    for (status, codes) in of_operation(method, path, access, operation) {
        let codes: Vec<_> = codes.into_iter().collect();
        let quoted: Vec<_> = codes.iter().map(|code| format!("`{code}`")).collect();
        let description = match quoted.as_slice() {
            [code] => format!("The code is {code}."),
            several => format!("The code is one of {}.", several.join(", ")),
        };
        let mut response = problem(&description);
        response["x-codes"] = json!(codes);
        if [429, 503].contains(&status) {
            response["headers"]["Retry-After"] =
                json!({ "$ref": "#/components/headers/Retry-After" });
        }
        if status == 401 {
            response["headers"]["WWW-Authenticate"] =
                json!({ "$ref": "#/components/headers/WWW-Authenticate" });
        }
        operation["responses"][status.to_string()] = response;
    }
    operation["responses"]["default"] = problem("Any other problem.");
}

fn problem(description: &str) -> Value {
    json!({
        "description": description,
        "content": {
            "application/problem+json": { "schema": { "$ref": "#/components/schemas/Problem" } },
        },
    })
}

/// Lists every code in the schema of a problem.
pub fn list_codes(document: &mut Value) {
    fn collect<'a>(value: &'a Value, codes: &mut BTreeSet<&'a str>) {
        match value {
            Value::Object(members) => {
                let own = members.get("x-codes").and_then(Value::as_array);
                codes.extend(own.into_iter().flatten().filter_map(Value::as_str));
                members.values().for_each(|value| collect(value, codes));
            }
            Value::Array(values) => values.iter().for_each(|value| collect(value, codes)),
            _ => {}
        }
    }
    let mut codes = BTreeSet::from(["method_not_allowed", "route_not_found"]);
    collect(&document["paths"], &mut codes);
    let codes = json!(codes);
    document["components"]["schemas"]["Problem"]["properties"]["code"]["enum"] = codes;
}
