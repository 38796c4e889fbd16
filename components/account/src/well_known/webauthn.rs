//! `GET /.well-known/webauthn`

use http::{HeaderValue, header};
use serde::Serialize;
use tenancy::{Result, passkey, resolve};
use utoipa::ToSchema;
use web::{Call, Response};

/// The origins that may use the passkeys of a domain (WebAuthn level 3, section 5.11).
#[derive(Serialize, ToSchema)]
struct RelatedOrigins {
    /// The origins of the pages of the tenant. The array is empty for a host that is not the domain of passkeys of a
    /// tenant.
    origins: Vec<String>,
}

web::endpoint! {
    /// Returns the origins whose pages may use the passkeys of the requested host.
    ///
    /// Browsers ask the domain that the rules of a tenant name as `passkey_domain`.
    ENDPOINT: GET "/.well-known/webauthn" => handler,
    access: Public,
    operation_id: "getRelatedOrigins",
    openapi: (
        tag = "Passkeys",
        responses((status = 200, description = "The origins.", body = RelatedOrigins)),
    ),
}

async fn handler(call: Call) -> Result<Response> {
    let context = call.context()?;
    // Only the host counts: a browser sends no header that names a tenant.
    let origins = match call.addressing()?.domain {
        Some(domain) => match resolve::by_domain(&context, &domain).await? {
            Some(tenant) => passkey::related_origins(&context, &tenant, &domain).await?,
            None => Vec::new(),
        },
        None => Vec::new(),
    };
    Ok(Response::ok(&RelatedOrigins { origins })
        .with_header(header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=300")))
}
