//! `POST /admin/tenants/{id}/rotate-key`

use serde::Serialize;
use tenancy::{Error, Result, lifecycle::manage};
use utoipa::ToSchema;
use uuid::Uuid;
use web::{Operator, Response};

/// A tenant's newest data key.
#[derive(Serialize, ToSchema)]
struct DataKey {
    tenant_id: Uuid,
    /// The number of the key, starting at 1.
    key_number: u32,
}

web::endpoint! {
    /// Creates a new data key for a tenant.
    ///
    /// New data is sealed with the new key. Existing data stays sealed with the earlier keys.
    ENDPOINT: POST "/admin/tenants/{id}/rotate-key" => handler,
    access: Operator(TenantsWrite),
    options: [pending()],
    operation_id: "rotateTenantDataKey",
    problems: [(409, &["illegal_transition"])],
    openapi: (
        tag = "Administration",
        params(("id" = Uuid, Path, description = "The id of the tenant.")),
        responses((status = 200, description = "The number of the new key.", body = DataKey)),
    ),
}

async fn handler(mut operator: Operator) -> Result<Response> {
    let tenant_id: Uuid = operator.call().parameter("id").map_err(|_| Error::TenantNotFound)?;
    let changed = manage::rotate_data_key(operator.context(), tenant_id, &operator.actor()).await?;
    let key = DataKey { tenant_id, key_number: changed.value };
    Ok(Response::ok(&key).with_effect(changed.effect))
}
