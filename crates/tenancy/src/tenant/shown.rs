//! Tenants as JSON for responses.

use std::rc::Rc;

use uuid::Uuid;

use super::{Tenant, TenantView};
use crate::{
    context::Context,
    error::{Error, Result},
    instance_cache::InstanceCache,
};

/// The maximum size in bytes of the JSON that an instance caches. The operator's data about a tenant may be far longer.
const MOST: usize = 2 * 1024;

/// The JSON of tenants, by their ids and versions.
#[derive(Default)]
struct Shown(InstanceCache<(Uuid, i64), Vec<u8>>);

/// Returns a tenant as JSON for a response. Each version of a tenant is serialised once.
pub fn to_json(context: &Context, tenant: &Tenant) -> Result<Rc<Vec<u8>>> {
    let kept = context.state::<Shown>();
    let key = (tenant.id, tenant.version);
    if let Some(shown) = kept.0.get(&key) {
        return Ok(shown);
    }
    let view = TenantView::from(tenant.record());
    let shown = Rc::new(serde_json::to_vec(&view).map_err(Error::internal)?);
    if shown.len() <= MOST {
        kept.0.put(key, Rc::clone(&shown));
    }
    Ok(shown)
}
