//! PBKDF2-HMAC-SHA-256 for one block (RFC 8018, section 5.2), in slices.
//!
//! The `pbkdf2` crate runs to the end in one go, which would stop every other request of the
//! instance for a quarter of a second; the tests hold the two against each other.

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use crate::{
    error::{Error, Result},
    platform::Executor,
};

/// Rounds between two turns of the event loop: about two milliseconds in wasm.
const SLICE: u32 = 4_096;

/// The first 32 bytes of PBKDF2-HMAC-SHA-256.
pub(super) async fn derive(
    password: &[u8],
    salt: &[u8],
    rounds: u32,
    executor: &dyn Executor,
) -> Result<[u8; 32]> {
    let keyed = Hmac::<Sha256>::new_from_slice(password).map_err(Error::internal)?;
    let mut block = keyed.clone();
    block.update(salt);
    block.update(&1_u32.to_be_bytes());
    let mut link: [u8; 32] = block.finalize().into_bytes().into();
    let mut key = link;
    for round in 1..rounds {
        if round % SLICE == 0 {
            executor.yield_now().await;
        }
        let mut next = keyed.clone();
        next.update(&link);
        link = next.finalize().into_bytes().into();
        for (byte, of_link) in key.iter_mut().zip(link) {
            *byte ^= of_link;
        }
    }
    Ok(key)
}

#[cfg(test)]
mod tests {
    use std::{cell::Cell, time::Duration};

    use async_trait::async_trait;
    use base64::{Engine as _, engine::general_purpose::STANDARD};
    use futures::{executor::block_on, future::LocalBoxFuture};

    use super::*;

    struct CountedTurns(Cell<u32>);

    #[async_trait(?Send)]
    impl Executor for CountedTurns {
        async fn yield_now(&self) {
            self.0.set(self.0.get() + 1);
        }

        async fn sleep(&self, _: Duration) {}

        fn spawn(&self, _: LocalBoxFuture<'static, ()>) {}
    }

    fn derived(password: &[u8], salt: &[u8], rounds: u32) -> [u8; 32] {
        block_on(derive(password, salt, rounds, &CountedTurns(Cell::new(0)))).unwrap()
    }

    // S11
    #[test]
    fn the_vectors_of_rfc_7914_hold() {
        // Section 11 gives 64 bytes; the first block is the first 32 of them.
        for (password, salt, rounds, expected) in [
            ("passwd", "salt", 1, "VawEblbjCJ/sFpHCJUS2BflBhSFt3gRl5oudV8INrLw="),
            ("Password", "NaCl", 80_000, "TdzY9guYviGDDO5e8icB+WQaRBjQTAQUrv8Ih2s0q1Y="),
        ] {
            let derived = derived(password.as_bytes(), salt.as_bytes(), rounds);
            assert_eq!(STANDARD.encode(derived), expected);
        }
    }

    #[test]
    fn the_crate_gives_the_same() {
        for (password, salt, rounds) in
            [("a", "0123456789abcdef", 1), ("pässwörd", "s", 4_097), ("", "", 2)]
        {
            let expected = ::pbkdf2::pbkdf2_hmac_array::<Sha256, 32>(
                password.as_bytes(),
                salt.as_bytes(),
                rounds,
            );
            assert_eq!(derived(password.as_bytes(), salt.as_bytes(), rounds), expected);
        }
    }

    #[test]
    fn the_event_loop_gets_its_turns() {
        let turns = CountedTurns(Cell::new(0));
        block_on(derive(b"a", b"b", SLICE * 3 + 1, &turns)).unwrap();
        assert_eq!(turns.0.get(), 3);
    }
}
