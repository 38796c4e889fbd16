//! The names of all Redis keys.
//!
//! The keys of a tenant begin with `t:{<id of the tenant>}:`, the others with `platform:`. The braces put all keys of a
//! tenant into one hash slot of a Redis cluster, so that one script can use several of them. The platform puts the
//! identity of the Redis process in front of each name ([`platform::redis`]). Every key has a time to live.
//!
//! Scripts derive more names from the keys that they receive:
//!
//! | Name | Script | Value |
//! |---|---|---|
//! | `calls:minute`, `calls:<API key>:minute` | `admission/admit.lua` | The calls of the tenant or of an API key, for 60 s. |
//! | `usage:api_calls:<day>`, `calls:<API key>:day:<day>` | `admission/admit.lua` | See [`usage`] and [`api_key_calls`]. |
//! | `leases` | `admission/admit.lua`, `version_cache/publish.lua` | See [`leases`]. |
//! | `calls:checkpoint:<day>`, `calls:<API key>:checkpoint:<day>` | `lease/report.lua` | Marks a checkpoint as requested, for 2 s. |
//! | `<counter>:carried` | `quota/carry.lua` | The usage of earlier processes that the counter contains. |
//! | `<counter>:floor` | `quota/raise.lua` | The usage with which a counter starts that does not exist yet. |
//! | `<counter>:unsettled`, `<report>:unsettled` | `quota/consume.lua` | The amount of reports that the catalog has not stored. |
//! | `cache:<name>` | `cache/put.lua`, `cache/clear.lua` | Another entry of the same cache. |

use uuid::Uuid;

/// The Redis hash with the sums of the counters of all instances (`counter_sums.rs`). It is kept for 7 days after its
/// last change.
pub(crate) const COUNTERS: &str = "platform:counters";

/// Marks the collection of the keys of earlier Redis processes as in progress (120 s) or complete (7 days)
/// (`earlier_processes.rs`).
pub(crate) const COLLECTED: &str = "platform:collected";

/// Marks the expired database credentials as removed, for five seconds (`database_role/ending.rs`).
pub(crate) const DATABASE_ROLES_CHECKED: &str = "platform:database_roles_checked";

/// The tenants whose messages are due soon, by time (`mail/due.rs`). They are kept for a day after the last addition.
pub(crate) const MAIL_DUE: &str = "platform:mail_due";

/// Marks the abandoned moves of tenants as checked, for five seconds (`lifecycle/moving/mod.rs`).
pub(crate) const MOVES_CHECKED: &str = "platform:moves_checked";

/// Marks the queue of publications as checked, for two seconds (`version_cache/queue.rs`).
pub(crate) const QUEUE_CHECKED: &str = "platform:queue_checked";

/// The mark of a process in which no lease of an earlier process is valid any longer (`lease/serving.rs`). It is kept for
/// 30 days.
pub(crate) const SERVING: &str = "platform:serving";

/// The names of the keys of all processes of Redis, as a pattern.
pub(crate) const OF_ANY_PROCESS: &str = "????????????????:*";

/// The names of the keys of all tenants in all processes, as a pattern.
pub(crate) const OF_ANY_TENANT: &str = "????????????????:t:{*}:*";

/// The names of the records of the leases of all tenants in all processes, as a pattern.
pub(crate) const LEASES_OF_ANY_TENANT: &str = "????????????????:t:{*}:leases";

/// Returns the keys of a tenant in all processes, as a pattern. It also matches names that a snapshot of an earlier
/// process has restored.
pub(crate) fn of_tenant(tenant: Uuid) -> String {
    format!("*:t:{{{tenant}}}:*")
}

/// Returns whether a key is one of the service. `key` begins with a colon, after the identity of the process.
pub(crate) fn is_own(key: &[u8]) -> bool {
    key.starts_with(b":t:{") || key.starts_with(b":platform:")
}

/// Returns the cache entry of a tenant (`version_cache`). It is kept for ten minutes after it was compared with
/// PostgreSQL, like the entries of users, sessions and API keys.
pub(crate) fn tenant(tenant: Uuid) -> String {
    entry(tenant, "tenant", "")
}

/// Returns the cache entry of a user.
pub(crate) fn user(tenant: Uuid, user: Uuid) -> String {
    entry(tenant, "user:", user.hyphenated().encode_lower(&mut Uuid::encode_buffer()))
}

/// Returns the cache entry of a session.
pub(crate) fn session(tenant: Uuid, session: Uuid) -> String {
    entry(tenant, "session:", session.hyphenated().encode_lower(&mut Uuid::encode_buffer()))
}

/// Returns the cache entry of an API key, by the hash of its secret.
pub(crate) fn api_key(tenant: Uuid, hash: &[u8]) -> String {
    entry(tenant, "api_key:", &base16ct::lower::encode_string(hash))
}

/// Returns the record of the leases of a tenant (`lease`). It is kept for 30 days after the last lease.
pub(crate) fn leases(tenant: Uuid) -> String {
    entry(tenant, "leases", "")
}

/// Returns whether a name with the identity of a process is that of a cache entry of a tenant, a user, a session or an
/// API key.
pub(crate) fn is_entry(name: &[u8]) -> bool {
    let Some(end) = name.iter().position(|byte| *byte == b'}') else { return false };
    let kind = &name[end + 1..];
    kind == b":tenant"
        || [&b":user:"[..], b":session:", b":api_key:"].iter().any(|start| kind.starts_with(start))
}

/// A verified request builds three of these names, so they are not formatted.
fn entry(tenant: Uuid, kind: &str, id: &str) -> String {
    let mut buffer = Uuid::encode_buffer();
    let tenant = tenant.hyphenated().encode_lower(&mut buffer);
    ["t:{", tenant, "}:", kind, id].concat()
}

/// Returns the usage of a daily resource on a day, a number of days since 1970 (`quota`). It is kept for three days. The
/// admission script builds the same name.
pub(crate) fn usage(tenant: Uuid, resource: &str, day: i64) -> String {
    name_of(Some(tenant), "usage:", &format!("{resource}:{day}"))
}

/// Returns the calls of an API key on a day, as in [`usage`].
pub(crate) fn api_key_calls(tenant: Uuid, api_key: Uuid, day: i64) -> String {
    name_of(Some(tenant), "calls:", &format!("{api_key}:day:{day}"))
}

/// Returns the usage after a report, by the SHA-256 of the report's id, so that a repetition is not counted. It is kept
/// for three days.
pub(crate) fn report(tenant: Uuid, digest: [u8; 32]) -> String {
    name_of(Some(tenant), "report:", &base16ct::lower::encode_string(&digest))
}

/// Returns a token bucket of a tenant, or of the platform (`bucket`). It is kept until it is full.
///
/// The buckets of a tenant are `hashes`, `hashes:<subject>`, `rare_events`, `unmetered` and `unmetered:<API key>`. The
/// buckets of the platform are `anonymous:<network>`, `misses:<network>` and `rare_events`.
pub(crate) fn bucket(tenant: Option<Uuid>, name: &str) -> String {
    name_of(tenant, "bucket:", name)
}

/// Returns the failures of a subject of login throttling (`login_throttling`). They are kept for a minute longer than
/// their effect, which is a quarter of an hour or the current delay.
pub(crate) fn sign_in_failures(tenant: Option<Uuid>, subject: &str) -> String {
    name_of(tenant, "guess:", subject)
}

/// Returns the time at which login throttling began to count in this process. It is kept for a day after the last
/// attempt.
pub(crate) fn sign_in_failures_began(tenant: Option<Uuid>) -> String {
    name_of(tenant, "guess_began", "")
}

/// Returns the mark of an event that is recorded once a minute for each subject (`audit/record.rs`). It is kept for
/// 60 s.
pub(crate) fn recorded_event(tenant: Option<Uuid>, event: &str, subject: &str) -> String {
    name_of(tenant, "noted:", &format!("{event}:{subject}"))
}

/// Returns the lease of an activity on an audit trail, `export`, `verify` or `user_export:<user>` (`audit/lease.rs`). It
/// is kept for 30 s after its last renewal.
pub(crate) fn audit_lease(tenant: Option<Uuid>, activity: &str) -> String {
    name_of(tenant, "audit_lease:", activity)
}

/// Returns an entry of a tenant's cache (`cache`). The tenant chooses its time to live, at most 30 days. With an empty
/// `name`, returns the prefix of all entries.
pub(crate) fn cache_entry(tenant: Uuid, name: &str) -> String {
    name_of(Some(tenant), "cache:", name)
}

/// Returns the indexes of a tenant's cache: the expiry times of all entries, their sizes, and their total number of
/// bytes. They are kept a minute longer than the last entry.
pub(crate) fn cache_indexes(tenant: Uuid) -> [String; 3] {
    ["cache_ends", "cache_sizes", "cache_bytes"].map(|index| name_of(Some(tenant), index, ""))
}

fn name_of(tenant: Option<Uuid>, kind: &str, rest: &str) -> String {
    match tenant {
        Some(tenant) => format!("t:{{{tenant}}}:{kind}{rest}"),
        None => format!("platform:{kind}{rest}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TENANT: Uuid = Uuid::from_u128(0xa);
    const OTHER: Uuid = Uuid::from_u128(0xb);

    #[test]
    fn names_are_stable() {
        // Instances of two versions use the same keys during a deployment.
        let tenant = "t:{00000000-0000-0000-0000-00000000000a}:";
        let [ends, sizes, bytes] = cache_indexes(TENANT);
        for (name, expected) in [
            (super::tenant(TENANT), "tenant"),
            (user(TENANT, OTHER), "user:00000000-0000-0000-0000-00000000000b"),
            (session(TENANT, OTHER), "session:00000000-0000-0000-0000-00000000000b"),
            (api_key(TENANT, &[1, 0xab]), "api_key:01ab"),
            (usage(TENANT, "api_calls", 20_000), "usage:api_calls:20000"),
            (
                api_key_calls(TENANT, OTHER, 20_000),
                "calls:00000000-0000-0000-0000-00000000000b:day:20000",
            ),
            (report(TENANT, [1; 32]), &format!("report:{}", "01".repeat(32))),
            (bucket(Some(TENANT), "hashes"), "bucket:hashes"),
            (sign_in_failures(Some(TENANT), "01ab"), "guess:01ab"),
            (sign_in_failures_began(Some(TENANT)), "guess_began"),
            (recorded_event(Some(TENANT), "quota.refused", "users"), "noted:quota.refused:users"),
            (audit_lease(Some(TENANT), "export"), "audit_lease:export"),
            (cache_entry(TENANT, "a:b"), "cache:a:b"),
            (ends, "cache_ends"),
            (sizes, "cache_sizes"),
            (bytes, "cache_bytes"),
        ] {
            assert_eq!(name, format!("{tenant}{expected}"));
        }
        for (name, expected) in [
            (bucket(None, "rare_events"), "platform:bucket:rare_events"),
            (sign_in_failures(None, "01ab"), "platform:guess:01ab"),
            (sign_in_failures_began(None), "platform:guess_began"),
            (recorded_event(None, "access.denied", "x"), "platform:noted:access.denied:x"),
            (audit_lease(None, "verify"), "platform:audit_lease:verify"),
        ] {
            assert_eq!(name, expected);
        }
        assert_eq!(of_tenant(TENANT), format!("*:{tenant}*"));
    }

    #[test]
    fn only_cache_entries_are_entries() {
        for key in
            [tenant(TENANT), user(TENANT, OTHER), session(TENANT, OTHER), api_key(TENANT, &[3; 32])]
        {
            assert!(is_entry(format!("0123456789abcdef:{key}").as_bytes()), "{key}");
        }
        for kind in [":calls:minute", ":usage:api_calls:20000", ":cache:tenant", ":tenants", ""] {
            let name = format!("0123456789abcdef:t:{{{TENANT}}}{kind}");
            assert!(!is_entry(name.as_bytes()), "{kind}");
        }
        assert!(!is_entry(format!("0123456789abcdef:{COLLECTED}").as_bytes()));
    }
}
