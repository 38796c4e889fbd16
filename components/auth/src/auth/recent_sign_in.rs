//! `POST /api/v1/auth/recent-sign-in`

use http::StatusCode;
use tenancy::{Result, credential::Password, second_factor::Code, session};
use utoipa::ToSchema;
use web::{Member, Response};

tenancy::fields! {
    /// A new proof of identity.
    #[derive(ToSchema)]
    #[schema(as = RecentSignIn)]
    struct Request {
        /// The password. It is required for a user without a second factor.
        password: Option<Password>,
        /// The six digits that the authenticator shows, or a recovery code. It is required for a user with a second
        /// factor.
        #[schema(value_type = Option<String>, example = "123456")]
        code: Option<Code>,
    }
}

web::endpoint! {
    /// Proves the identity of the caller again, for changes that need a recent sign-in.
    ENDPOINT: POST "/api/v1/auth/recent-sign-in" => handler,
    access: User(ProfileWrite),
    options: [unmetered()],
    operation_id: "signInAgain",
    problems: [(429, &["too_many_attempts"])],
    openapi: (
        tag = "Signing in",
        request_body = Request,
        responses((status = 204, description = "The session has a recent proof of identity.")),
    ),
}

async fn handler(mut member: Member) -> Result<Response> {
    let Request { password, code } = member.call().json().await?;
    let session = member.user().map(|claims| (claims.sub, claims.sid))?;
    let (context, tenant, actor) = (member.context(), member.tenant(), member.actor());
    session::prove_again(context, tenant, session, password.as_ref(), code.as_ref(), &actor)
        .await?;
    Ok(Response::empty(StatusCode::NO_CONTENT))
}
