//! The faults of a run, with their times.

use std::{
    fmt::Write as _,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

/// The time within which the application must recover after the last fault.
pub const RECOVERY: Duration = Duration::from_secs(3);
/// The number of faults in a piece of evidence.
const SHOWN: usize = 6;

/// The effect of a fault on a store or a host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// A host was killed.
    HostKilled,
    /// Redis was killed. Data since the last snapshot is lost.
    RedisKilled,
    /// PostgreSQL was killed.
    PostgresKilled,
    /// A store does not respond.
    Paused,
    /// Redis has written a snapshot, which is not a fault by itself.
    Saved,
}

#[derive(Debug, Clone)]
struct Entry {
    effect: Effect,
    text: String,
    from: Instant,
    to: Option<Instant>,
}

/// The faults so far.
pub struct Timeline {
    begin: Instant,
    entries: Mutex<Vec<Entry>>,
}

/// A fault in progress. [`Timeline::end`] ends it.
#[must_use]
pub struct Lasting(usize);

impl Timeline {
    /// Creates a timeline that starts now.
    pub fn new() -> Self {
        Self { begin: Instant::now(), entries: Mutex::default() }
    }

    /// Records that a fault begins.
    pub fn start(&self, effect: Effect, text: String) -> Lasting {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        entries.push(Entry { effect, text, from: Instant::now(), to: None });
        Lasting(entries.len() - 1)
    }

    /// Records that a fault is over.
    pub fn end(&self, lasting: &Lasting) {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        entries[lasting.0].to = Some(Instant::now());
    }

    /// Returns whether all stores and hosts were up from `from` until `to`, and had recovered before.
    pub fn is_calm(&self, from: Instant, to: Instant) -> bool {
        self.entries()
            .iter()
            .filter(|entry| entry.effect != Effect::Saved)
            .all(|entry| entry.from > to || entry.to.is_some_and(|over| over + RECOVERY < from))
    }

    /// Returns the start times of faults with this effect.
    pub fn times(&self, effect: Effect) -> Vec<Instant> {
        let entries = self.entries();
        entries.iter().filter(|entry| entry.effect == effect).map(|entry| entry.from).collect()
    }

    /// Returns the start and the end of each fault with this effect. A fault that lasts has no end.
    pub fn intervals(&self, effect: Effect) -> Vec<(Instant, Option<Instant>)> {
        let entries = self.entries();
        let with_effect = entries.iter().filter(|entry| entry.effect == effect);
        with_effect.map(|entry| (entry.from, entry.to)).collect()
    }

    /// Returns the time since the start of the run.
    pub fn since(&self, time: Instant) -> Duration {
        time.saturating_duration_since(self.begin)
    }

    /// Formats a time for evidence, in seconds since the start of the run.
    pub fn at(&self, time: Instant) -> String {
        format!("{:.3} s", self.since(time).as_secs_f64())
    }

    /// Returns the last faults that started before a time, one per line.
    pub fn before(&self, time: Instant) -> String {
        let entries = self.entries();
        let earlier: Vec<_> = entries.iter().filter(|entry| entry.from <= time).collect();
        let mut text = String::new();
        for entry in &earlier[earlier.len().saturating_sub(SHOWN)..] {
            // Writing to a string cannot fail.
            let _ = write!(text, "\n      {}", self.line(entry));
        }
        text
    }

    /// Returns all faults, one per line.
    pub fn all(&self) -> String {
        let lines = self.entries().iter().map(|entry| self.line(entry) + "\n").collect::<String>();
        if lines.is_empty() { "no faults\n".to_owned() } else { lines }
    }

    fn line(&self, entry: &Entry) -> String {
        let to = entry.to.map_or_else(|| "...".to_owned(), |to| self.at(to));
        format!("{} to {to}: {}", self.at(entry.from), entry.text)
    }

    fn entries(&self) -> Vec<Entry> {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner).clone();
        entries.sort_by_key(|entry| entry.from);
        entries
    }
}
