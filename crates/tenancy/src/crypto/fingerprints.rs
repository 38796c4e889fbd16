//! Fingerprints of requests and addresses.

/// The fingerprints of a request or an address, one for each master key. They are keyed, so that a leaked catalog does not
/// help in guessing a password in the request, or the address.
pub struct Fingerprints {
    pub(super) current: [u8; 32],
    pub(super) others: Vec<[u8; 32]>,
}

impl Fingerprints {
    /// Returns the fingerprint to store.
    pub fn current(&self) -> [u8; 32] {
        self.current
    }

    /// Returns whether a stored fingerprint is one of these, with any of the keys.
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
