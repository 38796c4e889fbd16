//! Extracts the files of the documentation page from the Swagger UI package and compresses them.

use std::{
    env,
    error::Error,
    fs::File,
    io::{Cursor, copy},
    path::PathBuf,
};

use flate2::{Compression, write::GzEncoder};
use utoipa_swagger_ui_vendored::SWAGGER_UI_VENDORED;
use zip::ZipArchive;

const FILES: [&str; 3] = ["swagger-ui-bundle.js", "swagger-ui.css", "favicon-32x32.png"];

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed=build.rs");
    let folder = PathBuf::from(env::var("OUT_DIR")?);
    let mut package = ZipArchive::new(Cursor::new(SWAGGER_UI_VENDORED))?;
    for name in FILES {
        let end = format!("/dist/{name}");
        let path = package.file_names().find(|path| path.ends_with(&end)).map(str::to_owned);
        let path = path.ok_or_else(|| format!("the Swagger UI package does not contain {name}"))?;
        let file = File::create(folder.join(format!("{name}.gz")))?;
        let mut compressed = GzEncoder::new(file, Compression::best());
        copy(&mut package.by_name(&path)?, &mut compressed)?;
        compressed.finish()?;
    }
    Ok(())
}
