//! Files that the build compresses with gzip, for a smaller component.

use std::io::Read as _;

use flate2::read::GzDecoder;
use http::{HeaderValue, header};
use tenancy::{Error, Result};
use web::{Headers, Response};

/// Includes a file that `build.rs` has compressed.
macro_rules! compressed {
    ($name:literal) => {
        include_bytes!(concat!(env!("OUT_DIR"), "/", $name, ".gz"))
    };
}

pub(crate) use compressed;

/// Returns a file that is compressed with gzip: as it is, or decompressed for a client that does not accept gzip.
///
/// # Errors
/// [`Error::Internal`] if the file is not compressed with gzip.
pub(crate) fn response(
    content_type: &'static str,
    bytes: &[u8],
    request: &Headers,
) -> Result<Response> {
    let mut response = if takes_gzip(request) {
        Response::bytes(content_type, bytes.into())
            .with_header(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"))
    } else {
        let mut plain = Vec::new();
        GzDecoder::new(bytes).read_to_end(&mut plain).map_err(Error::internal)?;
        Response::bytes(content_type, plain)
    };
    response.headers.append(header::VARY, HeaderValue::from_static("accept-encoding"));
    Ok(response)
}

fn takes_gzip(headers: &Headers) -> bool {
    headers.members("accept-encoding").any(|coding| {
        let (name, quality) = coding.split_once(';').unwrap_or((coding, ""));
        let is_refused = quality.trim().trim_start_matches("q=").parse::<f32>() == Ok(0.0);
        name.trim().eq_ignore_ascii_case("gzip") && !is_refused
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gzip_requires_accept_encoding() {
        let takes = |value: &'static str| {
            takes_gzip(&Headers::from(vec![("accept-encoding".to_owned(), value.into())]))
        };
        assert!(takes("gzip") && takes("br, GZIP;q=0.5"));
        assert!(!takes("identity") && !takes("gzip;q=0") && !takes(""));
    }
}
