//! A check that a secret may be random.

/// The minimum number of different bytes in a secret. With 32 random hexadecimal digits, the probability of fewer than
/// 8 different digits is one in a hundred million.
const DIFFERENT: usize = 8;
/// The minimum entropy of a secret in bits, by the frequency of its bytes. 32 random hexadecimal digits have about 115.
const BITS: f64 = 80.0;

/// Returns whether a secret is unlikely to be random: it repeats a part, counts up or down, or has few different bytes.
pub(super) fn is_weak(text: &str) -> bool {
    let bytes = text.as_bytes();
    let mut counts = [0_u32; 256];
    for byte in bytes {
        counts[usize::from(*byte)] += 1;
    }
    let different = counts.iter().filter(|count| **count > 0).count();
    different < DIFFERENT
        || entropy(&counts, bytes.len()) < BITS
        || repeats(bytes)
        || counts_on(bytes)
}

/// Returns the entropy of a text in bits, by the frequency of its bytes.
fn entropy(counts: &[u32; 256], length: usize) -> f64 {
    let length = u32::try_from(length).map_or(f64::MAX, f64::from);
    counts
        .iter()
        .filter(|count| **count > 0)
        .map(|count| f64::from(*count) * (length / f64::from(*count)).log2())
        .sum()
}

/// Returns whether the text repeats a part of at most half its length.
fn repeats(bytes: &[u8]) -> bool {
    (1..=bytes.len() / 2).any(|part| bytes.iter().skip(part).eq(&bytes[..bytes.len() - part]))
}

/// Returns whether more than half of the bytes differ by at most one from the preceding byte.
fn counts_on(bytes: &[u8]) -> bool {
    let steps = bytes.windows(2).filter(|pair| pair[0].abs_diff(pair[1]) <= 1).count();
    steps * 2 > bytes.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weak_secrets_are_found_and_random_ones_pass() {
        for weak in [
            "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
            "abababababababababababababababab",
            "0123456789abcdef0123456789abcdef",
            "abcdefghijklmnopqrstuvwxyz123456",
            "passwordpasswordpasswordpassword",
            "1111111122222222333333334444444455555555",
        ] {
            assert!(is_weak(weak), "{weak}");
        }
        for random in [
            "8f14e45fceea167a5a36dedd4bea2543",
            "kX3v9QpL0sZ7wR2tY6uB1nM8cV5hJ4gF",
            "the key that signs access tokens of a test",
            "the-key-of-the-platform-in-a-test",
        ] {
            assert!(!is_weak(random), "{random}");
        }
    }
}
