//! `DELETE /api/v1/files/{path}`

use http::StatusCode;
use tenancy::{
    Error, Result,
    storage::{self, repo},
    tenant::TenantDb,
};
use web::{Conditions, Member, Response};

use super::{path, validators};

web::endpoint! {
    /// Deletes a file.
    ENDPOINT: DELETE "/api/v1/files/{*path}" => handler,
    access: Member(FilesWrite),
    operation_id: "deleteFile",
    problems: [(404, &["file_not_found"]), (412, &["precondition_failed"])],
    openapi: (
        tag = "Files",
        params(
            ("path" = String, Path, description = "The path of the file, with slashes between its parts."),
            ("If-Match" = Option<String>, Header, description = "Proceeds only if the file has this entity tag."),
            ("If-None-Match" = Option<String>, Header,
                description = "Proceeds only if the file has none of these entity tags.",
                pattern = r#"^(\*|"[!#-~]*"(, *"[!#-~]*")*)$"#),
            ("If-Unmodified-Since" = Option<String>, Header, description = "Proceeds only if the file is not newer."),
        ),
        responses((status = 204, description = "The file is deleted.")),
    ),
}

async fn handler(mut member: Member) -> Result<Response> {
    let path = path(&mut member)?;
    let conditions = Conditions::of(member.call().request())?;
    let wanted = if conditions.is_empty() {
        None
    } else {
        let database = TenantDb::connect(member.context(), member.tenant()).await?;
        let before = repo::find(&database, &path).await?.ok_or(Error::FileNotFound)?;
        conditions.check_change(Some(&validators(&before)?))?;
        (!conditions.needs_any()).then_some(before.id)
    };
    let (context, tenant, actor) = (member.context(), member.tenant(), member.actor());
    storage::delete(context, tenant, &path, wanted, &actor).await?;
    Ok(Response::empty(StatusCode::NO_CONTENT))
}
