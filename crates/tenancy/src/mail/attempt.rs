//! What follows an attempt to send a message.
//!
//! A definite refusal is tried again, later each time. An attempt without an answer may have sent the message, so it is
//! repeated only once: a user receives each message at most twice.
//!
//! Under a crash: the claim of the attempt expires, which counts as an attempt without an answer.

use chrono::{DateTime, TimeDelta, Utc};
use platform::Random;

/// The maximum number of attempts.
pub const MOST_ATTEMPTS: u32 = 8;
/// The maximum number of attempts without an answer.
pub const MOST_UNANSWERED: u32 = 2;
/// The longest delay before the second attempt. It doubles with each further attempt.
const FIRST_DELAY: TimeDelta = TimeDelta::seconds(30);
/// The longest delay before any attempt, also if the server asks for a longer one.
const LONGEST_DELAY: TimeDelta = TimeDelta::hours(1);

/// How an attempt ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The server accepted the message.
    Accepted,
    /// The server certainly did not accept the message and may do so later.
    Refused {
        /// The delay that the server asked for.
        retry_after: Option<TimeDelta>,
    },
    /// The server will not accept the message.
    Rejected,
    /// The server may have accepted the message.
    Unanswered,
}

impl Outcome {
    /// Returns the outcome of a response of an HTTP API.
    pub fn of_response(status: u16, retry_after: Option<TimeDelta>) -> Self {
        match status {
            200..=299 => Self::Accepted,
            // The server works on the message, or a gateway has no answer of the server.
            409 | 502 | 504 => Self::Unanswered,
            // 3xx to 405 are faults of the settings: the token or the address of the API is wrong. Redirects are not
            // followed, because they would carry the token to another host.
            300..=399 | 401 | 403..=405 | 408 | 425 | 429 | 500..=599 => {
                Self::Refused { retry_after }
            }
            _ => Self::Rejected,
        }
    }
}

/// The attempts of a message, including the one that just ended.
#[derive(Debug, Clone, Copy)]
pub struct Attempts {
    /// All attempts.
    pub all: u32,
    /// The attempts without an answer.
    pub unanswered: u32,
    /// When the token in the message expires.
    pub expires_at: DateTime<Utc>,
}

/// Why a message is dead.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failure {
    /// The server rejected it.
    Rejected,
    /// The last attempt was refused.
    Refused,
    /// Two attempts had no answer.
    Unanswered,
    /// It would arrive after its token has expired.
    Expired,
    /// The user has used the token, or has another one, or is deactivated.
    Superseded,
    /// The service cannot unseal it.
    Damaged,
}

impl Failure {
    /// Returns the code that is stored.
    pub fn code(self) -> &'static str {
        match self {
            Self::Rejected => "rejected",
            Self::Refused => "refused",
            Self::Unanswered => "unanswered",
            Self::Expired => "expired",
            Self::Superseded => "superseded",
            Self::Damaged => "damaged",
        }
    }
}

/// What happens to a message after an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NextStep {
    /// It is sent.
    Sent,
    /// It is tried again then.
    Retry(DateTime<Utc>),
    /// It is not tried again, unless an operator asks for it.
    Dead(Failure),
}

impl Attempts {
    /// Returns what follows an attempt that ended at `now`.
    pub fn next_step(self, outcome: Outcome, now: DateTime<Utc>, random: &dyn Random) -> NextStep {
        let least = match outcome {
            Outcome::Accepted => return NextStep::Sent,
            Outcome::Rejected => return NextStep::Dead(Failure::Rejected),
            Outcome::Unanswered if self.unanswered >= MOST_UNANSWERED => {
                return NextStep::Dead(Failure::Unanswered);
            }
            Outcome::Unanswered => None,
            Outcome::Refused { retry_after } => retry_after,
        };
        if self.all >= MOST_ATTEMPTS {
            return NextStep::Dead(match outcome {
                Outcome::Unanswered => Failure::Unanswered,
                _ => Failure::Refused,
            });
        }
        let least = least.unwrap_or_default().clamp(TimeDelta::zero(), LONGEST_DELAY);
        let at = now + self.jittered_delay(random).max(least);
        if at < self.expires_at { NextStep::Retry(at) } else { NextStep::Dead(Failure::Expired) }
    }

    /// Returns a random delay below the limit of this attempt ("full jitter"), so that messages that were refused
    /// together do not return together.
    fn jittered_delay(self, random: &dyn Random) -> TimeDelta {
        let doublings = self.all.saturating_sub(1).min(MOST_ATTEMPTS);
        let limit = (FIRST_DELAY * (1 << doublings)).min(LONGEST_DELAY).num_milliseconds();
        // 32 random bits scale to at most an hour of milliseconds, so the product fits.
        let fraction = i64::from(u32::from_be_bytes(random.bytes()));
        TimeDelta::milliseconds((limit * fraction) >> 32)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A source of one repeated byte.
    struct Constant(u8);

    impl Random for Constant {
        fn fill(&self, bytes: &mut [u8]) {
            bytes.fill(self.0);
        }
    }

    const REFUSED: Outcome = Outcome::Refused { retry_after: None };

    fn now() -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_000_000, 0).unwrap()
    }

    fn attempts(all: u32, unanswered: u32) -> Attempts {
        Attempts { all, unanswered, expires_at: now() + TimeDelta::days(1) }
    }

    fn delay(step: NextStep) -> TimeDelta {
        match step {
            NextStep::Retry(at) => at - now(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn statuses_have_outcomes() {
        let of = |status| Outcome::of_response(status, None);
        for status in [200, 202, 299] {
            assert_eq!(of(status), Outcome::Accepted, "{status}");
        }
        for status in [301, 307, 401, 403, 404, 408, 429, 500, 503, 599] {
            assert_eq!(of(status), REFUSED, "{status}");
        }
        for status in [409, 502, 504] {
            assert_eq!(of(status), Outcome::Unanswered, "{status}");
        }
        for status in [100, 400, 413, 422, 600] {
            assert_eq!(of(status), Outcome::Rejected, "{status}");
        }
    }

    #[test]
    fn attempt_without_answer_is_repeated_once() {
        let step = |unanswered| {
            attempts(unanswered, unanswered).next_step(Outcome::Unanswered, now(), &Constant(0))
        };
        assert_eq!(step(1), NextStep::Retry(now()));
        assert_eq!(step(2), NextStep::Dead(Failure::Unanswered));
    }

    #[test]
    fn refusals_wait_longer_up_to_a_limit() {
        let longest = |all| delay(attempts(all, 0).next_step(REFUSED, now(), &Constant(255)));
        let limits = [30, 60, 120, 240, 480, 960, 1920];
        for (all, limit) in (1..).zip(limits) {
            let limit = TimeDelta::seconds(limit);
            let (longest, tick) = (longest(all), TimeDelta::milliseconds(1));
            assert_eq!(longest, limit - tick, "{all}");
        }
        let last = attempts(MOST_ATTEMPTS, 0).next_step(REFUSED, now(), &Constant(0));
        assert_eq!(last, NextStep::Dead(Failure::Refused));
    }

    #[test]
    fn server_can_ask_for_a_bounded_delay() {
        let asked = |seconds| {
            let retry_after = Some(TimeDelta::seconds(seconds));
            let outcome = Outcome::Refused { retry_after };
            delay(attempts(1, 0).next_step(outcome, now(), &Constant(0)))
        };
        assert_eq!(asked(90), TimeDelta::seconds(90));
        assert_eq!(asked(-5), TimeDelta::zero());
        assert_eq!(asked(1_000_000), LONGEST_DELAY);
    }

    #[test]
    fn message_expires_with_its_token() {
        let message = Attempts { all: 1, unanswered: 0, expires_at: now() };
        let dead = NextStep::Dead(Failure::Expired);
        assert_eq!(message.next_step(REFUSED, now(), &Constant(0)), dead);
        assert_eq!(message.next_step(Outcome::Accepted, now(), &Constant(0)), NextStep::Sent);
    }
}
