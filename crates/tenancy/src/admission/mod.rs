//! Whether a verified token may still act: one Redis call and no SQL.
//!
//! A token is believed as long as the versions in it and in the tenant's snapshot are those of the
//! moment. PostgreSQL is the truth. Redis keeps the versions, each with the time at which it was
//! compared with the truth; one older than a minute is compared again. A change writes PostgreSQL
//! first and Redis second, so a crash between the two heals within that minute. Redis may be behind
//! for as long, never ahead: a token with a higher version than Redis has sends to the truth, too.
//!
//! Redis away: the truth is asked each time. PostgreSQL away: what was compared in the last ten
//! minutes is still believed.

mod snapshots;
mod versions;

pub use snapshots::Snapshots;

use std::rc::Rc;

use crate::{
    error::{Error, Result, Unauthenticated},
    log,
    tenancy::Tenancy,
    tenant::{Tenant, TenantDb, TenantRecord, repo},
    token::Claims,
    user,
};
use versions::{Known, Versions};

/// The tenant that a verified token acts in.
///
/// # Errors
/// [`Error::Unauthenticated`] when the user or the tenant of the token is no more, or the token was
/// revoked; [`Error::TenantSuspended`].
pub async fn admit(tenancy: &Tenancy, claims: &Claims) -> Result<Tenant> {
    let versions = Versions::of(claims.tid, claims.sub);
    let snapshot = tenancy.snapshots.get(claims.tid);
    let known = match versions.read(tenancy, snapshot.as_ref().map(|record| record.version)).await {
        Ok(known) => known,
        Err(error) => {
            log::warning(tenancy, "versions are read from PostgreSQL", &error.into());
            Known::default()
        }
    };
    let record = tenant_record(tenancy, &versions, claims, snapshot, &known).await?;
    let tenant = Tenant::admit(record)?;
    let version = user_version(tenancy, &versions, claims, &tenant, &known).await?;
    if version != Some(claims.ver) {
        return Err(Error::Unauthenticated(Unauthenticated::RevokedToken));
    }
    Ok(tenant)
}

async fn tenant_record(
    tenancy: &Tenancy,
    versions: &Versions,
    claims: &Claims,
    snapshot: Option<Rc<TenantRecord>>,
    known: &Known,
) -> Result<Rc<TenantRecord>> {
    let remembered = known.tenant_record(snapshot);
    if let Some(record) = &remembered
        && known.tenant_is_fresh()
    {
        tenancy.snapshots.put(Rc::clone(record));
        return Ok(Rc::clone(record));
    }
    let loaded = async {
        let catalog = tenancy.catalog().await?;
        repo::find(&*catalog, claims.tid).await
    };
    match (loaded.await, remembered) {
        (Ok(Some(record)), _) => {
            versions.publish_tenant(tenancy, &record).await;
            let record = Rc::new(record);
            tenancy.snapshots.put(Rc::clone(&record));
            Ok(record)
        }
        (Ok(None), _) => {
            versions.forget_tenant(tenancy).await;
            Err(Error::Unauthenticated(Unauthenticated::RevokedToken))
        }
        (Err(Error::Unavailable { .. }), Some(record)) => Ok(record),
        (Err(error), _) => Err(error),
    }
}

async fn user_version(
    tenancy: &Tenancy,
    versions: &Versions,
    claims: &Claims,
    tenant: &Tenant,
    known: &Known,
) -> Result<Option<i64>> {
    if known.user_is_fresh(claims.ver) {
        return Ok(known.user_version());
    }
    let loaded = async {
        let database = TenantDb::connect(tenancy, tenant).await?;
        user::repo::find_version(&database, claims.sub).await
    };
    match (loaded.await, known.user_version()) {
        (Ok(Some(version)), _) => {
            versions.publish_user(tenancy, version).await;
            Ok(Some(version))
        }
        (Ok(None), _) => {
            versions.forget_user(tenancy).await;
            Ok(None)
        }
        (Err(Error::Unavailable { .. }), Some(version)) => Ok(Some(version)),
        (Err(error), _) => Err(error),
    }
}
