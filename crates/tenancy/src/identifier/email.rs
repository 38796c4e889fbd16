//! E-mail addresses.

use std::fmt;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{identifier::domain::to_ascii, input::Text, text};

/// An e-mail address in its canonical form, which uniqueness is based on: NFC, lower case, the domain as A-labels. At
/// most 254 characters (RFC 5321, section 4.5.3.1.3).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(transparent)]
#[schema(value_type = String, format = "email", max_length = 254, example = "user@acme.com")]
pub struct EmailAddress(String);

impl EmailAddress {
    /// Returns the address.
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
        // A pasted address often has surrounding space, at sign-in and elsewhere.
        let text = text.trim();
        if text.chars().count() > 254 {
            return Err("must have at most 254 characters".to_owned());
        }
        if text.starts_with('\u{feff}') {
            return Err("must not begin with a byte order mark".to_owned());
        }
        let (local, domain) = text.rsplit_once('@').ok_or_else(invalid)?;
        // Lowercasing may decompose characters.
        let local = text::nfc(&text::visible(local)?.to_lowercase());
        let local = local.as_str();
        let domain = to_ascii(domain).ok_or_else(invalid)?;
        let dotted = domain.contains('.') && !domain.ends_with('.');
        if !is_local_part(local) || !dotted || domain.len() > 253 {
            return Err(invalid());
        }
        let address = format!("{local}@{domain}");
        if address.chars().count() > 254 { Err(invalid()) } else { Ok(Self(address)) }
    }
}

/// Returns whether the text is a dot-atom (RFC 5322, section 3.2.3) with the letters of RFC 6531, of at most 64 octets.
fn is_local_part(local: &str) -> bool {
    let is_atom_char =
        |char: char| text::is_word_char(char) || "!#$%&'*+-/=?^_`{|}~".contains(char);
    let is_atom = |atom: &str| {
        atom.chars().next().is_some_and(|first| !text::is_mark(first))
            && atom.chars().all(is_atom_char)
    };
    local.len() <= 64 && local.split('.').all(is_atom)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn address_has_one_canonical_form() {
        for (text, expected) in [
            ("Admin@Acme.COM", "admin@acme.com"),
            ("a.b+c@example.org", "a.b+c@example.org"),
            ("user@BÜCHER.example", "user@xn--bcher-kva.example"),
            ("JOSE\u{301}@example.com", "jos\u{e9}@example.com"),
            (" \u{3000}a@example.com\t\r\n", "a@example.com"),
            ("हिन्दी@उदाहरण.भारत", "हिन्दी@xn--p1b6ci4b4b3a.xn--h2brj9c"),
            ("ไข่@ตัวอย่าง.ไทย", "ไข่@xn--72c1a1bt4awk9o.xn--o3cw4h"),
            ("می\u{200c}خواهم@example.com", "می\u{200c}خواهم@example.com"),
            ("\u{130}@example.com", "i\u{307}@example.com"),
            ("a@ab--cd.example", "a@ab--cd.example"),
        ] {
            assert_eq!(EmailAddress::parse(text).map(|address| address.0), Ok(expected.to_owned()));
        }
    }

    #[test]
    fn invalid_address_is_refused() {
        let long = format!("{}@example.com", "a".repeat(65));
        for text in [
            "",
            "@",
            "a@",
            "@example.com",
            "a b@example.com",
            "\"a b\"@example.com",
            "a@b@example.com",
            "a@localhost",
            ".a@example.com",
            "a..b@example.com",
            "a@example..com",
            "a@exa mple.com",
            "a@-x.com",
            "a\n@example.com",
            "a@example.com.",
            "\u{feff}a@example.com",
            "a\u{200b}@example.com",
            "a\u{202e}b@example.com",
            "a\u{200c}b@example.com",
            "\u{301}a@example.com",
            "a@xn--a.example",
            "a@b_c.example",
            long.as_str(),
        ] {
            assert!(EmailAddress::parse(text).is_err(), "{text:?}");
        }
    }
}
