//! The protocol of the admission script: its constants, arguments and reply, with a name for each number.
//!
//! [`ADMIT`] passes the constants and positions to `admit.lua`, so each number is written once.

use std::{sync::LazyLock, time::Duration};

use platform::redis::{Argument, ProcessId, Reply, Script};

use super::reply::{CachedVersion, Counted, Day, DueCheckpoints, Freshness, Lookup};
use crate::{
    crypto::Sealed,
    lease::{self, Granted},
    quota::{
        CARRY, KEPT, Limit, Meter,
        checkpoint::CHECKPOINT_SECONDS,
        seen::{self, Seen},
    },
    version_cache::TOMBSTONE,
};

/// The script.
pub static ADMIT: LazyLock<Script> = LazyLock::new(|| {
    let constants: Vec<_> = [
        CONSTANTS,
        Position::CONSTANTS,
        Number::CONSTANTS,
        Outcome::CONSTANTS,
        lease::CONSTANTS,
        LeaseNumber::CONSTANTS,
    ]
    .concat();
    let admit = include_str!("admit.lua");
    Script::with_constants(&constants, &[lease::RECORD, lease::GRANT, CARRY, admit])
});

/// The number of seconds in a day.
const DAY: i64 = 86_400;
/// The number of seconds in a minute.
pub(super) const MINUTE: u32 = 60;

/// The limits in the order in which the script reports them, with the lengths of their windows in seconds.
pub(super) const LIMITS: [(&str, u32); 4] =
    [("minute", MINUTE), ("day", 86_400), ("key-minute", MINUTE), ("key-day", 86_400)];

const CONSTANTS: &[(&str, i64)] = &[
    ("TOMBSTONE", TOMBSTONE),
    // The seconds for which a version stays fresh after it was compared with PostgreSQL.
    ("FRESH_SECONDS", 60),
    // The seconds after which one call must schedule a refresh, while it proceeds like all others. Each entry adds up
    // to 9 seconds, so that entries that were compared at one time are not due at one time.
    ("REFRESH_AFTER", 36),
    // The seconds that one call has to schedule the refresh, and to compare a stale version.
    ("REFRESH_PATIENCE", 6),
    ("COMPARISON_PATIENCE", 2),
    // The freshness of a version. It is valid from FRESH on.
    ("STALE", 0),
    ("REVALIDATING", 1),
    ("FRESH", 2),
    ("REFRESH_DUE", 3),
    // The limits to count. PEEK reports all of them and counts nothing.
    ("COUNT_ALL", Metering::All as i64),
    ("COUNT_CALLER", Metering::Caller as i64),
    ("PEEK", Metering::Peek as i64),
    ("COUNT_NONE", Metering::None as i64),
    ("RENEWAL", Metering::Renewal as i64),
    // The seconds after which another call must write the checkpoint of a day.
    ("CHECKPOINT_SECONDS", CHECKPOINT_SECONDS),
    // The seconds for which the counter of a day is kept.
    ("DAY_KEPT", KEPT),
    ("DAY_SECONDS", DAY),
    ("MINUTE_SECONDS", MINUTE as i64),
];

/// The limits that a call counts against.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Metering {
    /// The limits of the tenant and of the API key.
    All,
    /// The limits of the API key only. Another credential has counted the call against the tenant's limits.
    Caller,
    /// None, but report all of them.
    Peek,
    /// None.
    None,
    /// None, but take units for a lease from the limits of the tenant and of the API key.
    Renewal,
}

/// Declares numbers that the script knows by the same names, from the first number on.
macro_rules! numbers {
    (
        $(#[$about:meta])*
        enum $name:ident from $first:literal {
            $($(#[$text:meta])* $variant:ident = $lua:literal,)*
        }
    ) => {
        $(#[$about])*
        #[derive(Clone, Copy)]
        #[expect(dead_code, reason = "some numbers are only passed to the script")]
        enum $name {
            /// Below the first number.
            Before = $first - 1,
            $($(#[$text])* $variant,)*
        }

        impl $name {
            const CONSTANTS: &[(&str, i64)] = &[$(($lua, Self::$variant as i64),)*];
        }
    };
}

numbers! {
    /// The positions of the arguments.
    enum Position from 1 {
        /// The version of the tenant that the instance has.
        Tenant = "OWN_TENANT_VERSION",
        /// The version of the caller that the instance has (API key), or the version in the token (user).
        Caller = "OWN_CALLER_VERSION",
        /// A [`Metering`].
        Metering = "METERING",
        /// A request for a lease ([`lease::Request`]); absent or empty if there is none.
        Lease = "LEASE_REQUEST",
        /// The tenant's usage of the day in PostgreSQL. This and the following arguments are present if PostgreSQL was
        /// queried or if the instance saw counters of an earlier process.
        KeptTenant = "KEPT_TENANT",
        /// The API key's usage of the day in PostgreSQL.
        KeptApiKey = "KEPT_API_KEY",
        /// The number of that day; empty if PostgreSQL was not queried.
        KeptDay = "KEPT_DAY",
        /// The first of the counters of earlier processes.
        FirstSeen = "FIRST_SEEN",
    }
}

numbers! {
    /// The numbers of the reply.
    enum Number from 1 {
        TenantVersion = "TENANT_VERSION",
        TenantFreshness = "TENANT_FRESHNESS",
        CallerVersion = "CALLER_VERSION",
        CallerFreshness = "CALLER_FRESHNESS",
        SessionVersion = "SESSION_VERSION",
        SessionFreshness = "SESSION_FRESHNESS",
        /// An [`Outcome`].
        Outcome = "OUTCOME",
        /// The place of the reached limit, from 1.
        ReachedLimit = "REACHED_LIMIT",
        /// 1 if the call must write the checkpoint of the tenant's day.
        TenantCheckpoint = "TENANT_CHECKPOINT",
        /// 1 if the call must write the checkpoint of the API key's day.
        ApiKeyCheckpoint = "API_KEY_CHECKPOINT",
        /// The milliseconds to wait before the caller is refused.
        RefusalWait = "REFUSAL_WAIT",
        /// The number of the day, in days since 1970.
        Day = "DAY",
        /// The seconds left of the day.
        SecondsLeft = "SECONDS_LEFT",
        /// The first number of the first limit.
        FirstLimit = "FIRST_LIMIT",
    }
}

numbers! {
    /// The result of counting a call.
    enum Outcome from 0 {
        NotCounted = "NOT_COUNTED",
        Counted = "COUNTED",
        Refused = "REFUSED",
        /// PostgreSQL must be queried for the usage of the day.
        DayUnknown = "DAY_UNKNOWN",
    }
}

numbers! {
    /// The numbers of a lease, after those of the limits.
    enum LeaseNumber from 1 {
        ChangeToken = "CHANGE_TOKEN",
        /// The number of the granted lease.
        Lease = "LEASE",
        /// The number of calls that were taken from the limits in advance.
        Units = "UNITS",
        /// The milliseconds until the first window of the units ends.
        MillisecondsLeft = "MILLISECONDS_LEFT",
        /// The number of these numbers, plus 1.
        End = "LEASE_NUMBERS_END",
    }
}

/// The index of the outcome among the numbers of the reply.
pub const OUTCOME: usize = Number::Outcome as usize - 1;
/// The outcome of a counted call.
pub const COUNTED: i64 = Outcome::Counted as i64;
/// The index of the first number of the first limit.
pub const FIRST_LIMIT: usize = Number::FirstLimit as usize - 1;

/// The arguments of a call.
pub(super) struct Question<'a> {
    /// The versions of the tenant and of the caller that the instance has.
    pub(super) versions: (Option<i64>, Option<i64>),
    pub(super) metering: Metering,
    /// The packed request for a lease; empty if there is none.
    pub(super) lease: &'a [u8],
    pub(super) kept: Option<Kept>,
    /// The counters of an earlier process.
    pub(super) earlier: &'a [Option<Seen>; 4],
    /// The monotonic time in microseconds.
    pub(super) now: u64,
}

/// The usage of a day in PostgreSQL.
#[derive(Debug, Clone, Copy)]
pub(super) struct Kept {
    pub(super) tenant: i64,
    pub(super) api_key: i64,
    /// The number of the day, in days since 1970.
    pub(super) day: i64,
}

impl<'a> Question<'a> {
    /// Returns the arguments in the order of [`Position`]. Each further argument takes a microsecond of the host.
    pub(super) fn arguments(&'a self) -> Vec<Argument<'a>> {
        let mut arguments = vec![
            Argument::Int(self.versions.0.unwrap_or(0)),
            Argument::Int(self.versions.1.unwrap_or(0)),
            Argument::Int(self.metering as i64),
        ];
        let has_counters = self.kept.is_some() || self.earlier.iter().any(Option::is_some);
        if has_counters || !self.lease.is_empty() {
            arguments.push(Argument::Bytes(self.lease));
        }
        if has_counters {
            match self.kept {
                Some(Kept { tenant, api_key, day }) => {
                    arguments.extend([tenant, api_key, day].map(Argument::Int));
                }
                None => arguments.extend([Argument::from(""); 3]),
            }
            for (seen, (_, window)) in self.earlier.iter().zip(LIMITS) {
                seen::append(&mut arguments, seen.as_ref(), |seen| match window {
                    MINUTE => left_of(seen.until, self.now),
                    _ => seen.until,
                });
            }
        }
        arguments
    }
}

/// Returns the milliseconds from `now` until `until`, which are both in microseconds.
fn left_of(until: i64, now: u64) -> i64 {
    let until = u64::try_from(until).unwrap_or(0);
    i64::try_from(until.saturating_sub(now) / 1_000).unwrap_or(i64::MAX)
}

/// Parses the reply: the snapshots of the tenant and of the caller, and the numbers. `limits` is the number of limits
/// that the caller has.
pub(super) fn read(replies: Vec<Reply>, process: Option<ProcessId>, limits: usize) -> Lookup {
    let mut replies = replies.into_iter();
    let mut bytes = || match replies.next() {
        Some(Reply::Bytes(bytes)) => Some(bytes),
        _ => None,
    };
    let [tenant, caller] = [bytes(), bytes()].map(|snapshot| snapshot.map(Sealed));
    let packed = bytes().unwrap_or_default();
    let packed = packed.as_chunks::<8>().0;
    let at = |place: usize| {
        let number = packed.get(place - 1).copied().map(i64::from_be_bytes);
        number.filter(|number| *number >= 0)
    };
    let number = |number: Number| at(number as usize);
    let version = |version, freshness, snapshot| CachedVersion {
        version: number(version),
        freshness: match number(freshness) {
            Some(1) => Freshness::Revalidating,
            Some(2) => Freshness::Fresh,
            Some(3) => Freshness::RefreshDue,
            _ => Freshness::Stale,
        },
        snapshot,
    };
    let left = number(Number::SecondsLeft).and_then(|left| u32::try_from(left).ok());
    let left = left.unwrap_or(0).max(1);
    let day = Day { number: number(Number::Day).unwrap_or(0), left };
    let due = DueCheckpoints {
        tenant: number(Number::TenantCheckpoint) == Some(1),
        api_key: number(Number::ApiKeyCheckpoint) == Some(1),
    };
    let outcome = number(Number::Outcome);
    let is = |other: Outcome| outcome == Some(other as i64);
    let counted = if is(Outcome::Counted) {
        Counted::Yes { day, due }
    } else if is(Outcome::Refused) {
        let place = number(Number::ReachedLimit).and_then(|place| usize::try_from(place - 1).ok());
        let limit = place.and_then(|place| LIMITS.get(place)).unwrap_or(&LIMITS[0]);
        Counted::Refused { limit: limit.0, day, due }
    } else if is(Outcome::DayUnknown) {
        Counted::Unknown(day)
    } else {
        Counted::No
    };
    let first = Number::FirstLimit as usize;
    let states = LIMITS.into_iter().take(limits).enumerate().filter_map(|(place, limit)| {
        let [most, used, reset] = [0, 1, 2].map(|offset| at(first + 3 * place + offset));
        let reset = u32::try_from(reset?).unwrap_or(0);
        Some(Limit { name: limit.0, limit: most?, used: used?, window: limit.1, reset })
    });
    let meter = Meter { limits: states.collect() };
    let of_lease = |number: LeaseNumber| at(first - 1 + 3 * limits + number as usize);
    let granted = of_lease(LeaseNumber::Lease).zip(process).map(|(number, process)| Granted {
        process,
        number,
        units: of_lease(LeaseNumber::Units).unwrap_or(0),
        milliseconds_left: of_lease(LeaseNumber::MillisecondsLeft).unwrap_or(0),
        day: day.number,
    });
    let wait = number(Number::RefusalWait).and_then(|wait| u64::try_from(wait).ok()).unwrap_or(0);
    Lookup {
        tenant: version(Number::TenantVersion, Number::TenantFreshness, tenant),
        caller: version(Number::CallerVersion, Number::CallerFreshness, caller),
        session: version(Number::SessionVersion, Number::SessionFreshness, None),
        process,
        redis_seconds: Some(day.number * DAY + DAY - i64::from(left)),
        is_answered: true,
        counted,
        meter,
        refusal_wait: Duration::from_millis(wait),
        change: of_lease(LeaseNumber::ChangeToken),
        granted,
    }
}
