//! `/api/v1/files`

pub mod delete;
pub mod get;
pub mod list;
pub mod put;

use chrono::{DateTime, Utc};
use http::HeaderValue;
use serde::Serialize;
use tenancy::{
    Error, Result,
    http::Member,
    storage::{File, FilePath},
};
use utoipa::ToSchema;
use uuid::Uuid;

/// A file.
#[derive(Serialize, ToSchema)]
#[schema(as = File)]
struct FileView {
    path: String,
    /// Its bytes.
    size: u64,
    content_type: String,
    /// What tells this version of it from others, for `If-Match` and `If-None-Match`.
    etag: String,
    updated_at: DateTime<Utc>,
}

impl From<File> for FileView {
    fn from(file: File) -> Self {
        let etag = entity_tag(file.id);
        let File { path, size, content_type, updated_at, .. } = file;
        Self { path, size, content_type, etag, updated_at }
    }
}

/// The path of the file in the path of the request.
fn path(member: &mut Member) -> Result<FilePath> {
    let encoded = member.call().raw_parameter("path")?;
    FilePath::from_encoded(encoded).map_err(|message| Error::invalid_field("path", message))
}

/// The entity tag of a file: each upload has its own.
fn entity_tag(file: Uuid) -> String {
    format!("\"{}\"", file.simple())
}

fn entity_tag_header(file: Uuid) -> Result<HeaderValue> {
    HeaderValue::from_str(&entity_tag(file)).map_err(Error::internal)
}

/// The file that a strong entity tag is of.
fn file_of_tag(tag: &str) -> Option<Uuid> {
    Uuid::try_parse(tag.trim().strip_prefix('"')?.strip_suffix('"')?).ok()
}

/// Whether a list of tags (`If-Match`) has this file. A weak tag does not match (RFC 9110, section
/// 13.1.1).
fn has_strong_tag(list: &str, file: Uuid) -> bool {
    list.split(',').any(|tag| tag.trim() == "*" || file_of_tag(tag) == Some(file))
}

/// Whether a list of tags (`If-None-Match`) has this file. A weak tag matches, too (RFC 9110, section
/// 13.1.2).
fn has_tag(list: &str, file: Uuid) -> bool {
    list.split(',').any(|tag| {
        let tag = tag.trim();
        tag == "*" || file_of_tag(tag.strip_prefix("W/").unwrap_or(tag)) == Some(file)
    })
}
