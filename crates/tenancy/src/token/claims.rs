//! The claims of an access token.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::access::Role;

/// The claims of an access token.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Claims {
    /// The issuer.
    pub iss: String,
    /// The audience.
    pub aud: String,
    /// The client (RFC 9068, section 2.2): this service's own sign-in.
    pub client_id: String,
    /// The user.
    pub sub: Uuid,
    /// The tenant.
    pub tid: Uuid,
    /// The tenant's slug.
    pub slug: String,
    /// The user's role.
    pub role: Role,
    /// The scopes of the role, for services that read the token themselves.
    pub scope: String,
    pub(crate) typ: String,
    /// The id of the token.
    pub jti: Uuid,
    /// The session of the token.
    pub sid: Uuid,
    /// When the token was issued, in seconds since the Unix epoch.
    pub iat: i64,
    /// When the token becomes valid.
    pub nbf: i64,
    /// When the token expires.
    pub exp: i64,
    /// The user's version. A token with another version is invalid.
    pub ver: i64,
}
