//! The origins of the servers that the component `outbound` calls.

use url::Url;

use crate::error::InvalidSetting;

/// Parses an origin. Requests cross a network only with TLS.
pub(super) fn origin(text: &str) -> Result<Url, String> {
    let is_local = |url: &Url| matches!(url.host_str(), Some("localhost" | "127.0.0.1"));
    let is_valid = |url: &Url| {
        (url.scheme() == "https" || url.scheme() == "http" && is_local(url))
            && url.has_host()
            && url.username().is_empty()
            && url.password().is_none()
            && url.path() == "/"
            && url.query().is_none()
            && url.fragment().is_none()
    };
    Url::parse(text)
        .ok()
        .filter(is_valid)
        .ok_or_else(|| "must be an origin like https://api.example.com, without a path".to_owned())
}

/// Returns an origin without a slash at its end.
pub(super) fn serialized(url: &Url) -> String {
    url.origin().ascii_serialization()
}

/// Parses `BREACHED_PASSWORDS_URL` for the component that calls it, and returns the origin.
///
/// # Errors
/// The setting, if it is absent or invalid.
pub fn breached_passwords_origin(text: &str) -> Result<String, InvalidSetting> {
    match origin(text.trim()) {
        Ok(url) => Ok(serialized(&url)),
        Err(message) => Err(InvalidSetting { name: "BREACHED_PASSWORDS_URL", message }),
    }
}
