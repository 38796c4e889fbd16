//! The right to export personal data.

use uuid::Uuid;

use crate::{
    access::Scope,
    error::{Error, Result},
};

/// The authority of a caller over the personal data of users. Each credential of the call limits it.
#[derive(Debug, Default)]
pub struct Authority {
    held: Vec<Vec<Scope>>,
    user: Option<Uuid>,
}

impl Authority {
    /// The authority of the operator over all users.
    pub fn unbounded() -> Self {
        Self::default().and_key(&[Scope::UsersRead, Scope::AuditRead])
    }

    /// Adds a user with these scopes.
    #[must_use]
    pub fn and_user(mut self, user: Uuid, scopes: &[Scope]) -> Self {
        self.held.push(scopes.to_vec());
        self.user = Some(user);
        self
    }

    /// Adds an API key with these scopes.
    #[must_use]
    pub fn and_key(mut self, scopes: &[Scope]) -> Self {
        self.held.push(scopes.to_vec());
        self
    }

    /// Returns whether a user is the caller.
    pub fn is_self(&self, user: Uuid) -> bool {
        self.user == Some(user)
    }

    /// Checks that the caller may export the data of a user.
    ///
    /// # Errors
    /// [`Error::Forbidden`].
    pub fn check(&self, user: Uuid) -> Result<()> {
        let required: &[Scope] = if self.is_self(user) {
            &[Scope::ProfileRead]
        } else {
            &[Scope::UsersRead, Scope::AuditRead]
        };
        let is_held = |scope: &Scope| self.held.iter().all(|held| held.contains(scope));
        match required.iter().find(|scope| self.held.is_empty() || !is_held(scope)) {
            Some(scope) => Err(Error::Forbidden { scope: scope.as_str() }),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const USER: Uuid = Uuid::from_u128(1);
    const OTHER: Uuid = Uuid::from_u128(2);

    #[test]
    fn users_export_their_own_data() {
        let authority = Authority::default().and_user(USER, &[Scope::ProfileRead]);
        assert!(authority.check(USER).is_ok());
        let refused = authority.check(OTHER);
        assert!(matches!(refused, Err(Error::Forbidden { scope: "users:read" })));
    }

    #[test]
    fn each_credential_must_allow_export() {
        let both = [Scope::UsersRead, Scope::AuditRead];
        assert!(Authority::default().and_key(&both).check(OTHER).is_ok());
        let limited = Authority::default().and_user(USER, &both).and_key(&[Scope::UsersRead]);
        assert!(matches!(limited.check(OTHER), Err(Error::Forbidden { scope: "audit:read" })));
        // A second credential without the scope also limits the export of the own data.
        assert!(limited.check(USER).is_err());
        assert!(Authority::default().check(OTHER).is_err());
    }
}
