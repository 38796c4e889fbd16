//! `POST /api/v1/auth/setup`

use tenancy::{
    Error, Result,
    credential::NewPassword,
    http::{Call, Response},
    resolve,
    token::{OpaqueToken, TokenKind},
    user,
};

tenancy::fields! {
    /// What sets a password once.
    struct Request {
        setup_token: String,
        password: NewPassword,
    }
}

/// Sets the password that a setup token is for, and signs the user in.
pub async fn handler(mut call: Call) -> Result<Response> {
    let tenancy = call.tenancy()?;
    let slug = call.addressed_slug()?;
    let request: Request = call.json().await?;
    let token = OpaqueToken::parse(TokenKind::Setup, &request.setup_token)
        .ok_or(Error::InvalidSetupToken)?;
    // The token says itself of which tenant it is.
    let tenant = resolve::by_token(&tenancy, &token).await?.ok_or(Error::InvalidSetupToken)?;
    if slug.is_some_and(|slug| slug != tenant.slug) {
        return Err(Error::TenantMismatch);
    }
    let signed_in =
        user::set_up(&tenancy, &tenant, &token, request.password, &call.origin()).await?;
    Ok(Response::ok(&signed_in))
}
