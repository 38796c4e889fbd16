//! The headers of responses.

use serde_json::{Value, json};
use web::{Access, Documentation, Endpoint};

/// Name, type, description and example of each header.
const HEADERS: [(&str, &str, &str, &str); 20] = [
    (
        "X-Request-Id",
        "string",
        "The id of the request, which is also in the log.",
        "01a219ae-601f-7169-95d5-9f1247437f79",
    ),
    (
        "RateLimit",
        "string",
        "The remaining calls and the seconds until each window ends (draft-ietf-httpapi-ratelimit-headers-10).",
        "\"minute\";r=599;t=60",
    ),
    (
        "RateLimit-Policy",
        "string",
        "The limits of the caller and their windows in seconds.",
        "\"minute\";q=600;w=60",
    ),
    (
        "Quota-Warning",
        "string",
        "The resources of the request of which four fifths or more are used, with usage and limit.",
        "storage;usage=900;limit=1000",
    ),
    ("Retry-After", "integer", "The number of seconds to wait before the next attempt.", "5"),
    (
        "WWW-Authenticate",
        "string",
        "The authentication scheme (RFC 6750).",
        "Bearer realm=\"tenancy\"",
    ),
    (
        "Location",
        "string",
        "The path of the created object.",
        "/api/v1/users/01a219ae-5782-7ba4-8261-6ae2271a1586",
    ),
    (
        "ETag",
        "string",
        "The entity tag of the current version. Send it as If-Match with an update.",
        "\"3\"",
    ),
    ("Last-Modified", "string", "The time of the last change.", "Thu, 26 Nov 2026 21:06:27 GMT"),
    ("Accept-Ranges", "string", "The unit of ranges: bytes.", "bytes"),
    ("Content-Range", "string", "The returned part of the file.", "bytes 0-1023/4096"),
    ("Content-Length", "integer", "The size of the file in bytes.", "4096"),
    ("X-Cache-TTL", "integer", "The seconds until the entry expires.", "300"),
    (
        "Idempotency-Replayed",
        "string",
        "Present with the value `true` if the response repeats an earlier one.",
        "true",
    ),
    ("X-Tenant-Id", "string", "The id of the tenant.", "01a219ae-5635-7151-9d6f-044881b424c5"),
    ("X-Tenant-Slug", "string", "The slug of the tenant.", "acme"),
    (
        "X-User-Id",
        "string",
        "The id of the user; empty for an API key.",
        "01a219ae-5782-7ba4-8261-6ae2271a1586",
    ),
    ("X-User-Role", "string", "The role of the user; empty for an API key.", "admin"),
    (
        "X-Api-Key-Id",
        "string",
        "The id of the API key; empty for a user.",
        "01a219ae-5f93-7cb2-bd7f-0a1d5a1f3d12",
    ),
    (
        "X-Scopes",
        "string",
        "The scopes of the caller, separated by spaces.",
        "tenant:read files:read",
    ),
];

/// Headers about the limits of the caller's tenant. Any response can have them once a credential is accepted, because
/// later checks can still reject the request. Operations without a quota report the limits, too.
const LIMITS: [&str; 3] = ["RateLimit", "RateLimit-Policy", "Quota-Warning"];

/// Adds the components that the operations refer to.
pub fn define(document: &mut Value) {
    for (name, kind, description, example) in HEADERS {
        let example = match kind {
            "integer" => json!(example.parse::<u32>().unwrap()),
            _ => json!(example),
        };
        document["components"]["headers"][name] = json!({
            "description": description, "schema": { "type": kind }, "example": example,
        });
    }
}

/// Describes the headers of an operation's responses.
pub fn describe(operation: &mut Value, endpoint: &Endpoint, documentation: &Documentation) {
    let is_of_tenant =
        matches!(endpoint.access, Access::Authenticated | Access::Member(_) | Access::User(_));
    for (status, response) in operation["responses"].as_object_mut().unwrap() {
        let mut add = |name: &str| {
            let reference = json!({ "$ref": format!("#/components/headers/{name}") });
            response["headers"][name] = reference;
        };
        let is_success = status.starts_with('2');
        // A problem has it in its body.
        if is_success || status == "304" {
            add("X-Request-Id");
        }
        if is_of_tenant {
            for name in LIMITS {
                add(name);
            }
        }
        if is_success || status == "304" {
            for name in documentation.headers {
                add(name);
            }
        }
        if status == "206" || status == "416" {
            add("Content-Range");
        }
    }
}
