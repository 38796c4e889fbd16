//! `PATCH /api/v1/account/passkeys/{id}`

use http::StatusCode;
use tenancy::{Result, error::PasskeyError, second_factor::FactorName, session::passkey};
use utoipa::ToSchema;
use uuid::Uuid;
use web::{Member, Response};

tenancy::fields! {
    /// The name of a passkey.
    #[derive(ToSchema)]
    #[schema(as = PasskeyName)]
    struct Request {
        /// The name.
        name: FactorName,
    }
}

web::endpoint! {
    /// Renames a passkey of the caller.
    ENDPOINT: PATCH "/api/v1/account/passkeys/{id}" => handler,
    access: User(ProfileWrite),
    operation_id: "renamePasskey",
    problems: [(404, &["passkey_not_found"])],
    openapi: (
        tag = "Passkeys",
        params(("id" = Uuid, Path, description = "The id of the passkey.")),
        request_body = Request,
        responses((status = 204, description = "The passkey has the name.")),
    ),
}

async fn handler(mut member: Member) -> Result<Response> {
    let id: Uuid = member.call().parameter("id").map_err(|_| PasskeyError::NotFound)?;
    let Request { name } = member.call().json().await?;
    let (context, tenant, actor) = (member.context(), member.tenant(), member.actor());
    passkey::rename(context, tenant, member.user()?.sub, id, &name, &actor).await?;
    Ok(Response::empty(StatusCode::NO_CONTENT))
}
