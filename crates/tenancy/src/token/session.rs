//! Sessions: families of refresh tokens, kept in the tenant's database.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::OpaqueToken;
use crate::{error::Result, tenant::TenantDb};

/// A session that begins with a sign-in.
pub struct NewSession<'a> {
    /// Its id.
    pub id: Uuid,
    /// Who signed in.
    pub user: Uuid,
    /// Its first refresh token.
    pub token: &'a OpaqueToken,
    /// What the client calls itself.
    pub user_agent: Option<&'a str>,
    /// From where.
    pub address: Option<&'a str>,
    /// When the sign-in is.
    pub now: DateTime<Utc>,
    /// When the session ends if it is not used.
    pub expires_at: DateTime<Utc>,
}

/// Begins a session and notes the sign-in, in one statement. `false` when the user was removed or
/// deactivated in the meantime; then nothing was written.
pub async fn begin(database: &TenantDb, session: &NewSession<'_>) -> Result<bool> {
    let statement = "
        WITH signed_in AS (
            UPDATE users SET last_login = $7::timestamp AT TIME ZONE 'UTC'
            WHERE id = $2 AND is_active
            RETURNING id
        )
        INSERT INTO sessions (id, user_id, token_hash, user_agent, address, created_at, expires_at)
        SELECT $1::uuid, id, $3::bytea, left($4::text, 512), left($5::text, 64),
               $7 AT TIME ZONE 'UTC', $6::timestamp AT TIME ZONE 'UTC'
        FROM signed_in";
    let parameters = [
        session.id.into(),
        session.user.into(),
        session.token.hash().as_slice().into(),
        session.user_agent.into(),
        session.address.into(),
        session.expires_at.into(),
        session.now.into(),
    ];
    Ok(database.connection().execute(statement, &parameters).await? == 1)
}
