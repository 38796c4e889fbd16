//! Tokens that an instance has verified: who calls often is not read anew each time.

use std::rc::Rc;

use super::Claims;
use crate::remembered::Remembered;

/// The longest token that is remembered, in bytes.
const LONGEST: usize = 2 * 1024;
/// How much of its end a token is found by, in bytes: 12 of the signature.
const END: usize = 16;

/// Claims by the whole text of their token, signature and all. What they say of time and of versions is
/// asked on each use.
#[derive(Default)]
pub(super) struct VerifiedTokens(Remembered<[u8; END], (Box<str>, Rc<Claims>)>);

impl VerifiedTokens {
    /// The claims of a token that was verified before.
    pub(super) fn get(&self, token: &str) -> Option<Rc<Claims>> {
        let known = self.0.get(token.as_bytes().last_chunk::<END>()?)?;
        let (text, claims) = &*known;
        is_same(text.as_bytes(), token.as_bytes()).then(|| Rc::clone(claims))
    }

    /// Remembers a token that was verified.
    pub(super) fn put(&self, token: &str, claims: &Rc<Claims>) {
        if let (Some(end), true) = (token.as_bytes().last_chunk(), token.len() <= LONGEST) {
            self.0.put(*end, Rc::new((token.into(), Rc::clone(claims))));
        }
    }
}

/// Whether two texts are the same, by eight bytes at a time: wasm's `memcmp` takes one at a time, which
/// for a token is a microsecond.
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
    fn one_byte_that_differs_makes_another_text() {
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
