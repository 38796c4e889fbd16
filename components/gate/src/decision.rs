//! Plans a request before anything is sent.

use std::net::SocketAddr;

use crate::{
    headers::{Headers, get_all, single},
    path,
    refusal::Refusal,
    rules::Access,
    settings::Settings,
};

/// The headers of a caller that Tenancy needs: the credential, the tenant's name, and the origin of a page, which
/// decides whether the page can read a refusal.
const FORWARDED: [&str; 5] =
    ["authorization", "x-api-key", "x-tenant-slug", "origin", "x-request-id"];
/// The maximum size of all headers of a verification, in bytes.
const MOST_BYTES: usize = 16 * 1024;

/// The head of a request.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// The method.
    pub method: &'a str,
    /// The path and the query.
    pub target: &'a str,
    /// The requested host.
    pub authority: Option<&'a str>,
    /// The headers.
    pub headers: &'a Headers,
}

/// The next step of a request.
#[derive(Debug, PartialEq, Eq)]
pub enum Plan<'a> {
    /// Forward the request without an identity.
    Forward,
    /// Ask Tenancy first.
    Verify(Check<'a>),
    /// Refuse the request.
    Refuse(Refusal),
}

/// A request to Tenancy: GET without a body.
#[derive(Debug, PartialEq, Eq)]
pub struct Check<'a> {
    /// The path and the query.
    pub target: String,
    /// The headers.
    pub headers: Vec<(String, Vec<u8>)>,
    /// The scopes that the caller needs.
    pub scopes: &'a [String],
}

/// Returns the next step of a request.
pub fn plan<'a>(settings: &'a Settings, request: Request<'_>) -> Plan<'a> {
    let path = request.target.split_once('?').map_or(request.target, |(path, _)| path);
    let Some(path) = path::segments(path) else { return Plan::Refuse(Refusal::ambiguous_path()) };
    // The preflight of a browser has no credential. The application decides which origins may call.
    let is_preflight = request.method == "OPTIONS"
        && get_all(request.headers, "origin").next().is_some()
        && get_all(request.headers, "access-control-request-method").next().is_some();
    let method = (!is_preflight).then_some(request.method);
    match settings.rules.find(method, &path) {
        None => Plan::Refuse(Refusal::no_rule()),
        Some(_) if is_preflight => Plan::Forward,
        Some((Access::Public, _)) => Plan::Forward,
        Some((Access::Verified { scopes, consume }, slug)) => {
            let headers = headers(settings, request, consume.is_some());
            let size: usize = headers.iter().map(|(name, value)| name.len() + value.len()).sum();
            if size > MOST_BYTES {
                return Plan::Refuse(Refusal::long_headers());
            }
            let target = target(&settings.prefix, slug, scopes, consume.as_deref());
            Plan::Verify(Check { target, headers, scopes })
        }
    }
}

/// Returns the path and the query of a verification. Scopes and amounts have no characters with a meaning in a query.
fn target(prefix: &str, slug: Option<&str>, scopes: &[String], consume: Option<&str>) -> String {
    let mut target = match slug {
        Some(slug) => format!("{prefix}/tenant/{slug}/api/v1/auth/verify"),
        None => format!("{prefix}/api/v1/auth/verify"),
    };
    let scope = (!scopes.is_empty()).then(|| format!("scope={}", scopes.join("%20")));
    let query: Vec<_> =
        scope.into_iter().chain(consume.map(|amount| format!("consume={amount}"))).collect();
    if !query.is_empty() {
        target.push('?');
        target.push_str(&query.join("&"));
    }
    target
}

/// Returns the headers of a verification.
fn headers(settings: &Settings, request: Request<'_>, has_price: bool) -> Vec<(String, Vec<u8>)> {
    let mut headers: Vec<(String, Vec<u8>)> = request
        .headers
        .iter()
        .filter(|(name, _)| FORWARDED.contains(&name.as_str()))
        .cloned()
        .collect();
    if let Some(host) = request.authority {
        headers.push(("x-forwarded-host".to_owned(), host.as_bytes().to_vec()));
    }
    // Each proxy appends the peer that it has seen.
    let peer = single(request.headers, "spin-client-addr");
    if let Some(peer) = peer.and_then(|peer| peer.parse::<SocketAddr>().ok()) {
        let mut hops: Vec<_> =
            get_all(request.headers, "x-forwarded-for").map(<[u8]>::to_vec).collect();
        hops.push(peer.ip().to_string().into_bytes());
        headers.push(("x-forwarded-for".to_owned(), hops.join(&b", "[..])));
    }
    if has_price && !settings.gateway_key.is_empty() {
        headers.push(("x-gateway-key".to_owned(), settings.gateway_key.clone().into_bytes()));
    }
    headers
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULES: &str = "
        GET /health public
        GET /notes tenant:read files:read
        POST /notes authenticated consume=ai_requests:1
        GET /t/:tenant/... authenticated";

    fn settings() -> Settings {
        Settings::parse(Some("http://tenancy/below"), Some(RULES), Some("ldx_key")).unwrap()
    }

    fn planned(method: &str, target: &str, headers: &[(&str, &str)]) -> (String, Vec<String>) {
        let headers: Vec<_> = headers
            .iter()
            .map(|(name, value)| ((*name).to_owned(), value.as_bytes().to_vec()))
            .collect();
        let request =
            Request { method, target, authority: Some("app.example:80"), headers: &headers };
        match plan(&settings(), request) {
            Plan::Forward => ("forward".to_owned(), Vec::new()),
            Plan::Refuse(refusal) => (refusal.status.to_string(), Vec::new()),
            Plan::Verify(check) => {
                let text = |(name, value): &(String, Vec<u8>)| {
                    format!("{name}: {}", String::from_utf8_lossy(value))
                };
                (check.target, check.headers.iter().map(text).collect())
            }
        }
    }

    #[test]
    fn verification_has_scope_price_and_slug() {
        let target = |method, path| planned(method, path, &[]).0;
        let verify = "/below/api/v1/auth/verify";
        assert_eq!(
            target("GET", "/notes?a=/../b"),
            format!("{verify}?scope=tenant:read%20files:read")
        );
        assert_eq!(target("POST", "/notes"), format!("{verify}?consume=ai_requests:1"));
        assert_eq!(target("GET", "/t/acme/x"), "/below/tenant/acme/api/v1/auth/verify");
        assert_eq!(target("GET", "/health"), "forward");
        assert_eq!(target("PUT", "/notes"), "404");
        assert_eq!(target("GET", "/health/../notes"), "400");
    }

    #[test]
    fn verification_has_only_needed_headers() {
        let sent = [
            ("authorization", "Bearer a"),
            ("x-api-key", "b"),
            ("x-tenant-slug", "acme"),
            ("x-tenant-slug", "globex"),
            ("cookie", "c"),
            ("x-tenant-id", "forged"),
            ("x-gateway-key", "forged"),
            ("x-forwarded-host", "forged"),
            ("x-forwarded-for", "1.1.1.1"),
            ("x-forwarded-for", "2.2.2.2"),
            ("spin-client-addr", "3.3.3.3:4711"),
            ("content-length", "5"),
        ];
        let always = [
            "authorization: Bearer a",
            "x-api-key: b",
            "x-tenant-slug: acme",
            "x-tenant-slug: globex",
            "x-forwarded-host: app.example:80",
            "x-forwarded-for: 1.1.1.1, 2.2.2.2, 3.3.3.3",
        ];
        assert_eq!(planned("GET", "/notes", &sent).1, always);
        let priced = planned("POST", "/notes", &sent).1;
        assert_eq!(priced.last().map(String::as_str), Some("x-gateway-key: ldx_key"));
        let long = "a".repeat(17 * 1024);
        assert_eq!(planned("GET", "/notes", &[("authorization", &long)]).0, "431");
        assert!(planned("GET", "/notes", &[("cookie", &long)]).0.starts_with("/below"));
    }

    #[test]
    fn only_preflight_needs_no_credential() {
        let (origin, asked) =
            (("origin", "https://a.example"), ("access-control-request-method", "POST"));
        assert_eq!(planned("OPTIONS", "/notes", &[origin, asked]).0, "forward");
        assert_eq!(planned("OPTIONS", "/nothing", &[origin, asked]).0, "404");
        assert_eq!(planned("OPTIONS", "/notes", &[origin]).0, "404");
        assert_eq!(planned("OPTIONS", "/notes", &[asked]).0, "404");
        assert_ne!(planned("POST", "/notes", &[origin, asked]).0, "forward");
        assert_ne!(planned("OPTIONS", "/t/acme/a", &[origin]).0, "forward");
    }
}
