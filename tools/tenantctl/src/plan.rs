//! `tenantctl plan`

use anyhow::{Result, anyhow};
use serde_json::{Value, json};
use tenancy::{
    Error,
    input::Text as _,
    plan::{self, PlanName, repo},
    tenant::LimitChange,
};

use crate::{
    change::{self, Change, DryRun},
    environment,
    exit::Exit,
    output,
    values::{self, Request},
};

/// The commands for plans.
#[derive(clap::Subcommand)]
pub enum Command {
    /// Lists all plans, smallest first.
    List,
    /// Shows a plan.
    Show(One),
    /// Creates a plan.
    Create(Create),
    /// Changes the limits of a plan, or makes it the default. New limits apply from the next request of each tenant.
    Update(Update),
    /// Deletes a plan that no tenant uses.
    Delete(Delete),
}

/// The options of `plan show`.
#[derive(clap::Args)]
pub struct One {
    /// The name of the plan.
    plan: String,
}

/// The options of `plan create`.
#[derive(clap::Args)]
pub struct Create {
    /// The name of the plan.
    plan: String,
    /// A limit, such as users=100. Every limit without a default is required.
    #[arg(long = "set-limit", value_name = "NAME=NUMBER", value_parser = values::limit)]
    limits: Vec<(String, Value)>,
    /// Makes the plan the default for new tenants.
    #[arg(long)]
    default: bool,
    #[command(flatten)]
    dry_run: DryRun,
}

/// The options of `plan update`.
#[derive(clap::Args)]
pub struct Update {
    /// The name of the plan.
    plan: String,
    /// A limit, such as users=100. May be repeated. The others keep their values.
    #[arg(long = "set-limit", value_name = "NAME=NUMBER", value_parser = values::limit)]
    limits: Vec<(String, Value)>,
    /// Makes the plan the default for new tenants.
    #[arg(long)]
    default: bool,
    #[command(flatten)]
    dry_run: DryRun,
}

/// The options of `plan delete`.
#[derive(clap::Args)]
pub struct Delete {
    /// The name of the plan.
    plan: String,
    #[command(flatten)]
    dry_run: DryRun,
}

tenancy::fields! {
    struct CreateRequest {
        name: PlanName,
        limits: LimitChange,
        is_default: bool = false,
    }
}

tenancy::fields! {
    struct UpdateRequest {
        limits: Option<LimitChange>,
        is_default: Option<bool>,
    }
}

const COLUMNS: [output::Column; 7] = [
    ("NAME", "name"),
    ("DEFAULT", "is_default"),
    ("TENANTS", "tenant_count"),
    ("USERS", "limits.users"),
    ("STORAGE", "limits.storage"),
    ("CALLS PER DAY", "limits.api_calls"),
    ("CALLS PER MINUTE", "limits.requests_per_minute"),
];

/// Runs a command.
pub async fn run(command: &Command) -> Result<()> {
    match command {
        Command::List => list().await,
        Command::Show(arguments) => show(arguments).await,
        Command::Create(arguments) => create(arguments).await,
        Command::Update(arguments) => update(arguments).await,
        Command::Delete(arguments) => delete(arguments).await,
    }
}

/// A name that no plan can have belongs to no plan.
fn name(text: &str) -> Result<PlanName> {
    PlanName::parse(text).map_err(|_| Error::PlanNotFound.into())
}

async fn list() -> Result<()> {
    let context = environment::context_for(false)?;
    let catalog = context.catalog().await?;
    let plans = repo::list(&*catalog).await?;
    for row in plans.unreadable {
        output::failure(&anyhow!(row));
    }
    let items: Vec<_> =
        plans.items.iter().map(serde_json::to_value).collect::<Result<_, serde_json::Error>>()?;
    let total = i64::try_from(items.len()).unwrap_or(i64::MAX);
    output::list(&items, total, &COLUMNS)
}

async fn show(arguments: &One) -> Result<()> {
    let context = environment::context_for(false)?;
    let catalog = context.catalog().await?;
    let plan = repo::find(&*catalog, &name(&arguments.plan)?).await?;
    output::object(&plan.ok_or(Error::PlanNotFound)?)
}

async fn create(arguments: &Create) -> Result<()> {
    let limits = values::limits(&arguments.limits).unwrap_or_else(|| json!({}));
    let request: CreateRequest = Request::default()
        .with_text("name", Some(&arguments.plan))
        .with("limits", Some(limits))
        .with("is_default", Some(arguments.default.into()))
        .read()?;
    let context = environment::context_for(arguments.dry_run.dry_run)?;
    let CreateRequest { name, limits, is_default } = request;
    let plan = plan::create(&context, &name, &limits, is_default, &environment::actor()).await?;
    if !context.is_dry_run() {
        return output::object(&plan);
    }
    let change = Change {
        action: "create",
        object: "plan",
        name: plan.name.clone(),
        before: None,
        after: Some(serde_json::to_value(&plan)?),
    };
    change.report_dry_run(&context, None).await
}

async fn update(arguments: &Update) -> Result<()> {
    let limits = values::limits(&arguments.limits);
    if limits.is_none() && !arguments.default {
        return Err(Exit::Usage.error("nothing to change. See tenantctl plan update --help"));
    }
    let request: UpdateRequest = Request::default()
        .with("limits", limits)
        .with("is_default", arguments.default.then(|| true.into()))
        .read()?;
    let context = environment::context_for(arguments.dry_run.dry_run)?;
    let name = name(&arguments.plan)?;
    let catalog = context.catalog().await?;
    let before = repo::find(&*catalog, &name).await?.ok_or(Error::PlanNotFound)?;
    let UpdateRequest { limits, is_default } = request;
    let changed =
        plan::update(&context, &name, limits.as_ref(), is_default, &environment::actor()).await?;
    if !context.is_dry_run() {
        return change::report(&changed.value, changed.effect);
    }
    let change = Change {
        action: "update",
        object: "plan",
        name: before.name.clone(),
        before: Some(serde_json::to_value(&before)?),
        after: Some(serde_json::to_value(&changed.value)?),
    };
    change.report_dry_run(&context, None).await
}

async fn delete(arguments: &Delete) -> Result<()> {
    let context = environment::context_for(arguments.dry_run.dry_run)?;
    let name = name(&arguments.plan)?;
    let catalog = context.catalog().await?;
    let before = repo::find(&*catalog, &name).await?.ok_or(Error::PlanNotFound)?;
    plan::delete(&context, &name, &environment::actor()).await?;
    if !context.is_dry_run() {
        return output::object(&json!({ "deleted_plan": before.name }));
    }
    let change = Change {
        action: "delete",
        object: "plan",
        name: before.name.clone(),
        before: Some(serde_json::to_value(&before)?),
        after: None,
    };
    change.report_dry_run(&context, None).await
}
