//! Custom domains.

use std::{fmt, net::Ipv4Addr};

use serde::{Deserialize, Serialize};

use crate::http::fields::Text;

/// A domain name in the one form that uniqueness is judged by: lower case A-labels, no trailing
/// dot, at most 253 characters and two labels or more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Domain(String);

impl Domain {
    /// The domain.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Domain {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl Text for Domain {
    fn parse(text: &str) -> Result<Self, String> {
        let invalid = || "must be a domain name such as app.example.com".to_owned();
        let undotted = text.strip_suffix('.').unwrap_or(text);
        let ascii = idna::domain_to_ascii_strict(undotted).map_err(|_| invalid())?;
        let is_address = ascii.parse::<Ipv4Addr>().is_ok();
        let last_is_number = ascii
            .rsplit('.')
            .next()
            .is_some_and(|label| label.bytes().all(|byte| byte.is_ascii_digit()));
        if is_address || last_is_number || !ascii.contains('.') || ascii.len() > 253 {
            return Err(invalid());
        }
        Ok(Self(ascii))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_form_for_one_domain() {
        for (text, expected) in [
            ("Company.COM", "company.com"),
            ("company.com.", "company.com"),
            ("bücher.example", "xn--bcher-kva.example"),
            ("XN--BCHER-KVA.example", "xn--bcher-kva.example"),
        ] {
            assert_eq!(Domain::parse(text).map(|domain| domain.0), Ok(expected.to_owned()));
        }
    }

    #[test]
    fn what_is_no_domain_is_refused() {
        for text in [
            "",
            ".",
            "localhost",
            "127.0.0.1",
            "1.2.3.4.",
            "a..b",
            "-a.com",
            "a_b.com",
            "a b.com",
            "company.com:80",
            "http://company.com",
            "company.com/x",
            "[::1]",
            "a.123",
        ] {
            assert!(Domain::parse(text).is_err(), "{text:?}");
        }
    }
}
