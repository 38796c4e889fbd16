//! An acknowledged tenant.

use std::{
    sync::{
        Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Instant,
};

use super::{Standing, Usage, locked};

/// A tenant.
pub struct Tenant {
    pub id: String,
    pub slug: String,
    /// Its first API key, which has every scope.
    pub key: String,
    /// Whether the tenant is active, or its suspension or deletion took effect.
    pub standing: Standing,
    /// The reported usage.
    pub usage: Usage,
    /// The time at which the first hard delete was sent.
    destruction: Mutex<Option<Instant>>,
    destroyed: AtomicBool,
    /// Whether an attempt to suspend or activate it had no response. Such an attempt may take effect late.
    uncertain: AtomicBool,
}

impl Tenant {
    /// Creates the record of an active tenant.
    pub fn new(id: &str, slug: &str, key: &str) -> Self {
        Self {
            id: id.to_owned(),
            slug: slug.to_owned(),
            key: key.to_owned(),
            standing: Standing::default(),
            usage: Usage::default(),
            destruction: Mutex::default(),
            destroyed: AtomicBool::new(false),
            uncertain: AtomicBool::new(false),
        }
    }

    /// Records that a hard delete begins.
    pub fn begin_destruction(&self) {
        *locked(&self.destruction) = Some(Instant::now());
    }

    /// Returns whether a hard delete began before a time.
    pub fn is_in_destruction(&self, time: Instant) -> bool {
        locked(&self.destruction).is_some_and(|begun| begun <= time)
    }

    /// Records that the tenant is destroyed.
    pub fn set_destroyed(&self) {
        self.destroyed.store(true, Ordering::Relaxed);
    }

    /// Returns whether the tenant is destroyed.
    pub fn is_destroyed(&self) -> bool {
        self.destroyed.load(Ordering::Relaxed)
    }

    /// Records that an earlier change may still take effect.
    pub fn set_uncertain(&self) {
        self.uncertain.store(true, Ordering::Relaxed);
    }

    /// Returns whether an earlier change may still take effect.
    pub fn is_uncertain(&self) -> bool {
        self.uncertain.load(Ordering::Relaxed)
    }
}
