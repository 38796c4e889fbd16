//! `POST /api/v1/auth/login`

use tenancy::{
    Result,
    credential::Password,
    event::Actor,
    identifier::EmailAddress,
    session::{self, SignedIn},
    token::RefreshToken,
};
use utoipa::ToSchema;
use web::{Call, Means, Response};

tenancy::fields! {
    /// The credentials of a user.
    #[derive(ToSchema)]
    #[schema(as = Login)]
    struct Request {
        email: EmailAddress,
        password: Password,
        /// A refresh token of an earlier session on this device, valid or not. With it, failed sign-ins from elsewhere
        /// do not delay this one.
        refresh_token: Option<String>,
    }
}

web::endpoint! {
    /// Signs a user in to the tenant that the request addresses.
    ///
    /// The response is the same for a wrong password, an unknown e-mail address, and an unknown, suspended or deleted
    /// tenant. A user with a second factor gets a challenge, which `POST /api/v1/auth/second-factor` answers.
    ENDPOINT: POST "/api/v1/auth/login" => handler,
    access: Public,
    operation_id: "login",
    problems: [(403, &["network_not_allowed"]), (401, &["invalid_credentials", "second_factor_required", "second_factor_enrollment_required"]), (429, &["too_many_attempts"])],
    openapi: (
        params(("X-Tenant-Slug" = Option<String>, Header, example = "acme",
                description = "The slug of the tenant. Required if neither the host nor the path names the tenant.")),
        tag = "Signing in",
        request_body = Request,
        responses((status = 200, description = "The user is signed in.", body = SignedIn)),
    ),
}

async fn handler(mut call: Call) -> Result<Response> {
    let context = call.context()?;
    // Rejects an unreadable tenant address before reading the body.
    call.addressing()?;
    let request: Request = call.json().await?;
    let target = call.sign_in_target(Means::Address).await?;
    let subject = target.tenant.as_ref().map(|tenant| tenant.id);
    let device = match &request.refresh_token {
        Some(text) => RefreshToken::parse(&context.master_key, text)?,
        None => None,
    };
    let actor = Actor::anonymous(call.origin());
    let Request { email, password, .. } = request;
    let signed_in =
        session::sign_in(&context, target, &email, password, device.as_ref(), &actor).await?;
    if let Some(tenant) = subject {
        call.record().signed_in(tenant, signed_in.user_id());
    }
    Ok(Response::ok(&signed_in))
}
