//! A cache of verified tokens, which saves frequent callers a repeated verification of the signature.

use std::rc::Rc;

use super::claims::Claims;
use crate::instance_cache::InstanceCache;

/// The maximum length of a cached token, in bytes.
const LONGEST: usize = 2 * 1024;
/// The number of bytes at the end of a token that form its cache key: 12 bytes of the signature.
const END: usize = 16;

/// Claims by the whole text of their token, including the signature. Times and versions are checked on each use.
#[derive(Default)]
pub(super) struct VerifiedTokens(InstanceCache<[u8; END], (Box<str>, Rc<Claims>)>);

impl VerifiedTokens {
    /// Returns the claims of a token that was verified before.
    pub(super) fn get(&self, token: &str) -> Option<Rc<Claims>> {
        let known = self.0.get(token.as_bytes().last_chunk::<END>()?)?;
        let (text, claims) = &*known;
        is_same(text.as_bytes(), token.as_bytes()).then(|| Rc::clone(claims))
    }

    /// Stores a token that was verified.
    pub(super) fn put(&self, token: &str, claims: &Rc<Claims>) {
        if let (Some(end), true) = (token.as_bytes().last_chunk(), token.len() <= LONGEST) {
            self.0.put(*end, Rc::new((token.into(), Rc::clone(claims))));
        }
    }
}

/// Compares two texts eight bytes at a time. The `memcmp` of wasm compares one byte at a time, which takes a
/// microsecond for a token.
fn is_same(one: &[u8], other: &[u8]) -> bool {
    let ((words, rest), (other_words, other_rest)) = (one.as_chunks::<8>(), other.as_chunks::<8>());
    let mut pairs = words.iter().zip(other_words);
    one.len() == other.len()
        && pairs.all(|(one, other)| u64::from_ne_bytes(*one) == u64::from_ne_bytes(*other))
        && rest == other_rest
}

#[cfg(test)]
mod tests {
    use super::*;

    // S3
    #[test]
    fn single_byte_difference_is_detected() {
        for length in [0, 1, 7, 8, 9, 16, 23] {
            let text = vec![b'a'; length];
            assert!(is_same(&text, &text.clone()));
            assert!(!is_same(&text, &[&text[..], b"a"].concat()));
            for place in 0..length {
                let mut other = text.clone();
                other[place] = b'b';
                assert!(!is_same(&text, &other), "{place} of {length}");
            }
        }
    }
}
