//! Bytes as text.

const DIGITS: [u8; 16] = *b"0123456789abcdef";

/// Bytes in hexadecimal, lower case.
pub(crate) fn encode(bytes: &[u8]) -> String {
    let digit = |value: u8| char::from(DIGITS[usize::from(value)]);
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}
