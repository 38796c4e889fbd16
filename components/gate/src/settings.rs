//! The variables of the application that configure the gate.

use http::Uri;

use crate::rules::Rules;

/// The variable with the URL of Tenancy.
pub const URL: &str = "tenancy_url";
/// The variable with the rules.
pub const ROUTES: &str = "tenancy_routes";
/// The variable with the key that sets prices. It is optional.
pub const GATEWAY_KEY: &str = "tenancy_gateway_key";
/// The maximum length of a variable in bytes.
const LONGEST: usize = 64 * 1024;

/// The configuration of the gate.
#[derive(Debug)]
pub struct Settings {
    /// Whether Tenancy is called over TLS.
    pub is_https: bool,
    /// The host of Tenancy, with an optional port.
    pub authority: String,
    /// The path that precedes the paths of Tenancy, without a slash at the end.
    pub prefix: String,
    /// The rules.
    pub rules: Rules,
    /// The key in `X-Gateway-Key`, or an empty text.
    pub gateway_key: String,
}

/// A variable with an invalid value.
#[derive(Debug, PartialEq, Eq)]
pub struct Invalid {
    /// The name of the variable.
    pub variable: &'static str,
    /// The problem and the remedy, for the log.
    pub reason: String,
}

impl Settings {
    /// Checks the values of the variables. A variable that the component does not have is `None`.
    ///
    /// # Errors
    /// The first invalid variable.
    pub fn parse(
        url: Option<&str>,
        routes: Option<&str>,
        gateway_key: Option<&str>,
    ) -> Result<Self, Invalid> {
        let (is_https, authority, prefix) = present(URL, url).and_then(address)?;
        let rules = present(ROUTES, routes)?;
        let rules = Rules::parse(rules).map_err(|reason| Invalid { variable: ROUTES, reason })?;
        let gateway_key = gateway_key.unwrap_or_default().trim();
        if gateway_key.len() > LONGEST || !gateway_key.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(Invalid { variable: GATEWAY_KEY, reason: "is not a key".to_owned() });
        }
        Ok(Self { is_https, authority, prefix, rules, gateway_key: gateway_key.to_owned() })
    }
}

fn present<'a>(variable: &'static str, value: Option<&'a str>) -> Result<&'a str, Invalid> {
    let invalid = |reason: &str| Invalid { variable, reason: reason.to_owned() };
    match value.map(str::trim) {
        None | Some("") => Err(invalid(
            "is missing: add it to the variables of the component behind the gate, and `variables` to \
             `inherit_configuration` of the gate",
        )),
        Some(value) if value.len() > LONGEST => Err(invalid("is longer than 64 KiB")),
        Some(value) => Ok(value),
    }
}

fn address(url: &str) -> Result<(bool, String, String), Invalid> {
    let invalid = || Invalid {
        variable: URL,
        reason: format!(
            "`{url}` is not a URL such as `http://tenancy:8002`, without a user, a query or a fragment"
        ),
    };
    let parsed: Uri = url.parse().map_err(|_| invalid())?;
    let is_https = match parsed.scheme_str() {
        Some("https") => true,
        Some("http") => false,
        _ => return Err(invalid()),
    };
    let authority = parsed.authority().ok_or_else(invalid)?.as_str();
    if authority.contains('@') || parsed.query().is_some() || url.contains('#') {
        return Err(invalid());
    }
    let prefix = parsed.path().trim_end_matches('/');
    Ok((is_https, authority.to_owned(), prefix.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROUTE: Option<&str> = Some("GET / public");

    #[test]
    fn url_has_host_and_optional_prefix() {
        for (url, expected) in [
            ("http://tenancy:8002", (false, "tenancy:8002", "")),
            (" https://id.example/ ", (true, "id.example", "")),
            ("http://[::1]:80/a/b/", (false, "[::1]:80", "/a/b")),
        ] {
            let settings = Settings::parse(Some(url), ROUTE, None).unwrap();
            let (is_https, authority, prefix) = expected;
            assert_eq!(settings.is_https, is_https);
            assert_eq!(
                (settings.authority.as_str(), settings.prefix.as_str()),
                (authority, prefix)
            );
        }
    }

    #[test]
    fn invalid_variable_is_named() {
        let long = "x".repeat(65 * 1024);
        let variable = |url, routes, key| Settings::parse(url, routes, key).unwrap_err().variable;
        for url in [
            None,
            Some(""),
            Some("tenancy:8002"),
            Some("/path"),
            Some("ftp://a"),
            Some("http://"),
            Some("http://u@a"),
            Some("http://a?b"),
            Some("http://a#b"),
            Some("http://a b"),
            Some(long.as_str()),
        ] {
            assert_eq!(variable(url, ROUTE, None), URL, "{url:?}");
        }
        let url = Some("http://a");
        for routes in [None, Some(" "), Some("GET"), Some(long.as_str())] {
            assert_eq!(variable(url, routes, None), ROUTES);
        }
        for key in ["a b", "a\nb", "é", &long] {
            assert_eq!(variable(url, ROUTE, Some(key)), GATEWAY_KEY);
        }
        assert_eq!(Settings::parse(url, ROUTE, Some(" key\n")).unwrap().gateway_key, "key");
    }
}
