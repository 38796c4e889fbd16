//! A call by a member of a tenant: a user, or a service with an API key.

use std::rc::Rc;

use tenancy::{
    Context, Error, Result,
    access::Scope,
    api_key::ApiKeyRecord,
    event::{Actor, Origin},
    log::Caller,
    resource::Resource,
    tenant::Tenant,
    token::Claims,
};

use super::{Call, authenticate};

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
    User(Rc<Claims>),
    /// A service, with an API key.
    ApiKey(Rc<ApiKeyRecord>),
}

impl Principal {
    /// Returns the permissions of the principal.
    pub fn scopes(&self) -> &[Scope] {
        match self {
            Self::User(claims) => claims.role.scopes(),
            Self::ApiKey(record) => &record.scopes,
        }
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

    /// Records in the audit trail that the caller was denied access to an object.
    pub fn record_denial(&self, error: &Error) {
        authenticate::record_denial(self, error);
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
