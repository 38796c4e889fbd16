//! `POST /api/v1/users/{id}/reset-password`

use chrono::{DateTime, Utc};
use serde::Serialize;
use tenancy::{
    Error, Result,
    access::Role,
    http::{Member, Response},
    user,
};
use utoipa::ToSchema;
use uuid::Uuid;

/// What sets another password.
#[derive(Serialize, ToSchema)]
struct PasswordReset {
    /// For `POST /api/v1/auth/setup`, once. It is shown this once.
    setup_token: String,
    expires_at: DateTime<Utc>,
}

/// Takes a user's password and sessions away, and returns a token that sets another password once. The caller must be
/// allowed to grant the user's role.
#[utoipa::path(
    post,
    path = "/api/v1/users/{id}/reset-password",
    tag = "Users",
    params(("id" = Uuid, Path, description = "The user.")),
    responses((status = 200, description = "What sets another password.", body = PasswordReset)),
)]
pub async fn handler(mut member: Member) -> Result<Response> {
    let id: Uuid = member.call().parameter("id").map_err(|_| Error::UserNotFound)?;
    // The response allows a sign-in as the user, so it grants the user's role.
    let over = member.grantable_roles();
    if over.is_empty() {
        member.require_grant(Role::Viewer)?;
    }
    let (tenancy, tenant, actor) = (member.tenancy(), member.tenant(), member.actor());
    let changed = user::reset_password(tenancy, tenant, id, &over, &actor).await?;
    let (token, expires_at) = changed.value;
    let reset = PasswordReset { setup_token: token.expose(), expires_at };
    Ok(Response::ok(&reset).with_effect(changed.effect))
}
