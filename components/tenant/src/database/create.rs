//! `POST /api/v1/tenant/database/credentials`

use http::{HeaderValue, header};
use tenancy::{
    Error, Result,
    database_credential::{self, Authority, NewCredential, NewDatabaseCredentialView},
    database_role::Access,
};
use web::{Member, Response};

web::endpoint! {
    /// Creates a credential for the tenant's own database.
    ///
    /// Only this response contains the password. The credential has privileges on the schema `app` only, and ends with
    /// the API key or the user of this request.
    ENDPOINT: POST "/api/v1/tenant/database/credentials" => handler,
    access: Authenticated,
    authority: DatabaseCredentials,
    operation_id: "createDatabaseCredential",
    problems: [
        (403, &["scope_not_held"]),
        (409, &["database_limit_reached"]),
        (507, &["quota_exceeded"]),
    ],
    headers: ["Location"],
    openapi: (
        tag = "Database",
        request_body = NewCredential,
        responses((status = 201, description = "The credential.", body = NewDatabaseCredentialView<'_>)),
    ),
}

async fn handler(mut member: Member, authority: Authority) -> Result<Response> {
    // A caller without any scope for the database learns nothing about the fields.
    authority.check(Access::Read)?;
    let new: NewCredential = member.call().json().await?;
    let (context, tenant, actor) = (member.context(), member.tenant(), member.actor());
    let created = database_credential::create(context, tenant, &new, &authority, &actor).await?;
    let path = format!("/api/v1/tenant/database/credentials/{}", created.role.id);
    let location = HeaderValue::from_str(&path).map_err(Error::internal)?;
    Ok(Response::created(&NewDatabaseCredentialView::new(tenant, &created))
        .with_header(header::LOCATION, location))
}
