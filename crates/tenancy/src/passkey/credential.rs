//! The responses of authenticators in requests, as `PublicKeyCredential.toJSON()` returns them (WebAuthn, section 5.1.8).

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::Value;
use utoipa::ToSchema;

use super::authenticator_data::LONGEST_ID;
use crate::input::{FromField, InvalidField};

/// The maximum length of the data of the client in bytes.
const LONGEST_CLIENT_DATA: usize = 4_096;
/// The maximum length of an attestation object in bytes. Its statement may have a chain of certificates.
const LONGEST_ATTESTATION: usize = 24_576;
/// The maximum length of the data of an authenticator in an authentication, in bytes.
const LONGEST_DATA: usize = 4_096;
/// The maximum length of a signature in bytes, which an RSA key of 4096 bits has.
const LONGEST_SIGNATURE: usize = 512;
/// The maximum length of a user handle in bytes (WebAuthn, section 5.4.3).
const LONGEST_HANDLE: usize = 64;
/// The ways to reach an authenticator that are stored (WebAuthn, section 5.8.4).
const TRANSPORTS: [&str; 6] = ["usb", "nfc", "ble", "smart-card", "hybrid", "internal"];

/// The result of `navigator.credentials.create()`, in JSON.
#[derive(Debug, Clone)]
pub struct NewCredential {
    pub(crate) id: Vec<u8>,
    pub(crate) client_data: Vec<u8>,
    pub(crate) attestation: Vec<u8>,
    pub(crate) transports: Vec<String>,
}

/// The result of `navigator.credentials.get()`, in JSON.
#[derive(Debug, Clone)]
pub struct Assertion {
    pub(crate) id: Vec<u8>,
    pub(crate) client_data: Vec<u8>,
    pub(crate) authenticator_data: Vec<u8>,
    pub(crate) signature: Vec<u8>,
    pub(crate) user_handle: Option<Vec<u8>>,
}

/// The result of `navigator.credentials.create()`: `JSON.stringify(credential)`. Other members are ignored.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[expect(dead_code, reason = "it describes a request that is read in another way")]
pub struct RegistrationResponse {
    /// The id of the credential in base64url.
    id: String,
    /// `public-key`.
    r#type: String,
    response: AttestationResponse,
}

/// The response of an authenticator to a registration.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[expect(dead_code, reason = "it describes a request that is read in another way")]
pub struct AttestationResponse {
    /// The data of the client in base64url.
    #[schema(rename = "clientDataJSON")]
    client_data_json: String,
    /// The attestation object in base64url.
    attestation_object: String,
    /// The ways to reach the authenticator.
    transports: Option<Vec<String>>,
}

/// The result of `navigator.credentials.get()`: `JSON.stringify(credential)`. Other members are ignored.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[expect(dead_code, reason = "it describes a request that is read in another way")]
pub struct AuthenticationResponse {
    /// The id of the credential in base64url.
    id: String,
    /// `public-key`.
    r#type: String,
    response: AssertionResponse,
}

/// The response of an authenticator to an authentication.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[expect(dead_code, reason = "it describes a request that is read in another way")]
pub struct AssertionResponse {
    /// The data of the client in base64url.
    #[schema(rename = "clientDataJSON")]
    client_data_json: String,
    /// The data of the authenticator in base64url.
    authenticator_data: String,
    /// The signature in base64url.
    signature: String,
    /// The user handle in base64url. A sign-in requires it.
    user_handle: Option<String>,
}

/// Returns the bytes of a member in base64url; `None` if it is absent or null.
fn optional(value: &Value, path: &str, longest: usize) -> Result<Option<Vec<u8>>, InvalidField> {
    let pointer = format!("/{}", path.replace('.', "/"));
    let text = match value.pointer(&pointer) {
        None | Some(Value::Null) => return Ok(None),
        Some(Value::String(text)) => text,
        Some(_) => return Err(InvalidField::new(path, "must be a string")),
    };
    // Four characters are three bytes.
    if text.len() > longest.div_ceil(3) * 4 {
        return Err(InvalidField::new(path, format!("must have at most {longest} bytes")));
    }
    match URL_SAFE_NO_PAD.decode(text) {
        Ok(bytes) if (1..=longest).contains(&bytes.len()) => Ok(Some(bytes)),
        Ok(_) => Err(InvalidField::new(path, format!("must have 1 to {longest} bytes"))),
        Err(_) => Err(InvalidField::new(path, "must be base64url without padding")),
    }
}

fn required(value: &Value, path: &str, longest: usize) -> Result<Vec<u8>, InvalidField> {
    optional(value, path, longest)?.ok_or_else(|| InvalidField::new(path, "is required"))
}

/// Checks the type, and returns the id.
fn id(value: &Value) -> Result<Vec<u8>, InvalidField> {
    if value.get("type").and_then(Value::as_str) != Some("public-key") {
        return Err(InvalidField::new("type", "must be public-key"));
    }
    required(value, "id", LONGEST_ID)
}

/// A type that is read from an object in which each member is checked.
trait Parsed: Sized {
    fn parse(value: &Value) -> Result<Self, InvalidField>;
}

impl Parsed for NewCredential {
    fn parse(value: &Value) -> Result<Self, InvalidField> {
        let given = value.pointer("/response/transports").and_then(Value::as_array);
        // Unknown ways are of no use to a browser.
        let is_given =
            |known: &&str| given.is_some_and(|given| given.iter().any(|way| way == known));
        let transports = TRANSPORTS.iter().filter(|known| is_given(known));
        Ok(Self {
            id: id(value)?,
            client_data: required(value, "response.clientDataJSON", LONGEST_CLIENT_DATA)?,
            attestation: required(value, "response.attestationObject", LONGEST_ATTESTATION)?,
            transports: transports.map(|way| (*way).to_owned()).collect(),
        })
    }
}

impl Parsed for Assertion {
    fn parse(value: &Value) -> Result<Self, InvalidField> {
        Ok(Self {
            id: id(value)?,
            client_data: required(value, "response.clientDataJSON", LONGEST_CLIENT_DATA)?,
            authenticator_data: required(value, "response.authenticatorData", LONGEST_DATA)?,
            signature: required(value, "response.signature", LONGEST_SIGNATURE)?,
            user_handle: optional(value, "response.userHandle", LONGEST_HANDLE)?,
        })
    }
}

macro_rules! read_from_object {
    ($($name:ident),+) => {$(
        impl FromField for $name {
            fn invalid_members(value: &Value) -> Vec<InvalidField> {
                // A value of another type has no members to name.
                if !value.is_object() {
                    return Vec::new();
                }
                Self::parse(value).err().into_iter().collect()
            }

            fn from_json(value: Value) -> Result<Self, String> {
                Self::parse(&value).map_err(|_| "must be an object".to_owned())
            }
        }
    )+};
}

read_from_object!(NewCredential, Assertion);

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn assertion() -> Value {
        json!({
            "id": "AQID", "rawId": "AQID", "type": "public-key", "authenticatorAttachment": "platform",
            "clientExtensionResults": {},
            "response": {
                "clientDataJSON": "e30", "authenticatorData": "AAAA", "signature": "MEUC", "userHandle": "Bw",
            },
        })
    }

    #[test]
    fn browsers_send_known_members() {
        let read = Assertion::from_json(assertion()).unwrap();
        assert_eq!((read.id, read.client_data), (vec![1, 2, 3], b"{}".to_vec()));
        assert_eq!(read.user_handle, Some(vec![7]));
        let mut without = assertion();
        without["response"]["userHandle"] = json!(null);
        assert_eq!(Assertion::from_json(without).unwrap().user_handle, None);
        let created = json!({ "id": "AQID", "type": "public-key", "response": {
            "clientDataJSON": "e30", "attestationObject": "oA", "transports": ["internal", "cable", "usb", 7, "usb"] } });
        let read = NewCredential::from_json(created).unwrap();
        assert_eq!(read.transports, ["usb", "internal"]);
    }

    #[test]
    fn invalid_member_is_named() {
        for (pointer, value, field) in [
            ("/id", json!(""), "id"),
            ("/id", json!("A".repeat(1_368)), "id"),
            ("/id", json!("AQID="), "id"),
            ("/id", json!(7), "id"),
            ("/type", json!("password"), "type"),
            ("/response/clientDataJSON", json!(null), "response.clientDataJSON"),
            ("/response/clientDataJSON", json!("A".repeat(5_468)), "response.clientDataJSON"),
            ("/response/authenticatorData", json!("+/"), "response.authenticatorData"),
            ("/response/signature", json!("A".repeat(700)), "response.signature"),
            ("/response/userHandle", json!("A".repeat(88)), "response.userHandle"),
            ("/response", json!([]), "response.clientDataJSON"),
        ] {
            let mut changed = assertion();
            *changed.pointer_mut(pointer).unwrap() = value;
            let invalid = Assertion::invalid_members(&changed);
            assert_eq!(invalid.len(), 1, "{changed}");
            assert_eq!(invalid[0].field, field);
        }
        for value in [json!(null), json!("text"), json!([])] {
            assert!(Assertion::invalid_members(&value).is_empty());
            assert!(Assertion::from_json(value.clone()).is_err(), "{value}");
            assert!(NewCredential::from_json(value).is_err());
        }
    }
}
