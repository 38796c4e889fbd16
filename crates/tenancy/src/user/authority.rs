//! The limits within which a caller manages users.
//!
//! A role is a set of scopes. A caller grants a role only if it holds every scope of the role, or the scope that
//! delegates the role. Otherwise it could exceed its permissions through another user.

use crate::{
    access::{Role, Scope},
    error::{Error, Result},
};

/// The authority of a caller over users. Each credential of the call limits it.
#[derive(Debug)]
pub struct Authority {
    grantable: Vec<Role>,
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

impl Authority {
    /// Returns the authority of a caller with these credentials, each given by its scopes.
    pub fn of<'a>(credentials: impl IntoIterator<Item = &'a [Scope]>) -> Self {
        let mut grantable = Role::ALL.to_vec();
        for held in credentials {
            grantable.retain(|role| role.is_grantable_with(held));
        }
        Self { grantable }
    }

    /// Returns the authority of the operator, who manages every user.
    pub fn unbounded() -> Self {
        Self { grantable: Role::ALL.to_vec() }
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

    /// Returns the roles of the users whose role the caller may change. A change of the role revokes one role and
    /// grants another.
    pub(super) fn grantable(&self) -> &[Role] {
        &self.grantable
    }

    /// Returns the roles of the users that the caller may update or delete. Administrators are included only if the
    /// caller may grant that role.
    pub(crate) fn manageable(&self) -> Vec<Role> {
        let is_manageable = |role: &Role| *role != Role::Admin || self.grantable.contains(role);
        Role::ALL.into_iter().filter(is_manageable).collect()
    }

    /// Returns the roles of the users whose password the caller may reset. The new setup token allows signing in as the
    /// user, so returning it amounts to granting the role.
    ///
    /// # Errors
    /// [`Error::ScopeNotHeld`] if there are none.
    pub(crate) fn resettable(&self) -> Result<&[Role]> {
        if self.grantable.is_empty() {
            self.grant(Role::Viewer)?;
        }
        Ok(&self.grantable)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // S16
    #[test]
    fn each_credential_limits_the_roles() {
        let invites = [Scope::UsersWrite, Scope::UsersGrantViewer];
        let admin = Authority::of([Role::Admin.scopes()]);
        assert_eq!(admin.grantable(), Role::ALL);
        assert_eq!(admin.manageable(), Role::ALL);
        let both = Authority::of([Role::Admin.scopes(), &invites]);
        assert_eq!(both.grantable(), [Role::Viewer]);
        assert_eq!(both.manageable(), [Role::User, Role::Viewer]);
        assert_eq!(both.grant(Role::Viewer).map(GrantedRole::role).ok(), Some(Role::Viewer));
        assert!(matches!(both.grant(Role::User), Err(Error::ScopeNotHeld { .. })));
    }

    // S16
    #[test]
    fn caller_without_grantable_role_resets_no_password() {
        let weak = Authority::of([&[Scope::UsersWrite][..]]);
        let refused = weak.resettable();
        assert!(matches!(refused, Err(Error::ScopeNotHeld { scope: "users:grant:viewer" })));
        assert_eq!(weak.manageable(), [Role::User, Role::Viewer]);
        let mailer = Authority::of([&[Scope::UsersGrantUser][..]]);
        assert_eq!(mailer.resettable().ok(), Some(&[Role::User][..]));
    }
}
