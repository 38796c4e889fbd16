//! `DELETE /api/v1/files/{path}`

use http::StatusCode;
use tenancy::{
    Error, Result,
    http::{Member, Response},
    storage::{self, repo},
    tenant::TenantDb,
};

use super::{has_strong_tag, path};

/// Deletes a file.
#[utoipa::path(
    delete,
    path = "/api/v1/files/{path}",
    tag = "Files",
    params(
        ("path" = String, Path, description = "Where, with slashes between its parts."),
        ("If-Match" = Option<String>, Header, description = "The tag of the file to delete."),
    ),
    responses((status = 204, description = "The file is gone.")),
)]
pub async fn handler(mut member: Member) -> Result<Response> {
    let path = path(&mut member)?;
    let if_match = member.call().request().header("if-match")?.map(str::to_owned);
    let wanted = match if_match {
        None => None,
        Some(list) => {
            let database = TenantDb::connect(member.tenancy(), member.tenant()).await?;
            let before = repo::find(&database, &path).await?.map(|before| before.id);
            let before = before.filter(|before| has_strong_tag(&list, *before));
            Some(before.ok_or(Error::PreconditionFailed)?)
        }
    };
    let (tenancy, tenant, actor) = (member.tenancy(), member.tenant(), member.actor());
    storage::delete(tenancy, tenant, &path, wanted, &actor).await?;
    Ok(Response::empty(StatusCode::NO_CONTENT))
}
