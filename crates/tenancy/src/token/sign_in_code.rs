//! The code of a sign-in by mail, which a person types instead of opening the link.

use platform::Random;
use serde_json::Value;
use zeroize::Zeroizing;

use super::SignInRequest;
use crate::input::FromField;

/// The number of digits. A request accepts five codes, and one of them is right in one of twenty million cases.
const LENGTH: usize = 8;
/// The number of codes.
const CODES: u64 = 100_000_000;

/// A code of eight digits. It is valid only with its request.
pub struct SignInCode(Zeroizing<String>);

impl SignInCode {
    /// Generates a code.
    pub fn generate(random: &dyn Random) -> Self {
        // 64 random bits are so many that each code is equally likely for all purposes.
        let number = u64::from_be_bytes(random.bytes()) % CODES;
        Self(Zeroizing::new(format!("{number:0LENGTH$}")))
    }

    /// Returns the digits, for the message.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Returns the SHA-256 hash that is stored instead of the code. The code has few digits, so the hash contains the
    /// secret of the request, which is not stored.
    pub fn hash(&self, request: &SignInRequest) -> [u8; 32] {
        request.hash_with(&self.0)
    }
}

impl FromField for SignInCode {
    fn from_json(value: Value) -> Result<Self, String> {
        const PROBLEM: &str = "must be a text of eight digits";
        let Value::String(text) = value else { return Err(PROBLEM.to_owned()) };
        // People separate the digits as the message shows them.
        let compact: String = text.chars().filter(|char| !char.is_ascii_whitespace()).collect();
        if compact.len() == LENGTH && compact.bytes().all(|byte| byte.is_ascii_digit()) {
            Ok(Self(Zeroizing::new(compact)))
        } else {
            Err(PROBLEM.to_owned())
        }
    }
}

#[cfg(test)]
mod tests {
    use platform::native::NativeRandom;
    use serde_json::json;
    use uuid::Uuid;

    use super::*;

    #[test]
    fn code_is_read_as_people_type_it() {
        for _ in 0..100 {
            let code = SignInCode::generate(&NativeRandom);
            let shown = code.expose();
            assert!(shown.len() == 8 && shown.bytes().all(|byte| byte.is_ascii_digit()), "{shown}");
            for typed in [shown.to_owned(), format!(" {} {} ", &shown[..4], &shown[4..])] {
                let read = SignInCode::from_json(json!(typed)).map(|read| read.expose().to_owned());
                assert_eq!(read.as_deref(), Ok(shown));
            }
        }
        for wrong in [
            json!("1234567"),
            json!("123456789"),
            json!(12_345_678),
            json!(""),
            json!("١٢٣٤٥٦٧٨"),
            json!("1234-5678"),
            json!(null),
        ] {
            assert!(SignInCode::from_json(wrong.clone()).is_err(), "{wrong}");
        }
    }

    // S56
    #[test]
    fn code_is_bound_to_its_request() {
        let request = || SignInRequest::generate(Uuid::from_u128(7), &NativeRandom);
        let (own, other) = (request(), request());
        let code = SignInCode::generate(&NativeRandom);
        assert_eq!(code.hash(&own), code.hash(&own));
        assert_ne!(code.hash(&own), code.hash(&other));
        assert_ne!(code.hash(&own), own.hash());
    }
}
