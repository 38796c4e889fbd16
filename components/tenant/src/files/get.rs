//! `GET /api/v1/files/{path}`

use http::{HeaderValue, StatusCode, header};
use tenancy::{
    Error, Result,
    http::{Member, Response},
    storage::{self, ByteRange, Requested, repo},
    tenant::TenantDb,
};

use super::{entity_tag, entity_tag_header, has_strong_tag, has_tag, path};

/// How often a file may be replaced while it is looked for.
const MOST_REPLACEMENTS: u32 = 3;

/// Gives a file, or the part of it that `Range` asks for.
#[utoipa::path(
    get,
    path = "/api/v1/files/{path}",
    tag = "Files",
    params(
        ("path" = String, Path, description = "Where, with slashes between its parts."),
        ("Range" = Option<String>, Header, description = "A part, such as `bytes=0-1023`."),
        ("If-Range" = Option<String>, Header, description = "The tag that the part must be of."),
        ("If-None-Match" = Option<String>, Header, description = "The tags that need not be sent."),
    ),
    responses(
        (status = 200, description = "The file.", content_type = "application/octet-stream"),
        (status = 206, description = "The part.", content_type = "application/octet-stream"),
        (status = 304, description = "It is the file that the caller has."),
    ),
)]
pub async fn handler(mut member: Member) -> Result<Response> {
    let path = path(&mut member)?;
    let database = TenantDb::connect(member.tenancy(), member.tenant()).await?;
    let mut file = repo::find(&database, &path).await?.ok_or(Error::FileNotFound)?;
    for _ in 0..MOST_REPLACEMENTS {
        let failed = match answer(&mut member, &file).await {
            Err(error @ Error::Internal(_)) => error,
            answered => return answered,
        };
        // The chunks of a file go when another takes its place.
        let now = repo::find(&database, &path).await?.ok_or(Error::FileNotFound)?;
        if now.id == file.id {
            return Err(failed);
        }
        file = now;
    }
    Err(Error::unavailable("the file is replaced all the time"))
}

async fn answer(member: &mut Member, file: &storage::File) -> Result<Response> {
    let request = member.call().request();
    if request.header("if-match")?.is_some_and(|list| !has_strong_tag(list, file.id)) {
        return Err(Error::PreconditionFailed);
    }
    if request.header("if-none-match")?.is_some_and(|list| has_tag(list, file.id)) {
        return described(Response::empty(StatusCode::NOT_MODIFIED), file);
    }
    // A part of another file than the caller has is of no use to them.
    let if_range = request.header("if-range")?;
    let is_of_this_file = if_range.is_none_or(|tag| tag == entity_tag(file.id));
    let range = request.header("range")?.filter(|_| is_of_this_file);
    let requested = Requested::parse(range, file.size);
    let (status, range) = match requested {
        Requested::NotThere => return Err(Error::RangeNotSatisfiable { size: file.size }),
        Requested::Part(range) => (StatusCode::PARTIAL_CONTENT, Some(range)),
        Requested::Whole if file.size == 0 => (StatusCode::OK, None),
        Requested::Whole => (StatusCode::OK, Some(ByteRange { first: 0, last: file.size - 1 })),
    };
    let mut response = match range {
        Some(range) => {
            let mut download =
                storage::download(member.tenancy(), member.tenant(), file, range).await?;
            let response = match download.only_piece() {
                Some(all) => Response::bytes("application/octet-stream", all),
                None => Response::stream(Some(range.length()), download),
            };
            response.with_status(status)
        }
        None => Response::empty(StatusCode::OK),
    };
    if let (Requested::Part(_), Some(ByteRange { first, last })) = (requested, range) {
        let value = HeaderValue::from_str(&format!("bytes {first}-{last}/{}", file.size));
        response = response.with_header(header::CONTENT_RANGE, value.map_err(Error::internal)?);
    }
    let content_type = HeaderValue::from_str(&file.content_type).map_err(Error::internal)?;
    described(response.with_header(header::CONTENT_TYPE, content_type), file)
}

/// An answer with what every answer about a file has (RFC 9110, section 15.4.5).
fn described(response: Response, file: &storage::File) -> Result<Response> {
    Ok(response
        .with_header(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"))
        .with_header(header::ETAG, entity_tag_header(file.id)?)
        .with_header(header::LAST_MODIFIED, last_modified(file)?)
        .with_header(header::CACHE_CONTROL, HeaderValue::from_static("private, no-cache"))
        // What a tenant stores never acts as a page of this service.
        .with_header(
            header::CONTENT_SECURITY_POLICY,
            HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'; sandbox"),
        ))
}

/// A time as HTTP writes it (RFC 9110, section 5.6.7).
fn last_modified(file: &storage::File) -> Result<HeaderValue> {
    let text = file.updated_at.format("%a, %d %b %Y %H:%M:%S GMT").to_string();
    HeaderValue::from_str(&text).map_err(Error::internal)
}
