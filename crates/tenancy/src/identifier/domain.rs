//! Custom domains.

use std::{borrow::Cow, fmt, net::Ipv4Addr};

use idna::uts46::{AsciiDenyList, DnsLength, Hyphens, Uts46};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use crate::input::{FromField, Text};

/// The maximum number of custom domains of a tenant.
const MOST: usize = 20;

/// The custom domains in a request, without duplicates. The first one is the primary domain.
#[derive(Debug, Clone, ToSchema)]
#[schema(value_type = Vec<Domain>, max_items = 20)]
pub struct Domains(pub Vec<Domain>);

impl FromField for Domains {
    fn from_json(value: Value) -> Result<Self, String> {
        let Value::Array(names) = value else {
            return Err("must be an array of domain names".to_owned());
        };
        let mut domains = Vec::new();
        for name in names {
            let domain = Domain::from_json(name)?;
            if !domains.contains(&domain) {
                domains.push(domain);
            }
        }
        if domains.len() > MOST {
            return Err(format!("must have at most {MOST} domains"));
        }
        Ok(Self(domains))
    }
}

/// A domain name in its canonical form, which uniqueness is based on: lowercase A-labels without a trailing dot, at
/// most 253 characters, and at least two labels.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(transparent)]
#[schema(value_type = String, format = "hostname", example = "app.example.com")]
pub struct Domain(String);

impl Domain {
    /// Returns the domain.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns whether the domain is `other` or a subdomain of it.
    pub fn is_within(&self, other: &Self) -> bool {
        let prefix = self.0.strip_suffix(&other.0);
        prefix.is_some_and(|prefix| prefix.is_empty() || prefix.ends_with('.'))
    }
}

impl fmt::Display for Domain {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// Returns a host name as lowercase A-labels (UTS 46), or `None` if the text is not a host name. Hyphens in positions 3
/// and 4 are valid, because only `xn--` has a meaning there.
pub(crate) fn to_ascii(name: &str) -> Option<String> {
    Uts46::new()
        .to_ascii(name.as_bytes(), AsciiDenyList::STD3, Hyphens::CheckFirstLast, DnsLength::Verify)
        .ok()
        .map(Cow::into_owned)
}

impl Text for Domain {
    fn parse(text: &str) -> Result<Self, String> {
        let invalid = || "must be a domain name such as app.example.com".to_owned();
        let undotted = text.strip_suffix('.').unwrap_or(text);
        let ascii = to_ascii(undotted).ok_or_else(invalid)?;
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
    fn domain_has_one_canonical_form() {
        for (text, expected) in [
            ("Company.COM", "company.com"),
            ("company.com.", "company.com"),
            ("bücher.example", "xn--bcher-kva.example"),
            ("XN--BCHER-KVA.example", "xn--bcher-kva.example"),
            ("r3---sn-4g5e.example.com", "r3---sn-4g5e.example.com"),
            ("ab--cd.Example.com", "ab--cd.example.com"),
            ("می\u{200c}خواهم.example", "xn--mgbn2ecje63gr19l.example"),
        ] {
            assert_eq!(Domain::parse(text).map(|domain| domain.0), Ok(expected.to_owned()));
        }
    }

    #[test]
    fn domain_is_within_another_by_whole_labels() {
        let domain = |text: &str| Domain::parse(text).unwrap();
        for (one, other, within) in [
            ("saas.example", "saas.example", true),
            ("a.b.saas.example", "saas.example", true),
            ("notsaas.example", "saas.example", false),
            ("example.com", "saas.example", false),
        ] {
            assert_eq!(domain(one).is_within(&domain(other)), within, "{one}");
        }
    }

    #[test]
    fn invalid_domain_is_refused() {
        for text in [
            "",
            ".",
            "localhost",
            "127.0.0.1",
            "1.2.3.4.",
            "a..b",
            "-a.com",
            "a-.com",
            "xn--a.com",
            "xn--zzzzzz--.com",
            "a\u{202e}b.com",
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
