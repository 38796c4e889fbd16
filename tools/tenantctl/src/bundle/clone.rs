//! `tenantctl tenant clone`

use std::{
    fs,
    path::{Path, PathBuf},
    rc::Rc,
};

use anyhow::Result;
use tenancy::bundle::Kind;
use uuid::Uuid;

use super::{
    bounds::Bounds,
    envelope::{Opening, Output},
    export, import,
    lost::LostFiles,
    service::Service,
    source::Source,
};
use crate::{environment, output};

/// The options of `tenant clone`.
#[derive(clap::Args)]
pub struct Arguments {
    /// The slug of the tenant.
    slug: String,
    /// The slug of the copy.
    new_slug: String,
    /// The folder for an encrypted temporary file, whose key exists only in memory. The default is the folder of the
    /// system for temporary files.
    #[arg(long, value_name = "FOLDER")]
    work_folder: Option<PathBuf>,
    #[command(flatten)]
    lost_files: LostFiles,
    #[command(flatten)]
    service: Service,
}

/// A file that is removed at the end.
struct Temporary(PathBuf);

impl Drop for Temporary {
    fn drop(&mut self) {
        // It has no use without its key. A failure leaves it to the system.
        let _ = fs::remove_file(&self.0);
    }
}

/// Creates a copy of a tenant.
pub async fn run(arguments: &Arguments) -> Result<()> {
    let context = Rc::new(environment::context()?);
    let client = arguments.service.client(&context.settings)?;
    let slug = import::parse(&arguments.new_slug)?;
    let tenant = super::find(&context, &arguments.slug).await?;
    // No tenant has the nil UUID.
    import::remove_earlier_attempt(&context, Uuid::nil(), &slug).await?;
    let folder = arguments.work_folder.clone().unwrap_or_else(std::env::temp_dir);
    let name = context.platform.random.uuid(context.platform.clock.now());
    let temporary = Temporary(folder.join(format!("tenancy-clone-{name}")));
    let (sealing, opening) = Opening::temporary();
    let path: &Path = &temporary.0;
    let file = Output::create(path, &sealing)?;
    let exported = export::export(&context, &tenant, &client, Bounds::default(), file).await?;
    arguments.lost_files.refuse(&exported.lost)?;
    exported.output.finish()?;
    let source = Source::open(&context, path, opening)?;
    let line = import::create(&context, &source, Kind::Clone, &slug, false, &client).await?;
    output::line(&line.to_string());
    Ok(())
}
