//! `DELETE /api/v1/users/{id}`

use http::StatusCode;
use tenancy::{
    Error, Result,
    user::{self, Authority},
};
use uuid::Uuid;
use web::{Member, Response};

web::endpoint! {
    /// Permanently deletes a user.
    ENDPOINT: DELETE "/api/v1/users/{id}" => handler,
    access: Member(UsersWrite),
    authority: Users,
    options: [destructive(), unmetered(), pending()],
    operation_id: "deleteUser",
    problems: [(403, &["scope_not_held", "administrator_required"]), (409, &["last_admin"])],
    openapi: (
        tag = "Users",
        params(("id" = Uuid, Path, description = "The id of the user.")),
        responses((status = 204, description = "The user is deleted.")),
    ),
}

async fn handler(mut member: Member, authority: Authority) -> Result<Response> {
    let id: Uuid = member.call().parameter("id").map_err(|_| Error::UserNotFound)?;
    let (context, tenant, actor) = (member.context(), member.tenant(), member.actor());
    let effect = user::delete(context, tenant, id, &authority, &actor).await?;
    Ok(Response::empty(StatusCode::NO_CONTENT).with_effect(effect))
}
