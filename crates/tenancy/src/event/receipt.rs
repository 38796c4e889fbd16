//! Receipts: the detail of an event that records an erasure.

use serde_json::{Value as Json, json};
use sha2::{Digest as _, Sha256};

/// Returns the detail of an event with a receipt, and the checksum of the receipt: the SHA-256 of its JSON, in hexadecimal.
/// The audit trail signs the receipt like every row, with a key that is in no database. The checksum identifies it elsewhere,
/// for example in a letter.
pub(crate) fn detail(receipt: &Json) -> (Json, String) {
    // Members of objects are in alphabetical order, so the text is canonical.
    let sha256 = base16ct::lower::encode_string(&Sha256::digest(receipt.to_string().as_bytes()));
    (json!({ "receipt": receipt, "sha256": sha256 }), sha256)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checksum_does_not_depend_on_the_order_of_members() {
        let (one, other) = (json!({ "b": 1, "a": 2 }), json!({ "a": 2, "b": 1 }));
        let (shown, checksum) = detail(&one);
        assert_eq!(checksum, detail(&other).1);
        assert_eq!((&shown["receipt"], shown["sha256"].as_str()), (&one, Some(checksum.as_str())));
    }
}
