//! `tenantctl tenant update`

use std::rc::Rc;

use anyhow::Result;
use serde_json::{Value, json};
use tenancy::{
    Context,
    lifecycle::manage,
    tenant::{OperatorTenantView, TenantChange, TenantRecord},
};

use super::request::UpdateRequest;
use crate::{
    change::{self, Change, DryRun},
    environment,
    exit::Exit,
    find,
    values::{self, Request},
};

/// The options of `tenant update`.
#[derive(clap::Args)]
pub struct Arguments {
    /// The slug or the id.
    tenant: String,
    /// The display name.
    #[arg(long)]
    name: Option<String>,
    /// The contact address.
    #[arg(long)]
    admin_email: Option<String>,
    /// The plan.
    #[arg(long)]
    plan: Option<String>,
    /// A custom domain, which replaces the current ones. May be repeated; the first one is the primary domain.
    #[arg(long = "domain", value_name = "DOMAIN")]
    domains: Vec<String>,
    /// Removes all custom domains.
    #[arg(long, conflicts_with = "domains")]
    no_domains: bool,
    /// A limit that replaces the one of the plan, such as users=100, or users=null for the plan's limit. May be repeated.
    #[arg(long = "set-limit", value_name = "NAME=NUMBER", value_parser = values::limit)]
    limits: Vec<(String, Value)>,
    /// The settings that the tenant's users can read: a JSON object, or @FILE.
    #[arg(long, value_name = "JSON")]
    settings: Option<String>,
    /// The settings that only the operator can read: a JSON object, or @FILE.
    #[arg(long, value_name = "JSON")]
    private_settings: Option<String>,
    #[command(flatten)]
    dry_run: DryRun,
}

/// Updates the tenant.
pub(super) async fn run(arguments: &Arguments) -> Result<()> {
    let domains = if arguments.no_domains {
        Some(json!([]))
    } else {
        (!arguments.domains.is_empty()).then(|| json!(arguments.domains))
    };
    let request = Request::default()
        .with_text("name", arguments.name.as_deref())
        .with_text("admin_email", arguments.admin_email.as_deref())
        .with_text("plan", arguments.plan.as_deref())
        .with("domains", domains)
        .with("limits", values::limits(&arguments.limits))
        .with_json("settings", arguments.settings.as_deref())?
        .with_json("private_settings", arguments.private_settings.as_deref())?;
    if request.is_empty() {
        return Err(Exit::Usage.error("nothing to change. See tenantctl tenant update --help"));
    }
    let request: UpdateRequest = request.read()?;
    let context = environment::context_for(arguments.dry_run.dry_run)?;
    let tenant = find::tenant(&context, &arguments.tenant).await?;
    apply(&context, &tenant, &request.into(), "update").await
}

/// Applies a change to a tenant, or shows its effect in a dry run.
pub(super) async fn apply(
    context: &Rc<Context>,
    before: &TenantRecord,
    wanted: &TenantChange,
    action: &'static str,
) -> Result<()> {
    let changed = manage::update(context, before.id, wanted, None, &environment::actor()).await?;
    if !context.is_dry_run() {
        return change::report(&OperatorTenantView::from(&changed.value), changed.effect);
    }
    let change = Change {
        action,
        object: "tenant",
        name: before.slug.as_str().to_owned(),
        before: Some(super::view(before)?),
        after: Some(super::view(&changed.value)?),
    };
    change.report_dry_run(context, None).await
}
