//! Fingerprints of a request.

use crate::hex;

/// The fingerprints of a request, one by each master key. They are keyed, so that a leaked catalog is
/// no help in guessing a password that was in the request.
pub struct Fingerprints {
    pub(super) current: [u8; 32],
    pub(super) others: Vec<[u8; 32]>,
}

impl Fingerprints {
    /// The one to keep.
    pub fn current(&self) -> [u8; 32] {
        self.current
    }

    /// Whether one that was kept is of the same request, whichever key it was made with.
    pub fn contain(&self, kept: &[u8]) -> bool {
        self.all().any(|own| own == kept)
    }

    /// All of them in hexadecimal, for a statement.
    pub fn to_texts(&self) -> Vec<String> {
        self.all().map(|own| hex::encode(own)).collect()
    }

    fn all(&self) -> impl Iterator<Item = &[u8; 32]> {
        std::iter::once(&self.current).chain(&self.others)
    }
}
