//! `POST /api/v1/auth/second-factor/enrollment`

use http::StatusCode;
use tenancy::{
    Result,
    second_factor::FactorName,
    session::{self, SecondFactorEnrollment},
};
use utoipa::ToSchema;
use web::{Call, Response};

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
    // Rejects an unreadable tenant address before reading the body.
    call.addressing()?;
    let request: Request = call.json().await?;
    let (token, tenant) = call.tenant_of_challenge(&request.challenge).await?;
    let begun = session::enroll(&context, &tenant, &token, &request.name).await?;
    Ok(Response::json(StatusCode::CREATED, &begun))
}
