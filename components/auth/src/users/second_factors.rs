//! `/api/v1/users/{id}/second-factors`

use http::StatusCode;
use tenancy::{Error, Result, session, user::Authority};
use uuid::Uuid;
use web::{Member, Response};

web::endpoint! {
    /// Removes all second factors and recovery codes of a user, for example after a loss, and ends the user's sessions.
    ///
    /// The caller must be allowed to grant the user's role.
    ENDPOINT: DELETE "/api/v1/users/{id}/second-factors" => handler,
    access: Member(UsersWrite),
    authority: Users,
    options: [destructive(), pending()],
    operation_id: "removeUserSecondFactors",
    problems: [(403, &["scope_not_held", "administrator_required"])],
    openapi: (
        tag = "Users",
        params(("id" = Uuid, Path, description = "The id of the user.")),
        responses((status = 204, description = "The user has no second factor.")),
    ),
}

async fn handler(mut member: Member, authority: Authority) -> Result<Response> {
    let id: Uuid = member.call().parameter("id").map_err(|_| Error::UserNotFound)?;
    let (context, tenant, actor) = (member.context(), member.tenant(), member.actor());
    let effect = session::remove_factors(context, tenant, id, &authority, &actor).await?;
    Ok(Response::empty(StatusCode::NO_CONTENT).with_effect(effect))
}
