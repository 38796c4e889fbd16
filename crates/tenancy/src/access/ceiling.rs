//! The ceiling of a caller: nobody grants a permission that the caller does not hold.

use super::{Definitions, Grants, Role};
use crate::error::{Error, Result};

/// The permissions that a caller may grant to others. Each credential of the call limits them.
#[derive(Debug, Clone)]
pub struct Ceiling {
    /// The permissions of each credential, or `None` for the operator.
    held: Option<Vec<Grants>>,
}

impl Ceiling {
    /// Returns the ceiling of a caller with these credentials.
    pub fn of<'a>(credentials: impl IntoIterator<Item = &'a Grants>) -> Self {
        Self { held: Some(credentials.into_iter().cloned().collect()) }
    }

    /// Returns the ceiling of the operator, who grants every permission.
    pub fn unbounded() -> Self {
        Self { held: None }
    }

    /// Checks that the caller holds every permission in a set.
    ///
    /// # Errors
    /// [`Error::ScopeNotHeld`], [`Error::PermissionNotHeld`].
    pub fn check(&self, grants: &Grants) -> Result<()> {
        let Some(held) = &self.held else { return Ok(()) };
        // Without a credential, nobody has a right.
        let all = |is_held: &dyn Fn(&Grants) -> bool| !held.is_empty() && held.iter().all(is_held);
        for scope in &grants.scopes {
            if !all(&|held| held.scopes.contains(scope)) {
                return Err(Error::ScopeNotHeld { scope: scope.as_str() });
            }
        }
        for permission in &grants.permissions {
            if !all(&|held| held.permissions.contains(permission)) {
                return Err(Error::PermissionNotHeld { permission: permission.to_string() });
            }
        }
        Ok(())
    }

    /// Returns whether the caller may grant a built-in role of a tenant: each credential holds every permission of the
    /// role, or the scope that delegates the role.
    pub fn allows_role(&self, role: Role, definitions: &Definitions) -> bool {
        let Some(held) = &self.held else { return true };
        let granted = definitions.of_user(role, &[], &[]);
        !held.is_empty()
            && held.iter().all(|held| {
                held.scopes.contains(&role.grant_scope())
                    || Self::of([held]).check(&granted).is_ok()
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{access::Scope, input::Text as _};

    // S16
    #[test]
    fn each_credential_must_hold_permission() {
        let write = crate::access::Permission::parse("notes:write").unwrap();
        let own = Grants { scopes: vec![Scope::FilesRead], permissions: vec![write] };
        let scopes = Grants::of_scopes(Scope::ALL);
        assert!(Ceiling::of([&own]).check(&own).is_ok());
        let refused = Ceiling::of([&own, &scopes]).check(&own);
        assert!(matches!(refused, Err(Error::PermissionNotHeld { .. })));
        let refused = Ceiling::of([&own]).check(&scopes);
        assert!(matches!(refused, Err(Error::ScopeNotHeld { .. })));
        assert!(Ceiling::unbounded().check(&scopes).is_ok());
        assert!(Ceiling::of([]).check(&own).is_err());
    }
}
