//! `PUT` and `PATCH /admin/tenants/{id}`

use tenancy::{
    Error, Result,
    identifier::{Domain, Domains, EmailAddress},
    input::Patch,
    lifecycle::manage::{self, custom_domains},
    tenant::{
        LimitChange, OperatorTenantView, StateChange, Status, TenantChange, TenantName,
        TenantSettings,
    },
};
use utoipa::ToSchema;
use uuid::Uuid;
use web::{Operator, Response, TenantAuthority};

tenancy::fields! {
    /// A change of a tenant. Omitted fields keep their values.
    #[derive(ToSchema)]
    #[schema(as = TenantUpdate)]
    struct Request {
        name: Option<TenantName>,
        admin_email: Option<EmailAddress>,
        /// The only custom domain. Null removes all custom domains.
        #[schema(value_type = Option<Domain>)]
        domain: Patch<Domain>,
        /// All custom domains, primary domain first.
        domains: Option<Domains>,
        /// `active`, `suspended` or `deleted`.
        status: Option<Status>,
        /// Settings that the tenant's users can read.
        settings: Option<TenantSettings>,
        /// Settings that only the operator can read.
        private_settings: Option<TenantSettings>,
        plan: Option<String>,
        limits: Option<LimitChange>,
    }
}

web::endpoint! {
    /// Updates a tenant.
    ///
    /// A suspension takes effect on the tenant's next request. The status `deleted` also requires the scope
    /// `tenants:delete`.
    PATCH: PATCH "/admin/tenants/{id}" => patch,
    access: Operator(TenantsWrite),
    authority: Tenants,
    options: [pending()],
    operation_id: "updateTenant",
    problems: [(409, &["illegal_transition", "domain_taken"]), (412, &["precondition_failed"])],
    headers: ["ETag", "Last-Modified"],
    openapi: (
        tag = "Administration",
        params(
            ("id" = Uuid, Path, description = "The id of the tenant."),
            ("If-Match" = Option<String>, Header, description = "Proceeds only if the tenant has this entity tag."),
        ),
        request_body = Request,
        responses((status = 200, description = "The changed tenant.", body = OperatorTenantView<'_>)),
    ),
}

async fn patch(mut operator: Operator, authority: TenantAuthority) -> Result<Response> {
    let id: Uuid = operator.call().parameter("id").map_err(|_| Error::TenantNotFound)?;
    let request: Request = operator.call().json().await?;
    let domains = match (request.domain, request.domains) {
        (Patch::Keep, None) => None,
        (Patch::Clear, None) => Some(Vec::new()),
        (domain, domains) => Some(custom_domains(domain.into_option(), domains)?),
    };
    let state = match request.status {
        None => None,
        Some(Status::Active) => Some(StateChange::Activate),
        Some(Status::Suspended) => Some(StateChange::Suspend),
        // Same as DELETE.
        Some(Status::Deleted) => Some(StateChange::Delete(authority.deletion(&operator)?)),
        Some(Status::Provisioning | Status::Deleting) => {
            return Err(Error::invalid_field("status", "must be active, suspended or deleted"));
        }
    };
    let change = TenantChange {
        name: request.name,
        admin_email: request.admin_email,
        domains,
        state,
        settings: request.settings,
        private_settings: request.private_settings,
        plan: request.plan,
        limits: request.limits,
    };
    let version = super::wanted_version(&mut operator, id).await?;
    let (context, actor) = (operator.context(), operator.actor());
    let changed = manage::update(context, id, &change, version, &actor).await?;
    let response = Response::ok(&OperatorTenantView::from(&changed.value));
    Ok(super::validators(&changed.value)?.describe(response)?.with_effect(changed.effect))
}

web::endpoint! {
    /// Same as PATCH: omitted fields keep their values.
    PUT: PUT "/admin/tenants/{id}" => put,
    access: Operator(TenantsWrite),
    authority: Tenants,
    options: [pending()],
    operation_id: "replaceTenant",
    problems: [(409, &["illegal_transition", "domain_taken"]), (412, &["precondition_failed"])],
    headers: ["ETag", "Last-Modified"],
    openapi: (
        tag = "Administration",
        params(
            ("id" = Uuid, Path, description = "The id of the tenant."),
            ("If-Match" = Option<String>, Header, description = "Proceeds only if the tenant has this entity tag."),
        ),
        request_body = Request,
        responses((status = 200, description = "The changed tenant.", body = OperatorTenantView<'_>)),
    ),
}

async fn put(operator: Operator, authority: TenantAuthority) -> Result<Response> {
    patch(operator, authority).await
}
