//! `DELETE /api/v1/tenant/database/credentials/{id}`

use http::StatusCode;
use tenancy::{
    Result,
    database_credential::{self, Authority},
    database_role::Access,
    error::DatabaseError,
};
use uuid::Uuid;
use web::{Member, Response};

web::endpoint! {
    /// Revokes a credential for the tenant's database. Its connections are closed before the response.
    ENDPOINT: DELETE "/api/v1/tenant/database/credentials/{id}" => handler,
    access: Authenticated,
    authority: DatabaseCredentials,
    options: [unmetered()],
    operation_id: "revokeDatabaseCredential",
    problems: [(403, &["scope_not_held"])],
    openapi: (
        tag = "Database",
        params(("id" = Uuid, Path, description = "The id of the credential.")),
        responses((status = 204, description = "The credential is revoked.")),
    ),
}

async fn handler(mut member: Member, authority: Authority) -> Result<Response> {
    // A caller without any scope for the database does not learn which ids exist.
    authority.check(Access::Read)?;
    let id: Uuid = member.call().parameter("id").map_err(|_| DatabaseError::NotFound)?;
    let (context, tenant, actor) = (member.context(), member.tenant(), member.actor());
    database_credential::revoke(context, tenant, id, &authority, &actor).await?;
    Ok(Response::empty(StatusCode::NO_CONTENT))
}
