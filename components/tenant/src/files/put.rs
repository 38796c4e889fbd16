//! `PUT /api/v1/files/{path}`

use http::StatusCode;
use tenancy::{
    Error, Result,
    resource::Resource,
    storage::{self, NewFile, Precondition, repo},
    tenant::TenantDb,
};
use web::{Conditions, Member, Response};

use super::{FileView, path, validators};

/// The content type of an upload without one.
const UNKNOWN: &str = "application/octet-stream";
/// The maximum length of a content type, in characters.
const LONGEST: usize = 255;

web::endpoint! {
    /// Stores a file, and replaces an existing file.
    ///
    /// The request body is the file content, of any size. An existing file stays until the upload is complete, so the
    /// quota must have room for both.
    ENDPOINT: PUT "/api/v1/files/{*path}" => handler,
    access: Member(FilesWrite),
    operation_id: "uploadFile",
    problems: [(412, &["precondition_failed"]), (507, &["quota_exceeded"])],
    headers: ["ETag", "Last-Modified"],
    openapi: (
        tag = "Files",
        params(
            ("path" = String, Path, description = "The path of the file, with slashes between its parts."),
            ("If-Match" = Option<String>, Header, description = "Proceeds only if the old file has this entity tag."),
            ("If-None-Match" = Option<String>, Header, description = "`*`: proceeds only if the file does not exist.",
                pattern = r#"^(\*|"[!#-~]*"(, *"[!#-~]*")*)$"#),
            ("If-Unmodified-Since" = Option<String>, Header, description = "Proceeds only if the old file is not newer."),
        ),
        request_body(content = String, content_type = "application/octet-stream"),
        responses(
            (status = 200, description = "The file was replaced.", body = FileView),
            (status = 201, description = "The file is new.", body = FileView),
        ),
    ),
}

async fn handler(mut member: Member) -> Result<Response> {
    let path = path(&mut member)?;
    let request = member.call().request();
    let content_type = request.header("content-type")?.unwrap_or(UNKNOWN).to_owned();
    if content_type.is_empty() || content_type.len() > LONGEST {
        let message = "must have 1 to 255 characters".to_owned();
        return Err(Error::InvalidHeader { name: "content-type", message });
    }
    if request.header("content-range")?.is_some() {
        // A part must not be stored as the whole file (RFC 9110, section 14.4).
        let message = "is not supported; send the whole file".to_owned();
        return Err(Error::InvalidHeader { name: "content-range", message });
    }
    request.check_coding()?;
    let conditions = Conditions::of(request)?;
    let length = request.header("content-length")?.and_then(|length| length.parse().ok());
    let (context, tenant) = (member.context().clone(), member.tenant().clone());
    let actor = member.actor();
    // Checked before the upload, so that clients do not send a file in vain.
    let precondition = if conditions.is_empty() {
        Precondition::default()
    } else {
        let database = TenantDb::connect(&context, &tenant).await?;
        let before = repo::find(&database, &path).await?;
        conditions.check_change(before.as_ref().map(validators).transpose()?.as_ref())?;
        // The file that met the conditions must still exist when the upload is complete.
        match before {
            Some(_) if conditions.needs_any() => {
                Precondition { must_exist: true, ..Precondition::default() }
            }
            before => Precondition {
                must_be_new: before.is_none(),
                file: before.map(|before| before.id),
                must_exist: false,
            },
        }
    };
    let new = NewFile { path: &path, content_type: &content_type, length, precondition };
    let body = &mut member.call().request().body;
    let uploaded = storage::upload(&context, &tenant, &new, body, &actor).await?;
    member.used(Resource::Storage, uploaded.used, tenant.limits.storage);
    let status = if uploaded.is_replacement { StatusCode::OK } else { StatusCode::CREATED };
    let validators = validators(&uploaded.file)?;
    validators.describe(Response::json(status, &FileView::from(uploaded.file)))
}

#[cfg(test)]
mod tests {
    use http::Method;
    use serde_json::json;
    use tenancy::access::Role;
    use web::testing::{Service, with_headers};

    use super::handler;

    #[test]
    fn unsupported_headers_are_rejected_before_the_upload() {
        for (name, value) in [("content-range", "bytes 0-1/2"), ("content-type", "")] {
            let request = with_headers(Method::PUT, &[(name, value)], b"content".to_vec());
            let answer = Service::new().at("path", "a.txt").call(handler, Role::User, request);
            let code = &answer.body["code"];
            assert_eq!((answer.status, code), (400, &json!("invalid_header")), "{name}");
        }
    }

    #[test]
    fn unsafe_path_is_rejected() {
        let request = with_headers(Method::PUT, &[], Vec::new());
        let answer = Service::new().at("path", "../other").call(handler, Role::User, request);
        assert_eq!((answer.status, answer.fields()), (422, vec!["path"]));
    }
}
