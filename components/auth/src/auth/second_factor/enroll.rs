//! `POST /api/v1/auth/second-factor/enrollment`

use http::StatusCode;
use tenancy::{
    Error, Result, resolve,
    second_factor::FactorName,
    session::{self, SecondFactorEnrollment},
    token::ChallengeToken,
};
use utoipa::ToSchema;
use web::{Call, Means, Response};

tenancy::fields! {
    /// The enrolment that a sign-in needs.
    #[derive(ToSchema)]
    #[schema(as = EnrollmentBySignIn)]
    struct Request {
        /// The challenge of the sign-in.
        challenge: String,
        /// The name of the factor.
        name: FactorName = FactorName::default(),
    }
}

web::endpoint! {
    /// Sets up the second factor that a sign-in needs. `POST /api/v1/auth/second-factor` confirms it with a code.
    ENDPOINT: POST "/api/v1/auth/second-factor/enrollment" => handler,
    access: Public,
    operation_id: "enrollBySignIn",
    problems: [(401, &["invalid_challenge"])],
    openapi: (
        tag = "Signing in",
        request_body = Request,
        responses((status = 201, description = "The secret for an authenticator.", body = SecondFactorEnrollment)),
    ),
}

async fn handler(mut call: Call) -> Result<Response> {
    let context = call.context()?;
    let addressing = call.addressing()?;
    let request: Request = call.json().await?;
    let token = ChallengeToken::parse(&request.challenge).ok_or(Error::InvalidChallenge)?;
    let tenant = resolve::by_id(&context, token.tenant()).await?.ok_or(Error::InvalidChallenge)?;
    call.record().concerns(tenant.id, Means::Challenge);
    resolve::agree(&context, &addressing, &tenant).await?;
    let begun = session::enroll(&context, &tenant, &token, &request.name).await?;
    Ok(Response::json(StatusCode::CREATED, &begun))
}
