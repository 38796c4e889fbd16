//! `DELETE /admin/tenants/{id}`

use http::StatusCode;
use tenancy::{
    Error, Result,
    lifecycle::{
        destroy::{self, Files},
        manage,
    },
    tenant::{StateChange, TenantChange},
};
use uuid::Uuid;
use web::{Operator, Response, TenantAuthority};

tenancy::fields! {
    /// The kind of deletion.
    #[derive(utoipa::IntoParams)]
    #[into_params(parameter_in = Query)]
    struct Query {
        /// Destroys the database, files, counters and keys of the tenant and frees its names. This cannot be undone.
        #[param(required = false, default = false)]
        hard_delete: bool = false,
    }
}

web::endpoint! {
    /// Deletes a tenant.
    ///
    /// All of its requests are rejected. Its data and its names are kept unless `hard_delete` is true.
    ENDPOINT: DELETE "/admin/tenants/{id}" => handler,
    access: Operator(TenantsDelete),
    authority: Tenants,
    options: [pending()],
    operation_id: "deleteTenant",
    problems: [(409, &["illegal_transition"]), (412, &["precondition_failed"])],
    openapi: (
        tag = "Administration",
        params(
            ("id" = Uuid, Path, description = "The id of the tenant."),
            ("If-Match" = Option<String>, Header, description = "Proceeds only if the tenant has this entity tag."),
            Query,
        ),
        responses((status = 204, description = "The tenant is deleted.")),
    ),
}

async fn handler(mut operator: Operator, authority: TenantAuthority) -> Result<Response> {
    let id: Uuid = operator.call().parameter("id").map_err(|_| Error::TenantNotFound)?;
    let Query { hard_delete } = operator.call().query()?;
    let version = super::wanted_version(&mut operator, id).await?;
    let right = authority.deletion(&operator)?;
    let (context, actor) = (operator.context(), operator.actor());
    let effect = if hard_delete {
        destroy::destroy(context, id, version, right, Files::Remove, &actor).await?
    } else {
        let change = TenantChange::of_state(StateChange::Delete(right));
        manage::update(context, id, &change, version, &actor).await?.effect
    };
    Ok(Response::empty(StatusCode::NO_CONTENT).with_effect(effect))
}
