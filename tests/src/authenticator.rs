//! An authenticator for one-time passwords (RFC 6238).

use std::{thread::sleep, time::Duration};

use platform::{Clock as _, native::NativeClock};
use totp_rs::{Builder, Secret, Totp};

/// An authenticator that has the secret of a factor. It never shows a code twice.
pub struct Authenticator {
    totp: Totp,
    last_step: u64,
}

impl Authenticator {
    /// Returns the authenticator with a secret in base32.
    pub fn new(secret: &str) -> Self {
        let secret = Secret::try_from_base32(secret).expect("the secret is base32");
        let totp = Builder::new().with_secret(secret).with_account_name("user").build();
        Self { totp: totp.expect("the secret is long enough"), last_step: 0 }
    }

    /// Returns the next code that the service accepts for at least ten seconds. Codes of the past and of the next step are
    /// accepted too, so this rarely waits.
    pub fn code(&mut self) -> String {
        self.next_valid_for(10)
    }

    /// Returns the next code for a slow user: the service accepts it for at least 30 seconds.
    pub fn code_to_type(&mut self) -> String {
        self.next_valid_for(30)
    }

    /// Returns the next code that the service accepts for at least this number of seconds.
    fn next_valid_for(&mut self, seconds: u64) -> String {
        loop {
            let now = now();
            // A code is accepted until the step after its own ends.
            let step = ((now + seconds) / 30 - 1).max(self.last_step + 1);
            if step <= now / 30 + 1 {
                self.last_step = step;
                return self.totp.generate(step * 30).to_string();
            }
            sleep(Duration::from_secs(1));
        }
    }

    /// Returns a code that is never accepted.
    pub fn wrong_code(&self) -> String {
        let now = now() / 30;
        let near: Vec<_> =
            (now - 3..now + 4).map(|step| self.totp.generate(step * 30).to_string()).collect();
        let codes = (0..100).map(|code| format!("{code:06}"));
        codes.into_iter().find(|code| !near.contains(code)).expect("few codes are valid")
    }
}

/// Returns the seconds since 1970.
fn now() -> u64 {
    u64::try_from(NativeClock.now().timestamp()).expect("the clock is after 1970")
}
