//! `GET /api/v1/users/{id}`

use tenancy::{
    Error, Result,
    tenant::TenantDb,
    user::{User, repo},
};
use uuid::Uuid;
use web::{Member, Response};

web::endpoint! {
    /// Returns a user.
    ENDPOINT: GET "/api/v1/users/{id}" => handler,
    access: Member(UsersRead),
    operation_id: "getUser",
    openapi: (
        tag = "Users",
        params(("id" = Uuid, Path, description = "The id of the user.")),
        responses((status = 200, description = "The user.", body = User)),
    ),
}

async fn handler(mut member: Member) -> Result<Response> {
    let id: Uuid = member.call().parameter("id").map_err(|_| Error::UserNotFound)?;
    let database = TenantDb::connect(member.context(), member.tenant()).await?;
    let user = repo::find(&database, id).await?.ok_or(Error::UserNotFound)?;
    Ok(Response::ok(&user))
}
