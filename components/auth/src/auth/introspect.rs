//! `POST /api/v1/auth/introspect`

use tenancy::{
    Result,
    http::{Member, Response},
    token::oauth::{self, Introspection},
};
use utoipa::ToSchema;

tenancy::fields! {
    /// A token (RFC 7662, section 2.1).
    #[derive(ToSchema)]
    #[schema(as = Token)]
    pub(super) struct Request {
        /// An access token, a refresh token or an API key.
        pub(super) token: String,
        /// What it may be. It is found out without, too.
        pub(super) token_type_hint: Option<String>,
    }
}

/// Says whether a token of the caller's tenant counts, and what it says (RFC 7662).
///
/// An OAuth client may authenticate by HTTP Basic (RFC 6749, section 2.3.1): the id of an API key is the client id, the
/// key itself the client secret.
#[utoipa::path(
    post,
    path = "/api/v1/auth/introspect",
    tag = "Other services",
    request_body(content = Request, content_type = "application/x-www-form-urlencoded"),
    responses((status = 200, description = "What the token says.", body = Introspection)),
)]
pub async fn handler(mut member: Member) -> Result<Response> {
    let Request { token, token_type_hint: _ } = member.call().form().await?;
    let introspection = oauth::introspect(member.tenancy(), member.tenant(), &token).await?;
    Ok(Response::ok(&introspection))
}
