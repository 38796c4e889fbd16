//! `tenantctl tenant import`

use std::{path::PathBuf, rc::Rc};

use anyhow::{Context as _, Result, anyhow, bail};
use serde_json::{Value as Json, json};
use tenancy::{
    Context, Error,
    bundle::{
        Kind,
        completion::{Activated, Activation, Completion},
        import::{Reservation, Unfinished, create_database, find, is_id_free, reserve, roll_back},
    },
    identifier::Slug,
    input::Text as _,
    tenant::Status,
};
use uuid::Uuid;

use super::{
    Keys,
    fill::{Files, Filled, Filling, fill},
    lost::LostFiles,
    service::{Client, Service},
    source::Source,
};
use crate::{environment, output};

/// The options of `tenant import`.
#[derive(clap::Args)]
pub struct Arguments {
    /// The bundle.
    file: PathBuf,
    #[command(flatten)]
    keys: Keys,
    /// Another slug for the tenant.
    #[arg(long)]
    slug: Option<String>,
    /// Accepts a bundle that another installation made. Statements of a bundle run with the rights of the service's
    /// account, so accept only bundles that you made.
    #[arg(long)]
    from_other_installation: bool,
    /// Checks the bundle and shows what would be imported.
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    lost_files: LostFiles,
    #[command(flatten)]
    service: Service,
}

/// Creates a tenant from a bundle.
pub async fn run(arguments: &Arguments) -> Result<()> {
    let context = Rc::new(environment::context()?);
    let client = arguments.service.client(&context.settings)?;
    let source = Source::open(&context, &arguments.file, arguments.keys.read()?)?;
    check_origin(&source, arguments.from_other_installation)?;
    arguments.lost_files.refuse(&source.lost)?;
    let slug = arguments.slug.as_deref().unwrap_or(&source.header.slug);
    let slug = parse(slug)?;
    let catalog = context.catalog().await?;
    if arguments.dry_run {
        let keeps_id =
            is_id_free(&*catalog, source.header.tenant, source.header.trail.as_ref()).await?;
        let line = json!({ "would_import_tenant": slug.as_str(), "keeps_id": keeps_id,
            "files": source.files, "moment": source.header.created_at });
        output::line(&line.to_string());
        return Ok(());
    }
    remove_earlier_attempt(&context, source.header.tenant, &slug).await?;
    let keeps_id =
        is_id_free(&*catalog, source.header.tenant, source.header.trail.as_ref()).await?;
    let line = create(&context, &source, Kind::Import, &slug, keeps_id, &client).await?;
    output::line(&line.to_string());
    Ok(())
}

/// Refuses a bundle of another installation, unless the operator accepts it.
pub(super) fn check_origin(source: &Source, accepts_any: bool) -> Result<()> {
    if source.is_own || accepts_any {
        return Ok(());
    }
    bail!(
        "no master key of this installation has made the bundle; if you trust its origin, add \
         --from-other-installation"
    )
}

/// Parses a slug.
pub(super) fn parse(slug: &str) -> Result<Slug> {
    Slug::parse(slug).map_err(|reason| anyhow!("the slug {slug} {reason}"))
}

/// Removes the tenant of an attempt that was interrupted.
pub(super) async fn remove_earlier_attempt(context: &Context, id: Uuid, slug: &Slug) -> Result<()> {
    let found = find(&*context.catalog().await?, id, slug.as_str()).await?;
    if let Some(unfinished) = found.filter(|found| found.kind != Kind::Restore) {
        let _lock = super::lock(context, unfinished.tenant.id).await?;
        roll_back(context, &unfinished).await.context("removing the interrupted attempt")?;
    }
    Ok(())
}

/// Creates a tenant, and returns a line about it. After an error nothing is left, unless a store is unavailable: then
/// `tenantctl repair` removes the tenant.
pub(super) async fn create(
    context: &Rc<Context>,
    source: &Source,
    kind: Kind,
    slug: &Slug,
    keeps_id: bool,
    client: &Client,
) -> Result<Json> {
    let header = &source.header;
    let id = if keeps_id {
        header.tenant
    } else {
        context.platform.random.uuid(context.platform.clock.now())
    };
    let _lock = super::lock(context, id).await?;
    let catalog = context.catalog().await?;
    let mut row = source.tenant.clone();
    if let (false, Some(members)) = (keeps_id, row.as_object_mut()) {
        members.retain(|name, _| !["created_at", "updated_at", "version"].contains(&name.as_str()));
    }
    // The tenant gets its plan, which may be new, when it is activated.
    row["plan"] = default_plan(&*catalog).await?.into();
    let data_keys = base16ct::mixed::decode_vec(&header.data_keys).context("the data keys")?;
    let reservation = Reservation { kind, row: &row, id, slug, data_keys: &data_keys };
    let (import, record) = match reserve(context, &reservation).await {
        Err(Error::Taken { .. }) => {
            bail!(
                "the slug {slug} is taken, or is the name of a database; choose another one with --slug"
            )
        }
        outcome => outcome?,
    };
    let filling = Filling {
        import,
        target: &record,
        header,
        files: if kind == Kind::Verify { Files::Verify } else { Files::Store(client) },
        with_rows: keeps_id && kind != Kind::Verify,
        months: &source.months,
        with_new_file_ids: false,
    };
    let outcome = complete(context, source, &filling).await;
    let unfinished = Unfinished { id: import, kind, is_switched: false, tenant: record.clone() };
    let mut filled = match outcome {
        Ok(filled) if kind == Kind::Verify => {
            roll_back(context, &unfinished).await.context("removing the scratch database")?;
            return Ok(verified(source, &filled));
        }
        Ok(filled) => filled,
        Err(error) => return Err(rolled_back(context, &unfinished, error).await),
    };
    let completion = filled.completion.take();
    match activate(context, source, kind, &filling, completion).await {
        Ok(activated) => Ok(imported(&activated, source, &filled, keeps_id)),
        Err(error) => Err(rolled_back(context, &unfinished, error).await),
    }
}

/// Removes a tenant that was not completed, and returns the error with the state that is left.
async fn rolled_back(
    context: &Context,
    unfinished: &Unfinished,
    error: anyhow::Error,
) -> anyhow::Error {
    match roll_back(context, unfinished).await {
        Ok(true) => error,
        Ok(false) => error.context(
            "the tenant was imported, or another command has removed it; if it exists, a step after its activation \
             failed: run tenantctl repair",
        ),
        Err(left) => error.context(format!("{left}; run tenantctl repair")),
    }
}

/// Puts the tenant into use.
async fn activate(
    context: &Rc<Context>,
    source: &Source,
    kind: Kind,
    filling: &Filling<'_>,
    completion: Option<Completion>,
) -> Result<Activated> {
    let header = &source.header;
    let completion = match completion {
        Some(completion) => completion,
        None => Completion::begin(context, filling.import).await?,
    };
    let tenant = filling.target.id;
    if let (true, Some(trail)) = (filling.with_rows, &header.trail) {
        completion.adopt_trail(context, tenant, trail, header.is_trail_valid).await?;
    }
    let detail = json!({ "bundle": header.bundle, "moment": header.created_at, "kind": kind.as_str(),
        "source_tenant": header.tenant, "source_slug": header.slug,
        "source_trail": header.trail, "is_source_trail_valid": header.is_trail_valid });
    let status = if header.status == "suspended" { Status::Suspended } else { Status::Active };
    let mut plan = source.plan.clone();
    plan["is_default"] = json!(false);
    let activation = Activation { tenant, status, plan: &plan, detail };
    Ok(completion.activate(context, activation).await?)
}

async fn default_plan(catalog: &dyn platform::sql::Connection) -> Result<String> {
    let row = catalog.query_first("SELECT name FROM plans WHERE is_default", &[]).await?;
    Ok(row.context("there is no default plan")?.get("name")?)
}

/// Fills a reserved tenant.
async fn complete(context: &Rc<Context>, source: &Source, filling: &Filling<'_>) -> Result<Filled> {
    create_database(context, filling.target).await.context("creating the database")?;
    fill(context, filling, &mut source.frames()?).await
}

fn verified(source: &Source, filled: &Filled) -> Json {
    json!({ "verified_bundle": source.header.bundle, "tenant": source.header.slug,
        "moment": source.header.created_at, "tables": filled.tables, "rows": filled.rows,
        "files": filled.files, "missing_files": filled.missing, "lost_files": source.lost,
        "is_audit_trail_valid": source.header.is_trail_valid })
}

fn imported(activated: &Activated, source: &Source, filled: &Filled, keeps_id: bool) -> Json {
    let Activated { tenant: record, has_new_plan } = activated;
    json!({ "imported_tenant": record.slug, "id": record.id, "status": record.status,
        "bundle": source.header.bundle, "moment": source.header.created_at, "keeps_id": keeps_id,
        // API keys contain the id of their tenant.
        "keeps_api_keys": keeps_id, "created_plan": has_new_plan.then_some(&record.plan),
        "tables": filled.tables, "rows": filled.rows, "files": filled.files,
        "missing_files": filled.missing, "lost_files": source.lost,
        "refused_domains": filled.refused_domains })
}
