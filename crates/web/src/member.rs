//! A call by a member of a tenant: a user, or a service with an API key.

use std::{ops::Deref, rc::Rc};

use serde_json::json;
use tenancy::{
    Context, Error, Result,
    access::{Grants, Permission, Scope},
    api_key::ApiKeyRecord,
    audit,
    event::{Actor, Entry, Event, Origin, Severity, name},
    log::Caller,
    resource::Resource,
    tenant::Tenant,
    token::Claims,
};

use super::Call;

/// A call by a member of a tenant, authorized for the route.
pub struct Member {
    pub(super) context: Rc<Context>,
    pub(super) tenant: Tenant,
    pub(super) principal: Principal,
    /// The second credential of the call, which must also allow the call.
    pub(super) second: Option<Principal>,
    pub(super) call: Call,
}

/// A caller of a tenant.
pub enum Principal {
    /// A user, with an access token.
    User(Holder<Claims>),
    /// A service, with an API key.
    ApiKey(Holder<ApiKeyRecord>),
}

/// A credential with its current permissions in the tenant.
pub struct Holder<T> {
    credential: Rc<T>,
    grants: Grants,
}

impl Holder<Claims> {
    /// Returns a user with the permissions that the roles and groups of the tenant grant.
    pub(super) fn user(claims: Rc<Claims>, tenant: &Tenant) -> Self {
        let grants = claims.grants(&tenant.definitions);
        Self { credential: claims, grants }
    }
}

impl Holder<ApiKeyRecord> {
    /// Returns an API key with those of its permissions that the tenant defines.
    pub(super) fn api_key(record: Rc<ApiKeyRecord>, tenant: &Tenant) -> Self {
        let grants = record.grants(&tenant.definitions);
        Self { credential: record, grants }
    }
}

impl<T> Holder<T> {
    /// Returns the permissions.
    pub fn grants(&self) -> &Grants {
        &self.grants
    }
}

impl<T> Deref for Holder<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.credential
    }
}

impl Principal {
    /// Returns the permissions of the principal.
    pub fn grants(&self) -> &Grants {
        match self {
            Self::User(user) => user.grants(),
            Self::ApiKey(key) => key.grants(),
        }
    }

    /// Returns the scopes of the principal.
    pub fn scopes(&self) -> &[Scope] {
        &self.grants().scopes
    }

    /// Returns the identity for the log.
    pub(super) fn caller(&self) -> Caller {
        match self {
            Self::User(claims) => Caller::User(claims.sub),
            Self::ApiKey(record) => Caller::ApiKey(record.id),
        }
    }

    /// Returns the identity for the audit trail.
    pub(super) fn actor(&self, origin: Origin) -> Actor {
        match self {
            Self::User(claims) => Actor::user(claims.sub, origin),
            Self::ApiKey(record) => Actor::api_key(record.id, origin),
        }
    }
}

impl Member {
    /// Returns the context of the service.
    pub fn context(&self) -> &Rc<Context> {
        &self.context
    }

    /// Returns the caller's tenant.
    pub fn tenant(&self) -> &Tenant {
        &self.tenant
    }

    /// Returns the caller.
    pub fn principal(&self) -> &Principal {
        &self.principal
    }

    /// Returns the calling user.
    ///
    /// # Errors
    /// [`Error::UserRequired`] if the caller is an API key.
    pub fn user(&self) -> Result<&Claims> {
        match &self.principal {
            Principal::User(claims) => Ok(claims),
            Principal::ApiKey(_) => Err(Error::UserRequired),
        }
    }

    /// Returns the principals of the call, one for each credential.
    pub(super) fn principals(&self) -> impl Iterator<Item = &Principal> {
        std::iter::once(&self.principal).chain(&self.second)
    }

    /// Returns whether the caller holds a scope.
    pub fn allows(&self, scope: Scope) -> bool {
        self.principals().all(|principal| principal.scopes().contains(&scope))
    }

    /// Checks that the caller holds a scope.
    ///
    /// # Errors
    /// [`Error::Forbidden`].
    pub fn require(&self, scope: Scope) -> Result<()> {
        if self.allows(scope) { Ok(()) } else { Err(Error::Forbidden { scope: scope.as_str() }) }
    }

    /// Checks that the caller holds a permission of the tenant's application.
    ///
    /// # Errors
    /// [`Error::PermissionRequired`]; [`Error::UnknownScope`] if the tenant does not define it.
    pub fn require_permission(&self, permission: &Permission) -> Result<()> {
        if self.principals().all(|principal| principal.grants().permissions.contains(permission)) {
            return Ok(());
        }
        if self.tenant.definitions.defines(permission) {
            Err(Error::PermissionRequired { permission: permission.to_string() })
        } else {
            Err(Error::UnknownScope)
        }
    }

    /// Returns the permissions that every credential of the call holds.
    pub fn grants(&self) -> Grants {
        let mut grants = self.principal.grants().clone();
        if let Some(second) = &self.second {
            let second = second.grants();
            grants.scopes.retain(|scope| second.scopes.contains(scope));
            grants.permissions.retain(|permission| second.permissions.contains(permission));
        }
        grants
    }

    /// Records in the audit trail that the caller was denied access.
    pub fn record_denial(&self, error: &Error) {
        let detail = match error {
            Error::TenantMismatch => json!({ "reason": "tenant_mismatch" }),
            Error::UserRequired => json!({ "reason": "user_required" }),
            Error::Forbidden { scope } => json!({ "reason": "forbidden", "scope": scope }),
            _ => return,
        };
        let who = match &self.principal {
            Principal::User(claims) => claims.sub,
            Principal::ApiKey(record) => record.id,
        };
        let event =
            Event::new(name::ACCESS_DENIED).severity(Severity::Warning).failed().detail(detail);
        let entry = Entry::new(&self.context, Some(self.tenant.id), &self.actor(), event);
        audit::record_rarely(&self.context, entry, &who.to_string());
    }

    /// Records the usage of a resource. The response contains a warning near the limit.
    pub fn used(&self, resource: Resource, usage: i64, limit: i64) {
        self.call.record.used(resource, usage, limit);
    }

    /// Returns the identity for the audit trail.
    pub fn actor(&self) -> Actor {
        self.principal.actor(self.call.origin())
    }

    /// Returns the call itself.
    pub fn call(&mut self) -> &mut Call {
        &mut self.call
    }
}
