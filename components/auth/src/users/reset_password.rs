//! `POST /api/v1/users/{id}/reset-password`

use chrono::{DateTime, Utc};
use serde::Serialize;
use tenancy::{Error, Result, session, user::Authority};
use utoipa::ToSchema;
use uuid::Uuid;
use web::{Member, Response};

/// The token that sets a new password.
#[derive(Serialize, ToSchema)]
struct PasswordReset {
    /// The token for `POST /api/v1/auth/setup`. It is valid once, and only this response contains it.
    setup_token: String,
    expires_at: DateTime<Utc>,
}

web::endpoint! {
    /// Resets the password of a user.
    ///
    /// The user's password becomes invalid and their sessions end. The response contains a token that sets a new
    /// password once. The caller must be allowed to grant the user's role.
    ENDPOINT: POST "/api/v1/users/{id}/reset-password" => handler,
    access: Member(UsersWrite),
    authority: Users,
    options: [destructive(), pending()],
    operation_id: "resetUserPassword",
    problems: [(403, &["scope_not_held", "administrator_required"])],
    openapi: (
        tag = "Users",
        params(("id" = Uuid, Path, description = "The id of the user.")),
        responses((status = 200, description = "The token that sets a new password.", body = PasswordReset)),
    ),
}

async fn handler(mut member: Member, authority: Authority) -> Result<Response> {
    let id: Uuid = member.call().parameter("id").map_err(|_| Error::UserNotFound)?;
    let (context, tenant, actor) = (member.context(), member.tenant(), member.actor());
    let changed = session::reset_password(context, tenant, id, &authority, &actor).await?;
    let (token, expires_at) = changed.value;
    let reset = PasswordReset { setup_token: token.expose(), expires_at };
    Ok(Response::ok(&reset).with_effect(changed.effect))
}
