//! Requirements for passwords.

use std::fmt;

use utoipa::ToSchema;
use zeroize::Zeroizing;

use super::common;
use crate::{
    error::{Error, Result},
    input::Text,
    settings::Settings,
    text::nfkc,
};

const LONGEST: usize = 128;

/// A password from a user, normalised to NFKC (NIST SP 800-63B-4, section 3.1.1.2). It is never printed.
#[derive(Clone, ToSchema)]
#[schema(value_type = String, format = "password", min_length = 1, max_length = 128)]
pub struct Password(Zeroizing<String>);

impl Password {
    /// Returns the password.
    pub(crate) fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("[password]")
    }
}

impl Text for Password {
    /// Parses any text of 1 to 128 characters. A sign-in must not reveal the requirements for passwords.
    fn parse(text: &str) -> std::result::Result<Self, String> {
        let normalized = Zeroizing::new(nfkc(text));
        match normalized.chars().count() {
            1..=LONGEST => Ok(Self(normalized)),
            _ => Err(format!("must have 1 to {LONGEST} characters")),
        }
    }
}

/// A new password that is not yet checked against the settings.
#[derive(Debug, Clone, ToSchema)]
#[schema(value_type = String, format = "password", min_length = 8, max_length = 128,
         example = "correct horse battery staple")]
pub struct NewPassword(Password);

impl Text for NewPassword {
    fn parse(text: &str) -> std::result::Result<Self, String> {
        Password::parse(text).map(Self)
    }
}

impl NewPassword {
    /// Returns the password if it meets the requirements.
    ///
    /// # Errors
    /// [`Error::InvalidFields`] for `field` if the password is too short or commonly used.
    pub fn accept(self, settings: &Settings, field: &str) -> Result<Password> {
        let shortest = settings.password_min_length;
        if self.0.expose().chars().count() < shortest {
            return Err(Error::invalid_field(
                field,
                format!("must have at least {shortest} characters"),
            ));
        }
        if common::is_common(self.0.expose()) {
            return Err(Error::invalid_field(field, "is one of the most common passwords"));
        }
        Ok(self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // S12
    #[test]
    fn unicode_password_is_accepted_without_truncation() {
        let long = "pässwörd🔑".repeat(14);
        assert_eq!(Password::parse(&long).unwrap().expose(), long);
        assert!(Password::parse(&"x".repeat(128)).is_ok());
        assert!(Password::parse(&"x".repeat(129)).is_err());
        assert!(Password::parse("").is_err());
    }

    // S12
    #[test]
    fn equivalent_texts_are_one_password() {
        let composed = Password::parse("caf\u{e9} \u{fb01}sh").unwrap();
        let decomposed = Password::parse("cafe\u{301} fish").unwrap();
        assert_eq!(composed.expose(), decomposed.expose());
    }

    #[test]
    fn password_is_never_printed() {
        let password = Password::parse("correct horse").unwrap();
        assert_eq!(format!("{password:?}"), "[password]");
    }
}
