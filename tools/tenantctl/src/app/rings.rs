//! Rings: groups of tenants that are migrated one after another.

use sha2::{Digest as _, Sha256};
use tenancy::tenant::TenantRecord;

/// A group of tenants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ring {
    /// The tenants whose private setting `ring` has this value.
    Named(String),
    /// This percentage of all tenants. The same tenants are in each run, and those of 10 % are also in 20 %.
    Percent(u8),
    /// All tenants, and the template database.
    All,
}

impl Ring {
    /// Parses a ring: a name, `10%` or `all`.
    pub fn parse(text: &str) -> Result<Self, String> {
        if text == "all" {
            return Ok(Self::All);
        }
        if let Some(number) = text.strip_suffix('%') {
            let percent = number.parse().ok().filter(|percent| (1..=99).contains(percent));
            return percent.map(Self::Percent).ok_or_else(|| "must be from 1% to 99%".to_owned());
        }
        let is_name = |byte: u8| byte.is_ascii_alphanumeric() || b"_-".contains(&byte);
        if text.is_empty() || !text.bytes().all(is_name) {
            return Err("must be a name, a percentage such as 10%, or all".to_owned());
        }
        Ok(Self::Named(text.to_owned()))
    }

    /// Returns whether a tenant is in the ring.
    pub fn contains(&self, tenant: &TenantRecord) -> bool {
        match self {
            Self::All => true,
            Self::Percent(percent) => place(tenant.id.as_bytes()) < u32::from(*percent),
            Self::Named(name) => {
                let settings: serde_json::Value =
                    serde_json::from_str(tenant.private_settings.as_str()).unwrap_or_default();
                settings["ring"] == name.as_str()
            }
        }
    }
}

/// Returns a number from 0 to 99 that an id always has.
fn place(id: &[u8]) -> u32 {
    let digest = Sha256::digest(id);
    u32::from_be_bytes([digest[0], digest[1], digest[2], digest[3]]) % 100
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rings_parse() {
        assert_eq!(Ring::parse("all"), Ok(Ring::All));
        assert_eq!(Ring::parse("10%"), Ok(Ring::Percent(10)));
        assert_eq!(Ring::parse("canary"), Ok(Ring::Named("canary".to_owned())));
        for wrong in ["", "0%", "100%", "%", "ten%", "a b"] {
            assert!(Ring::parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn places_are_spread() {
        let count = (0..1_000_u32).filter(|number| place(&number.to_be_bytes()) < 10).count();
        assert!((60..140).contains(&count), "{count}");
    }
}
