//! `/api/v1/files`

pub mod delete;
pub mod get;
pub mod list;
pub mod put;

use chrono::{DateTime, Utc};
use serde::Serialize;
use tenancy::{
    Error, Result,
    storage::{File, FilePath},
};
use utoipa::ToSchema;
use web::{Member, Validators};

/// A file.
#[derive(Serialize, ToSchema)]
#[schema(as = File)]
struct FileView {
    path: String,
    /// The size in bytes.
    size: u64,
    content_type: String,
    /// The entity tag of this version, for `If-Match` and `If-None-Match`.
    etag: String,
    updated_at: DateTime<Utc>,
}

impl From<File> for FileView {
    fn from(file: File) -> Self {
        let File { id, path, size, content_type, updated_at, .. } = file;
        Self { path, size, content_type, etag: format!("\"{}\"", id.simple()), updated_at }
    }
}

/// Returns the file path in the path of the request.
fn path(member: &mut Member) -> Result<FilePath> {
    let encoded = member.call().raw_parameter("path")?;
    FilePath::from_encoded(encoded).map_err(|message| Error::invalid_field("path", message))
}

/// Returns the validators of a file. Each upload has a unique id, and thus a unique entity tag.
fn validators(file: &File) -> Result<Validators> {
    Validators::new(&file.id.simple().to_string(), file.updated_at)
}
