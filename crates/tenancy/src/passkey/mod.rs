//! Passkeys: public-key credentials of Web Authentication (WebAuthn level 3).
//!
//! A passkey proves possession of an authenticator and, because user verification is required, a PIN or a biometric
//! feature of its user. So it is both factors of a sign-in, or the second factor after a password.
//! [`crate::session::passkey`] has the flows.
//!
//! The service issues a challenge ([`challenge`]), which the browser and the authenticator sign together with the origin
//! of the page. [`verification`] follows the steps of WebAuthn, sections 7.1 and 7.2. No attestation is asked for, and
//! a statement in a response is not evaluated: users choose their authenticators.

mod authenticator_data;
pub(crate) mod challenge;
mod client_data;
mod credential;
mod options;
mod public_key;
mod refusal;
mod relying_party;
pub mod repo;
pub(crate) mod verification;

use chrono::{DateTime, Utc};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

pub use credential::{Assertion, AuthenticationResponse, NewCredential, RegistrationResponse};
pub use options::{CreationOptions, RequestOptions};
pub(crate) use refusal::Refusal;
pub use relying_party::{RelyingParty, related_origins};

/// The maximum number of passkeys of a user.
pub const MOST: i64 = 10;

/// A passkey of a user.
#[derive(Debug, Serialize, ToSchema)]
pub struct Passkey {
    /// The id.
    pub id: Uuid,
    /// The name that the user gave it.
    #[schema(example = "Laptop")]
    pub name: String,
    /// Whether the authenticator has a copy elsewhere, such as in the account of a password manager.
    pub is_backed_up: bool,
    /// The ways to reach the authenticator, such as `internal` or `usb`.
    #[schema(example = json!(["internal", "hybrid"]))]
    pub transports: Vec<String>,
    /// When it was registered.
    pub created_at: DateTime<Utc>,
    /// When it was last used.
    pub last_used_at: Option<DateTime<Utc>>,
}
