//! `POST /api/v1/users/{id}/erasure`

use tenancy::{
    Error, Result,
    personal_data::{Erasure, erasure},
    user::Authority,
};
use uuid::Uuid;
use web::{Member, Response};

web::endpoint! {
    /// Erases a person: deletes the user permanently, and removes everything that identifies the person.
    ///
    /// Events of the audit trail keep the opaque id of the user, and lose the address and the user agent of the person's
    /// requests. The trail stays verifiable and contains the receipt. A user that was deleted before can be erased, too.
    /// Repeat an interrupted call: it finishes the erasure, and otherwise returns the receipt again. Backups from before
    /// the erasure still contain the person.
    ENDPOINT: POST "/api/v1/users/{id}/erasure" => handler,
    access: Member(UsersWrite),
    authority: Users,
    options: [destructive(), unmetered(), pending()],
    operation_id: "eraseUser",
    problems: [(403, &["scope_not_held", "administrator_required"]), (409, &["last_admin"])],
    openapi: (
        tag = "Users",
        params(("id" = Uuid, Path, description = "The id of the user.")),
        responses((status = 200, description = "The receipt.", body = Erasure)),
    ),
}

async fn handler(mut member: Member, authority: Authority) -> Result<Response> {
    let id: Uuid = member.call().parameter("id").map_err(|_| Error::UserNotFound)?;
    let (context, tenant, actor) = (member.context(), member.tenant(), member.actor());
    let erased = erasure::erase(context, tenant, id, &authority, &actor).await?;
    Ok(Response::ok(&erased.value).with_effect(erased.effect))
}
