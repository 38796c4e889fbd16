//! `POST /api/v1/auth/logout`

use http::StatusCode;
use tenancy::{
    Error, Result,
    session::{self, End},
    token::RefreshToken,
};
use utoipa::ToSchema;
use web::{Member, Response};

tenancy::fields! {
    /// The session to end.
    #[derive(ToSchema)]
    #[schema(as = Logout)]
    struct Request {
        /// The refresh token of the session. The default is the session of the access token.
        refresh_token: Option<String>,
    }
}

web::endpoint! {
    /// Ends a session of the caller. Its refresh token and its access tokens become invalid.
    ENDPOINT: POST "/api/v1/auth/logout" => handler,
    access: User(ProfileWrite),
    options: [unmetered(), pending()],
    operation_id: "logout",
    problems: [(401, &["invalid_refresh_token"]), (404, &["session_not_found"])],
    openapi: (
        tag = "Signing in",
        request_body(content = Option<Request>),
        responses((status = 204, description = "The session has ended.")),
    ),
}

async fn handler(mut member: Member) -> Result<Response> {
    let request: Request = member.call().json_or_empty().await?;
    let claims = member.user()?;
    let context = member.context();
    let session = match request.refresh_token {
        None => claims.sid,
        Some(text) => RefreshToken::parse(&context.master_key, &text)?
            .filter(|token| token.tenant() == claims.tid)
            .ok_or(Error::InvalidRefreshToken)?
            .session(),
    };
    let actor = member.actor();
    let user = Some(claims.sub);
    let effect =
        session::log_out(context, member.tenant(), user, session, End::Logout, &actor).await?;
    Ok(Response::empty(StatusCode::NO_CONTENT).with_effect(effect))
}
