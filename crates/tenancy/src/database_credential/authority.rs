//! The limits within which a caller manages database credentials.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::{
    access::Scope,
    api_key::ApiKeyRecord,
    database_role::Access,
    error::{Error, Result},
};

/// The authority of a caller over database credentials. Each credential of the call limits it.
#[derive(Debug, Default)]
pub struct Authority {
    held: Vec<Vec<Scope>>,
    user: Option<(Uuid, i64)>,
    api_key: Option<Uuid>,
    expires_at: Option<DateTime<Utc>>,
}

impl Authority {
    /// Adds a user in a version, with these scopes.
    #[must_use]
    pub fn and_user(mut self, user: Uuid, version: i64, scopes: &[Scope]) -> Self {
        self.held.push(scopes.to_vec());
        self.user = Some((user, version));
        self
    }

    /// Adds an API key.
    #[must_use]
    pub fn and_key(mut self, own: &ApiKeyRecord) -> Self {
        self.held.push(own.scopes.clone());
        self.api_key = Some(own.id);
        self.expires_at = own.expires_at;
        self
    }

    /// Checks that the caller may create and revoke credentials with an access. A scope includes every weaker access.
    ///
    /// # Errors
    /// [`Error::ScopeNotHeld`].
    pub fn check(&self, access: Access) -> Result<()> {
        let allows = |held: &Vec<Scope>| {
            let mut sufficient = Access::ALL.into_iter().filter(|other| *other >= access);
            sufficient.any(|other| held.contains(&other.scope()))
        };
        // Without a credential, nobody has a right.
        if !self.held.is_empty() && self.held.iter().all(allows) {
            return Ok(());
        }
        Err(Error::ScopeNotHeld { scope: access.scope().as_str() })
    }

    /// Returns the calling user, in the version of the access token.
    pub(super) fn user(&self) -> Option<(Uuid, i64)> {
        self.user
    }

    /// Returns the calling API key.
    pub(super) fn api_key(&self) -> Option<Uuid> {
        self.api_key
    }

    /// Returns the expiry of a new credential, which is not later than that of the calling API key.
    pub(super) fn expiry(&self, wanted: DateTime<Utc>) -> DateTime<Utc> {
        self.expires_at.map_or(wanted, |own| own.min(wanted))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holding(scopes: &[Scope]) -> Authority {
        Authority::default().and_user(Uuid::nil(), 1, scopes)
    }

    #[test]
    fn scope_includes_weaker_access() {
        let allowed =
            |scopes: &[Scope]| Access::ALL.map(|access| holding(scopes).check(access).is_ok());
        assert_eq!(allowed(&[]), [false; 3]);
        assert_eq!(allowed(&[Scope::DatabaseRead]), [true, false, false]);
        assert_eq!(allowed(&[Scope::DatabaseWrite]), [true, true, false]);
        assert_eq!(allowed(&[Scope::DatabaseOwner]), [true; 3]);
        assert!(Authority::default().check(Access::Read).is_err());
    }

    #[test]
    fn each_credential_must_allow_access() {
        let authority =
            holding(&[Scope::DatabaseOwner]).and_user(Uuid::nil(), 1, &[Scope::DatabaseRead]);
        assert!(authority.check(Access::Read).is_ok());
        assert!(authority.check(Access::Write).is_err());
    }
}
