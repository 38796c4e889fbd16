//! `POST /api/v1/profile/second-factors`

use http::StatusCode;
use tenancy::{
    Result,
    second_factor::FactorName,
    session::{self, SecondFactorEnrollment},
};
use utoipa::ToSchema;
use web::{Member, Response};

tenancy::fields! {
    /// A second factor to set up.
    #[derive(ToSchema)]
    #[schema(as = NewSecondFactor)]
    struct Request {
        /// The name of the factor.
        name: FactorName = FactorName::default(),
    }
}

web::endpoint! {
    /// Begins to set up a second factor: one-time passwords of an authenticator.
    ///
    /// The response contains the secret. The factor is in use after its confirmation with a code. An earlier factor that
    /// was not confirmed is replaced. The sign-in must be at most ten minutes old.
    ENDPOINT: POST "/api/v1/profile/second-factors" => handler,
    access: User(ProfileWrite),
    options: [recent_sign_in()],
    operation_id: "beginSecondFactor",
    problems: [(409, &["too_many_second_factors"])],
    openapi: (
        tag = "Second factors",
        request_body(content = Option<Request>),
        responses((status = 201, description = "The secret for an authenticator.", body = SecondFactorEnrollment)),
    ),
}

async fn handler(mut member: Member) -> Result<Response> {
    let request: Request = member.call().json_or_empty().await?;
    let (context, tenant, user) = (member.context(), member.tenant(), member.user()?.sub);
    let begun = session::begin_enrollment(context, tenant, user, &request.name).await?;
    Ok(Response::json(StatusCode::CREATED, &begun))
}
