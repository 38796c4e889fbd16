//! The claims of an access token.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::access::{Definitions, Grants, Role};

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
    /// The ids of the user's custom roles. The tenant's record has the permissions of each role, so a change of a role
    /// takes effect on a token that was issued before.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub roles: Vec<Uuid>,
    /// The ids of the user's groups.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<Uuid>,
    /// The permissions of the user when the token was issued, for services that read the token themselves.
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

impl Claims {
    /// Returns the current permissions of the user in its tenant.
    pub fn grants(&self, definitions: &Definitions) -> Grants {
        definitions.of_user(self.role, &self.roles, &self.groups)
    }
}
