//! Creating, updating and deleting users.

use std::rc::Rc;

use serde_json::json;
use uuid::Uuid;

use super::{
    Authority, Membership, NewUser, ProfileChange, Reach, User, UserChange,
    repo::{self, Changed, credentials},
};
use crate::{
    audit,
    context::Context,
    database_role::{self, Ending},
    error::{Error, Result},
    event::{Actor, Entry, Event, name},
    input::Patch,
    mail::{due, insertion::NewMessage, notice::Notice},
    quota,
    resource::Resource,
    security_policy,
    tenant::{Tenant, TenantDb},
    token::SetupToken,
    verified_address,
    version_cache::{Change, Changed as Published, Effect},
};

/// A user that was created.
pub struct Created {
    /// The user.
    pub user: User,
    /// The token that sets the password, if the user has none yet and the service does not send it by mail.
    pub setup_token: Option<SetupToken>,
    /// Whether the service sends the setup token by mail.
    pub is_mailed: bool,
    /// The number of users in the tenant after the creation.
    pub user_count: i64,
}

/// Creates a user. If no password is given, also creates a setup token, and sends it by mail or returns it.
///
/// # Errors
/// [`Error::Taken`] for an e-mail address or a username, [`Error::QuotaExceeded`].
pub async fn create(
    context: &Rc<Context>,
    tenant: &Tenant,
    new: NewUser,
    actor: &Actor,
) -> Result<Created> {
    let random = &*context.platform.random;
    let now = context.platform.clock.now();
    let (password_hash, setup_token) = match &new.password {
        Some(password) => {
            let policy = security_policy::get(context, tenant).await?;
            (Some(policy.hash_password(context, tenant, password, "password").await?), None)
        }
        None => (None, Some(SetupToken::generate(tenant.id, random))),
    };
    let id = random.uuid(now);
    let event = Event::new(name::USER_CREATED).about("user", id).detail(json!({
        "role": new.role.role(),
        "custom_roles": new.custom_roles.ids(),
        "groups": new.groups.ids(),
        "is_invited": setup_token.is_some(),
    }));
    let entry = Entry::new(context, Some(tenant.id), actor, event);
    let expires_at = now + context.settings.setup_token_lifetime;
    let message = match &setup_token {
        Some(token) => {
            let address = new.email.as_str();
            NewMessage::with_token(context, tenant, new.posting, address, token, expires_at)?
        }
        None => None,
    };
    let row = repo::NewRow {
        id,
        new: &new,
        password_hash,
        setup_token: setup_token
            .as_ref()
            .map(|token| credentials::SetupToken { hash: token.hash(), expires_at }),
        message,
    };
    let database = TenantDb::connect(context, tenant).await?;
    let limit = tenant.limits.users;
    let inserted = repo::insert(&database, row, limit, &entry).await?;
    let (before, is_mailed) = (inserted.users_before, inserted.is_mailed);
    let Some(user) = inserted.user else {
        context.counters.quota_refused(Resource::Users);
        let resource = Resource::Users;
        return Err(Error::QuotaExceeded { resource, limit, usage: before, retry_after: None });
    };
    let step = (before, before + 1);
    quota::record_soft_limit(context, tenant, Resource::Users, step, limit, actor);
    quota::keep_peak_later(context, tenant, Resource::Users, before + 1);
    audit::flush_later(context, tenant);
    if is_mailed {
        due::add_later(context, tenant);
    }
    let setup_token = setup_token.filter(|_| !is_mailed);
    Ok(Created { user, setup_token, is_mailed, user_count: before + 1 })
}

/// Updates a user. A new role and a deactivation take effect on the next request.
///
/// # Errors
/// [`Error::UserNotFound`], [`Error::LastAdministrator`], [`Error::Taken`]; [`Error::AdministratorRequired`] and
/// [`Error::ScopeNotHeld`] if the user is outside the caller's authority.
pub async fn update(
    context: &Rc<Context>,
    tenant: &Tenant,
    id: Uuid,
    change: &UserChange,
    authority: &Authority,
    actor: &Actor,
) -> Result<Published<User>> {
    let definitions = &tenant.definitions;
    let over = match change.role {
        Some(_) => authority.grantable(definitions),
        None => authority.manageable(definitions),
    };
    let beyond = |id| authority.beyond(definitions, id);
    apply(context, tenant, id, change, &over, &beyond, actor).await
}

/// Adds a user to a group, or removes a user from it. Repeating a call has no effect.
///
/// # Errors
/// Those of [`update`]; [`crate::error::RoleError::GroupNotFound`], and
/// [`TooMany`](crate::error::RoleError::TooMany) groups of the user.
pub async fn set_membership(
    context: &Rc<Context>,
    tenant: &Tenant,
    (group, id): (Uuid, Uuid),
    is_member: bool,
    authority: &Authority,
    actor: &Actor,
) -> Result<Published<User>> {
    tenant.definitions.group(group)?;
    authority.check_group(&tenant.definitions, group)?;
    let membership = Some(Membership { group, is_member });
    let change = UserChange { membership, ..UserChange::NOTHING };
    update(context, tenant, id, &change, authority, actor).await
}

/// Updates the names of the calling user. Users of every role may change their own names.
///
/// # Errors
/// [`Error::UserNotFound`], [`Error::Taken`].
pub async fn update_profile(
    context: &Rc<Context>,
    tenant: &Tenant,
    id: Uuid,
    change: ProfileChange,
    actor: &Actor,
) -> Result<Published<User>> {
    let ProfileChange { username, first_name, last_name } = change;
    let change = UserChange { username, first_name, last_name, ..UserChange::NOTHING };
    let beyond = |_| Error::internal("a user is outside the reach of the own change");
    apply(context, tenant, id, &change, &Reach::own(), &beyond, actor).await
}

/// Updates a user within reach. `beyond` returns the refusal for a custom role or a group.
async fn apply(
    context: &Rc<Context>,
    tenant: &Tenant,
    id: Uuid,
    change: &UserChange,
    over: &Reach,
    beyond: &dyn Fn(Uuid) -> Error,
    actor: &Actor,
) -> Result<Published<User>> {
    let event = Event::new(event_name(change))
        .about("user", id)
        .detail(json!({ "fields": changed_fields(change) }));
    let entry = Entry::new(context, Some(tenant.id), actor, event);
    let publication = Change::begin(context);
    let database = TenantDb::connect(context, tenant).await?;
    let notice = match &change.email {
        // The notice is sealed for the previous address. The statement does not add it if the address has changed meanwhile.
        Some(_) => {
            let before = repo::find(&database, id).await?.ok_or(Error::UserNotFound)?;
            Notice::new(context, tenant, &before.email, None)?
        }
        None => None,
    };
    let may_be_noticed = notice.is_some();
    match repo::update(&database, id, change, over, notice, &entry).await? {
        Changed::Done(user) => {
            publication.user(tenant.id, id, user.version).await;
            if change.email.is_some() || change.is_active.is_some() {
                verified_address::publish_later(context, tenant);
            }
            audit::flush_later(context, tenant);
            if may_be_noticed {
                due::add_later(context, tenant);
            }
            let effect = publication.finish().await;
            if change.changes_permissions() || change.is_active == Some(false) {
                database_role::end(context, tenant, Ending::User(id)).await?;
            }
            Ok(Published { value: user, effect })
        }
        Changed::NotFound => Err(Error::UserNotFound),
        Changed::LastAdministrator => Err(Error::LastAdministrator),
        Changed::Above(role) => Err(super::beyond(role)),
        Changed::AboveCustom(id) => Err(beyond(id)),
    }
}

/// Deletes a user permanently, with every session and token.
///
/// # Errors
/// [`Error::UserNotFound`], [`Error::LastAdministrator`]; [`Error::AdministratorRequired`] and [`Error::ScopeNotHeld`]
/// if the user is outside the caller's authority.
pub async fn delete(
    context: &Rc<Context>,
    tenant: &Tenant,
    id: Uuid,
    authority: &Authority,
    actor: &Actor,
) -> Result<Effect> {
    let event = Event::new(name::USER_DELETED).about("user", id).detail(json!({}));
    let entry = Entry::new(context, Some(tenant.id), actor, event);
    let publication = Change::begin(context);
    let database = TenantDb::connect(context, tenant).await?;
    let definitions = &tenant.definitions;
    match repo::delete(&database, id, &authority.manageable(definitions), &entry).await? {
        Changed::Done(_) => {
            publication.user_tombstone(tenant.id, id).await;
            verified_address::publish_later(context, tenant);
            audit::flush_later(context, tenant);
            let effect = publication.finish().await;
            database_role::end(context, tenant, Ending::User(id)).await?;
            Ok(effect)
        }
        Changed::NotFound => {
            // An earlier call may have failed after the deletion and before Redis was updated.
            publication.user_tombstone(tenant.id, id).await;
            let effect = publication.finish().await;
            database_role::end(context, tenant, Ending::User(id)).await?;
            match effect {
                Effect::Now => Err(Error::UserNotFound),
                effect @ Effect::By(_) => Ok(effect),
            }
        }
        Changed::LastAdministrator => Err(Error::LastAdministrator),
        Changed::Above(role) => Err(super::beyond(role)),
        Changed::AboveCustom(id) => Err(authority.beyond(definitions, id)),
    }
}

fn event_name(change: &UserChange) -> &'static str {
    match (change.is_active, change.changes_permissions()) {
        (Some(false), _) => name::USER_DEACTIVATED,
        (Some(true), _) => name::USER_ACTIVATED,
        (None, true) => name::USER_ROLE_CHANGED,
        (None, false) => name::USER_UPDATED,
    }
}

/// Returns the names of the updated fields. The audit trail does not contain addresses and names of people.
fn changed_fields(change: &UserChange) -> Vec<&'static str> {
    fn given<T>(patch: &Patch<T>) -> bool {
        patch.is_given()
    }
    [
        ("email", change.email.is_some()),
        ("username", given(&change.username)),
        ("first_name", given(&change.first_name)),
        ("last_name", given(&change.last_name)),
        ("role", change.role.is_some()),
        ("custom_roles", change.custom_roles.is_some()),
        ("groups", change.groups.is_some() || change.membership.is_some()),
        ("is_active", change.is_active.is_some()),
        ("public_metadata", change.public_metadata.is_some()),
        ("private_metadata", change.private_metadata.is_some()),
    ]
    .into_iter()
    .filter_map(|(name, is_given)| is_given.then_some(name))
    .collect()
}
