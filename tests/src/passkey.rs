//! A software authenticator for passkeys (WebAuthn level 3), and the browser around it.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use p256::ecdsa::{DerSignature, SigningKey, signature::Signer as _};
use platform::{Random, native::NativeRandom};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::{Answer, TestTenant};

/// The path of the endpoints.
const PASSKEYS: &str = "/api/v1/account/passkeys";
/// The flags of an authenticator with a verified user and a synchronised passkey.
const FLAGS: u8 = 0x1d;

/// A passkey and its authenticator.
pub struct TestPasskey {
    key: SigningKey,
    id: Vec<u8>,
    user_handle: Vec<u8>,
    /// The RP ID.
    pub rp_id: String,
    /// The flags of the next response: presence 1, verification 4, backups 8 and 16.
    pub flags: u8,
    /// The signature counter of the next response.
    pub counter: u32,
}

/// A response of an authenticator before it is signed.
pub struct Unsigned {
    /// The data of the client.
    pub client_data: Value,
    /// The hash of the RP ID, the flags and the counter.
    pub authenticator_data: Vec<u8>,
    /// The user handle.
    pub user_handle: Option<Vec<u8>>,
    /// The id of the credential.
    pub id: Vec<u8>,
}

fn text(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

fn bytes(value: &Value) -> Vec<u8> {
    URL_SAFE_NO_PAD.decode(value.as_str().expect("it is text")).expect("it is base64url")
}

/// Returns the options of a registration.
fn begin_registration(tenant: &TestTenant, token: &str) -> Value {
    let begun = tenant.post(&format!("{PASSKEYS}/registration"), &json!({})).token(token).send();
    begun.expect(200)["public_key"].clone()
}

fn confirm_registration(tenant: &TestTenant, token: &str, credential: &Value) -> Answer {
    let body = json!({ "credential": credential, "name": "Laptop" });
    tenant.post(&format!("{PASSKEYS}/registration/confirm"), &body).token(token).send()
}

impl TestPasskey {
    /// Creates a passkey on a page with these options, which are the member `public_key` of a response.
    pub fn create(options: &Value, origin: &str) -> (Self, Value) {
        let random: &dyn Random = &NativeRandom;
        let key = SigningKey::from_slice(&random.bytes::<32>()).expect("it is below the order");
        let passkey = Self {
            key,
            id: random.bytes::<32>().to_vec(),
            user_handle: bytes(&options["user"]["id"]),
            rp_id: options["rp"]["id"].as_str().expect("the options have an RP ID").to_owned(),
            flags: FLAGS,
            counter: 0,
        };
        let response = passkey.registration(options, origin);
        (passkey, response)
    }

    /// Registers a passkey of the user with an access token. Returns it with the response.
    pub fn register(tenant: &TestTenant, token: &str) -> (Self, Value) {
        let options = begin_registration(tenant, token);
        let (passkey, response) = Self::create(&options, &tenant.origin());
        (passkey, confirm_registration(tenant, token, &response).expect(200))
    }

    /// Registers the passkey again, for the user with this access token.
    pub fn register_again(&mut self, tenant: &TestTenant, token: &str) -> Answer {
        let options = begin_registration(tenant, token);
        self.user_handle = bytes(&options["user"]["id"]);
        let response = self.registration(&options, &tenant.origin());
        confirm_registration(tenant, token, &response)
    }

    /// Signs in with the passkey on the page of the tenant.
    pub fn sign_in(&self, tenant: &TestTenant) -> Answer {
        let call = |path: &str, body: &Value| {
            tenant.post(&format!("{PASSKEYS}/sign-in{path}"), body).send()
        };
        let begun = call("", &json!({})).expect(200);
        let credential = self.get(&begun["public_key"], &tenant.origin());
        call("/confirm", &json!({ "credential": credential }))
    }

    /// Returns the response to a registration.
    pub fn registration(&self, options: &Value, origin: &str) -> Value {
        let point = self.key.verifying_key().to_sec1_point(false);
        let (x, y) = (point.x().expect("it has x"), point.y().expect("it has y"));
        let length = u16::try_from(self.id.len()).expect("it is short").to_be_bytes();
        let mut data = self.data(self.flags | 0x40);
        for part in
            [&[0; 16][..], &length, &self.id, b"\xa5\x01\x02\x03\x26\x20\x01\x21\x58\x20", x]
        {
            data.extend_from_slice(part);
        }
        data.extend_from_slice(b"\x22\x58\x20");
        data.extend_from_slice(y);
        let length = u8::try_from(data.len()).expect("the id is short");
        let begin = b"\xa3\x63fmt\x64none\x67attStmt\xa0\x68authData\x58".as_slice();
        let attestation = [begin, &[length], &data].concat();
        let client_data = json!({ "type": "webauthn.create", "challenge": options["challenge"],
                                  "origin": origin, "crossOrigin": false });
        json!({
            "id": text(&self.id), "rawId": text(&self.id), "type": "public-key",
            "authenticatorAttachment": "platform", "clientExtensionResults": {},
            "response": {
                "clientDataJSON": text(client_data.to_string()),
                "attestationObject": text(attestation),
                "transports": ["internal", "hybrid"],
            },
        })
    }

    fn data(&self, flags: u8) -> Vec<u8> {
        let hash = Sha256::digest(self.rp_id.as_bytes());
        [hash.as_slice(), &[flags], &self.counter.to_be_bytes()].concat()
    }

    /// Returns the id of the credential in base64url.
    pub fn id(&self) -> String {
        text(&self.id)
    }

    /// Returns the response to an authentication on a page.
    pub fn get(&self, options: &Value, origin: &str) -> Value {
        self.get_with(options, origin, |_| ())
    }

    /// Returns the response to an authentication, with a change before it is signed.
    pub fn get_with(
        &self,
        options: &Value,
        origin: &str,
        change: impl FnOnce(&mut Unsigned),
    ) -> Value {
        let mut unsigned = Unsigned {
            client_data: json!({ "type": "webauthn.get", "challenge": options["challenge"],
                                 "origin": origin, "crossOrigin": false }),
            authenticator_data: self.data(self.flags),
            user_handle: Some(self.user_handle.clone()),
            id: self.id.clone(),
        };
        change(&mut unsigned);
        let client_data = unsigned.client_data.to_string();
        let hash = Sha256::digest(client_data.as_bytes());
        let message = [unsigned.authenticator_data.as_slice(), hash.as_slice()].concat();
        let signature: DerSignature = self.key.sign(&message);
        json!({
            "id": text(&unsigned.id), "rawId": text(&unsigned.id), "type": "public-key",
            "authenticatorAttachment": "platform", "clientExtensionResults": {},
            "response": {
                "clientDataJSON": text(client_data),
                "authenticatorData": text(unsigned.authenticator_data),
                "signature": text(signature.as_bytes()),
                "userHandle": unsigned.user_handle.map(text),
            },
        })
    }
}
