//! Admission: checks that a verified credential is still valid, with one Redis call and no SQL.
//!
//! A token is valid while the user and the tenant have the versions in it and its session is open. An API key is valid
//! while it has the version of its snapshot. PostgreSQL is the source of truth. Redis holds cache entries: versions,
//! each with the time of its last comparison with PostgreSQL. Entries stay fresh for 60 s. Shortly before an entry
//! expires, one request refreshes it in the background. After that, one request refreshes it while the others wait.
//!
//! # The invariant
//! A request is admitted on a cached version only if the Redis process that it asks has received every change that was
//! acknowledged as in effect. Three rules guarantee this:
//! - **An entry is valid only in the Redis process that received it** ([`platform::redis`]). A process that
//!   restarts, from an older snapshot or empty, has no entries.
//! - **A change is acknowledged as in effect only after Redis received it** ([`Change`](crate::version_cache::Change)).
//!   If Redis is unavailable, the response says so and the publication is queued
//!   ([`queue`](crate::version_cache::queue)). An instance that reaches Redis trusts an entry for 60 s while PostgreSQL
//!   answers, and for 10 minutes while it does not. The change takes effect within that time. A credential that is
//!   refused while Redis is unavailable is treated in the same way: the process that ended it may have died before it
//!   published the end.
//! - **A version that was read before a change never replaces a newer one.** Versions only grow, and a tombstone is
//!   above every version. A PostgreSQL result is stored as fresh only in the Redis process that was observed before the
//!   query ([`Observation`](crate::version_cache::Observation)).
//!
//! Without Redis, each request reads PostgreSQL. Without PostgreSQL, entries are trusted for 10 minutes after their
//! last comparison.

mod arrival;
pub mod cached;
mod held;
mod lookup;
pub mod protocol;
pub(crate) mod renewal;
mod reply;
mod source;

pub use arrival::Arrival;
pub use protocol::Metering;

use std::rc::Rc;

use uuid::Uuid;

use crate::{
    absent::AbsentKeys,
    admission::cached::{CachedApiKeys, CachedTenants},
    api_key::{ApiKey, ApiKeyRecord},
    context::Context,
    error::{Error, Result, Unauthenticated},
    lease::before_refusal,
    log,
    quota::{self, Counter, Meter, checkpoint},
    resource::Resource,
    tenant::{Status, Tenant, TenantRecord},
    token::Claims,
    version_cache::newest,
};
use futures::FutureExt as _;
use held::{Asking, Caller, HeldCall, HeldLeases, Subject};
use lookup::{Extra, LookupRequest};
use protocol::Kept;
use reply::{CachedVersion, Counted, Day, DueCheckpoints, Lookup};

/// A caller with a valid credential, before its limits are applied.
pub struct Admitted {
    /// The tenant of the credential.
    pub tenant: Tenant,
    /// The state of the caller's limits; empty if the call was not counted.
    pub meter: Meter,
    /// The error for an exceeded limit: [`Error::RateLimited`] or [`Error::QuotaExceeded`].
    pub refused: Option<Error>,
}

/// Admits a verified token and returns its tenant. The call counts against the tenant's limits.
///
/// # Errors
/// [`Error::Unauthenticated`] if the user, the session or the tenant of the token does not exist, or if the user has
/// changed; [`Error::TenantSuspended`] and [`Error::TenantDeleted`].
pub async fn admit_user(
    context: &Rc<Context>,
    claims: &Claims,
    metering: Metering,
    arrival: Arrival,
) -> Result<Admitted> {
    let held = context.state::<HeldLeases>();
    let subject = Subject::user(claims, metering, arrival);
    if let Some(HeldCall { tenant, meter, is_renewal_due }) = held.admit_user(&subject, claims) {
        if is_renewal_due && let Some(asking) = held.request(context, &subject) {
            let (shared, claims) = (Rc::clone(context), claims.clone());
            renew(context, async move {
                ask_for_user(&shared, &claims, &subject.renewal(), Some(asking)).await.map(drop)
            });
        }
        return Ok(Admitted { tenant, meter, refused: None });
    }
    let asking = held.request(context, &subject);
    ask_for_user(context, claims, &subject, asking).await
}

/// Renews a lease in the background, so that no call waits for it. A caller that has no access any longer is refused at
/// its next call, and a failure lets a later call ask Redis.
fn renew(context: &Context, renewal: impl Future<Output = Result<()>> + 'static) {
    context.platform.executor.spawn(Box::pin(renewal.map(drop)));
}

/// Asks Redis whether a user may call, and for a lease.
async fn ask_for_user(
    context: &Rc<Context>,
    claims: &Claims,
    subject: &Subject,
    asking: Option<Asking>,
) -> Result<Admitted> {
    let question = LookupRequest::of_user(claims.tid, claims.sub, claims.sid);
    let own = context.state::<CachedTenants>().get(&claims.tid);
    let versions = (own.as_ref().map(|record| record.version), Some(claims.ver));
    let extra = Extra { lease: asking.as_ref().map(|asking| &asking.request), kept: None };
    let found = question.ask(context, versions, subject.metering, extra).await;
    if found.tenant.is_due() {
        renewal::of_tenant(context, claims.tid);
    }
    let Some(tenant) = tenant(context, claims.tid, own, &found).await? else {
        wait_to_refuse(context, &found).await;
        return Err(Error::Unauthenticated(Unauthenticated::RevokedToken));
    };
    if found.caller.is_due() || found.session.is_due() {
        renewal::of_session(context, &tenant, claims.sub, claims.sid);
    }
    if !may_act(context, claims, &tenant, &found).await? {
        wait_to_refuse(context, &found).await;
        return Err(Error::Unauthenticated(Unauthenticated::RevokedToken));
    }
    if let Some(asking) = asking {
        let held = context.state::<HeldLeases>();
        held.admitted(subject, &found, Caller::User { user: claims.sub, version: claims.ver });
        held.granted(context, subject, &asking, &found, (&tenant, None));
    }
    Ok(count(context, &question, tenant, (claims.ver, None), subject.metering, found).await)
}

/// Admits an API key and returns its tenant and its record. The call counts against the limits of both.
///
/// # Errors
/// [`Error::Unauthenticated`] if the key does not exist, has expired or was revoked; [`Error::TenantSuspended`] and
/// [`Error::TenantDeleted`].
pub async fn admit_api_key(
    context: &Rc<Context>,
    key: &ApiKey,
    metering: Metering,
    arrival: Arrival,
) -> Result<(Admitted, Rc<ApiKeyRecord>)> {
    let held = context.state::<HeldLeases>();
    let subject = Subject::api_key(key.tenant(), key.hash(), metering, arrival);
    if let Some((call, record)) = held.admit_api_key(&subject, arrival) {
        let HeldCall { tenant, meter, is_renewal_due } = call;
        if is_renewal_due && let Some(asking) = held.request(context, &subject) {
            let (shared, key, renewal) = (Rc::clone(context), key.clone(), subject.renewal());
            renew(context, async move {
                ask_for_api_key(&shared, &key, &renewal, arrival, Some(asking)).await.map(drop)
            });
        }
        return Ok((Admitted { tenant, meter, refused: None }, record));
    }
    if context.state::<AbsentKeys>().is_absent(&key.hash(), arrival.micros) {
        return Err(Error::Unauthenticated(Unauthenticated::InvalidApiKey));
    }
    let asking = held.request(context, &subject);
    ask_for_api_key(context, key, &subject, arrival, asking).await
}

/// Asks Redis whether an API key may call, and for a lease.
async fn ask_for_api_key(
    context: &Rc<Context>,
    key: &ApiKey,
    subject: &Subject,
    arrival: Arrival,
    asking: Option<Asking>,
) -> Result<(Admitted, Rc<ApiKeyRecord>)> {
    const INVALID: Error = Error::Unauthenticated(Unauthenticated::InvalidApiKey);
    let hash = key.hash();
    let question = LookupRequest::of_api_key(key.tenant(), hash);
    let own_tenant = context.state::<CachedTenants>().get(&key.tenant());
    let own_key = context.state::<CachedApiKeys>().get(&hash);
    let versions = (
        own_tenant.as_ref().map(|record| record.version),
        own_key.as_ref().map(|record| record.version),
    );
    let extra = Extra { lease: asking.as_ref().map(|asking| &asking.request), kept: None };
    let found = question.ask(context, versions, subject.metering, extra).await;
    if found.tenant.is_due() {
        renewal::of_tenant(context, key.tenant());
    }
    if found.caller.is_due() {
        renewal::of_api_key(context, key.tenant(), hash);
    }
    // The key is checked first: a caller without a valid key learns nothing about the tenant.
    let record = key_record(context, key, &hash, own_key, &found.caller).await?;
    let Some(record) = record else {
        if !found.is_answered {
            source::queue_end_of_api_key(context, key.tenant(), &hash, None).await;
        }
        wait_to_refuse(context, &found).await;
        context.state::<AbsentKeys>().put(hash, arrival.micros);
        return Err(INVALID);
    };
    if !record.is_valid(&hash, arrival.at) {
        if !found.is_answered {
            let version = Some(record.version);
            source::queue_end_of_api_key(context, key.tenant(), &hash, version).await;
        }
        wait_to_refuse(context, &found).await;
        return Err(INVALID);
    }
    let Some(tenant) = tenant(context, key.tenant(), own_tenant, &found).await? else {
        wait_to_refuse(context, &found).await;
        return Err(INVALID);
    };
    if let Some(asking) = asking {
        let held = context.state::<HeldLeases>();
        held.admitted(subject, &found, Caller::ApiKey(Rc::clone(&record)));
        held.granted(context, subject, &asking, &found, (&tenant, Some(record.id)));
    }
    let caller = (record.version, Some(record.id));
    let admitted = count(context, &question, tenant, caller, subject.metering, found).await;
    Ok((admitted, record))
}

/// The maximum number of attempts to count a call. Redis may lack first the caller, then the usage of the day.
const COUNTING_TURNS: u32 = 3;

/// Counts an admitted call once.
async fn count(
    context: &Rc<Context>,
    question: &LookupRequest,
    tenant: Tenant,
    (caller_version, api_key): (i64, Option<Uuid>),
    metering: Metering,
    mut found: Lookup,
) -> Admitted {
    for _ in 0..COUNTING_TURNS {
        let kept = match found.counted {
            Counted::Yes { day, due } => {
                keep(context, question, (tenant.id, api_key), (day, due), &found);
                return Admitted { tenant, meter: found.meter, refused: None };
            }
            Counted::Refused { limit, day, due } => {
                keep(context, question, (tenant.id, api_key), (day, due), &found);
                let is_call = metering != Metering::Renewal;
                let refused = is_call.then(|| refusal(context, &found.meter, limit, day.left));
                return Admitted { tenant, meter: found.meter, refused };
            }
            Counted::No
                if matches!(metering, Metering::None | Metering::Peek) || !found.is_answered =>
            {
                return Admitted { tenant, meter: found.meter, refused: None };
            }
            // The next call is counted.
            Counted::No | Counted::Unknown(_) if metering == Metering::Renewal => break,
            Counted::No => None,
            Counted::Unknown(day) => {
                let kept = async {
                    let catalog = context.catalog().await?;
                    let date = quota::day_of(day.number);
                    let (tenant, api_key) =
                        quota::repo::find_calls(&*catalog, tenant.id, api_key, date).await?;
                    Ok::<_, Error>(Kept { tenant, api_key, day: day.number })
                };
                match kept.await {
                    Ok(kept) => Some(kept),
                    Err(error) => {
                        log::warning(
                            context,
                            "PostgreSQL unavailable; admitting a call without counting it",
                            &error,
                        );
                        break;
                    }
                }
            }
        };
        let versions = (Some(tenant.version), Some(caller_version));
        let extra = Extra { lease: None, kept };
        found = question.ask_once(context, versions, metering, extra).await;
    }
    Admitted { tenant, meter: Meter::default(), refused: None }
}

/// Keeps the counters in case that Redis restarts: in the instance, and in the checkpoints that are due. A refused call
/// does so, too. Otherwise a reached limit would be forgotten with the instances that counted the last calls.
fn keep(
    context: &Rc<Context>,
    question: &LookupRequest,
    (tenant, api_key): (Uuid, Option<Uuid>),
    (day, due): (Day, DueCheckpoints),
    found: &Lookup,
) {
    question.remember(context, found, day);
    let of_tenant = due.tenant.then_some(("day", Counter::CALLS));
    let of_key = due.api_key.then_some(api_key).flatten();
    let of_key = of_key.map(|id| ("key-day", Counter::ApiKey(id)));
    for (name, counter) in [of_tenant, of_key].into_iter().flatten() {
        if let Some(limit) = found.meter.limits.iter().find(|limit| limit.name == name) {
            let usage = found.process.map(|process| (process, limit.used));
            checkpoint::schedule(context, tenant, counter, quota::day_of(day.number), usage);
        }
    }
}

fn refusal(context: &Context, meter: &Meter, limit: &str, seconds_of_day: u32) -> Error {
    let reached = meter.limits.iter().find(|reached| reached.name == limit);
    match reached {
        Some(day) if day.name == "day" => {
            context.counters.quota_refused(Resource::ApiCalls);
            Error::QuotaExceeded {
                resource: Resource::ApiCalls,
                limit: day.limit,
                usage: day.used,
                retry_after: Some(seconds_of_day),
            }
        }
        reached => {
            context.counters.rate_limited();
            Error::RateLimited { retry_after: reached.map_or(1, |limit| limit.reset).max(1) }
        }
    }
}

/// Waits before a caller is refused, so that no other instance admits it later. Without Redis, instances read
/// PostgreSQL.
async fn wait_to_refuse(context: &Context, found: &Lookup) {
    if found.is_answered {
        before_refusal(context, found.refusal_wait).await;
    }
}

/// Returns the current state of a tenant by its id; `None` if there is no such tenant.
async fn tenant(
    context: &Context,
    id: Uuid,
    own: Option<Rc<TenantRecord>>,
    found: &Lookup,
) -> Result<Option<Tenant>> {
    let cached = &found.tenant;
    if cached.has_ended() {
        return Ok(None);
    }
    let snapshot = newest(context, id, cached.versioned(), own).filter(|record| record.id == id);
    if let Some(record) = &snapshot
        && cached.is_fresh()
    {
        context.state::<CachedTenants>().put(id, Rc::clone(record));
        if record.status != Status::Active {
            wait_to_refuse(context, found).await;
        }
        return Tenant::admit(Rc::clone(record)).map(Some);
    }
    match (source::tenant(context, id).await, snapshot) {
        (Ok(Some(record)), _) | (Err(Error::Unavailable { .. }), Some(record)) => {
            Tenant::admit(record).map(Some)
        }
        (Ok(None), _) => Ok(None),
        (Err(error), _) => Err(error),
    }
}

/// Returns whether the user has the version of the token and the session is open.
async fn may_act(
    context: &Context,
    claims: &Claims,
    tenant: &Tenant,
    found: &Lookup,
) -> Result<bool> {
    let cached_state = found.caller.version.zip(found.session.is_open());
    if let Some((version, is_open)) = cached_state
        && found.caller.is_fresh()
        && found.session.is_fresh()
        && version >= claims.ver
    {
        return Ok(is_open && version == claims.ver);
    }
    match (source::session(context, tenant, claims.sub, claims.sid).await, cached_state) {
        (Ok(state), _) => {
            let is_valid = state
                .as_ref()
                .is_some_and(|state| state.is_open && state.user_version == claims.ver);
            if !is_valid && !found.is_answered {
                source::queue_end_of_session(context, claims, state.as_ref()).await;
            }
            Ok(is_valid)
        }
        (Err(Error::Unavailable { .. }), Some((version, is_open))) => {
            Ok(is_open && version == claims.ver)
        }
        (Err(error), _) => Err(error),
    }
}

/// Returns the current record of an API key; `None` if there is no such key.
async fn key_record(
    context: &Context,
    key: &ApiKey,
    hash: &[u8; 32],
    own: Option<Rc<ApiKeyRecord>>,
    cached: &CachedVersion,
) -> Result<Option<Rc<ApiKeyRecord>>> {
    if cached.has_ended() {
        return Ok(None);
    }
    // Ignores a snapshot that was copied from the entry of another key.
    let of_this_key = |record: &Rc<ApiKeyRecord>| {
        record.hash == hash || record.previous_hash.as_deref() == Some(hash)
    };
    let snapshot = newest(context, key.tenant(), cached.versioned(), own).filter(of_this_key);
    if let Some(record) = &snapshot
        && cached.is_fresh()
    {
        context.state::<CachedApiKeys>().put(*hash, Rc::clone(record));
        return Ok(snapshot);
    }
    let is_known = cached.version.is_some();
    match (source::api_key(context, key.tenant(), *hash, is_known).await, snapshot) {
        (Err(Error::Unavailable { .. }), Some(record)) => Ok(Some(record)),
        (found, _) => found,
    }
}
