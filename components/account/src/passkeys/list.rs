//! `GET /api/v1/account/passkeys`

use serde::Serialize;
use tenancy::{
    Result,
    passkey::{Passkey, repo},
    tenant::TenantDb,
};
use utoipa::ToSchema;
use web::{Member, Response};

/// The passkeys of a user.
#[derive(Serialize, ToSchema)]
struct Passkeys {
    /// The passkeys, the oldest first. There are at most ten.
    items: Vec<Passkey>,
}

web::endpoint! {
    /// Lists the caller's passkeys.
    ENDPOINT: GET "/api/v1/account/passkeys" => handler,
    access: User(ProfileRead),
    operation_id: "listPasskeys",
    openapi: (
        tag = "Passkeys",
        responses((status = 200, description = "The passkeys.", body = Passkeys)),
    ),
}

async fn handler(member: Member) -> Result<Response> {
    let database = TenantDb::connect(member.context(), member.tenant()).await?;
    let items = repo::list(&database, member.user()?.sub).await?;
    Ok(Response::ok(&Passkeys { items }))
}
