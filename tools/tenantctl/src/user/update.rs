//! `tenantctl user update`, `user activate` and `user deactivate`

use std::rc::Rc;

use anyhow::Result;
use serde_json::{Value, json};
use tenancy::{
    Context,
    access::Role,
    identifier::EmailAddress,
    input::Patch,
    metadata::Metadata,
    tenant::Tenant,
    user::{self, Authority, PersonName, User, UserChange, Username},
};
use uuid::Uuid;

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
    /// The name or the id of a role of the tenant. May be repeated; the user then has these roles and no others. An empty
    /// text removes all.
    #[arg(long)]
    custom_role: Vec<String>,
    /// The name or the id of a group. May be repeated; the user is then in these groups and in no others. An empty text
    /// removes all.
    #[arg(long)]
    group: Vec<String>,
    /// Members of the public metadata to replace, or with null to remove: a JSON object, or @FILE.
    #[arg(long)]
    public_metadata: Option<String>,
    /// Members of the private metadata to replace, or with null to remove: a JSON object, or @FILE.
    #[arg(long)]
    private_metadata: Option<String>,
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
        public_metadata: Option<Metadata>,
        private_metadata: Option<Metadata>,
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
        .with_text("role", arguments.role.as_deref())
        .with_json("public_metadata", arguments.public_metadata.as_deref())?
        .with_json("private_metadata", arguments.private_metadata.as_deref())?;
    if request.is_empty() && arguments.custom_role.is_empty() && arguments.group.is_empty() {
        return Err(Exit::Usage.error("nothing to change. See tenantctl user update --help"));
    }
    let request: UpdateRequest = request.read()?;
    let context = environment::context_for(arguments.dry_run.dry_run)?;
    let tenant = find::managed_tenant(&context, &arguments.tenant).await?;
    let user = find::user(&context, &tenant, &arguments.user).await?;
    let authority = Authority::unbounded();
    let role = request.role.map(|role| authority.grant(role)).transpose()?;
    let definitions = &tenant.definitions;
    let roles: Vec<_> =
        definitions.roles.iter().map(|role| (role.id, role.name.as_str())).collect();
    let groups: Vec<_> =
        definitions.groups.iter().map(|group| (group.id, group.name.as_str())).collect();
    let custom_roles = ids(&arguments.custom_role, "role", &roles)?
        .map(|ids| authority.grant_custom_roles(definitions, &ids))
        .transpose()?;
    let groups = ids(&arguments.group, "group", &groups)?
        .map(|ids| authority.grant_groups(definitions, &ids))
        .transpose()?;
    let wanted = UserChange {
        email: request.email,
        username: request.username,
        first_name: request.first_name,
        last_name: request.last_name,
        role,
        custom_roles,
        groups,
        public_metadata: request.public_metadata,
        private_metadata: request.private_metadata,
        ..UserChange::NOTHING
    };
    apply(&context, &tenant, &user, &wanted, "update").await
}

/// Returns the ids of objects of the tenant by their names or ids, or `None` without any name.
fn ids(names: &[String], kind: &str, objects: &[(Uuid, &str)]) -> Result<Option<Vec<Uuid>>> {
    if names.is_empty() {
        return Ok(None);
    }
    let mut ids = Vec::new();
    for name in names.iter().filter(|name| !name.is_empty()) {
        let found = objects.iter().find(|(id, own)| own == name || id.to_string() == *name);
        let (id, _) = *found
            .ok_or_else(|| Exit::NotFound.error(format!("the tenant has no {kind} {name:?}")))?;
        if !ids.contains(&id) {
            ids.push(id);
        }
    }
    Ok(Some(ids))
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
