//! `tenantctl backup restore`

use std::{path::PathBuf, rc::Rc};

use anyhow::{Context as _, Result, bail};
use serde_json::json;
use tenancy::{
    bundle::{Kind, data_keys, import::find, restore},
    identifier::Slug,
    input::Text as _,
    tenant::{Status, repo},
    version_cache::Effect,
};

use super::{
    Keys,
    fill::{Files, Filling, fill},
    import::check_origin,
    lost::LostFiles,
    service::Service,
    source::Source,
};
use crate::{environment, output};

/// The options of `backup restore`.
#[derive(clap::Args)]
pub struct Arguments {
    /// The backup.
    file: PathBuf,
    #[command(flatten)]
    keys: Keys,
    /// The slug of the tenant, as a confirmation: its current database and files are replaced.
    #[arg(long, value_name = "SLUG")]
    tenant: String,
    /// Accepts a backup that another installation made; see `tenant import`.
    #[arg(long)]
    from_other_installation: bool,
    /// Checks the backup and shows what would be restored.
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    lost_files: LostFiles,
    #[command(flatten)]
    service: Service,
}

/// Brings a tenant's database and files back to the moment of a backup. Until the last moment, the tenant works with its
/// current database.
pub async fn run(arguments: &Arguments) -> Result<()> {
    let context = Rc::new(environment::context()?);
    let client = arguments.service.client(&context.settings)?;
    let source = Source::open(&context, &arguments.file, arguments.keys.read()?)?;
    check_origin(&source, arguments.from_other_installation)?;
    arguments.lost_files.refuse(&source.lost)?;
    let header = &source.header;
    let catalog = context.catalog().await?;
    let slug = Slug::parse(&arguments.tenant).ok();
    let tenant = repo::find(&*catalog, header.tenant).await?;
    let tenant = tenant.filter(|tenant| Some(&tenant.slug) == slug.as_ref());
    let tenant = tenant.with_context(|| {
        format!(
            "the backup is of the tenant {} with the id {}, which is not the tenant {}",
            header.slug, header.tenant, arguments.tenant
        )
    })?;
    if !matches!(tenant.status, Status::Active | Status::Suspended) {
        bail!(
            "the tenant is {}; only an active or suspended one can be restored",
            tenant.status.as_str()
        );
    }
    let keys = base16ct::mixed::decode_vec(&header.data_keys).context("the data keys")?;
    if !data_keys(&context, &tenant)?.starts_with(&keys) {
        bail!("the tenant has other data keys than the backup");
    }
    if arguments.dry_run {
        let line = json!({ "would_restore_tenant": tenant.slug, "moment": header.created_at,
            "files": source.files, "chunks": source.chunks });
        output::line(&line.to_string());
        return Ok(());
    }
    let _lock = super::lock(&context, tenant.id).await?;
    let unfinished = find(&*catalog, tenant.id, tenant.slug.as_str()).await?;
    if let Some(unfinished) = unfinished.filter(|found| found.kind == Kind::Restore) {
        restore::recover(&context, &unfinished).await.context("the interrupted restore")?;
    }
    let beside = restore::beside(&context, &tenant)?;
    let import = restore::begin(&context, &tenant).await?;
    let attempt = async {
        restore::create_database(&context, &beside).await.context("creating the database")?;
        let filling = Filling {
            import,
            target: &beside,
            header,
            files: Files::Store(&client),
            with_rows: false,
            months: &source.months,
            with_new_file_ids: true,
        };
        let filled = fill(&context, &filling, &mut source.frames()?).await?;
        restore::switch(&context, &tenant, import).await.context("exchanging the databases")?;
        Ok(filled)
    };
    let filled = match attempt.await {
        Ok(filled) => filled,
        Err(error) => {
            let unfinished = find(&*catalog, tenant.id, tenant.slug.as_str()).await?;
            let Some(unfinished) = unfinished else { return Err(error) };
            return Err(match restore::recover(&context, &unfinished).await {
                Ok(false) => error,
                Ok(true) => error.context("the database was restored, but a step failed"),
                Err(left) => error.context(format!("{left}; run tenantctl repair")),
            });
        }
    };
    let detail = json!({ "bundle": header.bundle, "moment": header.created_at,
        "files": filled.files, "missing_files": filled.missing.len() });
    let effect = restore::finish(&context, &tenant, import, detail)
        .await
        .context("the tenant is restored, but a step after it failed; run tenantctl repair")?;
    let effect = match effect {
        Effect::Now => None,
        Effect::By(time) => Some(time.to_rfc3339()),
    };
    let line = json!({ "restored_tenant": tenant.slug, "moment": header.created_at,
        "tables": filled.tables, "rows": filled.rows, "files": filled.files,
        "missing_files": filled.missing, "lost_files": source.lost, "revocations_take_effect_by": effect });
    output::line(&line.to_string());
    Ok(())
}
