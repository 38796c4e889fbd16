//! The slug: a tenant's name in host names, paths and headers.

use std::fmt;

use deunicode::deunicode_with_tofu;
use platform::Random;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{input::Text, text::nfkc};

const LENGTH: std::ops::RangeInclusive<usize> = 2..=56;

/// Names with another meaning in a host name or a path.
const RESERVED: [&str; 42] = [
    "account",
    "accounts",
    "admin",
    "administrator",
    "api",
    "app",
    "apps",
    "assets",
    "auth",
    "autoconfig",
    "autodiscover",
    "billing",
    "blog",
    "catalog",
    "cdn",
    "console",
    "dashboard",
    "docs",
    "ftp",
    "health",
    "help",
    "imap",
    "internal",
    "localhost",
    "login",
    "mail",
    "metrics",
    "ns1",
    "ns2",
    "oauth",
    "pop",
    "postmaster",
    "root",
    "security",
    "smtp",
    "sso",
    "static",
    "status",
    "support",
    "system",
    "tenant",
    "www",
];

/// A slug: 2 to 56 lowercase letters, digits and single hyphens between them, and not a reserved word.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(transparent)]
#[schema(value_type = String, pattern = "^[a-z0-9](-?[a-z0-9])+$", min_length = 2, max_length = 56,
         example = "acme")]
pub struct Slug(String);

impl Slug {
    /// Returns the slug.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns whether a name has another meaning in a host name or a path.
    pub fn is_reserved(name: &str) -> bool {
        RESERVED.contains(&name)
    }

    /// Returns the slug of an existing tenant. It stays valid even if the word becomes reserved later.
    pub(crate) fn from_catalog(slug: String) -> Self {
        Self(slug)
    }

    /// Returns slugs for a tenant called `name`, the best first: the name, then numbered variants, then variants with a
    /// random suffix.
    pub fn candidates(name: &str, random: &dyn Random) -> impl Iterator<Item = Self> {
        let base = derive(name);
        let with_suffix = move |suffix: &str| {
            let room = LENGTH.end() - suffix.len() - 1;
            let stem = base.get(..room).unwrap_or(&base).trim_end_matches('-');
            Self::parse(&format!("{stem}-{suffix}")).ok()
        };
        let first = Self::parse(&derive(name)).ok();
        let numbered = (2..=9).map(|number: u32| number.to_string());
        let chance = (0..3).map(|_| base16ct::lower::encode_string(&random.bytes::<4>()));
        first
            .into_iter()
            .chain(numbered.chain(chance).filter_map(move |suffix| with_suffix(&suffix)))
    }
}

impl fmt::Display for Slug {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl Text for Slug {
    fn parse(text: &str) -> Result<Self, String> {
        let hyphens_single = text.split('-').all(|part| !part.is_empty());
        let characters = text.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-'));
        if !LENGTH.contains(&text.len()) {
            Err("must have 2 to 56 characters".to_owned())
        } else if !hyphens_single || !characters {
            Err("must have only lowercase letters, digits and single hyphens between them"
                .to_owned())
        } else if Self::is_reserved(text) {
            Err("is reserved".to_owned())
        } else {
            Ok(Self(text.to_owned()))
        }
    }
}

/// Derives a slug from the letters and digits of a name in any script. All other characters become hyphens.
fn derive(name: &str) -> String {
    let mut slug = String::new();
    for char in deunicode_with_tofu(&nfkc(name), "-").chars() {
        let lower = char.to_ascii_lowercase();
        if lower.is_ascii_alphanumeric() {
            slug.push(lower);
        } else if !slug.is_empty() && !slug.ends_with('-') {
            slug.push('-');
        }
    }
    slug.truncate(*LENGTH.end());
    let slug = slug.trim_end_matches('-');
    if slug.is_empty() { "tenant".to_owned() } else { slug.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use platform::native::NativeRandom;

    #[test]
    fn slug_form_is_checked() {
        for text in ["acme", "a1", "1a", "a-b-c", &"x".repeat(56)] {
            assert!(Slug::parse(text).is_ok(), "{text}");
        }
        for text in [
            "",
            "a",
            "Acme",
            "a--b",
            "-a",
            "a-",
            "a_b",
            "a.b",
            "a b",
            "äb",
            "admin",
            "www",
            &"x".repeat(57),
            "a\0b",
            "a/b",
            "..",
        ] {
            assert!(Slug::parse(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn slugs_are_derived_from_names() {
        let candidates = |name| {
            Slug::candidates(name, &NativeRandom).take(2).map(|slug| slug.0).collect::<Vec<_>>()
        };
        assert_eq!(candidates("Acme Corporation"), ["acme-corporation", "acme-corporation-2"]);
        assert_eq!(candidates("Café  Ünïcode & Co."), ["cafe-unicode-co", "cafe-unicode-co-2"]);
        assert_eq!(candidates("Admin"), ["admin-2", "admin-3"]);
        assert_eq!(candidates("Łódź Søster Straße")[0], "lodz-soster-strasse");
        assert_eq!(candidates("Æther Þór Đại ı")[0], "aether-thor-dai-i");
        assert_eq!(candidates("Cafe\u{301} ＡＢＣ ﬁsh")[0], "cafe-abc-fish");
        assert_eq!(candidates("Яндекс")[0], "iandeks");
        assert_eq!(candidates("株式会社")[0], "zhu-shi-hui-she");
        assert_eq!(candidates("\u{e000}")[0], "tenant-2");
        assert_eq!(candidates("X"), ["x-2", "x-3"]);
        let long = candidates(&"y".repeat(80));
        assert_eq!(long[0], "y".repeat(56));
        assert_eq!(long[1], format!("{}-2", "y".repeat(54)));
    }

    #[test]
    fn slugs_do_not_run_out() {
        let all: Vec<_> = Slug::candidates("Acme", &NativeRandom).map(|slug| slug.0).collect();
        assert_eq!(all.len(), 12);
        assert_eq!(all[8], "acme-9");
        assert!(all[9..].iter().all(|slug| slug.len() == "acme-01234567".len()), "{all:?}");
    }

    #[test]
    fn reserved_words_are_sorted_and_unique() {
        assert!(RESERVED.is_sorted());
        assert!(RESERVED.windows(2).all(|pair| pair[0] != pair[1]));
    }
}
