//! The problems of each operation: the statuses and the codes that a caller has to handle.
//!
//! The end-to-end tests compare each problem that they receive with the committed document.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use web::{Access, Documentation, Endpoint};

/// The codes of each status.
type Problems = BTreeMap<u16, BTreeSet<&'static str>>;

/// Objects that an id in a path can name.
const NOT_FOUND: [(&str, &str); 11] = [
    ("/admin/operator-keys/{id}", "operator_key_not_found"),
    ("/admin/plans/{name}", "plan_not_found"),
    ("/admin/tenants/{id}", "tenant_not_found"),
    ("/admin/audit", "tenant_not_found"),
    ("/api/v1/tenant/database/credentials/{id}", "database_credential_not_found"),
    ("/api/v1/api-keys/{id}", "api_key_not_found"),
    ("/api/v1/users/{id}", "user_not_found"),
    ("/api/v1/permissions/{name}", "permission_not_found"),
    ("/api/v1/roles/{id}", "role_not_found"),
    ("/api/v1/groups/{id}", "group_not_found"),
    ("/api/v1/groups/{id}/members/{user}", "user_not_found"),
];

fn of_operation(endpoint: &Endpoint, documentation: &Documentation, operation: &Value) -> Problems {
    let Endpoint { path, access, is_metered, .. } = endpoint;
    let mut problems = Problems::new();
    let mut add = |status, codes: &[&'static str]| {
        problems.entry(status).or_default().extend(codes);
    };
    add(500, &["internal_error"]);
    add(503, &["unavailable", "misconfigured"]);
    // A trusted proxy that does not report an address.
    add(400, &["invalid_header"]);
    let is_of_tenant = path.starts_with("/api/v1/");
    match *access {
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
            if *is_metered {
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
    if endpoint.recent_sign_in.is_some() {
        add(401, &["recent_sign_in_required"]);
    }
    for (start, code) in NOT_FOUND {
        if path.starts_with(start) {
            add(404, &[code]);
        }
    }
    for (status, codes) in documentation.problems {
        add(*status, codes);
    }
    problems
}

/// Describes the problems of an operation.
pub fn describe(operation: &mut Value, endpoint: &Endpoint, documentation: &Documentation) {
    for (status, codes) in of_operation(endpoint, documentation, operation) {
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
