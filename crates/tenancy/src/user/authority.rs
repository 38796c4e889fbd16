//! The limits within which a caller manages users.
//!
//! A role is a set of permissions. A caller grants a role only if it holds every permission of the role, or the scope
//! that delegates a built-in role. Otherwise it could exceed its permissions through another user.

use uuid::Uuid;

use super::User;
use crate::{
    access::{Ceiling, Definitions, Grants, Role},
    error::{Error, Result},
};

/// The authority of a caller over users. Each credential of the call limits it.
#[derive(Debug)]
pub struct Authority {
    grantable: Vec<Role>,
    ceiling: Ceiling,
}

/// A role that the caller may grant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GrantedRole(Role);

impl GrantedRole {
    /// Returns the role.
    pub fn role(self) -> Role {
        self.0
    }
}

/// Custom roles or groups that the caller may grant, by their ids.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GrantedIds(Vec<Uuid>);

impl GrantedIds {
    /// Returns the ids.
    pub fn ids(&self) -> &[Uuid] {
        &self.0
    }
}

/// The users that a call may change.
#[derive(Debug, Clone)]
pub struct Reach {
    /// The built-in roles of these users.
    pub(crate) roles: Vec<Role>,
    /// The custom roles that these users do not have, because the caller may not grant them.
    pub(crate) without_roles: Vec<Uuid>,
    /// The groups that these users are not in, because the caller may not grant them.
    pub(crate) without_groups: Vec<Uuid>,
}

impl Reach {
    /// Returns the reach of a user's change of the own account.
    pub(crate) fn own() -> Self {
        Self { roles: Role::ALL.to_vec(), without_roles: Vec::new(), without_groups: Vec::new() }
    }
}

impl Authority {
    /// Returns the authority of a caller of a tenant with these credentials, each given by its permissions.
    pub fn of<'a>(
        definitions: &Definitions,
        credentials: impl IntoIterator<Item = &'a Grants>,
    ) -> Self {
        let ceiling = Ceiling::of(credentials);
        let roles = Role::ALL.into_iter();
        let grantable = roles.filter(|role| ceiling.allows_role(*role, definitions)).collect();
        Self { grantable, ceiling }
    }

    /// Returns the authority of the operator, who manages every user.
    pub fn unbounded() -> Self {
        Self { grantable: Role::ALL.to_vec(), ceiling: Ceiling::unbounded() }
    }

    /// Checks that the caller may grant a role.
    ///
    /// # Errors
    /// [`Error::ScopeNotHeld`].
    pub fn grant(&self, role: Role) -> Result<GrantedRole> {
        if self.grantable.contains(&role) {
            Ok(GrantedRole(role))
        } else {
            Err(Error::ScopeNotHeld { scope: role.grant_scope().as_str() })
        }
    }

    /// Checks that the tenant has these custom roles and that the caller may grant them.
    ///
    /// # Errors
    /// [`Error::InvalidFields`] for `custom_roles`; [`Error::ScopeNotHeld`], [`Error::PermissionNotHeld`].
    pub fn grant_custom_roles(
        &self,
        definitions: &Definitions,
        ids: &[Uuid],
    ) -> Result<GrantedIds> {
        for id in ids {
            definitions.role(*id).map_err(|_| {
                Error::invalid_field("custom_roles", "must have only ids of roles of the tenant")
            })?;
            self.ceiling.check(&definitions.of_role(*id))?;
        }
        Ok(GrantedIds(ids.to_vec()))
    }

    /// Checks that the tenant has these groups and that the caller may grant their roles.
    ///
    /// # Errors
    /// [`Error::InvalidFields`] for `groups`; [`Error::ScopeNotHeld`], [`Error::PermissionNotHeld`].
    pub fn grant_groups(&self, definitions: &Definitions, ids: &[Uuid]) -> Result<GrantedIds> {
        for id in ids {
            definitions.group(*id).map_err(|_| {
                Error::invalid_field("groups", "must have only ids of groups of the tenant")
            })?;
            self.check_group(definitions, *id)?;
        }
        Ok(GrantedIds(ids.to_vec()))
    }

    /// Checks that the caller may grant the roles of a group.
    ///
    /// # Errors
    /// [`Error::ScopeNotHeld`], [`Error::PermissionNotHeld`].
    pub(super) fn check_group(&self, definitions: &Definitions, id: Uuid) -> Result<()> {
        self.ceiling.check(&definitions.of_group(id))
    }

    /// Returns the reason why a user with this custom role or in this group is outside the authority.
    pub(crate) fn beyond(&self, definitions: &Definitions, id: Uuid) -> Error {
        let mut grants = definitions.of_role(id);
        grants.extend(&definitions.of_group(id));
        let refusal = self.ceiling.check(&grants).err();
        refusal.unwrap_or_else(|| Error::unavailable("a role was changed concurrently"))
    }

    /// Returns the reason why a user is out of reach.
    pub(crate) fn refusal(&self, definitions: &Definitions, reach: &Reach, user: &User) -> Error {
        let mut custom = user.custom_roles.iter().chain(&user.groups);
        let above =
            custom.find(|id| reach.without_roles.contains(id) || reach.without_groups.contains(id));
        match above {
            Some(id) if reach.roles.contains(&user.role) => self.beyond(definitions, *id),
            _ => super::beyond(user.role),
        }
    }

    /// Returns the users whose role the caller may change. A change of the role revokes one role and grants another.
    pub(super) fn grantable(&self, definitions: &Definitions) -> Reach {
        self.reach(definitions, self.grantable.clone())
    }

    /// Returns the users that the caller may update or delete. Administrators are included only if the caller may grant
    /// that role, and users with a custom role only if the caller may grant it.
    pub(crate) fn manageable(&self, definitions: &Definitions) -> Reach {
        let is_manageable = |role: &Role| *role != Role::Admin || self.grantable.contains(role);
        self.reach(definitions, Role::ALL.into_iter().filter(is_manageable).collect())
    }

    /// Returns the users whose password the caller may reset. The new setup token allows signing in as the user, so
    /// returning it amounts to granting the roles.
    ///
    /// # Errors
    /// [`Error::ScopeNotHeld`] if there are none.
    pub(crate) fn resettable(&self, definitions: &Definitions) -> Result<Reach> {
        if self.grantable.is_empty() {
            self.grant(Role::Viewer)?;
        }
        Ok(self.grantable(definitions))
    }

    fn reach(&self, definitions: &Definitions, roles: Vec<Role>) -> Reach {
        let is_above = |grants: &Grants| self.ceiling.check(grants).is_err();
        let custom = definitions.roles.iter().map(|role| role.id);
        let groups = definitions.groups.iter().map(|group| group.id);
        Reach {
            roles,
            without_roles: custom.filter(|id| is_above(&definitions.of_role(*id))).collect(),
            without_groups: groups.filter(|id| is_above(&definitions.of_group(*id))).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;

    use super::*;
    use crate::access::{CustomRole, DefinedPermission, Group, Permission, Scope};
    use crate::input::Text as _;

    fn of(credentials: &[&[Scope]]) -> Authority {
        let grants: Vec<_> = credentials.iter().map(|scopes| Grants::of_scopes(scopes)).collect();
        Authority::of(&Definitions::default(), &grants)
    }

    // S16
    #[test]
    fn each_credential_limits_the_roles() {
        let invites = [Scope::UsersWrite, Scope::UsersGrantViewer];
        let none = Definitions::default();
        let admin = of(&[Role::Admin.scopes()]);
        assert_eq!(admin.grantable(&none).roles, Role::ALL);
        assert_eq!(admin.manageable(&none).roles, Role::ALL);
        let both = of(&[Role::Admin.scopes(), &invites]);
        assert_eq!(both.grantable(&none).roles, [Role::Viewer]);
        assert_eq!(both.manageable(&none).roles, [Role::User, Role::Viewer]);
        assert_eq!(both.grant(Role::Viewer).map(GrantedRole::role).ok(), Some(Role::Viewer));
        assert!(matches!(both.grant(Role::User), Err(Error::ScopeNotHeld { .. })));
    }

    // S16
    #[test]
    fn caller_without_grantable_role_resets_no_password() {
        let none = Definitions::default();
        let weak = of(&[&[Scope::UsersWrite]]);
        let refused = weak.resettable(&none);
        assert!(matches!(refused, Err(Error::ScopeNotHeld { scope: "users:grant:viewer" })));
        assert_eq!(weak.manageable(&none).roles, [Role::User, Role::Viewer]);
        let mailer = of(&[&[Scope::UsersGrantUser]]);
        assert_eq!(mailer.resettable(&none).unwrap().roles, [Role::User]);
    }

    // S16
    #[test]
    fn custom_roles_and_groups_limit_the_reach() {
        let at = DateTime::UNIX_EPOCH;
        let write = Permission::parse("notes:write").unwrap();
        let [role, group] = [1, 2].map(Uuid::from_u128);
        let definitions = Definitions {
            permissions: vec![DefinedPermission {
                name: write.clone(),
                description: None,
                created_at: at,
            }],
            roles: vec![CustomRole {
                id: role,
                name: "Editor".to_owned(),
                description: None,
                permissions: Grants { scopes: Vec::new(), permissions: vec![write.clone()] },
                created_at: at,
                updated_at: at,
            }],
            groups: vec![Group {
                id: group,
                name: "Editors".to_owned(),
                description: None,
                roles: vec![role],
                created_at: at,
                updated_at: at,
            }],
        };
        let scopes = Grants::of_scopes(Scope::ALL);
        let weak = Authority::of(&definitions, [&scopes]);
        let reach = weak.manageable(&definitions);
        assert_eq!((reach.without_roles, reach.without_groups), (vec![role], vec![group]));
        assert!(weak.grant_custom_roles(&definitions, &[role]).is_err());
        assert!(weak.grant_groups(&definitions, &[group]).is_err());
        let refusal = weak.beyond(&definitions, group);
        assert!(matches!(refusal, Error::PermissionNotHeld { .. }));
        let holder = Grants { permissions: vec![write], ..scopes };
        let strong = Authority::of(&definitions, [&holder]);
        assert!(strong.manageable(&definitions).without_roles.is_empty());
        assert_eq!(strong.grant_custom_roles(&definitions, &[role]).unwrap().ids(), [role]);
        assert!(matches!(
            strong.grant_custom_roles(&definitions, &[group]),
            Err(Error::InvalidFields(_))
        ));
        // An administrator has every permission, so all of them are necessary to create one.
        let holder = Grants::of_scopes(
            &Scope::ALL
                .iter()
                .copied()
                .filter(|scope| *scope != Scope::UsersGrantAdmin)
                .collect::<Vec<_>>(),
        );
        assert!(Authority::of(&definitions, [&holder]).grant(Role::Admin).is_err());
    }
}
