//! `POST /api/v1/auth/revoke`

use http::StatusCode;
use tenancy::{Result, oauth};
use web::{Member, Response};

use super::introspect::Request;

web::endpoint! {
    /// Ends the session of an access token or a refresh token of the caller's tenant (RFC 7009).
    ///
    /// Revoking an unknown token is not an error.
    ///
    /// OAuth clients may authenticate with HTTP Basic (RFC 6749, section 2.3.1). The client id is the id of an API key;
    /// the client secret is the key itself.
    ENDPOINT: POST "/api/v1/auth/revoke" => handler,
    access: Member(TokensRevoke),
    options: [unmetered(), client_authentication()],
    operation_id: "revokeToken",
    problems: [(400, &["invalid_request", "unsupported_token_type"]), (401, &["invalid_client"])],
    openapi: (
        tag = "Other services",
        request_body(content = Request, content_type = "application/x-www-form-urlencoded"),
        responses((status = 200, description = "The token is invalid.")),
    ),
}

async fn handler(mut member: Member) -> Result<Response> {
    let Request { token, token_type_hint: _ } = member.call().form().await?;
    oauth::revoke(member.context(), member.tenant(), &token, &member.actor()).await?;
    Ok(Response::empty(StatusCode::OK))
}
