//! The authority of a caller over the objects that an endpoint changes.
//!
//! These rules depend on the request or on a stored object, so nothing can check them before the handler. A handler
//! receives its authority only if the endpoint declares it, and the functions of the core require it. So a handler
//! cannot change such an object without the check.

use tenancy::{
    Result, access::OperatorScope, api_key, database_credential, operator_key, personal_data, role,
    tenant::DeletionRight, user,
};

use super::{Member, Operator, Principal};

/// The objects that an endpoint changes within limits that depend on its caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Authority {
    /// Users of the tenant. The handler receives [`user::Authority`].
    Users,
    /// Permissions, roles and groups of the tenant. The handler receives [`role::Authority`].
    Roles,
    /// The personal data of users of the tenant. The handler receives [`personal_data::Authority`].
    PersonalData,
    /// API keys of the caller's tenant. The handler receives [`api_key::Authority`].
    ApiKeys,
    /// API keys of any tenant. The handler receives [`api_key::Authority`] without limits.
    TenantApiKeys,
    /// Database credentials of the caller's tenant. The handler receives [`database_credential::Authority`].
    DatabaseCredentials,
    /// Operator keys. The handler receives [`operator_key::Authority`].
    OperatorKeys,
    /// Tenants. The handler receives [`TenantAuthority`].
    Tenants,
}

#[cfg(not(target_family = "wasm"))]
impl Authority {
    /// Lists every kind of authority.
    pub const ALL: [Self; 8] = [
        Self::Users,
        Self::Roles,
        Self::PersonalData,
        Self::ApiKeys,
        Self::TenantApiKeys,
        Self::DatabaseCredentials,
        Self::OperatorKeys,
        Self::Tenants,
    ];

    /// Returns the name in the documentation.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Users => "users",
            Self::Roles => "roles",
            Self::PersonalData => "personal data",
            Self::ApiKeys => "API keys",
            Self::TenantApiKeys => "API keys of tenants",
            Self::DatabaseCredentials => "database credentials",
            Self::OperatorKeys => "operator keys",
            Self::Tenants => "tenants",
        }
    }

    /// Returns the rule as sentences for the documentation.
    pub const fn rule(self) -> &'static str {
        match self {
            Self::Users => {
                "The caller may grant a role if it holds every permission of the role, or the scope `users:grant:` with the \
                 name of the role. To create a user, to change a role or to reset a password, the caller must be \
                 allowed to grant the role of the user, both before and after the change. Other changes require this \
                 only for administrators. Every change also requires that the caller holds each permission of the custom \
                 roles and groups that the user has, gets or loses."
            }
            Self::Roles => {
                "The caller must hold each permission of the role or of the group, both before and after the change. To \
                 delete a permission, the caller must hold it. Creating a permission grants it to administrators only."
            }
            Self::PersonalData => {
                "Users may export their own data with `profile:read`. The data of another user requires `users:read` and \
                 `audit:read`."
            }
            Self::ApiKeys => {
                "The scopes of the key must be among those of the caller. If the caller is an API key, the expiry and \
                 the limits of the key must be within its own, both before and after the change, and it cannot update \
                 itself."
            }
            Self::TenantApiKeys => "No limits: an operator manages every API key of a tenant.",
            Self::DatabaseCredentials => {
                "`database:read` allows the access `read`, `database:write` also `write`, and `database:owner` also \
                 `owner`. A database credential expires with the caller's API key at the latest."
            }
            Self::OperatorKeys => {
                "The scopes, the expiry and the networks of the key must be within those of the caller's operator key, \
                 both before and after the change. `ADMIN_API_KEY` has no limits."
            }
            Self::Tenants => "To delete a tenant, the caller must hold `tenants:delete`.",
        }
    }
}

/// The types of authority, under the names of [`Authority`].
#[doc(hidden)]
pub mod types {
    pub type Users = tenancy::user::Authority;
    pub type Roles = tenancy::role::Authority;
    pub type PersonalData = tenancy::personal_data::Authority;
    pub type ApiKeys = tenancy::api_key::Authority;
    pub type TenantApiKeys = tenancy::api_key::Authority;
    pub type DatabaseCredentials = tenancy::database_credential::Authority;
    pub type OperatorKeys = tenancy::operator_key::Authority;
    pub type Tenants = super::TenantAuthority;
}

/// An authority that follows from the credentials of a caller.
#[doc(hidden)]
pub trait Of<Caller> {
    fn of(caller: &Caller) -> Self;
}

impl Of<Member> for user::Authority {
    fn of(member: &Member) -> Self {
        Self::of(&member.tenant().definitions, member.principals().map(Principal::grants))
    }
}

impl Of<Member> for role::Authority {
    fn of(member: &Member) -> Self {
        Self::of(member.principals().map(Principal::grants))
    }
}

impl Of<Member> for personal_data::Authority {
    fn of(member: &Member) -> Self {
        member.principals().fold(Self::default(), |authority, principal| match principal {
            Principal::User(user) => authority.and_user(user.sub, &user.grants().scopes),
            Principal::ApiKey(own) => authority.and_key(&own.scopes),
        })
    }
}

impl Of<Member> for api_key::Authority {
    fn of(member: &Member) -> Self {
        member.principals().fold(Self::unbounded(), |authority, principal| match principal {
            Principal::User(user) => authority.and_user(user.grants()),
            Principal::ApiKey(own) => authority.and_key(own, own.grants()),
        })
    }
}

impl Of<Member> for database_credential::Authority {
    fn of(member: &Member) -> Self {
        member.principals().fold(Self::default(), |authority, principal| match principal {
            Principal::User(user) => authority.and_user(user.sub, user.ver, &user.grants().scopes),
            Principal::ApiKey(own) => authority.and_key(own),
        })
    }
}

impl Of<Operator> for api_key::Authority {
    fn of(_: &Operator) -> Self {
        Self::unbounded()
    }
}

impl Of<Operator> for operator_key::Authority {
    fn of(operator: &Operator) -> Self {
        operator.authority()
    }
}

/// The authority of an operator over tenants.
pub struct TenantAuthority(());

impl TenantAuthority {
    /// Returns the right to delete tenants. A denial is recorded in the audit trail.
    ///
    /// # Errors
    /// [`tenancy::Error::Forbidden`].
    pub fn deletion(&self, operator: &Operator) -> Result<DeletionRight> {
        operator.require(OperatorScope::TenantsDelete)?;
        operator.authority().tenant_deletion()
    }
}

impl Of<Operator> for TenantAuthority {
    fn of(_: &Operator) -> Self {
        Self(())
    }
}
