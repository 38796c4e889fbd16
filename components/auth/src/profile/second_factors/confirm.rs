//! `POST /api/v1/profile/second-factors/{id}/confirm`

use tenancy::{
    Result,
    error::SecondFactorError,
    second_factor::Code,
    session::{self, ConfirmedSecondFactor},
};
use utoipa::ToSchema;
use uuid::Uuid;
use web::{Member, Response};

tenancy::fields! {
    /// The first code of a factor.
    #[derive(ToSchema)]
    #[schema(as = SecondFactorCode)]
    struct Request {
        /// The six digits that the authenticator shows.
        #[schema(value_type = String, example = "123456")]
        code: Code,
    }
}

web::endpoint! {
    /// Confirms a second factor with its first code.
    ///
    /// The response contains recovery codes, which are shown only once. The caller's other sessions without a second
    /// factor end.
    ENDPOINT: POST "/api/v1/profile/second-factors/{id}/confirm" => handler,
    access: User(ProfileWrite),
    options: [recent_sign_in(), pending()],
    operation_id: "confirmSecondFactor",
    problems: [(404, &["second_factor_not_found"]), (429, &["too_many_attempts"])],
    openapi: (
        tag = "Second factors",
        params(("id" = Uuid, Path, description = "The id of the factor.")),
        request_body = Request,
        responses((status = 200, description = "The factor is in use.", body = ConfirmedSecondFactor)),
    ),
}

async fn handler(mut member: Member) -> Result<Response> {
    let id: Uuid = member.call().parameter("id").map_err(|_| SecondFactorError::NotFound)?;
    let Request { code } = member.call().json().await?;
    let session = member.user().map(|claims| (claims.sub, claims.sid))?;
    let (context, tenant, actor) = (member.context(), member.tenant(), member.actor());
    let changed = session::confirm_enrollment(context, tenant, session, id, &code, &actor).await?;
    Ok(Response::ok(&changed.value).with_effect(changed.effect))
}
