//! `GET /api/v1/files/{path}`

use http::{HeaderValue, Method, StatusCode, header};
use tenancy::{
    Error, Result,
    storage::{self, ByteRange, Requested, repo},
    tenant::TenantDb,
};
use web::{Conditions, Member, Outcome, Request, Response, Validators};

use super::{path, validators};

/// The number of attempts to read a file that is replaced meanwhile.
const MOST_REPLACEMENTS: u32 = 3;

web::endpoint! {
    /// Returns a file, or the part of it that `Range` requests.
    ENDPOINT: GET "/api/v1/files/{*path}" => handler,
    access: Member(FilesRead),
    operation_id: "downloadFile",
    problems: [
        (404, &["file_not_found"]),
        (412, &["precondition_failed"]),
        (416, &["range_not_satisfiable"]),
    ],
    headers: ["ETag", "Last-Modified", "Accept-Ranges", "Content-Length"],
    openapi: (
        tag = "Files",
        params(
            ("path" = String, Path, description = "The path of the file, with slashes between its parts."),
            ("Range" = Option<String>, Header, description = "The requested part, such as `bytes=0-1023`."),
            ("If-Range" = Option<String>, Header, description = "Applies `Range` if the file has this tag or date."),
            ("If-Match" = Option<String>, Header, description = "Proceeds only if the file has one of these entity tags."),
            ("If-None-Match" = Option<String>, Header, description = "Returns 304 if the current entity tag is listed."),
            ("If-Modified-Since" = Option<String>, Header, description = "Returns 304 if the file is not newer."),
            ("If-Unmodified-Since" = Option<String>, Header, description = "Proceeds only if the file is not newer."),
        ),
        responses(
            (status = 200, description = "The file.", content_type = "application/octet-stream"),
            (status = 206, description = "The requested part.", content_type = "application/octet-stream"),
            (status = 304, description = "The caller already has the current version."),
        ),
    ),
}

async fn handler(mut member: Member) -> Result<Response> {
    let path = path(&mut member)?;
    let database = TenantDb::connect(member.context(), member.tenant()).await?;
    let mut file = repo::find(&database, &path).await?.ok_or(Error::FileNotFound)?;
    for _ in 0..MOST_REPLACEMENTS {
        let failed = match answer(&mut member, &file).await {
            Err(error @ Error::Internal(_)) => error,
            answered => return answered,
        };
        // Replacing a file deletes the chunks of the old one.
        let now = repo::find(&database, &path).await?.ok_or(Error::FileNotFound)?;
        if now.id == file.id {
            return Err(failed);
        }
        file = now;
    }
    Err(Error::unavailable("the file was replaced during each attempt to read it"))
}

async fn answer(member: &mut Member, file: &storage::File) -> Result<Response> {
    let validators = validators(file)?;
    let request = member.call().request();
    if Conditions::of(request)?.check_read(&validators)? == Outcome::NotModified {
        return described(Response::empty(StatusCode::NOT_MODIFIED), &validators);
    }
    let requested = Requested::parse(range(request, &validators), file.size);
    let (status, range) = match requested {
        Requested::NotThere => return Err(Error::RangeNotSatisfiable { size: file.size }),
        Requested::Part(range) => (StatusCode::PARTIAL_CONTENT, Some(range)),
        Requested::Whole if file.size == 0 => (StatusCode::OK, None),
        Requested::Whole => (StatusCode::OK, Some(ByteRange { first: 0, last: file.size - 1 })),
    };
    let mut response = match range {
        Some(range) => {
            let mut download =
                storage::download(member.context(), member.tenant(), file, range).await?;
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
    described(response.with_header(header::CONTENT_TYPE, content_type), &validators)
}

/// Returns the value of `Range` if it applies to this file.
fn range<'a>(request: &'a Request, validators: &Validators) -> Option<&'a [u8]> {
    // Only GET supports ranges (RFC 9110, section 14.2). `Range` is not a list, so repeated headers are ignored.
    let mut ranges = request.headers.get_all("range");
    match (ranges.next(), ranges.next()) {
        (Some(range), None) if request.method == Method::GET => Some(range),
        _ => None,
    }
    .filter(|_| validators.allow_range(request))
}

/// Adds the headers of every file response (RFC 9110, section 15.4.5).
fn described(response: Response, validators: &Validators) -> Result<Response> {
    Ok(validators
        .describe(response)?
        .with_header(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"))
        .with_header(header::CACHE_CONTROL, HeaderValue::from_static("private, no-cache"))
        // Tenant content must never run as a page of this service.
        .with_header(
            header::CONTENT_SECURITY_POLICY,
            HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'; sandbox"),
        ))
}
