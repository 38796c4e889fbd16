//! `POST /api/v1/profile/password`

use tenancy::{
    Result,
    credential::{NewPassword, Password},
    session::{self, SignedIn},
};
use utoipa::ToSchema;
use web::{Member, Response};

tenancy::fields! {
    /// A change of the password.
    #[derive(ToSchema)]
    #[schema(as = PasswordChange)]
    struct Request {
        current_password: Password,
        new_password: NewPassword,
    }
}

web::endpoint! {
    /// Changes the caller's password. All of their sessions end; the response starts a new one.
    ENDPOINT: POST "/api/v1/profile/password" => handler,
    access: User(ProfileWrite),
    options: [unmetered(), pending()],
    operation_id: "changePassword",
    problems: [(403, &["network_not_allowed"]), (401, &["invalid_credentials"]), (429, &["too_many_attempts"])],
    openapi: (
        tag = "Profile",
        request_body = Request,
        responses((status = 200, description = "The password is changed.", body = SignedIn)),
    ),
}

async fn handler(mut member: Member) -> Result<Response> {
    let Request { current_password, new_password } = member.call().json().await?;
    let (user, session) = member.user().map(|claims| (claims.sub, claims.sid))?;
    let changed = session::change_password(
        member.context(),
        member.tenant(),
        user,
        session,
        &current_password,
        new_password,
        &member.actor(),
    )
    .await?;
    Ok(Response::ok(&changed.value).with_effect(changed.effect))
}
