//! E-mail addresses.

use std::fmt;

use serde::{Deserialize, Serialize};
use unicode_normalization::UnicodeNormalization as _;
use utoipa::ToSchema;

use crate::http::fields::Text;

/// An e-mail address in the one form that uniqueness is judged by: NFC, lower case, the domain as
/// A-labels. At most 254 characters (RFC 5321, section 4.5.3.1.3).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(transparent)]
#[schema(value_type = String, format = "email", max_length = 254, example = "user@acme.com")]
pub struct EmailAddress(String);

impl EmailAddress {
    /// The address.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for EmailAddress {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl Text for EmailAddress {
    fn parse(text: &str) -> Result<Self, String> {
        let invalid = || "must be an e-mail address such as name@example.com".to_owned();
        if text.chars().count() > 254 {
            return Err("must have at most 254 characters".to_owned());
        }
        let normalized: String = text.nfc().collect::<String>().to_lowercase();
        let (local, domain) = normalized.rsplit_once('@').ok_or_else(invalid)?;
        let domain = idna::domain_to_ascii_strict(domain).map_err(|_| invalid())?;
        let dotted = domain.contains('.') && !domain.ends_with('.');
        if !is_local_part(local) || !dotted || domain.len() > 253 {
            return Err(invalid());
        }
        let address = format!("{local}@{domain}");
        if address.chars().count() > 254 { Err(invalid()) } else { Ok(Self(address)) }
    }
}

/// A dot-atom (RFC 5322, section 3.2.3) with the letters of RFC 6531, at most 64 octets.
fn is_local_part(local: &str) -> bool {
    let atom_char = |char: char| char.is_alphanumeric() || "!#$%&'*+-/=?^_`{|}~".contains(char);
    local.len() <= 64
        && local.split('.').all(|atom| !atom.is_empty() && atom.chars().all(atom_char))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_form_for_one_address() {
        for (text, expected) in [
            ("Admin@Acme.COM", "admin@acme.com"),
            ("a.b+c@example.org", "a.b+c@example.org"),
            ("user@BÜCHER.example", "user@xn--bcher-kva.example"),
            ("JOSE\u{301}@example.com", "jos\u{e9}@example.com"),
        ] {
            assert_eq!(EmailAddress::parse(text).map(|address| address.0), Ok(expected.to_owned()));
        }
    }

    #[test]
    fn what_is_no_address_is_refused() {
        let long = format!("{}@example.com", "a".repeat(65));
        for text in [
            "",
            "@",
            "a@",
            "@example.com",
            "a b@example.com",
            "a@b@example.com",
            "a@localhost",
            ".a@example.com",
            "a..b@example.com",
            "a@example..com",
            "a@exa mple.com",
            "a@-x.com",
            "a\n@example.com",
            "a@example.com.",
            long.as_str(),
        ] {
            assert!(EmailAddress::parse(text).is_err(), "{text:?}");
        }
    }
}
