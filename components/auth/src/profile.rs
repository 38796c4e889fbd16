//! `GET /api/v1/profile`

use tenancy::{
    Error, Result,
    error::Unauthenticated,
    http::{Member, Response},
    tenant::TenantDb,
    user,
};

/// Shows the caller who they are.
pub async fn handler(member: Member) -> Result<Response> {
    let database = TenantDb::connect(member.tenancy(), member.tenant()).await?;
    let user = user::repo::find(&database, member.claims().sub)
        .await?
        .ok_or(Error::Unauthenticated(Unauthenticated::RevokedToken))?;
    Ok(Response::ok(&user))
}
