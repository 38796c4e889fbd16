//! The identifiers of a manifest: words joined by one delimiter.

use serde::Deserialize;

/// An identifier of words joined by `DELIMITER`, all in lower case if `LOWER`.
///
/// A word starts with an ASCII letter, continues with ASCII letters and digits, and is all lower or all upper case.
#[derive(Clone, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd)]
#[serde(try_from = "String")]
pub struct Id<const DELIMITER: char, const LOWER: bool>(String);

/// The name of a component, such as `admin-api`.
pub type KebabId = Id<'-', false>;
/// The name of a store, such as `session_cache`.
pub type SnakeId = Id<'_', false>;
/// The name of a variable, such as `database_url`.
pub type LowerSnakeId = Id<'_', true>;

impl<const DELIMITER: char, const LOWER: bool> Id<DELIMITER, LOWER> {
    /// Returns the identifier in its original spelling.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl<const DELIMITER: char, const LOWER: bool> From<Id<DELIMITER, LOWER>> for String {
    fn from(id: Id<DELIMITER, LOWER>) -> Self {
        id.0
    }
}

impl<const DELIMITER: char, const LOWER: bool> TryFrom<String> for Id<DELIMITER, LOWER> {
    type Error = String;

    fn try_from(id: String) -> Result<Self, Self::Error> {
        match id.split(DELIMITER).try_for_each(|word| check_word(word, LOWER)) {
            Ok(()) => Ok(Self(id)),
            Err(reason) => {
                Err(format!("invalid identifier {id:?}: words, joined by {DELIMITER:?}, {reason}"))
            }
        }
    }
}

fn check_word(word: &str, lower: bool) -> Result<(), &'static str> {
    if !word.starts_with(|first: char| first.is_ascii_alphabetic()) {
        return Err("must start with an ASCII letter");
    }
    if !word.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return Err("must contain only ASCII letters and digits");
    }
    let has_upper = word.bytes().any(|byte| byte.is_ascii_uppercase());
    let has_lower = word.bytes().any(|byte| byte.is_ascii_lowercase());
    if has_upper && has_lower {
        return Err("must be all lower or all upper case");
    }
    if has_upper && lower {
        return Err("must be lower case");
    }
    Ok(())
}

/// Returns whether `label` can name a key-value store.
pub fn is_store_label(label: &str) -> bool {
    KebabId::try_from(label.to_owned()).is_ok() || SnakeId::try_from(label.to_owned()).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn accepts<const DELIMITER: char, const LOWER: bool>(id: &str) -> bool {
        Id::<DELIMITER, LOWER>::try_from(id.to_owned()).is_ok()
    }

    #[test]
    fn component_names_are_kebab_case() {
        for id in ["a", "admin-api", "API-v2", "x1-y2"] {
            assert!(accepts::<'-', false>(id), "{id}");
        }
        for id in ["", "admin_api", "-a", "a-", "a--b", "1a", "aB", "ä", "a-2"] {
            assert!(!accepts::<'-', false>(id), "{id}");
        }
    }

    #[test]
    fn variable_names_are_lower_snake_case() {
        for id in ["a", "database_url", "v2"] {
            assert!(accepts::<'_', true>(id), "{id}");
        }
        for id in ["", "database-url", "A", "_a", "a_", "a__b", "1a", "a_1"] {
            assert!(!accepts::<'_', true>(id), "{id}");
        }
    }

    #[test]
    fn store_names_allow_both_cases() {
        assert!(is_store_label("session-cache"));
        assert!(is_store_label("session_cache"));
        assert!(!is_store_label("session_cache-2"));
        assert!(!is_store_label("b@d"));
    }
}
