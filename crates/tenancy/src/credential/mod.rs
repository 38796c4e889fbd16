//! Passwords: requirements and hashing.
//!
//! Passwords are stored as PHC strings with PBKDF2-HMAC-SHA-256. An instance has one thread for 16 requests, so a hash
//! runs in slices and yields to the event loop between them. The number of concurrent hashes is limited.

pub(crate) mod allowance;
mod common;
mod pace;
mod password;
mod phc;
pub(crate) mod scram;

pub use allowance::Allowance;
pub use password::{NewPassword, Password};

use subtle::ConstantTimeEq as _;

use crate::{
    context::Context,
    error::Result,
    limiter::{Limiter, Share, Shares, Slot},
};
use pace::{Pace, Rests};
use phc::PasswordHash;

/// The maximum number of concurrent hashes in an instance.
const HASHES_AT_ONCE: u32 = 8;
/// The maximum number of concurrent hashes of one tenant in an instance.
const HASHES_OF_A_TENANT: u32 = 2;

/// Hashes and verifies passwords.
pub struct Passwords {
    running: Limiter,
    shares: Shares,
    rests: Rests,
}

impl Default for Passwords {
    fn default() -> Self {
        Self {
            running: Limiter::new("password hashes", HASHES_AT_ONCE),
            shares: Shares::new("password hashes", HASHES_OF_A_TENANT),
            rests: Rests::default(),
        }
    }
}

/// The result of verifying a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The password is wrong.
    Wrong,
    /// The password is correct.
    Right,
    /// The password is correct, but its stored hash has fewer rounds than the setting requires.
    RightButWeak,
}

impl Passwords {
    /// Hashes a password with a random salt and returns a PHC string.
    ///
    /// # Errors
    /// [`Error::Unavailable`](crate::error::Error::Unavailable) if too many hashes are running and no slot is released
    /// in time.
    pub async fn hash(
        &self,
        context: &Context,
        allowance: &Allowance,
        password: &Password,
    ) -> Result<String> {
        let _places = self.enter(context, allowance).await?;
        let salt = context.platform.random.bytes::<{ phc::SALT }>();
        let rounds = context.settings.password_rounds;
        let password = password.expose().as_bytes();
        let mut pace = Pace::new(&context.platform, &self.rests);
        let hash = pbkdf2_simd::derive(password, &salt, rounds, async || pace.turn().await).await;
        Ok(PasswordHash { rounds, salt: salt.to_vec(), hash }.to_string())
    }

    /// Acquires a slot of the tenant, then a slot of the instance.
    async fn enter(
        &self,
        context: &Context,
        allowance: &Allowance,
    ) -> Result<(Option<Share>, Slot)> {
        let executor = &*context.platform.executor;
        let share = match allowance.tenant {
            Some(tenant) => Some(self.shares.enter(executor, tenant).await?),
            None => None,
        };
        Ok((share, self.running.enter(executor).await?))
    }

    /// Verifies a password against a PHC string. Without one, the function takes equally long and the password is
    /// wrong, so that the response time does not reveal whether the user exists.
    ///
    /// # Errors
    /// [`Error::Unavailable`](crate::error::Error::Unavailable) if too many hashes are running and no slot is released
    /// in time.
    pub async fn verify(
        &self,
        context: &Context,
        allowance: &Allowance,
        password: &Password,
        kept: Option<&str>,
    ) -> Result<Verdict> {
        let _places = self.enter(context, allowance).await?;
        let wanted = context.settings.password_rounds;
        let kept = kept.and_then(PasswordHash::parse);
        let nobody = PasswordHash { rounds: wanted, salt: vec![0; phc::SALT], hash: [0; 32] };
        let against = kept.as_ref().unwrap_or(&nobody);
        let password = password.expose().as_bytes();
        let derive = async |rounds| {
            let mut pace = Pace::new(&context.platform, &self.rests);
            pbkdf2_simd::derive(password, &against.salt, rounds, async || pace.turn().await).await
        };
        let hash = derive(against.rounds).await;
        // A hash with fewer rounds would reveal by its response time that the user exists.
        let missing = wanted.saturating_sub(against.rounds);
        if missing > 0 {
            std::hint::black_box(derive(missing).await);
        }
        let equal = bool::from(hash.ct_eq(&against.hash)) && kept.is_some();
        Ok(match equal {
            false => Verdict::Wrong,
            true if against.rounds < wanted => Verdict::RightButWeak,
            true => Verdict::Right,
        })
    }
}
