//! Creating, updating and deleting permissions, roles and groups.

use std::rc::Rc;

use chrono::{DateTime, Utc};
use serde_json::json;
use uuid::Uuid;

use super::{
    Authority, Description, GroupChange, NewGroup, NewPermission, NewRole, RoleChange, RoleName,
};
use crate::{
    access::{
        CustomRole, DefinedPermission, Definitions, Grants, Group, Ids, MOST_GROUPS,
        MOST_PERMISSIONS, MOST_ROLES, Permission,
    },
    audit,
    context::Context,
    database_role::{self, Ending},
    error::{Error, Result, RoleError},
    event::{Actor, Entry, Event, Severity, name},
    tenant::{Operation, Tenant, TenantDb, TenantRecord, repo},
    user,
    version_cache::{Change, Changed, Effect},
};

/// Creates a permission of the tenant's application.
///
/// # Errors
/// [`Error::Taken`], [`RoleError::TooMany`], [`RoleError::TooLarge`].
pub async fn create_permission(
    context: &Rc<Context>,
    tenant: &Tenant,
    new: NewPermission,
    actor: &Actor,
) -> Result<Changed<DefinedPermission>> {
    let defined = DefinedPermission {
        name: new.name,
        description: new.description.map(Description::into_text),
        created_at: now(context),
    };
    let event = Event::new(name::PERMISSION_CREATED).detail(json!({ "name": defined.name }));
    let changed = change(context, tenant, actor, event, None, &|definitions| {
        if definitions.defines(&defined.name) {
            return Err(Error::Taken { field: "name", code: "permission_taken" });
        }
        check_number(definitions.permissions.len(), MOST_PERMISSIONS, "permissions")?;
        definitions.permissions.push(defined.clone());
        definitions.permissions.sort_by(|one, other| one.name.cmp(&other.name));
        Ok(())
    })
    .await;
    Ok(changed?.map(|_| defined))
}

/// Deletes a permission, and removes it from all roles. The caller must hold it.
///
/// # Errors
/// [`RoleError::PermissionNotFound`]; [`RoleError::PermissionInUse`] if an API key has it; [`Error::PermissionNotHeld`].
pub async fn delete_permission(
    context: &Rc<Context>,
    tenant: &Tenant,
    permission: &Permission,
    authority: &Authority,
    actor: &Actor,
) -> Result<Effect> {
    let event = Event::new(name::PERMISSION_DELETED)
        .severity(Severity::Warning)
        .detail(json!({ "name": permission }));
    let changed = change(context, tenant, actor, event, Some(permission), &|definitions| {
        if !definitions.defines(permission) {
            return Err(RoleError::PermissionNotFound.into());
        }
        authority.check(&Grants { scopes: Vec::new(), permissions: vec![permission.clone()] })?;
        definitions.permissions.retain(|defined| defined.name != *permission);
        for role in &mut definitions.roles {
            role.permissions.permissions.retain(|own| own != permission);
        }
        Ok(())
    })
    .await;
    Ok(changed?.effect)
}

/// Creates a role.
///
/// # Errors
/// [`Error::InvalidFields`] for a permission that the tenant does not define; [`Error::ScopeNotHeld`],
/// [`Error::PermissionNotHeld`], [`Error::Taken`], [`RoleError::TooMany`], [`RoleError::TooLarge`].
pub async fn create_role(
    context: &Rc<Context>,
    tenant: &Tenant,
    new: NewRole,
    authority: &Authority,
    actor: &Actor,
) -> Result<Changed<CustomRole>> {
    let at = now(context);
    let role = CustomRole {
        id: context.platform.random.uuid(at),
        name: new.name.as_str().to_owned(),
        description: new.description.map(Description::into_text),
        permissions: new.permissions,
        created_at: at,
        updated_at: at,
    };
    let event = Event::new(name::ROLE_CREATED)
        .severity(Severity::Warning)
        .about("role", role.id)
        .detail(json!({ "name": role.name, "permissions": role.permissions }));
    let changed = change(context, tenant, actor, event, None, &|definitions| {
        definitions.check_defined(&role.permissions, "permissions")?;
        authority.check(&role.permissions)?;
        check_role_name(definitions, &new.name, None)?;
        check_number(definitions.roles.len(), MOST_ROLES, "roles")?;
        definitions.roles.push(role.clone());
        Ok(())
    })
    .await;
    Ok(changed?.map(|_| role))
}

/// Updates a role. The change takes effect on the next request of every user with the role.
///
/// # Errors
/// Those of [`create_role`], and [`RoleError::RoleNotFound`].
pub async fn update_role(
    context: &Rc<Context>,
    tenant: &Tenant,
    id: Uuid,
    wanted: &RoleChange,
    authority: &Authority,
    actor: &Actor,
) -> Result<Changed<CustomRole>> {
    let at = now(context);
    let event = Event::new(name::ROLE_UPDATED)
        .severity(Severity::Warning)
        .about("role", id)
        .detail(json!({
            "name": wanted.name.as_ref().map(RoleName::as_str),
            "permissions": wanted.permissions,
        }));
    let changed = change(context, tenant, actor, event, None, &|definitions| {
        authority.check(&definitions.defined(&definitions.role(id)?.permissions))?;
        if let Some(permissions) = &wanted.permissions {
            definitions.check_defined(permissions, "permissions")?;
            authority.check(permissions)?;
        }
        if let Some(name) = &wanted.name {
            check_role_name(definitions, name, Some(id))?;
        }
        let role = definitions.roles.iter_mut().find(|role| role.id == id);
        let role = role.ok_or(RoleError::RoleNotFound)?;
        if let Some(name) = &wanted.name {
            name.as_str().clone_into(&mut role.name);
        }
        if wanted.description.is_given() {
            role.description = wanted.description.clone().into_option().map(Description::into_text);
        }
        if let Some(permissions) = &wanted.permissions {
            role.permissions = permissions.clone();
        }
        role.updated_at = at;
        Ok(())
    })
    .await;
    let Changed { value, effect } = changed?;
    Ok(Changed { value: value.role(id)?.clone(), effect })
}

/// Deletes a role, and removes it from all users and groups.
///
/// # Errors
/// [`RoleError::RoleNotFound`], [`Error::ScopeNotHeld`], [`Error::PermissionNotHeld`].
pub async fn delete_role(
    context: &Rc<Context>,
    tenant: &Tenant,
    id: Uuid,
    authority: &Authority,
    actor: &Actor,
) -> Result<Effect> {
    let event = Event::new(name::ROLE_DELETED).severity(Severity::Warning).about("role", id);
    let changed = change(context, tenant, actor, event, None, &|definitions| {
        authority.check(&definitions.defined(&definitions.role(id)?.permissions))?;
        definitions.roles.retain(|role| role.id != id);
        for group in &mut definitions.groups {
            group.roles.retain(|role| *role != id);
        }
        Ok(())
    })
    .await;
    forget_after(context, tenant, id, changed).await
}

/// Creates a group without members.
///
/// # Errors
/// [`Error::InvalidFields`] for a role that the tenant does not have; [`Error::ScopeNotHeld`],
/// [`Error::PermissionNotHeld`], [`Error::Taken`], [`RoleError::TooMany`], [`RoleError::TooLarge`].
pub async fn create_group(
    context: &Rc<Context>,
    tenant: &Tenant,
    new: NewGroup,
    authority: &Authority,
    actor: &Actor,
) -> Result<Changed<Group>> {
    let at = now(context);
    let Ids(roles) = new.roles;
    let group = Group {
        id: context.platform.random.uuid(at),
        name: new.name.as_str().to_owned(),
        description: new.description.map(Description::into_text),
        roles,
        created_at: at,
        updated_at: at,
    };
    let event = Event::new(name::GROUP_CREATED)
        .severity(Severity::Warning)
        .about("group", group.id)
        .detail(json!({ "name": group.name, "roles": group.roles }));
    let changed = change(context, tenant, actor, event, None, &|definitions| {
        check_roles(definitions, &group.roles, authority)?;
        check_group_name(definitions, &new.name, None)?;
        check_number(definitions.groups.len(), MOST_GROUPS, "groups")?;
        definitions.groups.push(group.clone());
        Ok(())
    })
    .await;
    Ok(changed?.map(|_| group))
}

/// Updates a group. The change takes effect on the next request of every member.
///
/// # Errors
/// Those of [`create_group`], and [`RoleError::GroupNotFound`].
pub async fn update_group(
    context: &Rc<Context>,
    tenant: &Tenant,
    id: Uuid,
    wanted: &GroupChange,
    authority: &Authority,
    actor: &Actor,
) -> Result<Changed<Group>> {
    let at = now(context);
    let event = Event::new(name::GROUP_UPDATED)
        .severity(Severity::Warning)
        .about("group", id)
        .detail(json!({
            "name": wanted.name.as_ref().map(RoleName::as_str),
            "roles": wanted.roles.as_ref().map(|Ids(ids)| ids),
        }));
    let changed = change(context, tenant, actor, event, None, &|definitions| {
        definitions.group(id)?;
        authority.check(&definitions.of_group(id))?;
        if let Some(Ids(roles)) = &wanted.roles {
            check_roles(definitions, roles, authority)?;
        }
        if let Some(name) = &wanted.name {
            check_group_name(definitions, name, Some(id))?;
        }
        let group = definitions.groups.iter_mut().find(|group| group.id == id);
        let group = group.ok_or(RoleError::GroupNotFound)?;
        if let Some(name) = &wanted.name {
            name.as_str().clone_into(&mut group.name);
        }
        if wanted.description.is_given() {
            group.description =
                wanted.description.clone().into_option().map(Description::into_text);
        }
        if let Some(Ids(roles)) = &wanted.roles {
            group.roles.clone_from(roles);
        }
        group.updated_at = at;
        Ok(())
    })
    .await;
    let Changed { value, effect } = changed?;
    Ok(Changed { value: value.group(id)?.clone(), effect })
}

/// Deletes a group, and removes all members from it.
///
/// # Errors
/// [`RoleError::GroupNotFound`], [`Error::ScopeNotHeld`], [`Error::PermissionNotHeld`].
pub async fn delete_group(
    context: &Rc<Context>,
    tenant: &Tenant,
    id: Uuid,
    authority: &Authority,
    actor: &Actor,
) -> Result<Effect> {
    let event = Event::new(name::GROUP_DELETED).severity(Severity::Warning).about("group", id);
    let changed = change(context, tenant, actor, event, None, &|definitions| {
        definitions.group(id)?;
        authority.check(&definitions.of_group(id))?;
        definitions.groups.retain(|group| group.id != id);
        Ok(())
    })
    .await;
    forget_after(context, tenant, id, changed).await
}

/// Removes the id of a deleted role or group from the users. If it does not exist, an earlier call may have been
/// interrupted after the deletion, so its removal is finished, too.
async fn forget_after(
    context: &Context,
    tenant: &Tenant,
    id: Uuid,
    changed: Result<Changed<Definitions>>,
) -> Result<Effect> {
    let is_deleted = match &changed {
        Ok(_) => true,
        Err(Error::Role(RoleError::RoleNotFound | RoleError::GroupNotFound)) => {
            // The id of an object of the other kind must stay.
            let catalog = context.catalog().await?;
            let definitions = found(repo::find(&*catalog, tenant.id).await?)?.definitions;
            definitions.role(id).is_err() && definitions.group(id).is_err()
        }
        Err(_) => false,
    };
    if is_deleted {
        let database = TenantDb::connect(context, tenant).await?;
        while user::repo::forget(&database, id).await? > 0 {}
    }
    changed.map(|changed| changed.effect)
}

/// Changes the definitions of a tenant, and returns the new ones. `edit` runs again if another call has changed the
/// tenant. `unused` is a permission that no API key may have. It is not generic, because a copy for each caller would
/// make the component too large.
async fn change(
    context: &Rc<Context>,
    tenant: &Tenant,
    actor: &Actor,
    event: Event,
    unused: Option<&Permission>,
    edit: &dyn Fn(&mut Definitions) -> Result<()>,
) -> Result<Changed<Definitions>> {
    let entry = Entry::new(context, Some(tenant.id), actor, event);
    let publication = Change::begin(context);
    let catalog = context.catalog().await?;
    let mut old = found(repo::find(&*catalog, tenant.id).await?)?;
    let new = loop {
        let mut new = old.definitions.clone();
        if let Err(error) = edit(&mut new).and_then(|()| new.check_size()) {
            // The response to an earlier call may have been lost before the publication to Redis.
            if old.version != tenant.version {
                publication.current(&old).await?;
                // The caller is refused, regardless of when the earlier change takes effect.
                let _: Effect = publication.finish().await;
            }
            return Err(error);
        }
        let unused = unused.map(Permission::as_str);
        if repo::replace_definitions(&*catalog, &old, &new, unused, &entry).await? {
            break new;
        }
        let again = found(repo::find(&*catalog, tenant.id).await?)?;
        if again.version == old.version {
            again.status.check(Operation::Update)?;
            return Err(RoleError::PermissionInUse.into());
        }
        old = again;
    };
    let record = found(repo::find(&*catalog, tenant.id).await?)?;
    publication.current(&record).await?;
    audit::flush_catalog_later(context, Some(tenant.id));
    let effect = publication.finish().await;
    if old.definitions.loses_database_scope(&new) {
        database_role::end(context, &record, Ending::Users).await?;
    }
    Ok(Changed { value: new, effect })
}

fn found(record: Option<TenantRecord>) -> Result<TenantRecord> {
    record.ok_or(Error::TenantNotFound)
}

fn now(context: &Context) -> DateTime<Utc> {
    context.platform.clock.now()
}

fn check_number(number: usize, limit: usize, objects: &'static str) -> Result<()> {
    if number < limit { Ok(()) } else { Err(RoleError::TooMany { objects, limit }.into()) }
}

fn check_roles(definitions: &Definitions, ids: &[Uuid], authority: &Authority) -> Result<()> {
    for id in ids {
        definitions.role(*id).map_err(|_| {
            Error::invalid_field("roles", "must have only ids of custom roles of the tenant")
        })?;
        authority.check(&definitions.of_role(*id))?;
    }
    Ok(())
}

fn check_role_name(definitions: &Definitions, name: &RoleName, own: Option<Uuid>) -> Result<()> {
    let roles = definitions.roles.iter().map(|role| (role.id, &role.name));
    check_name(roles, name, own, "role_name_taken")
}

fn check_group_name(definitions: &Definitions, name: &RoleName, own: Option<Uuid>) -> Result<()> {
    let groups = definitions.groups.iter().map(|group| (group.id, &group.name));
    check_name(groups, name, own, "group_name_taken")
}

/// Checks that no object has the name, except the object `own`.
fn check_name<'a>(
    mut names: impl Iterator<Item = (Uuid, &'a String)>,
    name: &RoleName,
    own: Option<Uuid>,
    code: &'static str,
) -> Result<()> {
    if names.any(|(id, other)| Some(id) != own && name.is_same(other)) {
        return Err(Error::Taken { field: "name", code });
    }
    Ok(())
}
