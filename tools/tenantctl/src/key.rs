//! `tenantctl key`

use anyhow::{Result, anyhow};
use serde_json::{Value, json};
use tenancy::{
    Error,
    access::Scope,
    api_key::{self, ApiKeyRecord, ApiKeyView, Authority, NewApiKeyRequest, ShownOnce, repo},
    tenant::Tenant,
};
use uuid::Uuid;

use crate::{
    change::{self, Change, DryRun},
    environment,
    exit::Exit,
    find, output,
    paging::Paging,
    values::Request,
};

/// The commands for the API keys of a tenant.
#[derive(clap::Subcommand)]
pub enum Command {
    /// Lists the API keys of a tenant that are not revoked, newest first.
    List(List),
    /// Creates an API key, and prints it once.
    Create(Create),
    /// Revokes an API key permanently. When the command returns, every instance refuses the key.
    Revoke(Revoke),
}

/// The options of `key list`.
#[derive(clap::Args)]
pub struct List {
    /// The slug or the id of the tenant.
    tenant: String,
    #[command(flatten)]
    paging: Paging,
}

/// The options of `key create`.
#[derive(clap::Args)]
pub struct Create {
    /// The slug or the id of the tenant.
    tenant: String,
    /// The name of the key.
    name: String,
    /// A scope, such as users:read, or all. May be repeated.
    #[arg(long = "scope", value_name = "SCOPE", required = true)]
    scopes: Vec<String>,
    /// The environment of the key, such as live or test.
    #[arg(long)]
    environment: Option<String>,
    /// When the key expires, such as 2030-01-31T12:00:00Z. The default is never.
    #[arg(long, value_name = "TIME")]
    expires_at: Option<String>,
    /// The maximum number of calls per minute.
    #[arg(long, value_name = "NUMBER")]
    max_requests_per_minute: Option<i64>,
    /// The maximum number of calls per UTC day.
    #[arg(long, value_name = "NUMBER")]
    max_requests_per_day: Option<i64>,
    #[command(flatten)]
    dry_run: DryRun,
}

/// The options of `key revoke`.
#[derive(clap::Args)]
pub struct Revoke {
    /// The slug or the id of the tenant.
    tenant: String,
    /// The id of the key, or its prefix as `key list` shows it.
    key: String,
    #[command(flatten)]
    dry_run: DryRun,
}

const COLUMNS: [output::Column; 6] = [
    ("ID", "id"),
    ("NAME", "name"),
    ("PREFIX", "prefix"),
    ("SCOPES", "scopes"),
    ("EXPIRES", "expires_at"),
    ("LAST USED", "last_used_at"),
];

/// Runs a command.
pub async fn run(command: &Command) -> Result<()> {
    match command {
        Command::List(arguments) => list(arguments).await,
        Command::Create(arguments) => create(arguments).await,
        Command::Revoke(arguments) => revoke(arguments).await,
    }
}

fn view(record: &ApiKeyRecord) -> Result<Value> {
    Ok(serde_json::to_value(ApiKeyView::from(record))?)
}

async fn list(arguments: &List) -> Result<()> {
    let context = environment::context_for(false)?;
    let tenant = find::managed_tenant(&context, &arguments.tenant).await?;
    let catalog = context.catalog().await?;
    let Paging { offset, limit } = arguments.paging;
    let (keys, total) = repo::list(&*catalog, tenant.id, offset, limit).await?;
    for row in keys.unreadable {
        output::failure(&anyhow!(row));
    }
    let items = keys.items.iter().map(view).collect::<Result<Vec<_>>>()?;
    output::list(&items, total, &COLUMNS)
}

async fn create(arguments: &Create) -> Result<()> {
    let scopes: Vec<String> = if arguments.scopes.iter().any(|scope| scope == "all") {
        Scope::ALL.iter().map(|scope| scope.as_str().to_owned()).collect()
    } else {
        arguments.scopes.clone()
    };
    let request: NewApiKeyRequest = Request::default()
        .with_text("name", Some(&arguments.name))
        .with_list("scopes", &scopes)
        .with_text("environment", arguments.environment.as_deref())
        .with_text("expires_at", arguments.expires_at.as_deref())
        .with("max_requests_per_minute", arguments.max_requests_per_minute.map(Value::from))
        .with("max_requests_per_day", arguments.max_requests_per_day.map(Value::from))
        .read()?;
    let context = environment::context_for(arguments.dry_run.dry_run)?;
    let tenant = find::managed_tenant(&context, &arguments.tenant).await?;
    let (authority, actor) = (Authority::unbounded(), environment::actor());
    let (record, key) =
        api_key::create(&context, &tenant, request.into(), &authority, &actor).await?;
    if context.is_dry_run() {
        let mut after = view(&record)?;
        // The key of a dry run does not exist, and its identifiers would mislead.
        for name in ["id", "prefix"] {
            after[name] = Value::Null;
        }
        let name = record.name.clone();
        let change =
            Change { action: "create", object: "api_key", name, before: None, after: Some(after) };
        return change.report_dry_run(&context, None).await;
    }
    output::object(&ShownOnce::new(&record, &key))
}

async fn revoke(arguments: &Revoke) -> Result<()> {
    let context = environment::context_for(arguments.dry_run.dry_run)?;
    let tenant = find::managed_tenant(&context, &arguments.tenant).await?;
    let id = find_key(&context, &tenant, &arguments.key).await?;
    let catalog = context.catalog().await?;
    let before = repo::find(&*catalog, tenant.id, id).await?;
    let (authority, actor) = (Authority::unbounded(), environment::actor());
    let effect = api_key::revoke(&context, &tenant, id, &authority, &actor).await?;
    if context.is_dry_run() {
        let before = before.as_ref().map(view).transpose()?;
        let name = id.to_string();
        let change = Change { action: "revoke", object: "api_key", name, before, after: None };
        return change.report_dry_run(&context, None).await;
    }
    change::report(&json!({ "revoked_api_key": id, "tenant_id": tenant.id }), effect)
}

/// Returns the id of a key. It need not be a current key, because a repeated revocation publishes the end again.
async fn find_key(context: &tenancy::Context, tenant: &Tenant, name: &str) -> Result<Uuid> {
    if let Ok(id) = name.parse() {
        return Ok(id);
    }
    let catalog = context.catalog().await?;
    match repo::list_by_prefix(&*catalog, tenant.id, name).await?[..] {
        [] => Err(Error::ApiKeyNotFound.into()),
        [id] => Ok(id),
        _ => Err(Exit::Usage.error(format!(
            "several keys have the prefix {name}: use the id of one of them, which tenantctl key list shows"
        ))),
    }
}
