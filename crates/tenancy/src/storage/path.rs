//! What a file may be called.

use std::fmt;

use percent_encoding::percent_decode_str;
use unicode_normalization::is_nfc;

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
        check_text(path)?;
        if path.is_empty() || path.split('/').any(str::is_empty) {
            return Err("must have no empty part, and no slash at either end".to_owned());
        }
        if path.split('/').any(|part| part == "." || part == "..") {
            return Err("must have no part that is . or ..".to_owned());
        }
        Ok(Self(path.to_owned()))
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

/// What holds of a path and of the beginning of one.
pub(super) fn check_text(text: &str) -> Result<(), String> {
    if text.len() > LONGEST {
        return Err(format!("must have at most {LONGEST} bytes"));
    }
    if text.chars().any(is_invisible) || text.contains('\\') {
        return Err(
            "must have no control characters, invisible characters or backslashes".to_owned()
        );
    }
    // Two names that look the same would be two files.
    if !is_nfc(text) {
        return Err("must be in Unicode's normalization form C".to_owned());
    }
    Ok(())
}

/// Controls, and what changes how a name is shown without being seen (Unicode, general category Cf).
fn is_invisible(char: char) -> bool {
    char.is_control()
        || matches!(char, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e007f}')
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
            "e%CC%81",
            "a%E2%80%AEb",
            "%EF%BB%BFa",
            &long,
        ] {
            assert!(FilePath::from_encoded(odd).is_err(), "{odd}");
        }
        assert!(FilePath::from_encoded(&"a".repeat(1_024)).is_ok());
    }
}
