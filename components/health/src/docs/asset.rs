//! `GET /docs/{file}`: the files of the documentation page.

use std::io::Read as _;

use flate2::read::GzDecoder;
use http::{HeaderValue, header};
use tenancy::{Error, Result};
use web::{Call, Headers, Response};

/// A file of the page: name, content type, and bytes, compressed or not.
struct Asset {
    name: &'static str,
    content_type: &'static str,
    bytes: &'static [u8],
    is_compressed: bool,
}

macro_rules! of_swagger_ui {
    ($name:literal, $content_type:literal) => {
        Asset {
            name: $name,
            content_type: $content_type,
            bytes: include_bytes!(concat!(env!("OUT_DIR"), "/", $name, ".gz")),
            is_compressed: true,
        }
    };
}

const ASSETS: [Asset; 4] = [
    Asset {
        name: "page.js",
        content_type: "text/javascript; charset=utf-8",
        bytes: include_bytes!("page.js"),
        is_compressed: false,
    },
    of_swagger_ui!("swagger-ui-bundle.js", "text/javascript; charset=utf-8"),
    of_swagger_ui!("swagger-ui.css", "text/css; charset=utf-8"),
    of_swagger_ui!("favicon-32x32.png", "image/png"),
];

web::endpoint! {
    /// Returns a file of the page.
    ENDPOINT: GET "/docs/{file}" => handler,
    access: Public,
}

async fn handler(mut call: Call) -> Result<Response> {
    let name: String = call.parameter("file")?;
    let asset = ASSETS.iter().find(|asset| asset.name == name).ok_or(Error::RouteNotFound)?;
    let takes_gzip = takes_gzip(&call.request().headers);
    let mut response = match (asset.is_compressed, takes_gzip) {
        (true, true) => Response::bytes(asset.content_type, asset.bytes.into())
            .with_header(header::CONTENT_ENCODING, HeaderValue::from_static("gzip")),
        (true, false) => {
            let mut plain = Vec::new();
            GzDecoder::new(asset.bytes).read_to_end(&mut plain).map_err(Error::internal)?;
            Response::bytes(asset.content_type, plain)
        }
        (false, _) => Response::bytes(asset.content_type, asset.bytes.into()),
    };
    response.headers.append(header::VARY, HeaderValue::from_static("accept-encoding"));
    let cached = HeaderValue::from_static("public, max-age=3600");
    Ok(response.with_header(header::CACHE_CONTROL, cached))
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
