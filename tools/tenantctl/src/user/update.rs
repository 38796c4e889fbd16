//! `tenantctl user update`, `user activate` and `user deactivate`

use std::rc::Rc;

use anyhow::Result;
use serde_json::{Value, json};
use tenancy::{
    Context,
    access::Role,
    identifier::EmailAddress,
    input::Patch,
    tenant::Tenant,
    user::{self, Authority, PersonName, User, UserChange, Username},
};

use crate::{
    change::{self, Change, DryRun},
    environment,
    exit::Exit,
    find,
    values::Request,
};

/// The options of `user update`. An empty name removes the name.
#[derive(clap::Args)]
pub struct Arguments {
    /// The slug or the id of the tenant.
    tenant: String,
    /// The e-mail address or the id of the user.
    user: String,
    /// The new e-mail address.
    #[arg(long)]
    email: Option<String>,
    /// The username. An empty text removes it.
    #[arg(long)]
    username: Option<String>,
    /// The first name. An empty text removes it.
    #[arg(long)]
    first_name: Option<String>,
    /// The last name. An empty text removes it.
    #[arg(long)]
    last_name: Option<String>,
    /// The role: admin, user or viewer.
    #[arg(long)]
    role: Option<String>,
    #[command(flatten)]
    dry_run: DryRun,
}

/// The options of `user activate` and `user deactivate`.
#[derive(clap::Args)]
pub struct Activity {
    /// The slug or the id of the tenant.
    tenant: String,
    /// The e-mail address or the id of the user.
    user: String,
    #[command(flatten)]
    dry_run: DryRun,
}

tenancy::fields! {
    struct UpdateRequest {
        email: Option<EmailAddress>,
        username: Patch<Username>,
        first_name: Patch<PersonName>,
        last_name: Patch<PersonName>,
        role: Option<Role>,
    }
}

/// Updates the user.
pub(super) async fn run(arguments: &Arguments) -> Result<()> {
    let name = |text: &Option<String>| {
        text.as_ref().map(|text| if text.is_empty() { Value::Null } else { json!(text) })
    };
    let request = Request::default()
        .with_text("email", arguments.email.as_deref())
        .with("username", name(&arguments.username))
        .with("first_name", name(&arguments.first_name))
        .with("last_name", name(&arguments.last_name))
        .with_text("role", arguments.role.as_deref());
    if request.is_empty() {
        return Err(Exit::Usage.error("nothing to change. See tenantctl user update --help"));
    }
    let request: UpdateRequest = request.read()?;
    let context = environment::context_for(arguments.dry_run.dry_run)?;
    let tenant = find::managed_tenant(&context, &arguments.tenant).await?;
    let user = find::user(&context, &tenant, &arguments.user).await?;
    let role = request.role.map(|role| Authority::unbounded().grant(role)).transpose()?;
    let wanted = UserChange {
        email: request.email,
        username: request.username,
        first_name: request.first_name,
        last_name: request.last_name,
        role,
        ..UserChange::NOTHING
    };
    apply(&context, &tenant, &user, &wanted, "update").await
}

/// Activates or deactivates the user.
pub(super) async fn set_active(arguments: &Activity, is_active: bool) -> Result<()> {
    let context = environment::context_for(arguments.dry_run.dry_run)?;
    let tenant = find::managed_tenant(&context, &arguments.tenant).await?;
    let user = find::user(&context, &tenant, &arguments.user).await?;
    let wanted = UserChange { is_active: Some(is_active), ..UserChange::NOTHING };
    let action = if is_active { "activate" } else { "deactivate" };
    apply(&context, &tenant, &user, &wanted, action).await
}

async fn apply(
    context: &Rc<Context>,
    tenant: &Tenant,
    before: &User,
    wanted: &UserChange,
    action: &'static str,
) -> Result<()> {
    let (authority, actor) = (Authority::unbounded(), environment::actor());
    let changed = user::update(context, tenant, before.id, wanted, &authority, &actor).await?;
    let after = super::view(&changed.value)?;
    if !context.is_dry_run() {
        return change::report(&after, changed.effect);
    }
    let change = Change {
        action,
        object: "user",
        name: before.email.clone(),
        before: Some(super::view(before)?),
        after: Some(after),
    };
    change.report_dry_run(context, None).await
}
