//! The tenants between which people may switch without a new sign-in.
//!
//! Two tenants must name each other. A tenant sees the sessions of its users, and could use them elsewhere, so the other
//! tenant must trust it.

use std::{collections::BTreeSet, rc::Rc};

use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{PersonTenant, repo};
use crate::{
    audit,
    context::Context,
    error::Result,
    event::{Actor, Entry, Event, Severity, name},
    field::FromField,
    tenant::Tenant,
};

/// The maximum number of tenants that a tenant names.
const MOST: usize = 50;

/// The tenants that a tenant names.
#[derive(Debug, Serialize, ToSchema)]
pub struct SwitchingTenants {
    /// The ids of the tenants. Switching is possible if they also name this tenant.
    #[schema(max_items = 50)]
    pub tenants: Vec<Uuid>,
}

/// The ids of tenants, without duplicates.
#[derive(Debug, Clone, ToSchema)]
#[schema(value_type = Vec<Uuid>, max_items = 50)]
pub struct OtherTenants(BTreeSet<Uuid>);

impl FromField for OtherTenants {
    fn from_json(value: Value) -> Result<Self, String> {
        let Value::Array(ids) = value else { return Err("must be an array of ids".to_owned()) };
        if ids.len() > MOST {
            return Err(format!("must have at most {MOST} ids"));
        }
        ids.into_iter().map(Uuid::from_json).collect::<Result<_, _>>().map(Self)
    }
}

/// Returns the tenants that a tenant names.
pub async fn get(context: &Context, tenant: &Tenant) -> Result<SwitchingTenants> {
    let catalog = context.catalog().await?;
    Ok(SwitchingTenants { tenants: repo::others(&*catalog, tenant.id).await? })
}

/// Replaces the tenants that a tenant names. They need not exist, so the response does not reveal which ones do.
pub async fn replace(
    context: &Rc<Context>,
    tenant: &Tenant,
    others: &OtherTenants,
    actor: &Actor,
) -> Result<SwitchingTenants> {
    let tenants: Vec<_> = others.0.iter().copied().filter(|id| *id != tenant.id).collect();
    let event = Event::new(name::SWITCHING_TENANTS_CHANGED)
        .severity(Severity::Warning)
        .detail(serde_json::json!({ "tenants": tenants }));
    let entry = Entry::new(context, Some(tenant.id), actor, event);
    let catalog = context.catalog().await?;
    repo::replace_others(&*catalog, tenant.id, &tenants, &entry).await?;
    audit::flush_catalog_later(context, Some(tenant.id));
    Ok(SwitchingTenants { tenants })
}

/// Returns the tenants to which a user of a tenant with this verified address may switch.
pub async fn targets(
    context: &Context,
    tenant: &Tenant,
    address: &str,
) -> Result<Vec<PersonTenant>> {
    let hashes = context.master_key.address_hashes(address)?;
    let catalog = context.catalog().await?;
    repo::list_targets(&*catalog, tenant.id, &hashes).await
}

/// Returns whether users of a tenant may switch to another one.
pub(crate) async fn is_allowed(context: &Context, tenant: &Tenant, other: Uuid) -> Result<bool> {
    let catalog = context.catalog().await?;
    repo::name_each_other(&*catalog, tenant.id, other).await
}
