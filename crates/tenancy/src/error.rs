//! Domain errors. [`crate::http::problem`] maps them to responses.
//!
//! The details in each variant may be shown to the caller. [`Error::Unavailable`] and [`Error::Internal`] are the
//! exceptions: their texts, such as a server's message or a statement's failure, are only written to the log.

use std::fmt;

pub use crate::input::InvalidField;
use crate::{resource::Resource, secret::Secret};
use platform::{KeyValueError, redis::RedisError, sql::SqlError};

/// The result type of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// The reason why a call failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Fields of the request are missing, unknown or invalid.
    #[error("{} invalid field(s)", .0.len())]
    InvalidFields(Vec<InvalidField>),
    /// The body is not JSON.
    #[error("the body is not JSON: {0}")]
    InvalidJson(String),
    /// A header is invalid.
    #[error("the header {name} is invalid: {message}")]
    InvalidHeader {
        /// The header's name.
        name: &'static str,
        /// The problem with it.
        message: String,
    },
    /// The body is not the form that the route expects.
    #[error("the body is not a form: {0}")]
    InvalidForm(String),
    /// The route does not accept the content type of the body.
    #[error("the body must be {expected}")]
    UnsupportedMediaType {
        /// The content type that the route accepts.
        expected: &'static str,
    },
    /// The body has a content coding, such as gzip.
    #[error("the body has a content coding")]
    UnsupportedContentCoding,
    /// The body is longer than the route allows.
    #[error("the body is longer than {limit} bytes")]
    BodyTooLarge {
        /// The maximum length in bytes.
        limit: usize,
    },
    /// The connection ended before the whole body arrived.
    #[error("the body is incomplete")]
    BodyIncomplete,
    /// The body arrived too slowly.
    #[error("the body arrived too slowly")]
    BodyTooSlow,
    /// The route does not exist.
    #[error("the route does not exist")]
    RouteNotFound,
    /// The route does not support the method.
    #[error("the route supports {allow}")]
    MethodNotAllowed {
        /// The supported methods, as in the `Allow` header.
        allow: String,
    },

    /// The caller is not authenticated.
    #[error("not authenticated: {0:?}")]
    Unauthenticated(Unauthenticated),
    /// The key in `X-Gateway-Key` is invalid, belongs to another tenant or lacks the scope. The caller is not at fault.
    #[error("the key of the gateway is invalid")]
    InvalidGatewayKey,
    /// The password does not match the e-mail address, or there is no such user.
    #[error("wrong e-mail address or password")]
    InvalidCredentials,
    /// The setup token is invalid, used or expired.
    #[error("the setup token is no longer valid")]
    InvalidSetupToken,
    /// The requested operation on the account of a person is not possible.
    #[error("accounts: {0:?}")]
    Account(AccountError),
    /// A second factor is missing, or the requested change of second factors is not possible.
    #[error("second factors: {0:?}")]
    SecondFactor(SecondFactorError),
    /// The requested operation on passkeys is not possible.
    #[error("passkeys: {0:?}")]
    Passkey(PasskeyError),
    /// The rules of the tenant do not allow users to sign in from the network of the caller.
    #[error("the network of the caller is not allowed")]
    NetworkNotAllowed,
    /// The refresh token is invalid, used or expired.
    #[error("the refresh token is no longer valid")]
    InvalidRefreshToken,
    /// The endpoint cannot revoke tokens of this type.
    #[error("tokens of this type cannot be revoked here")]
    UnsupportedTokenType,
    /// Too many sign-ins failed. The caller must wait.
    #[error("too many attempts")]
    TooManyAttempts {
        /// Seconds to wait.
        retry_after: u32,
    },
    /// The request rate limit is reached.
    #[error("the request rate limit is reached")]
    RateLimited {
        /// Seconds until the next request is accepted.
        retry_after: u32,
    },
    /// The tenant has exhausted its quota.
    #[error("the quota of {} is exhausted", .resource.as_str())]
    QuotaExceeded {
        /// The resource.
        resource: Resource,
        /// The limit of the tenant.
        limit: i64,
        /// The current usage of the tenant.
        usage: i64,
        /// Seconds until the quota resets, for quotas that reset.
        retry_after: Option<u32>,
    },
    /// The user is an administrator, and the caller may not modify administrators.
    #[error("an administrator is required")]
    AdministratorRequired,
    /// The route is only for users, and the caller is an API key.
    #[error("a user is required")]
    UserRequired,
    /// The caller grants a scope that the caller does not hold.
    #[error("the caller cannot grant the scope {scope}")]
    ScopeNotHeld {
        /// The scope.
        scope: &'static str,
    },
    /// The caller grants a permission of the application that the caller does not hold.
    #[error("the caller cannot grant the permission {permission}")]
    PermissionNotHeld {
        /// The permission.
        permission: String,
    },
    /// The API key to manage has higher limits or a later expiry than the caller's API key.
    #[error("the API key exceeds the key of the caller")]
    StrongerApiKey,
    /// The caller is authenticated but lacks a scope.
    #[error("the scope {scope} is missing")]
    Forbidden {
        /// The required scope.
        scope: &'static str,
    },
    /// The caller is authenticated but lacks a permission of the application.
    #[error("the permission {permission} is missing")]
    PermissionRequired {
        /// The required permission.
        permission: String,
    },
    /// The request requires a scope that does not exist, so no caller holds it.
    #[error("the scope does not exist")]
    UnknownScope,

    /// The request does not identify a tenant.
    #[error("the request does not identify a tenant")]
    TenantRequired,
    /// Parts of the request identify different tenants.
    #[error("the credential and the address identify different tenants")]
    TenantMismatch,
    /// The tenant does not exist.
    #[error("the tenant does not exist")]
    TenantNotFound,
    /// The slug is not a former slug of the tenant.
    #[error("the tenant has no such former slug")]
    FormerSlugNotFound,
    /// The tenant is suspended.
    #[error("the tenant is suspended")]
    TenantSuspended,

    /// The tenant is deleted, and the caller has a credential of this tenant.
    #[error("the tenant is deleted")]
    TenantDeleted,
    /// The tenant's state does not allow the requested transition or update.
    #[error("a tenant cannot change from {from} to {}", to.unwrap_or("another version"))]
    IllegalTransition {
        /// The current state.
        from: &'static str,
        /// The requested state, if the request is a transition.
        to: Option<&'static str>,
    },

    /// The tenant has no such user.
    #[error("the user does not exist")]
    UserNotFound,
    /// The file does not exist.
    #[error("the file does not exist")]
    FileNotFound,
    /// The cache entry does not exist.
    #[error("the cache entry does not exist")]
    CacheEntryNotFound,
    /// The plan does not exist.
    #[error("the plan does not exist")]
    PlanNotFound,
    /// The plan is the default, or tenants use it.
    #[error("the plan is in use")]
    PlanInUse,
    /// The requested range is outside the file.
    #[error("the file has {size} bytes")]
    RangeNotSatisfiable {
        /// The size of the file in bytes.
        size: u64,
    },
    /// The current version does not match the precondition of the request.
    #[error("a precondition failed")]
    PreconditionFailed,
    /// The caller has no such session.
    #[error("the session does not exist")]
    SessionNotFound,
    /// The tenant has no such API key.
    #[error("the API key does not exist")]
    ApiKeyNotFound,
    /// The requested change of operator keys is not possible.
    #[error("operator keys: {0:?}")]
    OperatorKey(OperatorKeyError),
    /// The change would leave the tenant without an administrator.
    #[error("the last administrator is required")]
    LastAdministrator,
    /// The tenant has reached the maximum number of API keys.
    #[error("the maximum number of API keys is reached")]
    TooManyApiKeys,
    /// The requested change of permissions, roles or groups is not possible.
    #[error("roles: {0:?}")]
    Role(RoleError),
    /// The requested change of database credentials is not possible.
    #[error("database credentials: {0:?}")]
    Database(DatabaseError),
    /// An object with this unique value already exists.
    #[error("{field} is taken")]
    Taken {
        /// The field that must be unique.
        field: &'static str,
        /// The stable code of this conflict.
        code: &'static str,
    },
    /// The idempotency key was already used for another request.
    #[error("the idempotency key belongs to another request")]
    IdempotencyKeyReused,

    /// A store is unavailable, or this instance is at its limits. A retry may succeed.
    #[error("unavailable: {reason}")]
    Unavailable {
        /// Seconds after which to retry.
        retry_after: u32,
        /// The reason, for the log only.
        reason: String,
    },
    /// Settings are missing or too weak.
    #[error("misconfigured: {}", join(.0))]
    Misconfigured(Vec<InvalidSetting>),
    /// A defect in this service, or inconsistent data in a store. The text is for the log only.
    #[error("internal: {0}")]
    Internal(String),
}

/// The reason why a second factor is missing, or why an operation on second factors fails.
#[derive(Debug)]
pub enum SecondFactorError {
    /// The first factor of a sign-in is right, and a second one is needed.
    Required(Box<PendingSignIn>),
    /// The challenge of a sign-in is invalid, answered or expired, or had too many wrong codes.
    InvalidChallenge,
    /// The code is wrong or was used before.
    InvalidCode,
    /// The change needs a more recent proof of identity.
    RecentSignInRequired {
        /// The maximum age of the proof in seconds.
        max_age: u64,
        /// Whether the proof must include a second factor.
        needs_second_factor: bool,
    },
    /// The user has no such factor.
    NotFound,
    /// The user has the maximum number of factors.
    TooMany,
}

/// The reason why an operation on the account of a person fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AccountError {
    /// The token or the code in a message is invalid, used or expired.
    InvalidToken,
    /// The caller's e-mail address is not verified.
    AddressNotVerified,
    /// The two tenants do not allow switching, or the caller has no account there.
    SwitchingNotAllowed,
    /// The service sends no mail.
    MailNotConfigured,
    /// The rules of the tenant do not allow sign-ins by mail, or there is no such tenant.
    MailedSignInDisabled,
    /// The user has changed the address too often, so that not every former address could object.
    TooManyAddressChanges,
}

/// The reason why an operation on passkeys fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PasskeyError {
    /// The service has no domain that passkeys can belong to.
    NotConfigured,
    /// The passkey is unknown, or the response of its authenticator is invalid, expired or already used.
    Invalid,
    /// The user has no such passkey.
    NotFound,
    /// The user has the maximum number of passkeys.
    TooMany,
    /// The passkey is already registered.
    Taken,
}

/// A sign-in that waits for its second factor.
#[derive(Debug)]
pub struct PendingSignIn {
    /// The token that continues the sign-in.
    pub challenge: Secret,
    /// The seconds until it expires.
    pub expires_in: i64,
    /// Whether the user must set up a second factor first.
    pub needs_enrollment: bool,
    /// The kinds of second factors of the user: `one_time_password`, `passkey`.
    pub factors: Vec<&'static str>,
}

/// A missing or invalid setting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvalidSetting {
    /// The name of the setting's environment variable.
    pub name: &'static str,
    /// The problem, as a phrase that does not repeat the value.
    pub message: String,
}

impl fmt::Display for InvalidSetting {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} {}", self.name, self.message)
    }
}

/// The reason why a management operation on an operator key fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OperatorKeyError {
    /// The key does not exist.
    NotFound,
    /// The maximum number of keys is reached.
    TooMany,
    /// The caller does not hold a scope of the key.
    ScopeNotHeld {
        /// The scope.
        scope: &'static str,
    },
    /// The key has a later expiry or wider networks than the caller's key.
    Stronger,
}

/// The reason why an operation on the permissions, roles or groups of a tenant fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RoleError {
    /// The tenant has no such permission.
    PermissionNotFound,
    /// The tenant has no such role.
    RoleNotFound,
    /// The tenant has no such group.
    GroupNotFound,
    /// API keys have the permission, so it cannot be deleted.
    PermissionInUse,
    /// The tenant has the maximum number of these objects, or a user is in the maximum number of groups.
    TooMany {
        /// The objects, in the plural.
        objects: &'static str,
        /// The maximum number.
        limit: usize,
    },
    /// The definitions of the tenant are too large.
    TooLarge {
        /// The maximum size in bytes.
        limit: usize,
    },
}

impl From<RoleError> for Error {
    fn from(error: RoleError) -> Self {
        Self::Role(error)
    }
}

/// The reason why an operation on a database credential fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DatabaseError {
    /// The tenant has no such credential.
    NotFound,
    /// The plan allows no further credential, or fewer connections than it would have.
    LimitReached {
        /// The name of the limit.
        name: &'static str,
        /// The limit.
        limit: i64,
        /// The usage.
        usage: i64,
    },
}

impl From<AccountError> for Error {
    fn from(error: AccountError) -> Self {
        Self::Account(error)
    }
}

impl From<DatabaseError> for Error {
    fn from(error: DatabaseError) -> Self {
        Self::Database(error)
    }
}

impl From<PasskeyError> for Error {
    fn from(error: PasskeyError) -> Self {
        Self::Passkey(error)
    }
}

impl From<SecondFactorError> for Error {
    fn from(error: SecondFactorError) -> Self {
        Self::SecondFactor(error)
    }
}

impl From<OperatorKeyError> for Error {
    fn from(error: OperatorKeyError) -> Self {
        Self::OperatorKey(error)
    }
}

/// The reason why a caller is not authenticated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unauthenticated {
    /// The request has no credential.
    Missing,
    /// The access token is malformed, forged or issued for another service.
    InvalidToken,
    /// The access token has expired.
    ExpiredToken,
    /// The access token was valid, but its claims are outdated.
    RevokedToken,
    /// The API key is mistyped, unknown, revoked or expired.
    InvalidApiKey,
    /// The client id does not match the API key of HTTP Basic authentication, or the key is invalid.
    InvalidClient,
    /// The platform key is wrong.
    InvalidAdminKey,
    /// The operator key is mistyped, unknown, revoked, expired or not accepted from this address, or the request has
    /// another credential as well.
    InvalidOperatorKey,
}

impl Error {
    /// Creates the error for one invalid field.
    pub fn invalid_field(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self::InvalidFields(vec![InvalidField::new(field, message)])
    }

    /// Creates the error for a store or a limit that may be available again in a moment.
    pub fn unavailable(reason: impl fmt::Display) -> Self {
        Self::Unavailable { retry_after: 1, reason: reason.to_string() }
    }

    /// Creates the error for a defect.
    pub fn internal(reason: impl fmt::Display) -> Self {
        Self::Internal(reason.to_string())
    }
}

impl From<SqlError> for Error {
    fn from(error: SqlError) -> Self {
        match error {
            SqlError::Unavailable(_) => Self::unavailable(error),
            SqlError::Refused { .. } | SqlError::Decode(_) | SqlError::Parameters(_) => {
                Self::internal(error)
            }
        }
    }
}

impl From<RedisError> for Error {
    fn from(error: RedisError) -> Self {
        match error {
            RedisError::Unavailable(_) | RedisError::OtherProcess => Self::unavailable(error),
            RedisError::Refused(_) if error.is_temporary() => Self::unavailable(error),
            RedisError::NoScript | RedisError::Refused(_) => Self::internal(error),
        }
    }
}

impl From<KeyValueError> for Error {
    fn from(error: KeyValueError) -> Self {
        Self::unavailable(error)
    }
}

fn join(settings: &[InvalidSetting]) -> String {
    settings.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}
