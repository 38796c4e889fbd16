//! `POST /api/v1/users/{id}/reset-password`

use chrono::{DateTime, Utc};
use serde::Serialize;
use tenancy::{Error, Result, mail::template::Language, session, user::Authority};
use utoipa::ToSchema;
use uuid::Uuid;
use web::{Member, Response};

tenancy::fields! {
    /// How the setup token reaches the user.
    #[derive(ToSchema)]
    #[schema(as = PasswordResetRequest)]
    struct Request {
        /// Whether the service sends the setup token by mail, if the operator has set up mail. Otherwise the response
        /// contains it.
        #[schema(required = false, default = true)]
        send_mail: bool = true,
        /// The language of the message. The default is that of the tenant.
        #[schema(value_type = Option<Language>)]
        language: Option<Language>,
    }
}

/// The token that sets a new password.
#[derive(Serialize, ToSchema)]
struct PasswordReset {
    /// The token for `POST /api/v1/auth/setup`. It is valid once, and only this response contains it. Absent if the
    /// service sends it by mail.
    #[serde(skip_serializing_if = "Option::is_none")]
    setup_token: Option<String>,
    /// Whether the service sends the setup token by mail.
    is_mailed: bool,
    expires_at: DateTime<Utc>,
}

web::endpoint! {
    /// Resets the password of a user.
    ///
    /// The user's password becomes invalid and their sessions end. The service sends a token that sets a new password
    /// once by mail, or the response contains it. This also repeats an invitation. The caller must be allowed to grant
    /// the user's role.
    ENDPOINT: POST "/api/v1/users/{id}/reset-password" => handler,
    access: Member(UsersWrite),
    authority: Users,
    options: [destructive(), pending()],
    operation_id: "resetUserPassword",
    problems: [(403, &["scope_not_held", "administrator_required"])],
    openapi: (
        tag = "Users",
        params(("id" = Uuid, Path, description = "The id of the user.")),
        request_body = Option<Request>,
        responses((status = 200, description = "The token that sets a new password.", body = PasswordReset)),
    ),
}

async fn handler(mut member: Member, authority: Authority) -> Result<Response> {
    let id: Uuid = member.call().parameter("id").map_err(|_| Error::UserNotFound)?;
    let request: Request = member.call().json_or_empty().await?;
    let posting = super::posting(request.send_mail, request.language);
    let (context, tenant, actor) = (member.context(), member.tenant(), member.actor());
    let changed = session::reset_password(context, tenant, id, &authority, posting, &actor).await?;
    let session::PasswordReset { setup_token, is_mailed, expires_at } = changed.value;
    let setup_token = setup_token.map(|token| token.expose());
    let reset = PasswordReset { setup_token, is_mailed, expires_at };
    Ok(Response::ok(&reset).with_effect(changed.effect))
}
