//! The headers that Spin changes before it calls a component.

use std::net::SocketAddr;
use std::str::Utf8Error;

use http::header::{CONNECTION, HOST};
use http::{HeaderMap, HeaderName, HeaderValue, Request};

use crate::network::CHAINING_SUFFIX;
use crate::routes::RouteMatch;

/// Removes headers that do not concern the application.
pub(super) fn strip(headers: &mut HeaderMap) {
    headers.remove(CONNECTION);
    let host = headers.get(HOST).and_then(|host| host.to_str().ok());
    if host.is_some_and(is_chaining_host) {
        headers.remove(HOST);
    }
}

/// Returns whether `host`, with or without a port, is the name for calls between components.
fn is_chaining_host(host: &str) -> bool {
    let host = host.rsplit_once(':').map_or(host, |(host, _)| host);
    host.split_once('.').is_some_and(|(_, rest)| rest == &CHAINING_SUFFIX[1..])
}

/// Adds the headers that describe the request to the component.
///
/// They follow the headers of the client: a header of the client with the same name is kept before them. Fails on a
/// header value that is not UTF-8.
pub(super) fn add<B>(
    request: &mut Request<B>,
    route: &RouteMatch<'_>,
    client: SocketAddr,
) -> Result<(), Utf8Error> {
    for value in request.headers().values() {
        std::str::from_utf8(value.as_bytes())?;
    }
    let host = request
        .headers()
        .get(HOST)
        .map_or(Ok("localhost"), |host| std::str::from_utf8(host.as_bytes()))?;
    let uri = request.uri();
    let scheme = uri.scheme_str().unwrap_or("http");
    let path = uri.path_and_query().map_or("", |path| path.as_str());

    let mut added = vec![
        ("spin-path-info".to_owned(), route.trailing_wildcard().into_owned()),
        ("spin-full-url".to_owned(), format!("{scheme}://{host}{path}")),
        ("spin-matched-route".to_owned(), route.route().to_owned()),
        ("spin-base-path".to_owned(), "/".to_owned()),
        ("spin-raw-component-route".to_owned(), route.raw_route().to_owned()),
        ("spin-component-route".to_owned(), route.raw_route_prefix().to_owned()),
        ("spin-client-addr".to_owned(), client.to_string()),
    ];
    for (name, value) in route.named_segments() {
        let name = name.replace('_', "-").to_ascii_lowercase();
        added.push((format!("spin-path-match-{name}"), value.to_owned()));
    }
    let headers = request.headers_mut();
    for (name, value) in added {
        // Invalid headers are skipped.
        if let (Ok(name), Ok(value)) =
            (name.parse::<HeaderName>(), HeaderValue::from_bytes(value.as_bytes()))
        {
            headers.append(name, value);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::{HttpTrigger, Route, TriggerTarget};
    use crate::routes::Router;

    fn add_to(route: &str, request: Request<()>) -> Result<HeaderMap, Utf8Error> {
        let trigger = HttpTrigger {
            id: "a-http-trigger".to_owned(),
            route: Route::Pattern(route.to_owned()),
            target: TriggerTarget::Component("a".to_owned()),
        };
        let (router, _) = Router::new(&[trigger]).unwrap();
        let path = request.uri().path().to_owned();
        let mut request = request;
        add(&mut request, &router.find(&path).unwrap(), "127.0.0.1:1234".parse().unwrap())?;
        Ok(request.into_parts().0.headers)
    }

    #[test]
    fn request_headers_are_added() {
        let request = Request::get("https://example.com/a/42/b?q=1")
            .header("host", "example.com")
            .body(())
            .unwrap();
        let headers = add_to("/a/:user_id/...", request).unwrap();
        for (name, value) in [
            ("spin-path-info", "/b"),
            ("spin-full-url", "https://example.com/a/42/b?q=1"),
            ("spin-matched-route", "/a/:user_id/..."),
            ("spin-base-path", "/"),
            ("spin-raw-component-route", "/a/:user_id/..."),
            ("spin-component-route", "/a/:user_id"),
            ("spin-client-addr", "127.0.0.1:1234"),
            ("spin-path-match-user-id", "42"),
        ] {
            assert_eq!(headers[name], value, "{name}");
        }
    }

    #[test]
    fn client_headers_stay_first() {
        let request = Request::get("http://x/a").header("spin-path-info", "evil").body(()).unwrap();
        let headers = add_to("/...", request).unwrap();
        let values: Vec<_> = headers.get_all("spin-path-info").iter().collect();
        assert_eq!(values, ["evil", "/a"]);
    }

    #[test]
    fn missing_host_becomes_localhost() {
        let headers = add_to("/...", Request::get("/a").body(()).unwrap()).unwrap();
        assert_eq!(headers["spin-full-url"], "http://localhost/a");
    }

    #[test]
    fn values_must_be_utf8() {
        let request = Request::get("/a").header("x", HeaderValue::from_bytes(b"\xff").unwrap());
        assert!(add_to("/...", request.body(()).unwrap()).is_err());
        let request =
            Request::get("/a").header("x", HeaderValue::from_bytes("ä".as_bytes()).unwrap());
        assert!(add_to("/...", request.body(()).unwrap()).is_ok());
    }

    #[test]
    fn connection_headers_are_removed() {
        for (host, stays) in [
            ("example.com", true),
            ("spin.internal", true),
            ("a.b.spin.internal", true),
            ("a.spin.internal", false),
            ("a.spin.internal:80", false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(HOST, host.parse().unwrap());
            headers.insert(CONNECTION, "close".parse().unwrap());
            strip(&mut headers);
            assert!(!headers.contains_key(CONNECTION));
            assert_eq!(headers.contains_key(HOST), stays, "{host}");
        }
    }
}
