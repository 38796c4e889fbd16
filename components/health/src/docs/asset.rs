//! `GET /docs/{file}`: the files of the documentation page.

use http::{HeaderValue, header};
use tenancy::{Error, Result};
use web::{Call, Response};

use crate::compressed::{self, compressed};

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
            bytes: compressed!($name),
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
    let response = if asset.is_compressed {
        compressed::response(asset.content_type, asset.bytes, &call.request().headers)?
    } else {
        Response::bytes(asset.content_type, asset.bytes.into())
    };
    let cached = HeaderValue::from_static("public, max-age=3600");
    Ok(response.with_header(header::CACHE_CONTROL, cached))
}
