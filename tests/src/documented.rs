//! The problems and the headers that `docs/openapi.json` documents.

use std::sync::LazyLock;

use http::{HeaderMap, Method};
use serde_json::Value;

use crate::root;

static DOCUMENT: LazyLock<Value> = LazyLock::new(|| {
    let text = std::fs::read_to_string(root().join("docs/openapi.json")).expect("it exists");
    serde_json::from_str(&text).expect("it is JSON")
});

/// Codes that every path can return.
const EVERYWHERE: [&str; 2] = ["route_not_found", "method_not_allowed"];

/// Headers that the document has to list for each response that can have them.
const LISTED: [&str; 4] = ["RateLimit", "RateLimit-Policy", "Quota-Warning", "Retry-After"];

/// Parameters that contain slashes.
const WITH_SLASHES: [&str; 2] = ["{path}", "{key}"];

/// Asserts that the document has this problem for the operation. Requests that no operation matches are ignored.
#[track_caller]
pub(crate) fn assert_documented(method: &Method, url: &str, status: u16, code: &str) {
    if EVERYWHERE.contains(&code) {
        return;
    }
    let Some(operation) = operation(method, url) else { return };
    let codes = operation["responses"][status.to_string()]["x-codes"].as_array();
    let is_documented = codes.is_some_and(|codes| codes.iter().any(|own| own == code));
    assert!(
        is_documented,
        "{} does not document {status} {code}: add it to tests/openapi/problems.rs",
        operation["operationId"]
    );
}

/// Asserts that the document lists these headers of a response for the operation and the status. Requests that no
/// operation matches are ignored.
#[track_caller]
pub(crate) fn assert_headers_documented(
    method: &Method,
    url: &str,
    status: u16,
    headers: &HeaderMap,
) {
    let received: Vec<_> = LISTED.into_iter().filter(|name| headers.contains_key(*name)).collect();
    if received.is_empty() {
        return;
    }
    let Some(operation) = operation(method, url) else { return };
    let responses = &operation["responses"];
    let response = responses.get(status.to_string()).unwrap_or(&responses["default"]);
    for name in received {
        assert!(
            response["headers"][name].is_object(),
            "{} does not document {name} for {status}: describe it in tests/openapi",
            operation["operationId"]
        );
    }
}

/// Returns the operation of a request.
fn operation(method: &Method, url: &str) -> Option<&'static Value> {
    let path = url.split(['?', '#']).next()?;
    let path = path.splitn(4, '/').nth(3)?;
    // The tenant's prefix, and the paths without a version.
    let path = match path.strip_prefix("t/") {
        Some(rest) => rest.split_once('/')?.1,
        None => path,
    };
    let paths = DOCUMENT["paths"].as_object()?;
    // An exact path is preferred to one with parameters.
    let mut matching: Vec<_> =
        paths.iter().filter(|(template, _)| matches(&template[1..], path)).collect();
    matching.sort_by_key(|(template, _)| template.matches('{').count());
    matching.first()?.1.get(method.as_str().to_ascii_lowercase())
}

fn matches(template: &str, path: &str) -> bool {
    let mut parts = path.split('/');
    for expected in template.split('/') {
        let Some(part) = parts.next() else { return false };
        if WITH_SLASHES.contains(&expected) && !part.is_empty() {
            return true;
        }
        let is_parameter = expected.starts_with('{');
        if part.is_empty() && !expected.is_empty() || !is_parameter && part != expected {
            return false;
        }
    }
    parts.next().is_none()
}
