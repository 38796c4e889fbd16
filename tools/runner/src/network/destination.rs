//! The address of an outbound connection.

use anyhow::{Context as _, Result};
use url::Url;

/// The parts of an address that decide whether it is allowed.
#[derive(Debug)]
pub(super) struct Destination {
    pub(super) scheme: String,
    pub(super) host: String,
    pub(super) port: Option<u16>,
}

impl Destination {
    /// Parses `url`. If it is not a URL with a host, `scheme` is prepended.
    pub(super) fn parse(url: &str, scheme: &str) -> Result<Self> {
        let url = encode_user_info(url);
        let parsed = match Url::parse(&url) {
            Ok(parsed) if parsed.has_host() => parsed,
            _ => Url::parse(&format!("{scheme}://{url}"))?,
        };
        Ok(Self {
            scheme: parsed.scheme().to_owned(),
            host: parsed.host_str().context("no host")?.to_owned(),
            port: parsed.port(),
        })
    }

    /// Returns `host` or `host:port`.
    pub(super) fn authority(&self) -> String {
        match self.port {
            Some(port) => format!("{}:{port}", self.host),
            None => self.host.clone(),
        }
    }
}

/// Encodes the part of `url` before the `@`. A password may contain `#` and `?`, which end an authority. Only the host
/// matters here.
fn encode_user_info(url: &str) -> String {
    let start = url.find("://").map_or(0, |scheme_end| scheme_end + 3);
    let end = url[start..].find('/').map_or(url.len(), |slash| start + slash);
    match url.find('@') {
        Some(at) if (start..end).contains(&at) => {
            let (user_info, rest) = url[start..].split_at(at - start);
            format!("{}{}{rest}", &url[..start], urlencoding::encode(user_info))
        }
        _ => url.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(url: &str) -> (String, String) {
        let destination = Destination::parse(url, "redis").unwrap();
        (destination.scheme.clone(), destination.authority())
    }

    #[test]
    fn url_parts_are_parsed() {
        for (url, scheme, authority) in [
            ("redis://localhost", "redis", "localhost"),
            ("redis://localhost:6379/0", "redis", "localhost:6379"),
            ("REDIS://LOCALHOST", "redis", "LOCALHOST"),
            ("https://Example.com:443/a", "https", "example.com"),
            ("localhost", "redis", "localhost"),
            ("localhost:6379", "redis", "localhost:6379"),
            ("127.0.0.1:80", "redis", "127.0.0.1:80"),
            ("[::1]:80", "redis", "[::1]:80"),
            ("rediss://u:p@h:1", "rediss", "h:1"),
            ("redis://u:p#?x@h:1/0", "redis", "h:1"),
            ("https://example.com/a@b", "https", "example.com"),
        ] {
            assert_eq!(parse(url), (scheme.to_owned(), authority.to_owned()), "{url}");
        }
    }

    #[test]
    fn url_without_host_is_refused() {
        for url in ["", "a b", ":", "[::1"] {
            assert!(Destination::parse(url, "redis").is_err(), "{url:?}");
        }
    }
}
