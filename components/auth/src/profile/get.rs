//! `GET /api/v1/profile`

use tenancy::{
    Error, Result,
    error::Unauthenticated,
    tenant::TenantDb,
    user::{self, User},
};
use web::{Member, Response};

web::endpoint! {
    /// Returns the profile of the caller.
    ENDPOINT: GET "/api/v1/profile" => handler,
    access: User(ProfileRead),
    operation_id: "getProfile",
    openapi: (
        tag = "Profile",
        responses((status = 200, description = "The profile.", body = User)),
    ),
}

async fn handler(member: Member) -> Result<Response> {
    let database = TenantDb::connect(member.context(), member.tenant()).await?;
    let user = user::repo::find(&database, member.user()?.sub)
        .await?
        .ok_or(Error::Unauthenticated(Unauthenticated::RevokedToken))?;
    Ok(Response::ok(&user))
}
