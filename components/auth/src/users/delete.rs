//! `DELETE /api/v1/users/{id}`

use http::StatusCode;
use tenancy::{
    Error, Result,
    access::Role,
    http::{Member, Response},
    user,
};
use uuid::Uuid;

/// Removes a user for good.
#[utoipa::path(
    delete,
    path = "/api/v1/users/{id}",
    tag = "Users",
    params(("id" = Uuid, Path, description = "The user.")),
    responses((status = 204, description = "The user is removed.")),
)]
pub async fn handler(mut member: Member) -> Result<Response> {
    let id: Uuid = member.call().parameter("id").map_err(|_| Error::UserNotFound)?;
    let over_administrators = member.require_held(Role::Admin.scopes()).is_ok();
    let tenancy = member.tenancy();
    let effect =
        user::delete(tenancy, member.tenant(), id, over_administrators, &member.actor()).await?;
    Ok(Response::empty(StatusCode::NO_CONTENT).with_effect(effect))
}
