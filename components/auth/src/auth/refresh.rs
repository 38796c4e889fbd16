//! `POST /api/v1/auth/refresh`

use tenancy::{
    Error, Result,
    event::Actor,
    resolve,
    session::{self, SignedIn},
    token::RefreshToken,
};
use utoipa::ToSchema;
use web::{Call, Means, Response};

tenancy::fields! {
    /// The refresh token of a session.
    #[derive(ToSchema)]
    #[schema(as = Refresh)]
    struct Request {
        refresh_token: String,
    }
}

web::endpoint! {
    /// Returns a new access token and a new refresh token. A refresh token is valid once. Using it again ends its
    /// session.
    ENDPOINT: POST "/api/v1/auth/refresh" => handler,
    access: Public,
    operation_id: "refreshTokens",
    problems: [(403, &["network_not_allowed"]), (401, &["invalid_refresh_token"])],
    openapi: (
        tag = "Signing in",
        request_body = Request,
        responses((status = 200, description = "The new tokens.", body = SignedIn)),
    ),
}

async fn handler(mut call: Call) -> Result<Response> {
    let context = call.context()?;
    let addressing = call.addressing()?;
    let request: Request = call.json().await?;
    let token = RefreshToken::parse(&context.master_key, &request.refresh_token)?
        .ok_or(Error::InvalidRefreshToken)?;
    let tenant = resolve::by_id_of_ours(&context, token.tenant()).await?;
    call.record().concerns(tenant.id, Means::RefreshToken);
    resolve::agree(&context, &addressing, &tenant).await?;
    let actor = Actor::anonymous(call.origin());
    let signed_in = session::refresh(&context, &tenant, &token, &actor).await?;
    call.record().signed_in(tenant.id, signed_in.user_id());
    Ok(Response::ok(&signed_in))
}
