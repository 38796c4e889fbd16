//! Errors, in the words of the domain. [`crate::http::problem`] maps them to responses.
//!
//! Each variant carries details that the caller may read. Details for the log only (a server's message, a
//! statement's failure) is in [`Error::Unavailable`] and [`Error::Internal`], whose texts never
//! leave the service.

use std::fmt;

use crate::{
    operator_key::KeyError,
    platform::{KeyValueError, redis::RedisError, sql::SqlError},
    quota::Resource,
};

/// Results of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a call failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Fields of the request are missing, unknown or not acceptable.
    #[error("{} field(s) are not acceptable", .0.len())]
    InvalidFields(Vec<InvalidField>),
    /// The body is not JSON.
    #[error("the body is not JSON: {0}")]
    InvalidJson(String),
    /// A header is not acceptable.
    #[error("the header {name} is not acceptable: {message}")]
    InvalidHeader {
        /// The header's name.
        name: &'static str,
        /// The problem with it.
        message: String,
    },
    /// The body is not the form that the route takes.
    #[error("the body is not a form: {0}")]
    InvalidForm(String),
    /// The body is of a type that the route does not take.
    #[error("the body must be {expected}")]
    UnsupportedMediaType {
        /// The type that it takes.
        expected: &'static str,
    },
    /// The body has a content coding, such as gzip.
    #[error("the body has a content coding")]
    UnsupportedContentCoding,
    /// The body is longer than the route takes.
    #[error("the body is longer than {limit} bytes")]
    BodyTooLarge {
        /// The most bytes the route takes.
        limit: usize,
    },
    /// The body broke off.
    #[error("the body did not arrive")]
    BodyIncomplete,
    /// The body arrived too slowly.
    #[error("the body arrived too slowly")]
    BodyTooSlow,
    /// There is no such route.
    #[error("there is no such route")]
    RouteNotFound,
    /// The route exists for other methods.
    #[error("the route takes {allow}")]
    MethodNotAllowed {
        /// The methods it takes, as in the `Allow` header.
        allow: String,
    },

    /// The caller is not authenticated.
    #[error("not authenticated: {0:?}")]
    Unauthenticated(Unauthenticated),
    /// E-mail address and password do not belong together, or there is no such user.
    #[error("wrong e-mail address or password")]
    InvalidCredentials,
    /// The setup token is not valid, was used, or is too old.
    #[error("the setup token is no longer valid")]
    InvalidSetupToken,
    /// The refresh token is not valid, was used, or is too old.
    #[error("the refresh token is no longer valid")]
    InvalidRefreshToken,
    /// Tokens of this type are not ended this way.
    #[error("tokens of this type are not ended this way")]
    UnsupportedTokenType,
    /// Too many sign-ins failed: the caller has to wait.
    #[error("too many attempts")]
    TooManyAttempts {
        /// Seconds to wait.
        retry_after: u32,
    },
    /// A limit of calls is reached.
    #[error("a limit of calls is reached")]
    RateLimited {
        /// Seconds until the next call is let through.
        retry_after: u32,
    },
    /// The tenant has used up its quota.
    #[error("the quota of {} is used up", .resource.as_str())]
    QuotaExceeded {
        /// The resource.
        resource: Resource,
        /// How much the tenant may use.
        limit: i64,
        /// How much it has used.
        usage: i64,
        /// Seconds until it may use more, where time helps.
        retry_after: Option<u32>,
    },
    /// The user is an administrator, and the caller may not change administrators.
    #[error("this takes an administrator")]
    AdministratorRequired,
    /// An API key calls a route for users only.
    #[error("this takes a user")]
    UserRequired,
    /// The caller gives away a scope that they do not have.
    #[error("the scope {scope} is not the caller's to give")]
    ScopeNotHeld {
        /// The scope.
        scope: &'static str,
    },
    /// The API key that the caller manages has higher limits or a later expiry than the key of the caller.
    #[error("the API key exceeds the key of the caller")]
    StrongerApiKey,
    /// The caller is known and may not do this.
    #[error("the scope {scope} is missing")]
    Forbidden {
        /// The scope that it takes.
        scope: &'static str,
    },
    /// The request requires a scope that does not exist, so no caller has it.
    #[error("there is no such scope")]
    UnknownScope,

    /// The request does not say which tenant it is for.
    #[error("the request names no tenant")]
    TenantRequired,
    /// The parts of the request that name the tenant disagree.
    #[error("the credential and the address name different tenants")]
    TenantMismatch,
    /// There is no such tenant.
    #[error("there is no such tenant")]
    TenantNotFound,
    /// The tenant is suspended.
    #[error("the tenant is suspended")]
    TenantSuspended,

    /// The tenant is deleted, and the caller has a credential of it.
    #[error("the tenant is deleted")]
    TenantDeleted,
    /// A tenant cannot go from the state it is in to the one that is asked for, or takes no change in it.
    #[error("a tenant cannot go from {from} to {}", to.unwrap_or("another version"))]
    IllegalTransition {
        /// The state that it is in.
        from: &'static str,
        /// The state that is asked for, where one is.
        to: Option<&'static str>,
    },

    /// There is no such user in the tenant.
    #[error("there is no such user")]
    UserNotFound,
    /// There is no such file.
    #[error("there is no such file")]
    FileNotFound,
    /// There is no such entry in the cache.
    #[error("there is no such entry")]
    CacheEntryNotFound,
    /// There is no such plan.
    #[error("there is no such plan")]
    PlanNotFound,
    /// The plan is the default, or tenants have it.
    #[error("the plan is in use")]
    PlanInUse,
    /// The range is not one of the file's.
    #[error("there are {size} bytes")]
    RangeNotSatisfiable {
        /// The bytes of the file.
        size: u64,
    },
    /// The current version is another than the request requires.
    #[error("a precondition failed")]
    PreconditionFailed,
    /// There is no such session of the caller.
    #[error("there is no such session")]
    SessionNotFound,
    /// There is no such API key in the tenant.
    #[error("there is no such API key")]
    ApiKeyNotFound,
    /// Operator keys cannot be managed as the caller asks.
    #[error("operator keys: {0:?}")]
    OperatorKey(KeyError),
    /// The tenant would be left without an administrator.
    #[error("the last administrator stays")]
    LastAdministrator,
    /// The tenant has as many API keys as it may have.
    #[error("there are too many API keys")]
    TooManyApiKeys,
    /// Something with this unique value exists.
    #[error("{field} is taken")]
    Taken {
        /// The field that must be unique.
        field: &'static str,
        /// The stable code of this conflict.
        code: &'static str,
    },
    /// The idempotency key was used for another request.
    #[error("the idempotency key belongs to another request")]
    IdempotencyKeyReused,

    /// A store is away, or this instance is at its bounds. Trying again may help.
    #[error("unavailable: {reason}")]
    Unavailable {
        /// Seconds after which trying again makes sense.
        retry_after: u32,
        /// For the log.
        reason: String,
    },
    /// Settings are missing or too weak to run with.
    #[error("misconfigured: {}", join(.0))]
    Misconfigured(Vec<InvalidSetting>),
    /// A defect of this service, or stores that contradict it. For the log.
    #[error("internal: {0}")]
    Internal(String),
}

/// A field that is not acceptable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvalidField {
    /// The field's name; a dot goes into objects.
    pub field: String,
    /// The problem with it, in a sentence without its value.
    pub message: String,
}

impl InvalidField {
    /// The field `field` with the problem.
    pub fn new(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self { field: field.into(), message: message.into() }
    }
}

/// A setting that is missing or not acceptable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvalidSetting {
    /// The setting's name as an environment variable.
    pub name: &'static str,
    /// The problem with it, in a sentence without its value.
    pub message: String,
}

impl fmt::Display for InvalidSetting {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} {}", self.name, self.message)
    }
}

/// Why a caller is not authenticated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unauthenticated {
    /// There is no credential.
    Missing,
    /// The access token is malformed, forged or not for this service.
    InvalidToken,
    /// The access token was valid, and is too old.
    ExpiredToken,
    /// The access token was valid, and its claims are no longer true.
    RevokedToken,
    /// The API key is mistyped, unknown, revoked or expired.
    InvalidApiKey,
    /// The client id and the API key of HTTP Basic authentication do not belong together, or the key is invalid.
    InvalidClient,
    /// The platform's key is wrong.
    InvalidAdminKey,
    /// The operator key is mistyped, unknown, revoked, expired or not accepted from this address, or it is not the only
    /// credential of the request.
    InvalidOperatorKey,
}

impl Error {
    /// The one field `field` is not acceptable.
    pub fn invalid_field(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self::InvalidFields(vec![InvalidField::new(field, message)])
    }

    /// A store or a bound that may be better in a moment.
    pub fn unavailable(reason: impl fmt::Display) -> Self {
        Self::Unavailable { retry_after: 1, reason: reason.to_string() }
    }

    /// A defect.
    pub fn internal(reason: impl fmt::Display) -> Self {
        Self::Internal(reason.to_string())
    }
}

impl From<SqlError> for Error {
    fn from(error: SqlError) -> Self {
        match error {
            SqlError::Unavailable(_) => Self::unavailable(error),
            SqlError::Refused { .. } | SqlError::Decode(_) => Self::internal(error),
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
