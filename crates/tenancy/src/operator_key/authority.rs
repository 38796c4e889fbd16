//! The limits within which a caller manages operator keys.
//!
//! An operator key can manage only keys whose scopes, expiry and networks are within its own, and the result must be
//! within its own as well. Otherwise it could exceed its limits through another key. `ADMIN_API_KEY` has no such
//! limits.

use std::rc::Rc;

use chrono::{DateTime, Utc};

use super::OperatorKeyRecord;
use crate::{
    access::OperatorScope,
    error::{Error, OperatorKeyError, Result},
    networks::Networks,
    tenant::DeletionRight,
};

/// The properties of a key that must be within those of the managing key. `None` means unlimited.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bounds<'a> {
    pub(super) scopes: &'a [OperatorScope],
    pub(super) expires_at: Option<DateTime<Utc>>,
    pub(super) allowed_networks: Option<&'a Networks>,
}

impl Bounds<'_> {
    /// Returns the first field in which these limits exceed those of `own`.
    fn excess(&self, own: &OperatorKeyRecord) -> Option<&'static str> {
        let outlives =
            own.expires_at.is_some_and(|own| self.expires_at.is_none_or(|end| end > own));
        let is_wider = own.allowed_networks.as_ref().is_some_and(|own| {
            self.allowed_networks.is_none_or(|networks| !networks.are_within(own))
        });
        match (outlives, is_wider) {
            (true, _) => Some("expires_at"),
            (false, true) => Some("allowed_networks"),
            (false, false) => None,
        }
    }
}

impl<'a> From<&'a OperatorKeyRecord> for Bounds<'a> {
    fn from(record: &'a OperatorKeyRecord) -> Self {
        Self {
            scopes: &record.scopes,
            expires_at: record.expires_at,
            allowed_networks: record.allowed_networks.as_ref(),
        }
    }
}

/// The authority of a caller over operator keys.
#[derive(Debug)]
pub struct Authority(Option<Rc<OperatorKeyRecord>>);

impl Authority {
    /// Returns the authority of `ADMIN_API_KEY`, which manages every key.
    pub fn unbounded() -> Self {
        Self(None)
    }

    /// Returns the authority of an operator key.
    pub fn of(own: &Rc<OperatorKeyRecord>) -> Self {
        Self(Some(Rc::clone(own)))
    }

    /// Returns the right to delete tenants.
    ///
    /// # Errors
    /// [`Error::Forbidden`].
    pub fn tenant_deletion(&self) -> Result<DeletionRight> {
        const SCOPE: OperatorScope = OperatorScope::TenantsDelete;
        match &self.0 {
            Some(own) if !own.scopes.contains(&SCOPE) => {
                Err(Error::Forbidden { scope: SCOPE.as_str() })
            }
            _ => Ok(DeletionRight::granted()),
        }
    }

    /// Checks whether the caller may update, rotate or revoke an existing key.
    ///
    /// # Errors
    /// [`OperatorKeyError::ScopeNotHeld`], [`OperatorKeyError::Stronger`].
    pub(super) fn check_existing(&self, record: &OperatorKeyRecord) -> Result<()> {
        let bounds = Bounds::from(record);
        self.check_scopes(bounds.scopes)?;
        match self.0.as_ref().and_then(|own| bounds.excess(own)) {
            Some(_) => Err(OperatorKeyError::Stronger.into()),
            None => Ok(()),
        }
    }

    /// Checks whether the caller may leave a key with these properties.
    ///
    /// # Errors
    /// [`OperatorKeyError::ScopeNotHeld`]; [`Error::InvalidFields`] for the field that exceeds the caller's key.
    pub(super) fn check_wanted(&self, wanted: &Bounds<'_>) -> Result<()> {
        self.check_scopes(wanted.scopes)?;
        match self.0.as_ref().and_then(|own| wanted.excess(own)) {
            Some(field) => {
                Err(Error::invalid_field(field, "must be within the limits of your operator key"))
            }
            None => Ok(()),
        }
    }

    fn check_scopes(&self, scopes: &[OperatorScope]) -> Result<()> {
        let Some(own) = &self.0 else { return Ok(()) };
        match scopes.iter().find(|scope| !own.scopes.contains(scope)) {
            Some(scope) => Err(OperatorKeyError::ScopeNotHeld { scope: scope.as_str() }.into()),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use uuid::Uuid;

    use super::*;
    use crate::input::FromField as _;

    const WRITE: &[OperatorScope] = &[OperatorScope::OperatorKeysWrite, OperatorScope::TenantsRead];

    fn day(number: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_000_000 + number * 86_400, 0).unwrap()
    }

    fn key(
        scopes: &[OperatorScope],
        expires_at: Option<i64>,
        networks: Option<&[&str]>,
    ) -> OperatorKeyRecord {
        OperatorKeyRecord {
            id: Uuid::from_u128(1),
            name: "a".to_owned(),
            prefix: "ldxop_aaaa".to_owned(),
            scopes: scopes.to_vec(),
            allowed_networks: networks.map(|list| Networks::from_json(json!(list)).unwrap()),
            version: 1,
            created_at: day(0),
            updated_at: day(0),
            expires_at: expires_at.map(day),
            last_used_at: None,
            previous_expires_at: None,
        }
    }

    // S16
    #[test]
    fn operator_key_manages_only_keys_within_its_own_bounds() {
        let own = Rc::new(key(WRITE, Some(10), Some(&["10.0.0.0/8"])));
        let authority = Authority::of(&own);
        let within = Some(&["10.1.0.0/16"][..]);
        for (record, is_allowed) in [
            (key(WRITE, Some(10), Some(&["10.0.0.0/8"])), true),
            (key(&[], Some(9), within), true),
            (key(&[OperatorScope::TenantsWrite], Some(9), within), false),
            (key(WRITE, Some(11), within), false),
            (key(WRITE, None, within), false),
            (key(WRITE, Some(9), None), false),
            (key(WRITE, Some(9), Some(&["10.0.0.0/8", "192.0.2.1"])), false),
        ] {
            assert_eq!(authority.check_existing(&record).is_ok(), is_allowed, "{record:?}");
            let wanted = authority.check_wanted(&Bounds::from(&record));
            assert_eq!(wanted.is_ok(), is_allowed, "{record:?}");
            assert!(Authority::unbounded().check_existing(&record).is_ok());
        }
    }

    // S16
    #[test]
    fn only_holder_of_the_scope_deletes_tenants() {
        let right = |scopes: &[OperatorScope]| {
            Authority::of(&Rc::new(key(scopes, None, None))).tenant_deletion()
        };
        assert!(right(&[OperatorScope::TenantsDelete]).is_ok());
        assert!(matches!(
            right(&[OperatorScope::TenantsWrite]),
            Err(Error::Forbidden { scope: "tenants:delete" })
        ));
        assert!(Authority::unbounded().tenant_deletion().is_ok());
    }

    // S16
    #[test]
    fn excess_is_reported_by_field() {
        let own = Rc::new(key(WRITE, Some(10), Some(&["10.0.0.0/8"])));
        let authority = Authority::of(&own);
        for (record, expected) in [
            (key(WRITE, None, None), "expires_at"),
            (key(WRITE, Some(10), None), "allowed_networks"),
        ] {
            let refused = authority.check_wanted(&Bounds::from(&record));
            let Err(Error::InvalidFields(fields)) = refused else { panic!("{refused:?}") };
            assert_eq!(fields[0].field, expected);
            let refused = authority.check_existing(&record);
            assert!(
                matches!(refused, Err(Error::OperatorKey(OperatorKeyError::Stronger))),
                "{refused:?}"
            );
        }
    }
}
