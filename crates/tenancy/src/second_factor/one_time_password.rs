//! Time-based one-time passwords (RFC 6238), with the parameters that every authenticator supports: SHA-1, six digits,
//! and steps of 30 seconds.

use chrono::{DateTime, Utc};
use platform::Random;
use totp_rs::{Algorithm, Builder, Totp};
use zeroize::Zeroizing;

use crate::error::{Error, Result};

/// The length of a secret in bytes, the same as of the hash (RFC 4226, section 4).
const SECRET: usize = 20;
/// The number of steps before and after the current one whose codes are accepted, because the clock of an authenticator may be
/// wrong (RFC 6238, section 5.2).
const DRIFT: u16 = 1;

/// The generator and verifier of the codes of a factor.
pub struct OneTimePasswords(Totp);

/// The secret of a factor in the forms for an authenticator. It is shown once.
pub struct Enrollment {
    /// The secret in base32 (RFC 4648), for typing.
    pub secret: String,
    /// The `otpauth` URI, for a QR code.
    pub uri: String,
}

impl OneTimePasswords {
    /// Generates a secret.
    pub fn generate_secret(random: &dyn Random) -> Zeroizing<[u8; SECRET]> {
        Zeroizing::new(random.bytes())
    }

    /// Returns the codes of a secret.
    pub fn new(secret: &[u8]) -> Result<Self> {
        Self::named(secret, "", "user")
    }

    fn named(secret: &[u8], issuer: &str, account: &str) -> Result<Self> {
        // A colon separates the two names in the URI.
        let plain = |name: &str| name.replace(':', " ");
        let issuer = plain(issuer);
        let totp = Builder::new()
            .with_algorithm(Algorithm::SHA1)
            .with_digits(6)
            .with_step_duration(30)
            .with_skew(DRIFT)
            .with_secret(secret.to_vec())
            .with_issuer((!issuer.trim().is_empty()).then_some(issuer))
            .with_account_name(plain(account))
            .build();
        Ok(Self(totp.map_err(Error::internal)?))
    }

    /// Returns the secret in the forms for an authenticator. It shows `issuer` and `account` beside the codes.
    pub fn enrollment(secret: &[u8], issuer: &str, account: &str) -> Result<Enrollment> {
        let Self(totp) = Self::named(secret, issuer, account)?;
        let uri = totp.to_url().map_err(Error::internal)?;
        Ok(Enrollment { secret: totp.secret().to_base32(), uri })
    }

    /// Returns the step of a code that is valid at `now`. The comparison takes the same time for every code.
    pub fn step(&self, code: &str, now: DateTime<Utc>) -> Option<i64> {
        let seconds = u64::try_from(now.timestamp()).ok()?;
        self.0.check(code, seconds).and_then(|step| i64::try_from(step).ok())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(seconds, 0).unwrap()
    }

    // The last six digits of the values of RFC 6238, appendix B.
    #[test]
    fn codes_match_rfc_6238() {
        let codes = OneTimePasswords::new(b"12345678901234567890").unwrap();
        for (seconds, code) in [
            (59, "287082"),
            (1_111_111_109, "081804"),
            (1_111_111_111, "050471"),
            (1_234_567_890, "005924"),
            (2_000_000_000, "279037"),
            (20_000_000_000, "353130"),
        ] {
            assert_eq!(codes.step(code, at(seconds)), Some(seconds / 30), "{code}");
        }
    }

    #[test]
    fn clock_may_differ_by_one_step() {
        let codes = OneTimePasswords::new(b"12345678901234567890").unwrap();
        let step = |seconds| codes.step("005924", at(seconds));
        let own = 1_234_567_890 / 30;
        let begin = own * 30;
        for (seconds, expected) in [
            (begin - 31, None),
            (begin - 30, Some(own)),
            (begin, Some(own)),
            (begin + 59, Some(own)),
            (begin + 60, None),
        ] {
            assert_eq!(step(seconds), expected, "{}", seconds - begin);
        }
        assert_eq!(codes.step("", at(begin)), None);
        assert_eq!(codes.step("5924", at(begin)), None);
    }

    #[test]
    fn uri_names_issuer_and_account() {
        let secret = b"12345678901234567890";
        let shown = OneTimePasswords::enrollment(secret, "Acme: & Söhne", "a+b@x.example").unwrap();
        assert_eq!(shown.secret, "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ");
        let uri = url::Url::parse(&shown.uri).unwrap();
        assert_eq!((uri.scheme(), uri.host_str()), ("otpauth", Some("totp")));
        let pairs: std::collections::BTreeMap<_, _> = uri.query_pairs().into_owned().collect();
        assert_eq!(pairs["secret"], shown.secret);
        assert_eq!(pairs["issuer"], "Acme  & Söhne");
        assert!(uri.path().ends_with(":a%2Bb%40x.example"), "{}", uri.path());
        let long = "x".repeat(200);
        assert!(OneTimePasswords::enrollment(secret, &long, &long).is_ok());
    }
}
