//! Compresses the OpenAPI document, and the files of the documentation page from the Swagger UI package.

use std::{
    env,
    error::Error,
    fs::File,
    io::{Cursor, Read, copy},
    path::{Path, PathBuf},
};

use flate2::{Compression, write::GzEncoder};
use utoipa_swagger_ui_vendored::SWAGGER_UI_VENDORED;
use zip::ZipArchive;

/// The OpenAPI document.
const DOCUMENT: &str = "../../docs/openapi.json";
/// The files of the documentation page.
const FILES: [&str; 3] = ["swagger-ui-bundle.js", "swagger-ui.css", "favicon-32x32.png"];

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-changed={DOCUMENT}");
    let folder = PathBuf::from(env::var("OUT_DIR")?);
    compress(&mut File::open(DOCUMENT)?, &folder.join("openapi.json.gz"))?;
    let mut package = ZipArchive::new(Cursor::new(SWAGGER_UI_VENDORED))?;
    for name in FILES {
        let end = format!("/dist/{name}");
        let path = package.file_names().find(|path| path.ends_with(&end)).map(str::to_owned);
        let path = path.ok_or_else(|| format!("the Swagger UI package does not contain {name}"))?;
        compress(&mut package.by_name(&path)?, &folder.join(format!("{name}.gz")))?;
    }
    Ok(())
}

fn compress(from: &mut impl Read, to: &Path) -> Result<(), Box<dyn Error>> {
    let mut compressed = GzEncoder::new(File::create(to)?, Compression::best());
    copy(from, &mut compressed)?;
    compressed.finish()?;
    Ok(())
}
