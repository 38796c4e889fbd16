//! The options of ceremonies in the JSON that browsers parse: `PublicKeyCredential.parseCreationOptionsFromJSON()` and
//! `parseRequestOptionsFromJSON()` (WebAuthn, sections 5.1.9 and 5.1.10).

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::Serialize;
use utoipa::ToSchema;

use super::{RelyingParty, challenge::LIFETIME, public_key::Algorithm};
use crate::user::User;

const PUBLIC_KEY: &str = "public-key";
const REQUIRED: &str = "required";

/// The options of a registration.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = PasskeyCreation)]
pub struct CreationOptions {
    /// For `PublicKeyCredential.parseCreationOptionsFromJSON()`.
    public_key: PublicKeyCreationOptions,
    /// The seconds until the challenge expires.
    expires_in: i64,
}

/// The options of an authentication.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = PasskeyRequest)]
pub struct RequestOptions {
    /// For `PublicKeyCredential.parseRequestOptionsFromJSON()`.
    public_key: PublicKeyRequestOptions,
    /// The seconds until the challenge expires.
    expires_in: i64,
}

/// The options of `navigator.credentials.create()`.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct PublicKeyCreationOptions {
    rp: PasskeyDomain,
    user: PasskeyUser,
    /// The challenge in base64url.
    challenge: String,
    /// The accepted algorithms, the preferred one first.
    pub_key_cred_params: Vec<PasskeyAlgorithm>,
    /// The milliseconds for which the browser waits.
    timeout: i64,
    /// The passkeys that the user has.
    exclude_credentials: Vec<PasskeyDescriptor>,
    authenticator_selection: AuthenticatorSelection,
    /// `none`.
    attestation: &'static str,
}

/// The options of `navigator.credentials.get()`.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct PublicKeyRequestOptions {
    /// The challenge in base64url.
    challenge: String,
    /// The milliseconds for which the browser waits.
    timeout: i64,
    /// The RP ID.
    #[schema(example = "example.com")]
    rp_id: String,
    /// The passkeys of the user. The array is empty for a sign-in, in which the person chooses one.
    allow_credentials: Vec<PasskeyDescriptor>,
    /// `required`.
    user_verification: &'static str,
}

/// The relying party.
#[derive(Debug, Serialize, ToSchema)]
struct PasskeyDomain {
    /// The RP ID.
    #[schema(example = "example.com")]
    id: String,
    /// The name of the tenant.
    name: String,
}

/// The user, as the authenticator shows it.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct PasskeyUser {
    /// An opaque value that identifies the user, in base64url.
    id: String,
    /// The e-mail address.
    name: String,
    /// The first and the last name, or the e-mail address.
    display_name: String,
}

/// An algorithm.
#[derive(Debug, Serialize, ToSchema)]
struct PasskeyAlgorithm {
    r#type: &'static str,
    /// The number in COSE: -7 for ES256, -8 for Ed25519, -257 for RS256.
    alg: i32,
}

/// The required properties of an authenticator.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct AuthenticatorSelection {
    /// `required`.
    resident_key: &'static str,
    /// True, for browsers that do not know `residentKey`.
    require_resident_key: bool,
    /// `required`.
    user_verification: &'static str,
}

/// A passkey in options.
#[derive(Debug, Serialize, ToSchema)]
struct PasskeyDescriptor {
    r#type: &'static str,
    /// The id of the credential in base64url.
    id: String,
    /// The ways to reach the authenticator.
    transports: Vec<String>,
}

/// The id of a credential, with the ways to reach its authenticator.
pub(crate) struct Known {
    pub(crate) credential_id: Vec<u8>,
    pub(crate) transports: Vec<String>,
}

fn descriptors(known: Vec<Known>) -> Vec<PasskeyDescriptor> {
    let descriptor = |Known { credential_id, transports }| {
        let id = URL_SAFE_NO_PAD.encode(credential_id);
        PasskeyDescriptor { r#type: PUBLIC_KEY, id, transports }
    };
    known.into_iter().map(descriptor).collect()
}

impl CreationOptions {
    /// Returns the options of a registration.
    pub(crate) fn new(
        relying_party: RelyingParty,
        tenant_name: &str,
        user: &User,
        user_handle: &[u8],
        challenge: String,
        known: Vec<Known>,
    ) -> Self {
        let names = [user.first_name.as_deref(), user.last_name.as_deref()];
        let names: Vec<_> = names.into_iter().flatten().collect();
        let display_name = if names.is_empty() { user.email.clone() } else { names.join(" ") };
        let algorithm =
            |algorithm: Algorithm| PasskeyAlgorithm { r#type: PUBLIC_KEY, alg: algorithm.number() };
        let public_key = PublicKeyCreationOptions {
            rp: PasskeyDomain { id: relying_party.id, name: tenant_name.to_owned() },
            user: PasskeyUser {
                id: URL_SAFE_NO_PAD.encode(user_handle),
                name: user.email.clone(),
                display_name,
            },
            challenge,
            pub_key_cred_params: Algorithm::ALL.map(algorithm).into(),
            timeout: LIFETIME.num_milliseconds(),
            exclude_credentials: descriptors(known),
            authenticator_selection: AuthenticatorSelection {
                resident_key: REQUIRED,
                require_resident_key: true,
                user_verification: REQUIRED,
            },
            attestation: "none",
        };
        Self { public_key, expires_in: LIFETIME.num_seconds() }
    }
}

impl RequestOptions {
    /// Returns the options of an authentication with one of the known passkeys, or with any if there is none.
    pub(crate) fn new(relying_party: RelyingParty, challenge: String, known: Vec<Known>) -> Self {
        let public_key = PublicKeyRequestOptions {
            challenge,
            timeout: LIFETIME.num_milliseconds(),
            rp_id: relying_party.id,
            allow_credentials: descriptors(known),
            user_verification: REQUIRED,
        };
        Self { public_key, expires_in: LIFETIME.num_seconds() }
    }
}
