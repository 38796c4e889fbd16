//! Fingerprints of requests.

/// The fingerprints of a request, one for each master key. They are keyed, so that a leaked catalog does not help in
/// guessing a password in the request.
pub struct Fingerprints {
    pub(super) current: [u8; 32],
    pub(super) others: Vec<[u8; 32]>,
}

impl Fingerprints {
    /// Returns the fingerprint to store.
    pub fn current(&self) -> [u8; 32] {
        self.current
    }

    /// Returns whether a stored fingerprint belongs to the same request, with any of the keys.
    pub fn contain(&self, kept: &[u8]) -> bool {
        self.all().any(|own| own == kept)
    }

    /// Returns all fingerprints in hexadecimal, for a statement.
    pub fn to_texts(&self) -> Vec<String> {
        self.all().map(|own| base16ct::lower::encode_string(own)).collect()
    }

    fn all(&self) -> impl Iterator<Item = &[u8; 32]> {
        std::iter::once(&self.current).chain(&self.others)
    }
}
