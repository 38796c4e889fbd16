//! `POST /api/v1/auth/introspect`

use tenancy::{
    Result,
    oauth::{self, Introspection},
};
use utoipa::ToSchema;
use web::{Member, Response};

tenancy::fields! {
    /// A token (RFC 7662, section 2.1).
    #[derive(ToSchema)]
    #[schema(as = Token)]
    pub(super) struct Request {
        /// An access token, a refresh token or an API key.
        pub(super) token: String,
        /// The likely type of the token. The endpoint also detects the type without a hint.
        pub(super) token_type_hint: Option<String>,
    }
}

web::endpoint! {
    /// Reports whether a token of the caller's tenant is valid, and returns its claims (RFC 7662).
    ///
    /// OAuth clients may authenticate with HTTP Basic (RFC 6749, section 2.3.1). The client id is the id of an API key;
    /// the client secret is the key itself.
    ENDPOINT: POST "/api/v1/auth/introspect" => handler,
    access: Member(TokensIntrospect),
    options: [client_authentication()],
    operation_id: "introspectToken",
    problems: [(400, &["invalid_request"]), (401, &["invalid_client"])],
    openapi: (
        tag = "Other services",
        request_body(content = Request, content_type = "application/x-www-form-urlencoded"),
        responses((status = 200, description = "The state and the claims of the token.", body = Introspection)),
    ),
}

async fn handler(mut member: Member) -> Result<Response> {
    let Request { token, token_type_hint: _ } = member.call().form().await?;
    let introspection = oauth::introspect(member.context(), member.tenant(), &token).await?;
    Ok(Response::ok(&introspection))
}
