//! `PUT /api/v1/files/{path}`

use http::{StatusCode, header};
use tenancy::{
    Error, Result,
    http::{Member, Response},
    quota::Resource,
    storage::{self, NewFile, Precondition, repo},
    tenant::TenantDb,
};

use super::{FileView, entity_tag_header, has_strong_tag, has_tag, path};

/// What is stored where the request does not say what it is.
const UNKNOWN: &str = "application/octet-stream";
/// The most characters of a content type.
const LONGEST: usize = 255;

/// Stores a file, in the place of one before it. The body is the file, however large it is; the one
/// before stays until all of it has arrived: there must be room for both.
#[utoipa::path(
    put,
    path = "/api/v1/files/{path}",
    tag = "Files",
    params(
        ("path" = String, Path, description = "Where, with slashes between its parts."),
        ("If-Match" = Option<String>, Header, description = "The tag of the file to replace."),
        ("If-None-Match" = Option<String>, Header, description = "`*`: there must be no file yet."),
    ),
    request_body(content = String, content_type = "application/octet-stream"),
    responses(
        (status = 200, description = "The file was replaced.", body = FileView),
        (status = 201, description = "The file is new.", body = FileView),
    ),
)]
pub async fn handler(mut member: Member) -> Result<Response> {
    let path = path(&mut member)?;
    let request = member.call().request();
    let content_type = request.header("content-type")?.unwrap_or(UNKNOWN).to_owned();
    if content_type.is_empty() || content_type.len() > LONGEST {
        let message = "must have 1 to 255 characters".to_owned();
        return Err(Error::InvalidHeader { name: "content-type", message });
    }
    if request.header("content-range")?.is_some() {
        // A part must not be taken for the whole (RFC 9110, section 14.4).
        let message = "is not taken: send the whole file".to_owned();
        return Err(Error::InvalidHeader { name: "content-range", message });
    }
    let if_match = request.header("if-match")?.map(str::to_owned);
    let if_none_match = request.header("if-none-match")?.map(str::to_owned);
    let length = request.header("content-length")?.and_then(|length| length.parse().ok());
    let (tenancy, tenant) = (member.tenancy().clone(), member.tenant().clone());
    let actor = member.actor();
    let precondition = match (if_match.as_deref(), if_none_match.as_deref()) {
        (None, None) => Precondition::default(),
        (None, Some("*")) => Precondition { must_be_new: true, ..Precondition::default() },
        (Some("*"), None) => Precondition { must_exist: true, ..Precondition::default() },
        (if_match, if_none_match) => {
            let database = TenantDb::connect(&tenancy, &tenant).await?;
            let before = repo::find(&database, &path).await?.map(|before| before.id);
            let is_refused = if_match
                .is_some_and(|list| before.is_none_or(|before| !has_strong_tag(list, before)))
                || if_none_match
                    .is_some_and(|list| before.is_some_and(|before| has_tag(list, before)));
            if is_refused {
                return Err(Error::PreconditionFailed);
            }
            // What was looked at must still be there when the upload is whole.
            Precondition { file: before, must_be_new: before.is_none(), must_exist: false }
        }
    };
    let new = NewFile { path: &path, content_type: &content_type, length, precondition };
    let body = &mut member.call().request().body;
    let uploaded = storage::upload(&tenancy, &tenant, &new, body, &actor).await?;
    member.used(Resource::Storage, uploaded.used, tenant.limits.storage);
    let status = if uploaded.is_replacement { StatusCode::OK } else { StatusCode::CREATED };
    let tag = entity_tag_header(uploaded.file.id)?;
    Ok(Response::json(status, &FileView::from(uploaded.file)).with_header(header::ETAG, tag))
}
