//! HTTP Basic authentication of an OAuth client (RFC 6749, section 2.3.1).
//!
//! The client id is the id of an API key or its prefix. The client secret is the key itself. Both are form-encoded
//! before they are joined.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use percent_encoding::percent_decode_str;
use tenancy::{Error, Result, api_key::ApiKeyRecord, error::Unauthenticated};
use zeroize::Zeroizing;

const INVALID: Error = Error::Unauthenticated(Unauthenticated::InvalidClient);

/// The credentials of a client.
pub(super) struct Client {
    id: String,
    /// The API key.
    pub(super) secret: Zeroizing<String>,
}

impl Client {
    /// Parses the value of an `Authorization` header. Returns `None` for another scheme.
    ///
    /// # Errors
    /// [`Unauthenticated::InvalidClient`] for a malformed value.
    pub(super) fn parse(authorization: &str) -> Result<Option<Self>> {
        let (scheme, value) = authorization.split_once(' ').unwrap_or((authorization, ""));
        if !scheme.eq_ignore_ascii_case("basic") {
            return Ok(None);
        }
        let bytes = Zeroizing::new(STANDARD.decode(value.trim()).map_err(|_| INVALID)?);
        let text = std::str::from_utf8(&bytes).map_err(|_| INVALID)?;
        let (id, secret) = text.split_once(':').ok_or(INVALID)?;
        Ok(Some(Self { id: form_decode(id)?, secret: Zeroizing::new(form_decode(secret)?) }))
    }

    /// Returns whether the client id belongs to this key.
    pub(super) fn is_of(&self, key: &ApiKeyRecord) -> bool {
        self.id == key.prefix || self.id.parse() == Ok(key.id)
    }
}

fn form_decode(text: &str) -> Result<String> {
    let spaced = text.replace('+', " ");
    let decoded = percent_decode_str(&spaced).decode_utf8().map_err(|_| INVALID)?;
    Ok(decoded.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(value: &str) -> Option<(String, String)> {
        let client = Client::parse(value).ok()??;
        Some((client.id, client.secret.to_string()))
    }

    #[test]
    fn client_is_form_decoded() {
        let value = |text: &str| format!("Basic {}", STANDARD.encode(text));
        let pair = |id: &str, secret: &str| Some((id.to_owned(), secret.to_owned()));
        assert_eq!(parse(&value("a:b")), pair("a", "b"));
        assert_eq!(parse(&value("a%3Ab+c:s%25:x")), pair("a:b c", "s%:x"));
        assert_eq!(parse("bAsIc YTpi"), pair("a", "b"));
        for malformed in ["Basic", "Basic !", "Basic YWI=", "Basic /w=="] {
            assert!(Client::parse(malformed).is_err(), "{malformed}");
        }
        assert!(Client::parse("Bearer YTpi").is_ok_and(|client| client.is_none()));
    }
}
