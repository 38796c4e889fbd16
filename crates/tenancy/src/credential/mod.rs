//! Passwords: what one may be, and how it is kept.
//!
//! PBKDF2-HMAC-SHA-256 in PHC strings. An instance has one thread for 16 requests, so a hash runs in
//! slices with a turn of the event loop between them, and only so many run at a time.

mod common;
mod pace;
mod password;
mod pbkdf2;
mod phc;
pub(crate) mod scram;
mod sha256;

pub use password::{NewPassword, Password};

use pace::{Pace, Rests};
use phc::PasswordHash;
use subtle::ConstantTimeEq as _;

use crate::{error::Result, limiter::Limiter, tenancy::Tenancy};

/// The hashes of an instance that run at a time.
const HASHES_AT_ONCE: u32 = 8;

/// Hashes and verifies passwords.
pub struct Passwords {
    running: Limiter,
    rests: Rests,
}

impl Default for Passwords {
    fn default() -> Self {
        Self { running: Limiter::new("password hashes", HASHES_AT_ONCE), rests: Rests::default() }
    }
}

/// Whether a password was right.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It was not.
    Wrong,
    /// It was.
    Right,
    /// It was, and is kept with fewer rounds than the setting asks for now.
    RightButWeak,
}

impl Passwords {
    /// Hashes a password with a salt of its own, as a PHC string.
    ///
    /// # Errors
    /// [`Error::Unavailable`](crate::error::Error::Unavailable) when too many hashes run already, and for long.
    pub async fn hash(&self, tenancy: &Tenancy, password: &Password) -> Result<String> {
        let _running = self.running.enter(&*tenancy.platform.executor).await?;
        let salt = tenancy.platform.random.bytes::<{ phc::SALT }>();
        let rounds = tenancy.settings.password_rounds;
        let password = password.expose().as_bytes();
        let pace = Pace::new(&tenancy.platform, &self.rests);
        let hash = pbkdf2::derive(password, &salt, rounds, pace).await?;
        Ok(PasswordHash { rounds, salt: salt.to_vec(), hash }.to_string())
    }

    /// Compares a password with a PHC string. Without one it takes as long and is wrong, so that
    /// nobody learns from the time whether there is such a user.
    ///
    /// # Errors
    /// [`Error::Unavailable`](crate::error::Error::Unavailable) when too many hashes run already, and for long.
    pub async fn verify(
        &self,
        tenancy: &Tenancy,
        password: &Password,
        kept: Option<&str>,
    ) -> Result<Verdict> {
        let _running = self.running.enter(&*tenancy.platform.executor).await?;
        let wanted = tenancy.settings.password_rounds;
        let kept = kept.and_then(PasswordHash::parse);
        let nobody = PasswordHash { rounds: wanted, salt: vec![0; phc::SALT], hash: [0; 32] };
        let against = kept.as_ref().unwrap_or(&nobody);
        let password = password.expose().as_bytes();
        let derive = |rounds| {
            let pace = Pace::new(&tenancy.platform, &self.rests);
            pbkdf2::derive(password, &against.salt, rounds, pace)
        };
        let hash = derive(against.rounds).await?;
        // A hash of fewer rounds would tell by its time that there is such a user.
        let missing = wanted.saturating_sub(against.rounds);
        if missing > 0 {
            std::hint::black_box(derive(missing).await?);
        }
        let equal = bool::from(hash.ct_eq(&against.hash)) && kept.is_some();
        Ok(match equal {
            false => Verdict::Wrong,
            true if against.rounds < wanted => Verdict::RightButWeak,
            true => Verdict::Right,
        })
    }
}
