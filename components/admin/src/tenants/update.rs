//! `PUT` and `PATCH /admin/tenants/{id}`

use tenancy::{
    Error, Result,
    access::OperatorScope,
    email::EmailAddress,
    http::{Operator, Response, fields::Patch},
    tenant::{
        Domain, Domains, LimitChange, OperatorTenantView, Status, TenantName, TenantSettings,
        manage::{self, TenantChange, custom_domains},
    },
};
use utoipa::ToSchema;
use uuid::Uuid;

tenancy::fields! {
    /// What changes of a tenant. What is absent stays as it is.
    #[derive(ToSchema)]
    #[schema(as = TenantUpdate)]
    struct Request {
        name: Option<TenantName>,
        admin_email: Option<EmailAddress>,
        /// Its one custom domain; null takes every domain away.
        #[schema(value_type = Option<Domain>)]
        domain: Patch<Domain>,
        /// All of its custom domains, the primary one first.
        domains: Option<Domains>,
        /// `active`, `suspended` or `deleted`.
        status: Option<Status>,
        /// Settings that the tenant's users see.
        settings: Option<TenantSettings>,
        /// Settings that the operator sees only.
        private_settings: Option<TenantSettings>,
        plan: Option<String>,
        limits: Option<LimitChange>,
    }
}

/// Changes a tenant. A suspension takes effect on the tenant's next request. The status `deleted` also requires the scope
/// `tenants:delete`.
#[utoipa::path(
    patch,
    path = "/admin/tenants/{id}",
    tag = "Administration",
    params(
        ("id" = Uuid, Path, description = "The tenant."),
        ("If-Match" = Option<String>, Header, description = "The tag that the tenant must have."),
    ),
    request_body = Request,
    responses((status = 200, description = "The tenant, changed.", body = OperatorTenantView<'_>)),
)]
pub async fn patch(mut operator: Operator) -> Result<Response> {
    let id: Uuid = operator.call().parameter("id").map_err(|_| Error::TenantNotFound)?;
    let request: Request = operator.call().json().await?;
    let domains = match (request.domain, request.domains) {
        (Patch::Keep, None) => None,
        (Patch::Clear, None) => Some(Vec::new()),
        (domain, domains) => Some(custom_domains(domain.into_option(), domains)?),
    };
    let change = TenantChange {
        name: request.name,
        admin_email: request.admin_email,
        domains,
        status: request.status,
        settings: request.settings,
        private_settings: request.private_settings,
        plan: request.plan,
        limits: request.limits,
    };
    if matches!(change.status, Some(Status::Provisioning | Status::Deleting)) {
        return Err(Error::invalid_field("status", "must be active, suspended or deleted"));
    }
    // The same as DELETE.
    if change.status == Some(Status::Deleted) {
        operator.require(OperatorScope::TenantsDelete)?;
    }
    let version = super::wanted_version(&mut operator, id).await?;
    let (tenancy, actor) = (operator.tenancy(), operator.actor());
    let changed = manage::update(tenancy, id, &change, version, &actor).await?;
    let response = Response::ok(&OperatorTenantView::from(&changed.value));
    Ok(super::validators(&changed.value)?.describe(response)?.with_effect(changed.effect))
}

/// The same as PATCH: what is absent stays as it is.
#[utoipa::path(
    put,
    path = "/admin/tenants/{id}",
    tag = "Administration",
    params(
        ("id" = Uuid, Path, description = "The tenant."),
        ("If-Match" = Option<String>, Header, description = "The tag that the tenant must have."),
    ),
    request_body = Request,
    responses((status = 200, description = "The tenant, changed.", body = OperatorTenantView<'_>)),
)]
pub async fn put(operator: Operator) -> Result<Response> {
    patch(operator).await
}
