//! Whether a credential that was verified may still act: one Redis call and no SQL.
//!
//! A token is believed as long as the versions in it and in the tenant's snapshot are those of the
//! moment and its session goes on; an API key, as long as its snapshot is that of the moment.
//! PostgreSQL is the truth. Redis keeps the versions, each with the time at which it was compared
//! with the truth; one older than a minute is compared again before anybody is let in, and one that
//! will soon be is compared beside the requests, which go on. A change writes PostgreSQL first and
//! Redis second, so a crash between the two heals within that minute. Redis may be behind for as
//! long, never ahead: a token with a higher version than Redis has sends to the truth, too.
//!
//! Redis away: the truth is asked each time. PostgreSQL away: what was compared in the last ten
//! minutes is still believed.

mod known;
mod publication;
pub(crate) mod renewal;
mod snapshot;
mod truth;

pub use known::Metering;
pub(crate) use publication::{
    publish_api_key, publish_tenant, publish_user, retire_api_key, retire_session, retire_tenant,
    retire_user,
};

use std::rc::Rc;

use uuid::Uuid;

use crate::{
    api_key::{ApiKey, ApiKeyRecord},
    error::{Error, Result, Unauthenticated},
    log,
    quota::{self, DailyResource, Meter, Resource, checkpoint},
    tenancy::Tenancy,
    tenant::{Tenant, TenantRecord},
    token::Claims,
};
use known::{Counted, Found, Known, Question};
use snapshot::remembered;

/// A caller who may act, if no limit keeps it from that.
pub struct Admitted {
    /// The tenant that it acts in.
    pub tenant: Tenant,
    /// Where its limits stand; empty where nothing was counted.
    pub meter: Meter,
    /// The limit that is reached: [`Error::RateLimited`] or [`Error::QuotaExceeded`].
    pub refused: Option<Error>,
}

/// The tenant that a verified token acts in. One call is taken from the tenant's limits.
///
/// # Errors
/// [`Error::Unauthenticated`] when the user, the session or the tenant of the token is no more, or
/// the user has changed; [`Error::TenantSuspended`] and [`Error::TenantDeleted`].
pub async fn admit_user(
    tenancy: &Rc<Tenancy>,
    claims: &Claims,
    metering: Metering,
) -> Result<Admitted> {
    let question = Question::of_user(claims.tid, claims.sub, claims.sid);
    let own = tenancy.tenants.get(&claims.tid);
    let versions = (own.as_ref().map(|record| record.version), Some(claims.ver));
    let found = question.ask(tenancy, versions, metering, None).await;
    if found.tenant.is_due() {
        renewal::of_tenant(tenancy, claims.tid);
    }
    let tenant = tenant(tenancy, claims.tid, own, &found.tenant)
        .await?
        .ok_or(Error::Unauthenticated(Unauthenticated::RevokedToken))?;
    if found.caller.is_due() || found.session.is_due() {
        renewal::of_session(tenancy, &tenant, claims.sub, claims.sid);
    }
    if !may_act(tenancy, claims, &tenant, &found).await? {
        return Err(Error::Unauthenticated(Unauthenticated::RevokedToken));
    }
    Ok(count(tenancy, &question, tenant, claims.ver, metering, found).await)
}

/// The tenant that an API key acts in, and what is known of the key. One call is taken from the
/// limits of both.
///
/// # Errors
/// [`Error::Unauthenticated`] when there is no such key or it has ended;
/// [`Error::TenantSuspended`] and [`Error::TenantDeleted`].
pub async fn admit_api_key(
    tenancy: &Rc<Tenancy>,
    key: &ApiKey,
    metering: Metering,
) -> Result<(Admitted, Rc<ApiKeyRecord>)> {
    const INVALID: Error = Error::Unauthenticated(Unauthenticated::InvalidApiKey);
    let hash = key.hash();
    let question = Question::of_api_key(key.tenant(), &hash);
    let own_tenant = tenancy.tenants.get(&key.tenant());
    let own_key = tenancy.api_keys.get(&hash);
    let versions = (
        own_tenant.as_ref().map(|record| record.version),
        own_key.as_ref().map(|record| record.version),
    );
    let found = question.ask(tenancy, versions, metering, None).await;
    if found.tenant.is_due() {
        renewal::of_tenant(tenancy, key.tenant());
    }
    if found.caller.is_due() {
        renewal::of_api_key(tenancy, key.tenant(), hash);
    }
    // Whose key it is comes first: who has none is told nothing of the tenant.
    let record = key_record(tenancy, key, &hash, own_key, &found.caller).await?.ok_or(INVALID)?;
    if !record.is_valid(&hash, tenancy.platform.clock.now()) {
        return Err(INVALID);
    }
    let tenant = tenant(tenancy, key.tenant(), own_tenant, &found.tenant).await?.ok_or(INVALID)?;
    let admitted = count(tenancy, &question, tenant, record.version, metering, found).await;
    Ok((admitted, record))
}

/// The most turns of counting: Redis did not know the caller, nor what was used today.
const COUNTING_TURNS: u32 = 3;

/// Sees to it that a call of a caller who may act is counted: once.
async fn count(
    tenancy: &Rc<Tenancy>,
    question: &Question,
    tenant: Tenant,
    caller_version: i64,
    metering: Metering,
    mut found: Found,
) -> Admitted {
    for _ in 0..COUNTING_TURNS {
        let used = match found.counted {
            Counted::Yes { day, is_to_be_kept } => {
                let calls = found.meter.limits.iter().find(|limit| limit.name == "day");
                if let (true, Some(calls)) = (is_to_be_kept, calls) {
                    let day = quota::day_of(day.number);
                    let calls_of_day = DailyResource::ApiCalls;
                    checkpoint::note(tenancy, tenant.id, calls_of_day, day, calls.used);
                }
                return Admitted { tenant, meter: found.meter, refused: None };
            }
            Counted::Refused { limit, day } => {
                let refused = Some(refusal(tenancy, &found.meter, limit, day.left));
                return Admitted { tenant, meter: found.meter, refused };
            }
            Counted::No
                if matches!(metering, Metering::None | Metering::Peek) || !found.is_answered =>
            {
                return Admitted { tenant, meter: found.meter, refused: None };
            }
            Counted::No => None,
            Counted::Unknown(day) => {
                let kept = async {
                    let catalog = tenancy.catalog().await?;
                    let name = DailyResource::ApiCalls.as_str();
                    let day = quota::day_of(day.number);
                    quota::repo::find(&*catalog, tenant.id, name, day).await
                };
                match kept.await {
                    Ok(kept) => Some((kept.unwrap_or(0), day.number)),
                    Err(error) => {
                        log::warning(tenancy, "a call was not counted", &error);
                        break;
                    }
                }
            }
        };
        let versions = (Some(tenant.version), Some(caller_version));
        found = question.ask_once(tenancy, versions, metering, used).await;
    }
    Admitted { tenant, meter: Meter::default(), refused: None }
}

fn refusal(tenancy: &Tenancy, meter: &Meter, limit: &str, seconds_of_day: u32) -> Error {
    let reached = meter.limits.iter().find(|reached| reached.name == limit);
    match reached {
        Some(day) if day.name == "day" => {
            tenancy.counters.quota_refused(Resource::ApiCalls);
            Error::QuotaExceeded {
                resource: Resource::ApiCalls,
                limit: day.limit,
                usage: day.used,
                retry_after: Some(seconds_of_day),
            }
        }
        reached => {
            tenancy.counters.rate_limited();
            Error::RateLimited { retry_after: reached.map_or(1, |limit| limit.reset).max(1) }
        }
    }
}

/// The tenant of an id, as of this moment; `None` when there is none.
async fn tenant(
    tenancy: &Tenancy,
    id: Uuid,
    own: Option<Rc<TenantRecord>>,
    known: &Known,
) -> Result<Option<Tenant>> {
    if known.has_ended() {
        return Ok(None);
    }
    let remembered = remembered(tenancy, id, known, own).filter(|record| record.id == id);
    if let Some(record) = &remembered
        && known.is_fresh()
    {
        tenancy.tenants.put(id, Rc::clone(record));
        return Tenant::admit(Rc::clone(record)).map(Some);
    }
    match (truth::tenant(tenancy, id).await, remembered) {
        (Ok(Some(record)), _) | (Err(Error::Unavailable { .. }), Some(record)) => {
            Tenant::admit(record).map(Some)
        }
        (Ok(None), _) => Ok(None),
        (Err(error), _) => Err(error),
    }
}

/// Whether the user is as the token says, and the session goes on.
async fn may_act(
    tenancy: &Tenancy,
    claims: &Claims,
    tenant: &Tenant,
    found: &Found,
) -> Result<bool> {
    let remembered = found.caller.version.zip(found.session.is_open());
    if let Some((version, is_open)) = remembered
        && found.caller.is_fresh()
        && found.session.is_fresh()
        && version >= claims.ver
    {
        return Ok(is_open && version == claims.ver);
    }
    match (truth::session(tenancy, tenant, claims.sub, claims.sid).await, remembered) {
        (Ok(state), _) => {
            Ok(state.is_some_and(|state| state.is_open && state.user_version == claims.ver))
        }
        (Err(Error::Unavailable { .. }), Some((version, is_open))) => {
            Ok(is_open && version == claims.ver)
        }
        (Err(error), _) => Err(error),
    }
}

/// What is known of an API key, as of this moment; `None` when there is no such key.
async fn key_record(
    tenancy: &Tenancy,
    key: &ApiKey,
    hash: &[u8; 32],
    own: Option<Rc<ApiKeyRecord>>,
    known: &Known,
) -> Result<Option<Rc<ApiKeyRecord>>> {
    if known.has_ended() {
        return Ok(None);
    }
    // A copy that was moved to another key's place is none of it.
    let of_this_key = |record: &Rc<ApiKeyRecord>| {
        record.hash == hash || record.previous_hash.as_deref() == Some(hash)
    };
    let remembered = remembered(tenancy, key.tenant(), known, own).filter(of_this_key);
    if let Some(record) = &remembered
        && known.is_fresh()
    {
        tenancy.api_keys.put(*hash, Rc::clone(record));
        return Ok(remembered);
    }
    let is_known = known.version.is_some();
    match (truth::api_key(tenancy, key.tenant(), *hash, is_known).await, remembered) {
        (Err(Error::Unavailable { .. }), Some(record)) => Ok(Some(record)),
        (found, _) => found,
    }
}
