//! The limits within which a caller manages API keys.
//!
//! A key that manages other keys cannot exceed itself. It can manage only keys whose scopes, limits and expiry are
//! within its own, before and after the change. Otherwise it could lift its own limits through another key.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::{ApiKeyChange, ApiKeyRecord, CallLimit, NewApiKey};
use crate::{
    access::{Ceiling, Grants},
    error::{Error, Result},
    input::Patch,
};

/// The limits of a key in comparable form; `None` means no limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Limits {
    expires_at: Option<DateTime<Utc>>,
    per_minute: Option<i64>,
    per_day: Option<i64>,
}

impl Limits {
    /// Returns the first field in which these limits exceed `bound`.
    fn excess(&self, bound: &Self) -> Option<&'static str> {
        fn exceeds<T: PartialOrd>(value: Option<T>, bound: Option<T>) -> bool {
            bound.is_some_and(|bound| value.is_none_or(|value| value > bound))
        }
        [
            ("expires_at", exceeds(self.expires_at, bound.expires_at)),
            ("max_requests_per_minute", exceeds(self.per_minute, bound.per_minute)),
            ("max_requests_per_day", exceeds(self.per_day, bound.per_day)),
        ]
        .into_iter()
        .find_map(|(field, is_excess)| is_excess.then_some(field))
    }
}

impl From<&ApiKeyRecord> for Limits {
    fn from(record: &ApiKeyRecord) -> Self {
        Self {
            expires_at: record.expires_at,
            per_minute: record.max_requests_per_minute,
            per_day: record.max_requests_per_day,
        }
    }
}

/// One credential of the caller.
#[derive(Debug)]
struct Holder {
    grants: Grants,
    /// The id and the limits of an API key. `None` for a user: users have no limits of this kind.
    key: Option<(Uuid, Limits)>,
}

/// The authority of a caller over API keys. Each credential of the call limits it.
#[derive(Debug)]
pub struct Authority(Vec<Holder>);

impl Authority {
    /// Returns the authority of the operator, who manages every key of a tenant.
    pub fn unbounded() -> Self {
        Self(Vec::new())
    }

    /// Adds a user with these permissions.
    #[must_use]
    pub fn and_user(mut self, grants: &Grants) -> Self {
        self.0.push(Holder { grants: grants.clone(), key: None });
        self
    }

    /// Adds an API key with these permissions.
    #[must_use]
    pub fn and_key(mut self, own: &ApiKeyRecord, grants: &Grants) -> Self {
        self.0.push(Holder { grants: grants.clone(), key: Some((own.id, own.into())) });
        self
    }

    /// Checks that the key is not a credential of the call. A key must not raise its own limits.
    ///
    /// # Errors
    /// [`Error::UserRequired`].
    pub(super) fn check_other(&self, id: Uuid) -> Result<()> {
        let mut own = self.0.iter().filter_map(|holder| holder.key);
        if own.any(|(own, _)| own == id) { Err(Error::UserRequired) } else { Ok(()) }
    }

    /// Checks that the caller may create a key.
    ///
    /// # Errors
    /// [`Error::ScopeNotHeld`]; [`Error::InvalidFields`] for a limit above the limit of the caller.
    pub(super) fn check_new(&self, new: &NewApiKey) -> Result<()> {
        self.check_scopes(&new.scopes)?;
        self.check_result(&Limits {
            expires_at: new.expires_at,
            per_minute: new.max_requests_per_minute.map(CallLimit::get),
            per_day: new.max_requests_per_day.map(CallLimit::get),
        })
    }

    /// Checks that the caller may rotate or revoke a key in its current state.
    ///
    /// # Errors
    /// [`Error::ScopeNotHeld`], [`Error::StrongerApiKey`].
    pub(super) fn check_existing(&self, record: &ApiKeyRecord) -> Result<()> {
        self.check_scopes(&record.stored_grants())?;
        match self.excess(&record.into()) {
            Some(_) => Err(Error::StrongerApiKey),
            None => Ok(()),
        }
    }

    /// Checks that the caller may change a key: both its current state and its state after the change.
    ///
    /// # Errors
    /// [`Error::ScopeNotHeld`], [`Error::StrongerApiKey`]; [`Error::InvalidFields`] for a new limit above the limit of
    /// the caller.
    pub(super) fn check_change(&self, record: &ApiKeyRecord, change: &ApiKeyChange) -> Result<()> {
        let changed = |patch: Patch<CallLimit>, current: Option<i64>| {
            if patch.is_given() { patch.into_option().map(CallLimit::get) } else { current }
        };
        self.check_existing(record)?;
        self.check_result(&Limits {
            expires_at: record.expires_at,
            per_minute: changed(change.max_requests_per_minute, record.max_requests_per_minute),
            per_day: changed(change.max_requests_per_day, record.max_requests_per_day),
        })
    }

    fn check_scopes(&self, grants: &Grants) -> Result<()> {
        self.0.iter().try_for_each(|holder| Ceiling::of([&holder.grants]).check(grants))
    }

    fn check_result(&self, limits: &Limits) -> Result<()> {
        match self.excess(limits) {
            Some(field) => Err(Error::invalid_field(
                field,
                "must not exceed the value of the API key that you use, which bounds the keys that it manages",
            )),
            None => Ok(()),
        }
    }

    fn excess(&self, limits: &Limits) -> Option<&'static str> {
        self.0.iter().filter_map(|holder| holder.key).find_map(|(_, own)| limits.excess(&own))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{access::Scope, api_key::Environment, input::FromField as _};

    fn all() -> Grants {
        Grants::of_scopes(Scope::ALL)
    }

    fn day(number: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_000_000 + number * 86_400, 0).unwrap()
    }

    fn key(
        scopes: &[Scope],
        expires_at: Option<i64>,
        per_minute: Option<i64>,
        per_day: Option<i64>,
    ) -> ApiKeyRecord {
        ApiKeyRecord {
            id: Uuid::from_u128(1),
            tenant: Uuid::from_u128(2),
            name: "a".to_owned(),
            environment: Environment::live(),
            prefix: "ldx_live_a".to_owned(),
            hash: vec![0; 32],
            previous_hash: None,
            previous_expires_at: None,
            scopes: scopes.to_vec(),
            permissions: Vec::new(),
            max_requests_per_minute: per_minute,
            max_requests_per_day: per_day,
            version: 1,
            created_at: day(0),
            expires_at: expires_at.map(day),
            last_used_at: None,
        }
    }

    const WRITE: &[Scope] = &[Scope::ApiKeysWrite, Scope::TenantRead];

    // S16
    #[test]
    fn key_manages_only_keys_within_limits() {
        let own = key(WRITE, Some(10), Some(100), Some(1_000));
        let authority = Authority::unbounded().and_key(&own, &own.stored_grants());
        let allows = |record: &ApiKeyRecord| authority.check_existing(record).is_ok();
        assert!(allows(&own));
        assert!(allows(&key(&[], Some(9), Some(99), Some(999))));
        assert!(!allows(&key(&[Scope::UsersWrite], Some(9), Some(1), Some(1))));
        for (expires_at, per_minute, per_day) in [
            (None, Some(1), Some(1)),
            (Some(11), Some(1), Some(1)),
            (Some(9), None, Some(1)),
            (Some(9), Some(101), Some(1)),
            (Some(9), Some(1), None),
            (Some(9), Some(1), Some(1_001)),
        ] {
            let stronger = key(&[], expires_at, per_minute, per_day);
            let refused = authority.check_existing(&stronger);
            assert!(matches!(refused, Err(Error::StrongerApiKey)), "{stronger:?}");
        }
    }

    // S16
    #[test]
    fn changed_limits_stay_within_callers_limits() {
        let own = key(WRITE, None, Some(100), None);
        let authority = Authority::unbounded().and_key(&own, &own.stored_grants());
        let target = key(&[], None, Some(10), Some(10));
        let limit = |value: i64| Patch::Set(CallLimit::from_json(value.into()).unwrap());
        for (per_minute, per_day, is_allowed) in [
            (Patch::Keep, Patch::Keep, true),
            (limit(100), Patch::Clear, true),
            (limit(101), Patch::Keep, false),
            (Patch::Clear, Patch::Keep, false),
        ] {
            let change = ApiKeyChange {
                name: None,
                max_requests_per_minute: per_minute,
                max_requests_per_day: per_day,
            };
            assert_eq!(authority.check_change(&target, &change).is_ok(), is_allowed);
        }
    }

    // S16
    #[test]
    fn key_does_not_update_itself() {
        let own = key(WRITE, None, None, None);
        let authority = Authority::unbounded().and_user(&all()).and_key(&own, &own.stored_grants());
        assert!(matches!(authority.check_other(own.id), Err(Error::UserRequired)));
        assert!(authority.check_other(Uuid::nil()).is_ok());
        assert!(Authority::unbounded().check_other(own.id).is_ok());
    }

    // S16
    #[test]
    fn second_credential_limits_the_first() {
        let own = key(WRITE, None, Some(5), None);
        let both = Authority::unbounded().and_user(&all()).and_key(&own, &own.stored_grants());
        assert!(both.check_existing(&key(WRITE, None, None, None)).is_err());
        let user = Authority::unbounded().and_user(&all());
        assert!(user.check_existing(&key(WRITE, None, None, None)).is_ok());
    }
}
