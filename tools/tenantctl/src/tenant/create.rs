//! `tenantctl tenant create`

use anyhow::Result;
use serde::Serialize;
use serde_json::{Value, json};
use tenancy::{
    lifecycle::provision::{self, FirstCredentials, provision},
    tenant::{OperatorTenantView, Status},
};

use super::request::CreateRequest;
use crate::{
    change::{Change, DryRun},
    environment, output,
    values::{self, Request},
};

/// The options of `tenant create`.
#[derive(clap::Args)]
pub struct Arguments {
    /// The display name.
    name: String,
    /// The e-mail address of the first administrator.
    #[arg(long)]
    admin_email: String,
    /// The slug. The default is derived from the name. With a slug, repeating the command after a crash finishes it.
    #[arg(long)]
    slug: Option<String>,
    /// The plan. The default is the default plan.
    #[arg(long)]
    plan: Option<String>,
    /// A custom domain. May be repeated; the first one is the primary domain.
    #[arg(long = "domain", value_name = "DOMAIN")]
    domains: Vec<String>,
    /// The settings that the tenant's users can read: a JSON object, or @FILE.
    #[arg(long, value_name = "JSON")]
    settings: Option<String>,
    /// The settings that only the operator can read: a JSON object, or @FILE.
    #[arg(long, value_name = "JSON")]
    private_settings: Option<String>,
    /// Reads the password of the first administrator from standard input. The default is a setup token.
    #[arg(long)]
    password_stdin: bool,
    /// For one day, the same command with the same key prints the same credentials.
    #[arg(long, value_name = "KEY")]
    idempotency_key: Option<String>,
    #[command(flatten)]
    dry_run: DryRun,
}

/// The output of the command.
#[derive(Serialize)]
struct Created<'a> {
    #[serde(flatten)]
    tenant: OperatorTenantView<'a>,
    #[serde(flatten)]
    credentials: &'a FirstCredentials,
}

/// Creates the tenant.
pub(super) async fn run(arguments: &Arguments) -> Result<()> {
    let context = environment::context_for(arguments.dry_run.dry_run)?;
    let password = values::password(arguments.password_stdin)?;
    let request: CreateRequest = Request::default()
        .with_text("name", Some(&arguments.name))
        .with_text("admin_email", Some(&arguments.admin_email))
        .with_text("slug", arguments.slug.as_deref())
        .with_text("plan", arguments.plan.as_deref())
        .with_list("domains", &arguments.domains)
        .with_json("settings", arguments.settings.as_deref())?
        .with_json("private_settings", arguments.private_settings.as_deref())?
        .with_text("admin_password", password.as_deref())
        .read()?;
    let new = request.into_new(&context.settings)?;
    let actor = environment::actor();
    if context.is_dry_run() {
        let record = provision::rehearse(&context, &new, &actor).await?;
        let mut after = super::view(&record)?;
        // The id of the tenant is chosen again.
        after["id"] = Value::Null;
        after["status"] = json!(Status::Active);
        let change = Change {
            action: "create",
            object: "tenant",
            name: record.slug.as_str().to_owned(),
            before: None,
            after: Some(after),
        };
        return change.report_dry_run(&context, None).await;
    }
    let provisioned =
        provision(&context, &new, arguments.idempotency_key.as_deref(), &actor).await?;
    tenancy::audit::flush_catalog_later(&context, Some(provisioned.tenant.id));
    let created = Created {
        tenant: OperatorTenantView::from(&provisioned.tenant),
        credentials: &provisioned.credentials,
    };
    output::object(&created)
}
