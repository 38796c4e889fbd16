//! Entries and their names.

use percent_encoding::percent_decode_str;

use crate::error::{Error, Result};

/// The maximum number of bytes of a key.
const LONGEST_KEY: usize = 512;

/// The name of an entry: 1 to 512 bytes without control characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CacheKey(pub(super) String);

impl CacheKey {
    /// Parses the path of a request, which is decoded once.
    ///
    /// # Errors
    /// [`Error::InvalidFields`] for `key`.
    pub fn from_encoded(encoded: &str) -> Result<Self> {
        let invalid = |message: &str| Error::invalid_field("key", message);
        let key =
            percent_decode_str(encoded).decode_utf8().map_err(|_| invalid("must be UTF-8"))?;
        if key.is_empty() || key.len() > LONGEST_KEY {
            return Err(invalid("must have 1 to 512 bytes"));
        }
        if key.chars().any(char::is_control) {
            return Err(invalid("must have no control characters"));
        }
        Ok(Self(key.into_owned()))
    }
}

/// A value with its content type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The content type that the writer of the entry stated.
    pub content_type: String,
    /// The bytes of the value.
    pub value: Vec<u8>,
}
