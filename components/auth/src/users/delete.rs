//! `DELETE /api/v1/users/{id}`

use http::StatusCode;
use tenancy::{Error, Result, user};
use uuid::Uuid;
use web::{Member, Response};

web::endpoint! {
    /// Permanently deletes a user.
    ENDPOINT: DELETE "/api/v1/users/{id}" => handler,
    access: Member(UsersWrite),
    options: [unmetered(), pending()],
    operation_id: "deleteUser",
    problems: [(403, &["scope_not_held", "administrator_required"]), (409, &["last_admin"])],
    openapi: (
        tag = "Users",
        params(("id" = Uuid, Path, description = "The id of the user.")),
        responses((status = 204, description = "The user is deleted.")),
    ),
}

async fn handler(mut member: Member) -> Result<Response> {
    let id: Uuid = member.call().parameter("id").map_err(|_| Error::UserNotFound)?;
    let context = member.context();
    let (over, actor) = (member.manageable_roles(), member.actor());
    let effect = user::delete(context, member.tenant(), id, &over, &actor).await?;
    Ok(Response::empty(StatusCode::NO_CONTENT).with_effect(effect))
}
