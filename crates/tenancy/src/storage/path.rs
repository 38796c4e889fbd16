//! What a file may be called.

use std::fmt;

use percent_encoding::percent_decode_str;
use unicode_normalization::UnicodeNormalization as _;

use crate::text::visible;

/// The most bytes of a path.
const LONGEST: usize = 1_024;

/// The path of a file, such as `reports/2030/january.pdf`: parts with slashes between, of which none
/// is empty, `.` or `..`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FilePath(String);

impl FilePath {
    /// From the path of a request, which is decoded once.
    ///
    /// # Errors
    /// What is wrong with it, in a sentence that goes on after the field's name.
    pub fn from_encoded(encoded: &str) -> Result<Self, String> {
        let decoded =
            percent_decode_str(encoded).decode_utf8().map_err(|_| "must be UTF-8".to_owned())?;
        Self::parse(&decoded)
    }

    fn parse(path: &str) -> Result<Self, String> {
        let path = normalize(path)?;
        if path.is_empty() || path.split('/').any(str::is_empty) {
            return Err("must have no empty part, and no slash at either end".to_owned());
        }
        if path.split('/').any(|part| part == "." || part == "..") {
            return Err("must have no part that is . or ..".to_owned());
        }
        Ok(Self(path))
    }

    /// The path.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for FilePath {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// Normalises a path to NFC: some systems take accents off letters, and a file has one name.
fn normalize(path: &str) -> Result<String, String> {
    let path = visible(path)?;
    if path.contains('\\') {
        return Err("must not contain backslashes".to_owned());
    }
    check_length(path)
}

/// Normalises the beginning of a path, which may end between a letter and its joiner.
///
/// # Errors
/// The problem, in a sentence that goes on after the field's name.
pub(super) fn normalize_prefix(prefix: &str) -> Result<String, String> {
    check_length(prefix.nfc().collect())
}

fn check_length(path: String) -> Result<String, String> {
    if path.len() > LONGEST { Err(format!("must have at most {LONGEST} bytes")) } else { Ok(path) }
}

#[cfg(test)]
mod tests {
    use super::*;

    // S28
    #[test]
    fn names_that_are_odd_are_refused() {
        for sound in ["a", "a/b.txt", "%C3%A9", "a%20b", ".hidden", "a..b", "...", "%252e%252e"] {
            assert!(FilePath::from_encoded(sound).is_ok(), "{sound}");
        }
        let long = "a".repeat(1_025);
        for odd in [
            "",
            "/",
            "/a",
            "a/",
            "a//b",
            ".",
            "..",
            "a/../b",
            "a/./b",
            "%2e%2e",
            "a/%2E%2e/b",
            "..%2fa",
            "a%2f%2e%2e",
            "%00",
            "a%0ab",
            "a%5cb",
            "%ff",
            "a%E2%80%AEb",
            "%EF%BB%BFa",
            &long,
        ] {
            assert!(FilePath::from_encoded(odd).is_err(), "{odd}");
        }
        assert!(FilePath::from_encoded(&"a".repeat(1_024)).is_ok());
    }

    #[test]
    fn names_of_every_script_are_taken() {
        for (encoded, expected) in [
            // Typed on macOS: the accents stand apart.
            ("Re%CC%81sume%CC%81.pdf", "R\u{e9}sum\u{e9}.pdf"),
            (
                "%E2%9D%A4%EF%B8%8F/%F0%9F%91%A9%E2%80%8D%F0%9F%91%A7.png",
                "❤\u{fe0f}/👩\u{200d}👧.png",
            ),
            ("%D9%85%DB%8C%E2%80%8C%D8%AE%D9%88%D8%A7%D9%87%D9%85", "می\u{200c}خواهم"),
            ("हिन्दी/ไข่.txt", "हिन्दी/ไข่.txt"),
        ] {
            let path = FilePath::from_encoded(encoded);
            assert_eq!(path.as_ref().map(FilePath::as_str), Ok(expected), "{encoded}");
        }
        // The length is that of the name that is stored.
        assert!(FilePath::from_encoded(&"e\u{301}".repeat(512)).is_ok());
    }
}
