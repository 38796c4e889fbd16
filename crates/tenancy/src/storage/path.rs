//! Validation of file paths.

use std::fmt;

use percent_encoding::percent_decode_str;

use crate::text::{self, visible};

/// The maximum number of bytes of a path.
const LONGEST: usize = 1_024;

/// The path of a file, such as `reports/2030/january.pdf`. Its parts are separated by slashes, and none of them is
/// empty, `.` or `..`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FilePath(String);

impl FilePath {
    /// Parses the path of a request, which is decoded once.
    ///
    /// # Errors
    /// The problem, as a phrase that follows the field's name.
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
            return Err("must not contain the parts . or ..".to_owned());
        }
        Ok(Self(path))
    }

    /// Returns the path.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for FilePath {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// Normalises a path to NFC. Some systems separate accents from letters, but a file must have only one name.
fn normalize(path: &str) -> Result<String, String> {
    let path = visible(path)?;
    if path.contains('\\') {
        return Err("must not contain backslashes".to_owned());
    }
    check_length(path)
}

/// Normalises a path prefix, which may end between a letter and its joiner.
///
/// # Errors
/// The problem, as a phrase that follows the field's name.
pub(super) fn normalize_prefix(prefix: &str) -> Result<String, String> {
    check_length(text::nfc(prefix))
}

fn check_length(path: String) -> Result<String, String> {
    if path.len() > LONGEST { Err(format!("must have at most {LONGEST} bytes")) } else { Ok(path) }
}

#[cfg(test)]
mod tests {
    use super::*;

    // S28
    #[test]
    fn invalid_paths_are_rejected() {
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
    fn paths_in_any_script_are_accepted() {
        for (encoded, expected) in [
            // macOS separates the accents from the letters.
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
        // The limit applies to the stored, normalised name.
        assert!(FilePath::from_encoded(&"e\u{301}".repeat(512)).is_ok());
    }
}
