//! The proof of identity of a session.

use chrono::{DateTime, Utc};
use platform::sql::SqlError;
use uuid::Uuid;

use crate::{
    context::Context,
    error::Result,
    tenant::{Tenant, TenantDb},
};

/// The authentication context of a session with one factor (RFC 9470).
const ONE_FACTOR: &str = "urn:tenancy:acr:one-factor";
/// The authentication context of a session with a second factor (RFC 9470).
pub const TWO_FACTORS: &str = "urn:tenancy:acr:two-factors";

/// How the user of a session proved the identity.
pub struct Proven {
    /// When the user last did so.
    pub at: DateTime<Utc>,
    has_second_factor: bool,
}

impl Proven {
    /// Returns the authentication context class (RFC 9470).
    pub fn acr(&self) -> &'static str {
        if self.has_second_factor { TWO_FACTORS } else { ONE_FACTOR }
    }
}

/// Returns how the user of a session proved the identity; `None` if the session has ended.
pub async fn find_proof(
    context: &Context,
    tenant: &Tenant,
    (user, session): (Uuid, Uuid),
) -> Result<Option<Proven>> {
    let database = TenantDb::connect(context, tenant).await?;
    let found = find(&database, user, session).await?;
    Ok(found.map(|proof| Proven {
        at: proof.authenticated_at,
        has_second_factor: proof.has_second_factor,
    }))
}

/// The proof of identity of a session.
pub(super) struct SessionProof {
    /// When the user last proved their identity.
    pub(super) authenticated_at: DateTime<Utc>,
    /// Whether the session has a second factor.
    pub(super) has_second_factor: bool,
    /// Whether the user has one.
    pub(super) user_has_second_factor: bool,
    /// The minutes for which a sign-in allows destructive changes.
    pub(super) recent_sign_in_minutes: Option<i32>,
}

/// Returns the proof of identity of an open session.
pub(super) async fn find(
    database: &TenantDb,
    user: Uuid,
    session: Uuid,
) -> Result<Option<SessionProof>> {
    let statement = "
        SELECT COALESCE(s.authenticated_at, s.created_at) AT TIME ZONE 'UTC' AS authenticated_at,
               s.has_second_factor, has_second_factor(s.user_id) AS user_has_second_factor,
               (SELECT p.recent_sign_in_minutes FROM security_policy p) AS recent_sign_in_minutes
        FROM sessions s WHERE s.id = $2 AND s.user_id = $1 AND s.revoked_at IS NULL";
    let row = database.connection().query_first(statement, &[user.into(), session.into()]).await?;
    let proof = row.map(|row| -> Result<_, SqlError> {
        Ok(SessionProof {
            authenticated_at: row.get("authenticated_at")?,
            has_second_factor: row.get("has_second_factor")?,
            user_has_second_factor: row.get("user_has_second_factor")?,
            recent_sign_in_minutes: row.get("recent_sign_in_minutes")?,
        })
    });
    Ok(proof.transpose()?)
}

/// Records that the user of a session proved their identity with the password.
pub(super) async fn prove_again(
    database: &TenantDb,
    user: Uuid,
    session: Uuid,
    now: DateTime<Utc>,
) -> Result<bool> {
    let statement = "
        UPDATE sessions SET authenticated_at = $3::timestamp AT TIME ZONE 'UTC'
        WHERE id = $2 AND user_id = $1 AND revoked_at IS NULL AND NOT has_second_factor($1)";
    let parameters = [user.into(), session.into(), now.into()];
    Ok(database.connection().execute(statement, &parameters).await? == 1)
}
