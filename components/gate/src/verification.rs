//! Evaluates the response of Tenancy. Only a complete identity admits a caller.

use serde_json::Value;

use crate::{
    headers::{Headers, IDENTITY, get_all, single},
    refusal::Refusal,
    settings,
};

/// The maximum length of a response in bytes.
pub const LONGEST: usize = 64 * 1024;

/// The identity of a verified caller: the headers for the application. A header without a value is left out.
pub type Identity = Vec<(&'static str, String)>;

/// A refused caller.
#[derive(Debug, PartialEq, Eq)]
pub struct Denied {
    /// The response.
    pub refusal: Refusal,
    /// The reason for the operator, if Tenancy or the configuration is at fault.
    pub log: Option<String>,
}

/// Returns the identity of the caller if Tenancy has confirmed it with all scopes.
///
/// # Errors
/// [`Denied`].
pub fn evaluate(
    scopes: &[String],
    status: u16,
    headers: &Headers,
    body: Vec<u8>,
) -> Result<Identity, Denied> {
    if status == 200 {
        return identity(scopes, headers).ok_or_else(|| {
            failed("The response of Tenancy has no complete identity; refusing the request. Check `tenancy_url`.")
        });
    }
    let media_type = single(headers, "content-type").unwrap_or_default();
    let problem: Option<Value> = match media_type {
        "application/problem+json" => serde_json::from_slice(&body).ok(),
        _ => None,
    };
    let code = problem.as_ref().and_then(|problem| problem["code"].as_str()).unwrap_or_default();
    match (status, code) {
        (_, "") => Err(failed(&format!(
            "`tenancy_url` responded with the status {status}, which is not a response of Tenancy; refusing the request."
        ))),
        (_, "invalid_gateway_key") => {
            let log = format!("Tenancy does not accept the key in `{}`.", settings::GATEWAY_KEY);
            Err(Denied { refusal: Refusal::misconfigured(settings::GATEWAY_KEY), log: Some(log) })
        }
        (404, "tenant_not_found") | (400 | 401 | 403 | 429, _) => {
            Err(Denied { refusal: Refusal::of_tenancy(status, headers, body), log: None })
        }
        (422, _) => {
            let detail =
                problem.as_ref().and_then(|problem| problem["detail"].as_str()).unwrap_or_default();
            let log =
                format!("Tenancy does not accept the scopes or `consume` of a rule: {detail}");
            Err(Denied { refusal: Refusal::misconfigured(settings::ROUTES), log: Some(log) })
        }
        _ => {
            let wait = single(headers, "retry-after").and_then(|seconds| seconds.parse().ok());
            let log = format!("Tenancy responded with {status} `{code}`; refusing the request.");
            Err(Denied { refusal: Refusal::unavailable(wait), log: Some(log) })
        }
    }
}

/// Tenancy did not respond as it should.
pub fn failed(reason: &str) -> Denied {
    Denied { refusal: Refusal::unavailable(None), log: Some(reason.to_owned()) }
}

/// Returns the identity in the headers of a positive response.
fn identity(scopes: &[String], headers: &Headers) -> Option<Identity> {
    let is_problem = get_all(headers, "content-type").any(|kind| kind != b"application/json");
    let values = IDENTITY.map(|name| single(headers, name));
    let [Some(tenant), Some(slug), Some(user), Some(_), Some(key), Some(held)] = values else {
        return None;
    };
    let is_uuid = |text: &str| {
        text.len() == 36 && text.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-')
    };
    let is_caller = is_uuid(user) || is_uuid(key);
    let holds_all = scopes.iter().all(|scope| held.split(' ').any(|held| held == scope));
    if is_problem || !is_uuid(tenant) || slug.is_empty() || !is_caller || !holds_all {
        return None;
    }
    let given = IDENTITY.into_iter().zip(values);
    Some(
        given
            .filter_map(|(name, value)| {
                Some((name, value.filter(|value| !value.is_empty())?.to_owned()))
            })
            .collect(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "01938f00-0000-7000-8000-000000000001";

    fn response(changed: &[(&str, &str)]) -> Vec<(String, Vec<u8>)> {
        let mut headers = vec![
            ("content-type", "application/json"),
            ("x-tenant-id", ID),
            ("x-tenant-slug", "acme"),
            ("x-user-id", ID),
            ("x-user-role", "user"),
            ("x-api-key-id", ""),
            ("x-scopes", "tenant:read files:read"),
        ];
        for (name, value) in changed {
            headers.retain(|(own, _)| own != name);
            if *value != "absent" {
                headers.push((name, value));
            }
        }
        headers
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value.as_bytes().to_vec()))
            .collect()
    }

    fn admitted(status: u16, scopes: &[&str], headers: &Headers) -> Result<Identity, u16> {
        let scopes: Vec<_> = scopes.iter().map(|scope| (*scope).to_owned()).collect();
        evaluate(&scopes, status, headers, Vec::new()).map_err(|denied| {
            assert!(denied.log.is_some());
            denied.refusal.status
        })
    }

    #[test]
    fn complete_identity_is_admitted_without_empty_headers() {
        let identity = admitted(200, &["files:read"], &response(&[])).unwrap();
        let names: Vec<_> = identity.iter().map(|(name, _)| *name).collect();
        assert_eq!(names, ["x-tenant-id", "x-tenant-slug", "x-user-id", "x-user-role", "x-scopes"]);
        assert_eq!(identity[0].1, ID);
        let key = [("x-user-id", ""), ("x-user-role", ""), ("x-api-key-id", ID), ("x-scopes", "")];
        let identity = admitted(200, &[], &response(&key)).unwrap();
        assert_eq!(
            identity.iter().map(|(name, _)| *name).collect::<Vec<_>>(),
            ["x-tenant-id", "x-tenant-slug", "x-api-key-id"]
        );
    }

    #[test]
    fn incomplete_identity_is_unavailable() {
        for changed in [
            ("x-tenant-id", "absent"),
            ("x-tenant-id", ""),
            ("x-tenant-id", "1"),
            ("x-tenant-slug", ""),
            ("x-user-id", ""),
            ("x-api-key-id", "absent"),
            ("x-scopes", "absent"),
            ("x-scopes", "tenant:readfiles:read"),
            ("x-user-role", "é"),
            ("content-type", "text/html"),
        ] {
            assert_eq!(
                admitted(200, &["files:read"], &response(&[changed])),
                Err(503),
                "{changed:?}"
            );
        }
        let mut twice = response(&[]);
        twice.push(("x-tenant-id".to_owned(), ID.as_bytes().to_vec()));
        assert_eq!(admitted(200, &[], &twice), Err(503));
        for status in [201, 204, 206, 301, 302, 400, 401, 403, 404, 429, 500, 502] {
            assert_eq!(admitted(status, &[], &response(&[])), Err(503), "{status}");
        }
    }

    #[test]
    fn problem_of_tenancy_reaches_caller() {
        let denied = |status, code: &str, more: &[(&str, &str)]| {
            let mut headers =
                vec![("content-type".to_owned(), b"application/problem+json".to_vec())];
            headers.extend(
                more.iter().map(|(name, value)| ((*name).to_owned(), value.as_bytes().to_vec())),
            );
            let body = format!("{{\"code\":\"{code}\",\"detail\":\"d\"}}").into_bytes();
            evaluate(&[], status, &headers, body).unwrap_err()
        };
        for (status, code) in [
            (400, "invalid_header"),
            (401, "token_revoked"),
            (403, "forbidden"),
            (404, "tenant_not_found"),
            (429, "quota_exceeded"),
        ] {
            let own = [
                ("www-authenticate", "Bearer"),
                ("retry-after", "9"),
                ("set-cookie", "a"),
                ("x-tenant-id", "b"),
            ];
            let Denied { refusal, log } = denied(status, code, &own);
            assert_eq!((refusal.status, log), (status, None));
            let body: Value = serde_json::from_slice(&refusal.body).unwrap();
            assert_eq!(body["code"], code);
            let names: Vec<_> = refusal.headers.iter().map(|(name, _)| name.as_str()).collect();
            assert_eq!(names, ["www-authenticate", "retry-after", "content-type", "cache-control"]);
        }
        assert_eq!(
            denied(400, "invalid_gateway_key", &[]).refusal,
            Refusal::misconfigured("tenancy_gateway_key")
        );
        assert_eq!(denied(404, "route_not_found", &[]).refusal, Refusal::unavailable(None));
        assert_eq!(
            denied(422, "validation_failed", &[]).refusal,
            Refusal::misconfigured("tenancy_routes")
        );
        assert_eq!(
            denied(503, "unavailable", &[("retry-after", "7")]).refusal,
            Refusal::unavailable(Some(7))
        );
        assert_eq!(
            denied(500, "internal_error", &[("retry-after", "x")]).refusal,
            Refusal::unavailable(None)
        );
    }
}
