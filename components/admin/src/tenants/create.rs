//! `POST /admin/tenants`

use http::{HeaderName, HeaderValue, header};
use serde::Serialize;
use tenancy::{
    Result,
    credential::NewPassword,
    email::EmailAddress,
    http::{Operator, Response},
    tenant::{
        Domain, Slug, TenantName, TenantSettings, TenantView,
        provision::{FirstCredentials, NewTenant, provision},
    },
};

tenancy::fields! {
    /// A tenant to be made.
    struct Request {
        name: TenantName,
        admin_email: EmailAddress,
        slug: Option<Slug>,
        domain: Option<Domain>,
        settings: TenantSettings = TenantSettings::default(),
        plan: Option<String>,
        admin_password: Option<NewPassword>,
    }
}

#[derive(Serialize)]
struct Created<'a> {
    #[serde(flatten)]
    tenant: TenantView<'a>,
    #[serde(flatten)]
    credentials: &'a FirstCredentials,
}

/// Makes a tenant. Its credentials are in this answer and nowhere else.
pub async fn handler(mut operator: Operator) -> Result<Response> {
    let idempotency_key = operator.idempotency_key()?;
    let request: Request = operator.call().json().await?;
    let tenancy = operator.tenancy();
    let admin_password = request
        .admin_password
        .map(|password| password.accept(&tenancy.settings, "admin_password"))
        .transpose()?;
    let new = NewTenant {
        name: request.name,
        admin_email: request.admin_email,
        slug: request.slug,
        domain: request.domain,
        settings: request.settings,
        plan: request.plan,
        admin_password,
    };
    let provisioned = provision(tenancy, &new, idempotency_key.as_deref()).await?;
    let created = Created {
        tenant: TenantView::from(&provisioned.tenant),
        credentials: &provisioned.credentials,
    };
    let location = format!("/admin/tenants/{}", provisioned.tenant.id);
    let mut response = Response::created(&created).with_header(
        header::LOCATION,
        HeaderValue::from_str(&location).map_err(tenancy::Error::internal)?,
    );
    if provisioned.is_replay {
        response = response.with_header(
            HeaderName::from_static("idempotency-replayed"),
            HeaderValue::from_static("true"),
        );
    }
    Ok(response)
}
