//! `POST /admin/tenants`

use http::{HeaderName, HeaderValue, header};
use serde::Serialize;
use tenancy::{
    Result, audit,
    credential::NewPassword,
    identifier::{Domain, Domains, EmailAddress, Slug},
    lifecycle::{
        manage::custom_domains,
        provision::{FirstCredentials, NewTenant, provision},
    },
    tenant::{OperatorTenantView, TenantName, TenantSettings},
};
use utoipa::ToSchema;
use web::{Operator, Response};

tenancy::fields! {
    /// A new tenant.
    #[derive(ToSchema)]
    #[schema(as = NewTenant)]
    struct Request {
        name: TenantName,
        admin_email: EmailAddress,
        slug: Option<Slug>,
        /// The custom domain.
        domain: Option<Domain>,
        /// All custom domains, primary domain first. Use this field instead of `domain`.
        domains: Option<Domains>,
        /// Settings that the tenant's users can read.
        #[schema(required = false)]
        settings: TenantSettings = TenantSettings::default(),
        /// Settings that only the operator can read.
        #[schema(required = false)]
        private_settings: TenantSettings = TenantSettings::default(),
        plan: Option<String>,
        admin_password: Option<NewPassword>,
    }
}

#[derive(Serialize, ToSchema)]
#[schema(as = CreatedTenant)]
struct Created<'a> {
    #[serde(flatten)]
    tenant: OperatorTenantView<'a>,
    #[serde(flatten)]
    credentials: &'a FirstCredentials,
}

web::endpoint! {
    /// Creates a tenant. Only this response contains its credentials.
    ENDPOINT: POST "/admin/tenants" => handler,
    access: Operator(TenantsWrite),
    operation_id: "createTenant",
    problems: [(409, &["slug_taken", "domain_taken"]), (422, &["idempotency_key_reused"])],
    headers: ["Location", "Idempotency-Replayed"],
    openapi: (
        tag = "Administration",
        params(("Idempotency-Key" = Option<String>, Header, max_length = 255,
                description = "For one day, the same request with the same key returns the same response.")),
        request_body = Request,
        responses((status = 201, description = "The tenant.", body = Created<'_>)),
    ),
}

async fn handler(mut operator: Operator) -> Result<Response> {
    let idempotency_key = operator.idempotency_key()?;
    let request: Request = operator.call().json().await?;
    let actor = operator.actor();
    let context = operator.context();
    let admin_password = request
        .admin_password
        .map(|password| password.accept(&context.settings, "admin_password"))
        .transpose()?;
    let new = NewTenant {
        name: request.name,
        admin_email: request.admin_email,
        slug: request.slug,
        domains: custom_domains(request.domain, request.domains)?,
        settings: request.settings,
        private_settings: request.private_settings,
        plan: request.plan,
        admin_password,
    };
    let provisioned = provision(context, &new, idempotency_key.as_deref(), &actor).await?;
    audit::flush_catalog_later(context, Some(provisioned.tenant.id));
    let created = Created {
        tenant: OperatorTenantView::from(&provisioned.tenant),
        credentials: &provisioned.credentials,
    };
    let location = format!("/admin/tenants/{}", provisioned.tenant.id);
    let mut response = Response::created(&created).with_header(
        header::LOCATION,
        HeaderValue::from_str(&location).map_err(tenancy::Error::internal)?,
    );
    response = super::validators(&provisioned.tenant)?.describe(response)?;
    if provisioned.is_replay {
        response = response.with_header(
            HeaderName::from_static("idempotency-replayed"),
            HeaderValue::from_static("true"),
        );
    }
    Ok(response)
}
