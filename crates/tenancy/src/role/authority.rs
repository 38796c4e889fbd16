//! The limits within which a caller manages roles and groups.

use crate::{
    access::{Ceiling, Grants},
    error::Result,
};

/// The authority of a caller over roles and groups. Each credential of the call limits it.
///
/// The permissions of a role or a group must be among those of the caller, both before and after a change. Otherwise the
/// caller could exceed its permissions through a role that it has, or through another user.
#[derive(Debug)]
pub struct Authority(Ceiling);

impl Authority {
    /// Returns the authority of a caller with these credentials, each given by its permissions.
    pub fn of<'a>(credentials: impl IntoIterator<Item = &'a Grants>) -> Self {
        Self(Ceiling::of(credentials))
    }

    /// Checks that the caller holds every permission in a set.
    ///
    /// # Errors
    /// [`crate::Error::ScopeNotHeld`], [`crate::Error::PermissionNotHeld`].
    pub(super) fn check(&self, grants: &Grants) -> Result<()> {
        self.0.check(grants)
    }
}
