//! The reply of Redis to an admission call.

use std::time::Duration;

use platform::redis::ProcessId;

use crate::{
    crypto::Sealed,
    lease::Granted,
    quota::Meter,
    version_cache::{OPEN, TOMBSTONE},
};

/// The cache entry of one object.
#[derive(Default)]
pub(super) struct CachedVersion {
    pub(super) version: Option<i64>,
    pub(super) freshness: Freshness,
    /// The snapshot, if the instance does not have this version of it.
    pub(super) snapshot: Option<Sealed>,
}

/// The freshness of a cached version.
#[derive(Default, Clone, Copy, PartialEq, Eq)]
pub(super) enum Freshness {
    /// Stale: this call must compare it with PostgreSQL.
    #[default]
    Stale,
    /// Revalidating: another call is comparing it.
    Revalidating,
    /// Fresh: it was compared recently.
    Fresh,
    /// Refresh due: it is still fresh, and this call must schedule its comparison.
    RefreshDue,
}

impl CachedVersion {
    /// Returns the version, and the snapshot from Redis.
    pub(super) fn versioned(&self) -> (Option<i64>, Option<&Sealed>) {
        (self.version, self.snapshot.as_ref())
    }

    /// Returns whether the version is valid without another comparison.
    pub(super) fn is_fresh(&self) -> bool {
        matches!(self.freshness, Freshness::Fresh | Freshness::RefreshDue)
    }

    /// Returns whether this call must schedule a comparison.
    pub(super) fn is_due(&self) -> bool {
        self.freshness == Freshness::RefreshDue
    }

    /// Returns whether the entry is a tombstone.
    pub(super) fn has_ended(&self) -> bool {
        self.version == Some(TOMBSTONE)
    }

    pub(super) fn is_open(&self) -> Option<bool> {
        self.version.map(|version| version == OPEN)
    }
}

/// The reply of Redis to a call.
#[derive(Default)]
pub(super) struct Lookup {
    pub(super) tenant: CachedVersion,
    pub(super) caller: CachedVersion,
    pub(super) session: CachedVersion,
    /// The process that replied, if it is certain.
    pub(super) process: Option<ProcessId>,
    /// The time of Redis, in seconds since 1970.
    pub(super) redis_seconds: Option<i64>,
    /// Whether Redis was available.
    pub(super) is_answered: bool,
    /// The result of counting the call.
    pub(super) counted: Counted,
    /// The state of the caller's limits.
    pub(super) meter: Meter,
    /// The validity of the leases under which another instance may still admit a caller that is refused now.
    pub(super) refusal_wait: Duration,
    /// The change token of the tenant, if a lease was requested.
    pub(super) change: Option<i64>,
    /// The lease that was granted.
    pub(super) granted: Option<Granted>,
}

/// The result of counting a call.
#[derive(Default)]
pub(super) enum Counted {
    /// It was not counted: either counting was not requested, or Redis does not know that the caller may act.
    #[default]
    No,
    /// It was counted.
    Yes { day: Day, due: DueCheckpoints },
    /// A limit is exceeded.
    Refused { limit: &'static str, day: Day, due: DueCheckpoints },
    /// Redis does not have the usage of the day.
    Unknown(Day),
}

/// The checkpoints that a call must write.
#[derive(Clone, Copy)]
pub(super) struct DueCheckpoints {
    pub(super) tenant: bool,
    pub(super) api_key: bool,
}

/// The day of a count.
#[derive(Clone, Copy)]
pub(super) struct Day {
    pub(super) number: i64,
    /// The number of seconds until its end.
    pub(super) left: u32,
}

impl Lookup {
    /// Returns whether all versions are valid without another comparison.
    pub(super) fn is_fresh(&self) -> bool {
        [&self.tenant, &self.caller, &self.session].into_iter().all(CachedVersion::is_fresh)
    }

    /// Carries over from `before` that a refresh is due. The script reports it only to the first call.
    pub(super) fn stays_due(&mut self, before: &Self) {
        let versions = [&mut self.tenant, &mut self.caller, &mut self.session];
        for (now, before) in
            versions.into_iter().zip([&before.tenant, &before.caller, &before.session])
        {
            if before.is_due() && now.freshness == Freshness::Fresh {
                now.freshness = Freshness::RefreshDue;
            }
        }
    }

    /// Returns whether another call is revalidating all stale entries of this call.
    pub(super) fn is_to_wait(&self) -> bool {
        let all = [&self.tenant, &self.caller, &self.session].map(|version| version.freshness);
        all.contains(&Freshness::Revalidating) && !all.contains(&Freshness::Stale)
    }
}
