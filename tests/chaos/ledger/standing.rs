//! The state of a credential or a tenant: valid, changing or ended.

use std::{
    sync::Mutex,
    time::{Duration, Instant, SystemTime},
};

use chrono::{DateTime, Utc};

use super::locked;
use crate::context::Settled;

/// The end of a right.
#[derive(Debug, Clone)]
pub struct End {
    /// The request that ended it, and its response.
    pub how: String,
    /// The time at which the response had arrived.
    pub acknowledged: Instant,
    /// Requests that start at this time or later must be rejected. `None` if the response promises nothing before the
    /// final repair.
    pub from: Option<Instant>,
}

/// The state of a right.
#[derive(Debug, Clone)]
pub enum State {
    /// It is valid.
    Valid,
    /// A change is under way, or its result is unknown.
    Changing,
    /// It has ended.
    Ended(End),
}

/// The state of a right over time. Each change increases the generation.
#[derive(Debug)]
pub struct Standing(Mutex<(u64, State)>);

impl Default for Standing {
    fn default() -> Self {
        Self(Mutex::new((0, State::Valid)))
    }
}

impl Standing {
    /// Returns the generation and the state.
    pub fn now(&self) -> (u64, State) {
        locked(&self.0).clone()
    }

    /// Records that a change begins, before its request is sent.
    pub fn change(&self) {
        self.set(State::Changing);
    }

    /// Records that a response confirmed the right as valid.
    pub fn is_valid_again(&self) {
        self.set(State::Valid);
    }

    /// Records that the end of the right begins, before its request is sent. An end that took effect
    /// earlier stays.
    pub fn begin_end(&self) {
        if !matches!(self.now().1, State::Ended(_)) {
            self.change();
        }
    }

    /// Records that the response to `request` confirmed the end of the right. An end that took effect earlier stays.
    pub fn end(&self, request: &str, settled: &Settled) {
        match self.now().1 {
            State::Ended(earlier) if earlier.refuses(settled.sent.ended) => {}
            _ => self.set(State::Ended(End::of(request, settled))),
        }
    }

    /// Records that an end has taken effect by a time, even if its response promised less.
    pub fn take_effect(&self, time: Instant) {
        if let State::Ended(end) = &mut locked(&self.0).1 {
            end.from = Some(end.from.map_or(time, |from| from.min(time)));
        }
    }

    fn set(&self, state: State) {
        let mut current = locked(&self.0);
        *current = (current.0 + 1, state);
    }
}

impl End {
    /// Returns the end that a response acknowledges. 200 and 204 take effect immediately, and so does the 404 of a
    /// repetition. 202 takes effect by the time in its header. Any other response shows only that the right has ended
    /// for one host.
    fn of(request: &str, settled: &Settled) -> Self {
        let (status, ended) = (settled.answer.status, settled.sent.ended);
        let by = settled.answer.header("takes-effect-by");
        let from = match status {
            202 => Some(takes_effect(by, ended)),
            200 | 201 | 204 | 404 | 409 | 410 => Some(ended),
            _ => None,
        };
        let mut how = format!(
            "{request} at host {}: {status} after {} attempts",
            settled.sent.host, settled.attempts
        );
        if status == 202 {
            how.push_str(", takes effect by ");
            how.push_str(by);
        }
        Self { how, acknowledged: ended, from }
    }

    /// Returns whether a request that started at a time must be refused.
    pub fn refuses(&self, started: Instant) -> bool {
        self.from.is_some_and(|from| from <= started)
    }
}

/// Returns the instant of an RFC 3339 time, or `otherwise` if it is invalid, so that the strict rule applies to a 202
/// without the header.
fn takes_effect(time: &str, otherwise: Instant) -> Instant {
    #[expect(clippy::disallowed_methods, reason = "the time of the header is that of this machine")]
    let (wall, now) = (DateTime::<Utc>::from(SystemTime::now()), Instant::now());
    let Ok(time) = DateTime::parse_from_rfc3339(time) else { return otherwise };
    let left = time.with_timezone(&Utc) - wall;
    match left.to_std() {
        Ok(left) => now + left,
        Err(_) => now.checked_sub((-left).to_std().unwrap_or(Duration::ZERO)).unwrap_or(otherwise),
    }
}
