//! `POST /admin/tenants/{id}/rotate-key`

use serde::Serialize;
use tenancy::{
    Error, Result,
    http::{Operator, Response},
    tenant::manage,
};
use utoipa::ToSchema;
use uuid::Uuid;

/// A tenant's newest data key.
#[derive(Serialize, ToSchema)]
struct DataKey {
    tenant_id: Uuid,
    /// Its number, from 1 on.
    key_number: u32,
}

/// Gives a tenant a new data key: what is stored from now on is sealed with it. What was stored before
/// opens with the keys before.
#[utoipa::path(
    post,
    path = "/admin/tenants/{id}/rotate-key",
    tag = "Administration",
    params(("id" = Uuid, Path, description = "The tenant.")),
    responses((status = 200, description = "The new key, by its number.", body = DataKey)),
)]
pub async fn handler(mut operator: Operator) -> Result<Response> {
    let tenant_id: Uuid = operator.call().parameter("id").map_err(|_| Error::TenantNotFound)?;
    let changed = manage::rotate_data_key(operator.tenancy(), tenant_id, &operator.actor()).await?;
    let key = DataKey { tenant_id, key_number: changed.value };
    Ok(Response::ok(&key).with_effect(changed.effect))
}
