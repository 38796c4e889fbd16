//! The data of the client that an authenticator signs: `CollectedClientData` (WebAuthn, section 5.8.1).

use serde::Deserialize;

use super::{Refusal, RelyingParty};

/// The use of a credential.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ceremony {
    /// A registration.
    Create,
    /// An authentication.
    Get,
}

impl Ceremony {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Create => "webauthn.create",
            Self::Get => "webauthn.get",
        }
    }
}

/// Unknown members are ignored, because browsers may add some. Serde refuses a member that occurs twice.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ClientData {
    r#type: String,
    challenge: String,
    origin: String,
    #[serde(default)]
    cross_origin: Option<bool>,
    #[serde(default)]
    top_origin: Option<serde::de::IgnoredAny>,
}

/// Checks the data of the client, and returns its challenge in base64url.
pub(super) fn challenge(
    json: &[u8],
    ceremony: Ceremony,
    relying_party: &RelyingParty,
) -> Result<String, Refusal> {
    // "UTF-8 decode" of the specification removes a byte order mark.
    let json = json.strip_prefix(b"\xef\xbb\xbf").unwrap_or(json);
    let data: ClientData = serde_json::from_slice(json).map_err(|_| Refusal::Malformed)?;
    if data.r#type != ceremony.as_str() {
        return Err(Refusal::Ceremony);
    }
    if !relying_party.origins.contains(&data.origin) {
        return Err(Refusal::Origin);
    }
    // Pages of other sites cannot embed the sign-in of a tenant, so a click cannot be stolen.
    if data.cross_origin == Some(true) || data.top_origin.is_some() {
        return Err(Refusal::CrossOrigin);
    }
    Ok(data.challenge)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn read(data: &Value, ceremony: Ceremony) -> Result<String, Refusal> {
        let origins = vec!["https://acme.example".to_owned(), "http://localhost:9003".to_owned()];
        let relying_party = RelyingParty { id: "acme.example".to_owned(), origins };
        challenge(data.to_string().as_bytes(), ceremony, &relying_party)
    }

    fn data(origin: &str) -> Value {
        json!({ "type": "webauthn.get", "challenge": "AAAA", "origin": origin, "crossOrigin": false, "new": [1] })
    }

    // S64
    #[test]
    fn origin_is_exactly_one_of_the_tenant() {
        for origin in ["https://acme.example", "http://localhost:9003"] {
            assert_eq!(read(&data(origin), Ceremony::Get).as_deref(), Ok("AAAA"), "{origin}");
        }
        for origin in [
            "https://acme.example/",
            "https://acme.example:443",
            "https://ACME.example",
            "http://acme.example",
            "https://acme.example.evil.example",
            "https://sub.acme.example",
            "https://other.example",
            "http://localhost",
            "null",
            "",
        ] {
            assert_eq!(read(&data(origin), Ceremony::Get), Err(Refusal::Origin), "{origin}");
        }
    }

    // S64
    #[test]
    fn embedded_pages_and_other_ceremonies_are_refused() {
        let origin = "https://acme.example";
        assert_eq!(read(&data(origin), Ceremony::Create), Err(Refusal::Ceremony));
        for (member, value, refusal) in [
            ("type", json!("webauthn.create"), Refusal::Ceremony),
            ("type", json!("payment.get"), Refusal::Ceremony),
            ("crossOrigin", json!(true), Refusal::CrossOrigin),
            ("topOrigin", json!(origin), Refusal::CrossOrigin),
            ("crossOrigin", json!("false"), Refusal::Malformed),
            ("challenge", json!(null), Refusal::Malformed),
        ] {
            let mut changed = data(origin);
            changed[member] = value;
            assert_eq!(read(&changed, Ceremony::Get), Err(refusal), "{changed}");
        }
        let relying_party = RelyingParty { id: String::new(), origins: vec![origin.to_owned()] };
        let twice = r#"{"type":"webauthn.get","challenge":"A","origin":"https://evil.example","origin":"https://acme.example"}"#;
        let read = |text: &[u8]| challenge(text, Ceremony::Get, &relying_party);
        assert_eq!(read(twice.as_bytes()), Err(Refusal::Malformed));
        for malformed in [&b""[..], b"[]", b"null", b"{}", b"\xff{}"] {
            assert_eq!(read(malformed), Err(Refusal::Malformed), "{malformed:?}");
        }
        let marked = format!("\u{feff}{}", data(origin));
        assert_eq!(read(marked.as_bytes()).as_deref(), Ok("AAAA"));
    }
}
