//! `POST /api/v1/auth/second-factor`

use tenancy::{
    Result,
    event::Actor,
    second_factor::Code,
    session::{self, SignedIn},
};
use utoipa::ToSchema;
use web::{Call, Response};

tenancy::fields! {
    /// The answer to a challenge.
    #[derive(ToSchema)]
    #[schema(as = SecondFactorAnswer)]
    struct Request {
        /// The challenge of the sign-in.
        challenge: String,
        /// The six digits that the authenticator shows, or a recovery code.
        #[schema(value_type = String, example = "123456")]
        code: Code,
    }
}

web::endpoint! {
    /// Continues a sign-in with the second factor.
    ///
    /// A code and a challenge are accepted once. A challenge ends after five wrong codes. If the sign-in needed an
    /// enrolment, the code confirms the factor, and the response contains recovery codes.
    ENDPOINT: POST "/api/v1/auth/second-factor" => handler,
    access: Public,
    operation_id: "answerSecondFactor",
    problems: [(403, &["network_not_allowed"]), (401, &["invalid_challenge", "invalid_second_factor"]), (429, &["too_many_attempts"])],
    openapi: (
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
    let (token, tenant) = call.tenant_of_challenge(&request.challenge).await?;
    let actor = Actor::anonymous(call.origin());
    let signed_in = session::answer(&context, &tenant, &token, &request.code, &actor).await?;
    call.record().signed_in(tenant.id, signed_in.user_id());
    Ok(Response::ok(&signed_in))
}
