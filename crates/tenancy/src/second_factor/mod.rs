//! Second factors: time-based one-time passwords (RFC 6238) and recovery codes.
//!
//! A user sets up a factor in two steps: the service generates a secret, and the user proves with a code that the
//! authenticator has it. From then on a password only begins a sign-in: it leads to a challenge, and a code answers the
//! challenge. [`crate::session`] begins no session of such a user without a second factor.

mod cipher;
mod one_time_password;
mod recovery_code;
pub mod repo;

use chrono::{DateTime, Utc};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

pub(crate) use cipher::SecretCipher;
pub use one_time_password::{Enrollment, OneTimePasswords};
pub use recovery_code::RecoveryCode;

use crate::{
    input::{FromField, Text},
    text,
};
use serde_json::Value;

/// The maximum number of second factors of a user.
pub const MOST: i64 = 5;
/// The number of recovery codes of a user.
pub const RECOVERY_CODES: usize = 10;

/// A second factor of a user.
#[derive(Debug, Serialize, ToSchema)]
pub struct SecondFactor {
    /// The id.
    pub id: Uuid,
    /// The name that the user gave it.
    #[schema(example = "Phone")]
    pub name: String,
    /// When it was confirmed with a code.
    pub confirmed_at: DateTime<Utc>,
    /// When a code of it was last accepted.
    pub last_used_at: Option<DateTime<Utc>>,
}

/// The name of a second factor or a passkey: 1 to 100 characters on a single line.
#[derive(Debug, Clone, ToSchema)]
#[schema(value_type = String, min_length = 1, max_length = 100, example = "Phone")]
pub struct FactorName(String);

impl FactorName {
    /// Returns the name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FactorName {
    /// Returns the name of a passkey without a name of its own.
    pub fn of_passkey() -> Self {
        Self("Passkey".to_owned())
    }
}

impl Default for FactorName {
    fn default() -> Self {
        Self("Authenticator".to_owned())
    }
}

impl Text for FactorName {
    fn parse(text: &str) -> Result<Self, String> {
        text::name(text, 100).map(Self)
    }
}

/// A code of a second factor, or a recovery code.
pub enum Code {
    /// The six digits that an authenticator shows.
    OneTimePassword(String),
    /// A recovery code.
    Recovery(RecoveryCode),
}

impl FromField for Code {
    fn from_json(value: Value) -> Result<Self, String> {
        let Value::String(text) = value else {
            return Err("must be a text of six digits, or a recovery code".to_owned());
        };
        // People separate the digits with a space, as authenticators show them.
        let compact: String = text.chars().filter(|char| !char.is_ascii_whitespace()).collect();
        if compact.len() == 6 && compact.bytes().all(|byte| byte.is_ascii_digit()) {
            return Ok(Self::OneTimePassword(compact));
        }
        RecoveryCode::parse(&compact)
            .map(Self::Recovery)
            .ok_or_else(|| "must be six digits or a recovery code".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn codes_have_two_forms() {
        let read = |value| Code::from_json(value);
        for text in ["123456", "123 456", " 123456 "] {
            let code = read(json!(text));
            assert!(matches!(code, Ok(Code::OneTimePassword(code)) if code == "123456"), "{text}");
        }
        let recovery = "abcd-efgh-jkmn-pqrs";
        assert!(matches!(read(json!(recovery)), Ok(Code::Recovery(_))));
        for wrong in [
            json!("12345"),
            json!("1234567"),
            json!(123_456),
            json!(""),
            json!("١٢٣٤٥٦"),
            json!(null),
        ] {
            assert!(read(wrong.clone()).is_err(), "{wrong}");
        }
    }
}
