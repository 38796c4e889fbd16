//! `tenantctl user export`

use std::{path::PathBuf, rc::Rc};

use anyhow::Result;
use tenancy::personal_data::{Authority, Export};

use crate::{
    document::{self, NewFile},
    environment, find,
};

/// The options of `user export`.
#[derive(clap::Args)]
pub struct Arguments {
    /// The slug or the id of the tenant.
    tenant: String,
    /// The e-mail address or the id of the user.
    user: String,
    /// Writes to this new file instead of standard output. Only its owner can read it.
    #[arg(long)]
    file: Option<PathBuf>,
}

/// Exports the personal data, and records it.
pub(super) async fn run(arguments: &Arguments) -> Result<()> {
    let context = Rc::new(environment::context_for(false)?);
    let tenant = find::managed_tenant(&context, &arguments.tenant).await?;
    let user = find::user(&context, &tenant, &arguments.user).await?;
    let file = NewFile::create_if_named(arguments.file.as_deref())?;
    let (authority, actor) = (Authority::unbounded(), environment::actor());
    let export = Export::begin(&context, &tenant, user.id, &authority, &actor).await?;
    document::write(export, file).await
}
