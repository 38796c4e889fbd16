//! Moves the catalog to another master key: reseals everything that is sealed in it.
//!
//! Under a crash: one statement replaces each value, if the value is still the one that was read. So a concurrent
//! rotation of a data key, creation of a tenant or hard deletion of a tenant loses nothing, and an interrupted run can
//! be repeated. An instance with another current key may meanwhile seal more values with that key.
//!
//! Redis is not touched: the catalog is read for a value that cannot be unsealed there.

use std::collections::BTreeSet;

use platform::sql::SCHEMA_DEADLINE;
use uuid::Uuid;

use crate::{
    audit,
    context::Context,
    crypto::{Purpose, Sealed, Sealer},
    error::Result,
    event::{Actor, Entry, Event, Severity, name},
    tenant::{
        cluster, database,
        repo::{
            self,
            sealed::{self, AnswerId},
        },
    },
    verified_address,
};

/// An object with one or more seals of the master key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Item {
    /// The password and the data keys of a tenant, in any state.
    Tenant(Uuid),
    /// The stored response of an idempotency key.
    Answer(AnswerId),
    /// The template of a cluster.
    Cluster(Uuid),
    /// The anchor of an audit trail; the nil UUID stands for the platform's trail.
    Anchor(Uuid),
    /// The rows of an audit trail that former keys have chained; the nil UUID stands for the platform's trail.
    Trail(Uuid),
    /// The hashes of a tenant's verified addresses.
    Addresses(Uuid),
}

/// The number of sealed values, by the key that sealed them.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Survey {
    /// Values that the current key sealed.
    pub current: i64,
    /// Values that another configured key sealed.
    pub others: i64,
    /// Values that no configured key can unseal.
    pub unknown: i64,
    /// Passwords of tenant databases that are not bound to a location.
    pub unbound: i64,
    /// Anchors of audit trails that no configured key made.
    pub unknown_anchors: i64,
    /// Audit trails with rows that no configured key chained and no voucher covers.
    pub unknown_trails: i64,
}

/// Counts the sealed values in the catalog.
pub async fn survey(context: &Context) -> Result<Survey> {
    let key = &context.master_key;
    let catalog = context.catalog_within(SCHEMA_DEADLINE).await?;
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
    for (_, sealer, count) in verified_address::survey_keys(context).await? {
        match sealer {
            Sealer::Current => survey.current += count,
            // Without the key a hash finds nothing, and the current key replaces it.
            Sealer::Other | Sealer::Unknown => survey.others += count,
        }
    }
    for (_, sealer) in audit::reseal::list(context).await? {
        match sealer {
            Sealer::Current => survey.current += 1,
            Sealer::Other => survey.others += 1,
            Sealer::Unknown => survey.unknown_anchors += 1,
        }
    }
    for sealer in audit::reseal::list_first_keys(context).await? {
        match sealer {
            Sealer::Current => survey.current += 1,
            Sealer::Other => survey.others += 1,
            Sealer::Unknown => survey.unknown_trails += 1,
        }
    }
    Ok(survey)
}

/// Lists the objects that a key other than the current one sealed, the passwords that are not bound to a location, and
/// every audit trail. Only [`reseal`] reads all rows of a trail.
pub async fn list(context: &Context) -> Result<Vec<Item>> {
    let catalog = context.catalog_within(SCHEMA_DEADLINE).await?;
    let head = |purpose| context.master_key.current_head(purpose);
    let tenants =
        sealed::list_tenants(&*catalog, head(Purpose::DatabasePassword), head(Purpose::DataKey));
    let tenants = tenants.await?;
    let answers = sealed::list_answers(&*catalog, head(Purpose::IdempotentAnswer)).await?;
    let clusters = cluster::repo::list_sealed_otherwise(&*catalog, head(Purpose::ClusterTemplate));
    let clusters = clusters.await?;
    let anchors = audit::reseal::list(context).await?;
    let anchors = anchors.into_iter().filter(|anchor| anchor.1 != Sealer::Current);
    let trails = audit::reseal::list_trails(context).await?;
    let addresses = verified_address::survey_keys(context).await?;
    let addresses = addresses.into_iter().filter(|counted| counted.1 != Sealer::Current);
    // A tenant may have hashes of several keys.
    let addresses: BTreeSet<_> = addresses.map(|(tenant, _, _)| tenant).collect();
    Ok(tenants
        .into_iter()
        .map(Item::Tenant)
        .chain(answers.into_iter().map(Item::Answer))
        .chain(clusters.into_iter().map(|cluster| Item::Cluster(cluster.id)))
        .chain(addresses.into_iter().map(Item::Addresses))
        .chain(anchors.map(|anchor| Item::Anchor(anchor.0)))
        // Trails follow the anchors, because a voucher continues an anchor.
        .chain(trails.into_iter().map(Item::Trail))
        .collect())
}

/// Reseals an item with the current key. Returns `false` if there was nothing left to do.
///
/// # Errors
/// [`Error::Internal`](crate::Error::Internal) if no key can unseal the item.
pub async fn reseal(context: &Context, item: &Item) -> Result<bool> {
    match item {
        Item::Tenant(id) => reseal_tenant(context, *id).await,
        Item::Answer(id) => reseal_answer(context, id).await,
        Item::Cluster(id) => reseal_cluster(context, *id).await,
        Item::Anchor(chain) => audit::reseal::reseal(context, *chain).await,
        Item::Trail(chain) => audit::reseal::vouch(context, *chain).await,
        Item::Addresses(id) => rehash_addresses(context, *id).await,
    }
}

async fn reseal_tenant(context: &Context, id: Uuid) -> Result<bool> {
    let catalog = context.catalog().await?;
    while let Some(record) = repo::find(&*catalog, id).await? {
        let password = database::reseal_password(context, &record)?;
        let data_key = record.data_key.as_ref();
        let data_key = data_key.map(|sealed| resealed(context, Purpose::DataKey, id, sealed));
        let data_key = data_key.transpose()?.flatten();
        if password.is_none() && data_key.is_none() {
            return Ok(false);
        }
        let event = Event::new(name::TENANT_SECRETS_RESEALED)
            .severity(Severity::Warning)
            .about("tenant", id);
        let entry = Entry::new(context, Some(id), &Actor::system(), event);
        if sealed::replace_secrets(&*catalog, &record, password, data_key, &entry).await? {
            audit::try_flush_catalog(context, Some(id)).await;
            return Ok(true);
        }
    }
    Ok(false)
}

async fn reseal_answer(context: &Context, id: &AnswerId) -> Result<bool> {
    let catalog = context.catalog().await?;
    while let Some((tenant, old)) = sealed::find_answer(&*catalog, id).await? {
        let Some(new) = resealed(context, Purpose::IdempotentAnswer, tenant, &old)? else {
            return Ok(false);
        };
        if sealed::replace_answer(&*catalog, id, &old, &new).await? {
            return Ok(true);
        }
    }
    Ok(false)
}

async fn reseal_cluster(context: &Context, id: Uuid) -> Result<bool> {
    let catalog = context.catalog().await?;
    loop {
        let clusters = cluster::repo::list(&*catalog).await?;
        let cluster = clusters.into_iter().find(|cluster| cluster.id == id);
        let Some(old) = cluster.and_then(|cluster| cluster.sealed_template) else {
            return Ok(false);
        };
        let Some(new) = resealed(context, Purpose::ClusterTemplate, id, &old)? else {
            return Ok(false);
        };
        if cluster::repo::replace_template(&*catalog, id, &old, &new).await? {
            return Ok(true);
        }
    }
}

async fn rehash_addresses(context: &Context, id: Uuid) -> Result<bool> {
    let catalog = context.catalog().await?;
    let Some(record) = repo::find(&*catalog, id).await? else { return Ok(false) };
    verified_address::rehash(context, &record).await
}

/// Returns the value sealed with the current key; `None` if it already is.
fn resealed(
    context: &Context,
    purpose: Purpose,
    tenant: Uuid,
    sealed: &Sealed,
) -> Result<Option<Sealed>> {
    let key = &context.master_key;
    if key.sealer(&sealed.0) == Sealer::Current {
        return Ok(None);
    }
    let plain = key.open(purpose, tenant, sealed)?;
    key.seal(purpose, tenant, &plain, &*context.platform.random).map(Some)
}
