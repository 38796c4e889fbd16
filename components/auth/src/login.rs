//! `POST /api/v1/auth/login`

use tenancy::{
    Error, Result,
    credential::Password,
    email::EmailAddress,
    http::{Call, Response},
    resolve, user,
};

tenancy::fields! {
    /// Who signs in.
    struct Request {
        email: EmailAddress,
        password: Password,
    }
}

/// Signs a user in to the tenant that the request addresses.
pub async fn handler(mut call: Call) -> Result<Response> {
    let tenancy = call.tenancy()?;
    let slug = call.addressed_slug()?.ok_or(Error::TenantRequired)?;
    let request: Request = call.json().await?;
    let tenant = resolve::by_slug(&tenancy, &slug).await?;
    let origin = call.origin();
    let signed_in =
        user::sign_in(&tenancy, &tenant, &request.email, request.password, &origin).await?;
    Ok(Response::ok(&signed_in))
}
