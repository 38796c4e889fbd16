//! How the catalog moves to another master key: everything that is sealed in it is sealed anew.
//!
//! Under a crash: each value is replaced by one statement, if it is still the one that was read. So a
//! data key that is rotated, and a tenant that is made or destroyed meanwhile, lose nothing, and a call
//! that broke off is repeated. An instance whose current key is another may seal more behind it.
//!
//! What Redis keeps is not touched: what does not open there is read from the catalog.

use uuid::Uuid;

use crate::{
    audit::{self, Actor, Entry, Event, Severity},
    crypto::{Purpose, Sealed, Sealer},
    error::Result,
    platform::sql::SCHEMA_DEADLINE,
    tenancy::Tenancy,
    tenant::{
        database,
        repo::{
            self,
            sealed::{self, AnswerId},
        },
    },
};

/// What has one or more seals of the master key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Item {
    /// The password and the data keys of a tenant, in whatever state it is.
    Tenant(Uuid),
    /// The answer that an idempotency key gives again.
    Answer(AnswerId),
    /// The anchor of an audit trail; the nil UUID is the platform's own.
    Anchor(Uuid),
    /// The rows of an audit trail that former keys have chained; the nil UUID is the platform's own.
    Trail(Uuid),
}

/// How many sealed values there are, by the key that has sealed them.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Survey {
    /// Those that the current key has sealed.
    pub current: i64,
    /// Those that another key has sealed which is there, too.
    pub others: i64,
    /// Those that do not open with any key that is there.
    pub unknown: i64,
    /// Passwords of tenants' databases that are bound to no location.
    pub unbound: i64,
    /// Anchors of audit trails that no key that is there has made.
    pub unknown_anchors: i64,
    /// Audit trails with rows that no key that is there has chained, and no voucher covers.
    pub unknown_trails: i64,
}

/// Counts what is sealed in the catalog.
pub async fn survey(tenancy: &Tenancy) -> Result<Survey> {
    let key = &tenancy.master_key;
    let catalog = tenancy.catalog_within(SCHEMA_DEADLINE).await?;
    let mut survey = Survey {
        unbound: sealed::count_unbound(&*catalog, key.current_head(Purpose::DatabasePassword))
            .await?,
        ..Survey::default()
    };
    for sealed::Counted { head, count } in sealed::count(&*catalog).await? {
        match key.sealer(&head) {
            Sealer::Current => survey.current += count,
            Sealer::Other => survey.others += count,
            Sealer::Unknown => survey.unknown += count,
        }
    }
    for (_, sealer) in audit::reseal::list(tenancy).await? {
        match sealer {
            Sealer::Current => survey.current += 1,
            Sealer::Other => survey.others += 1,
            Sealer::Unknown => survey.unknown_anchors += 1,
        }
    }
    for sealer in audit::reseal::list_first_keys(tenancy).await? {
        match sealer {
            Sealer::Current => survey.current += 1,
            Sealer::Other => survey.others += 1,
            Sealer::Unknown => survey.unknown_trails += 1,
        }
    }
    Ok(survey)
}

/// What another key than the current one has sealed, passwords that are bound to no location, and every audit trail: only
/// [`reseal`] reads all rows.
pub async fn list(tenancy: &Tenancy) -> Result<Vec<Item>> {
    let catalog = tenancy.catalog_within(SCHEMA_DEADLINE).await?;
    let head = |purpose| tenancy.master_key.current_head(purpose);
    let tenants =
        sealed::list_tenants(&*catalog, head(Purpose::DatabasePassword), head(Purpose::DataKey));
    let tenants = tenants.await?;
    let answers = sealed::list_answers(&*catalog, head(Purpose::IdempotentAnswer)).await?;
    let anchors = audit::reseal::list(tenancy).await?;
    let anchors = anchors.into_iter().filter(|anchor| anchor.1 != Sealer::Current);
    let trails = audit::reseal::list_trails(tenancy).await?;
    Ok(tenants
        .into_iter()
        .map(Item::Tenant)
        .chain(answers.into_iter().map(Item::Answer))
        .chain(anchors.map(|anchor| Item::Anchor(anchor.0)))
        // After the anchors: a voucher continues one.
        .chain(trails.into_iter().map(Item::Trail))
        .collect())
}

/// Seals an item anew with the current key. `false` when there was nothing to do any more.
///
/// # Errors
/// [`Error::Internal`](crate::Error::Internal) for one that no key opens.
pub async fn reseal(tenancy: &Tenancy, item: &Item) -> Result<bool> {
    match item {
        Item::Tenant(id) => reseal_tenant(tenancy, *id).await,
        Item::Answer(id) => reseal_answer(tenancy, id).await,
        Item::Anchor(chain) => audit::reseal::reseal(tenancy, *chain).await,
        Item::Trail(chain) => audit::reseal::vouch(tenancy, *chain).await,
    }
}

async fn reseal_tenant(tenancy: &Tenancy, id: Uuid) -> Result<bool> {
    let catalog = tenancy.catalog().await?;
    while let Some(record) = repo::find(&*catalog, id).await? {
        let password = database::reseal_password(tenancy, &record)?;
        let data_key = record.data_key.as_ref();
        let data_key = data_key.map(|sealed| anew(tenancy, Purpose::DataKey, id, sealed));
        let data_key = data_key.transpose()?.flatten();
        if password.is_none() && data_key.is_none() {
            return Ok(false);
        }
        let event =
            Event::new("tenant.secrets_resealed").severity(Severity::Warning).about("tenant", id);
        let entry = Entry::new(tenancy, Some(id), &Actor::system(), event);
        if sealed::replace_secrets(&*catalog, &record, password, data_key, &entry).await? {
            audit::flush_catalog(tenancy, Some(id)).await?;
            return Ok(true);
        }
    }
    Ok(false)
}

async fn reseal_answer(tenancy: &Tenancy, id: &AnswerId) -> Result<bool> {
    let catalog = tenancy.catalog().await?;
    while let Some((tenant, old)) = sealed::find_answer(&*catalog, id).await? {
        let Some(new) = anew(tenancy, Purpose::IdempotentAnswer, tenant, &old)? else {
            return Ok(false);
        };
        if sealed::replace_answer(&*catalog, id, &old, &new).await? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The same value, sealed with the current key; `None` where it is already.
fn anew(
    tenancy: &Tenancy,
    purpose: Purpose,
    tenant: Uuid,
    sealed: &Sealed,
) -> Result<Option<Sealed>> {
    let key = &tenancy.master_key;
    if key.sealer(&sealed.0) == Sealer::Current {
        return Ok(None);
    }
    let plain = key.open(purpose, tenant, sealed)?;
    key.seal(purpose, tenant, &plain, &*tenancy.platform.random).map(Some)
}
