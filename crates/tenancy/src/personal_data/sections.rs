//! The parts of an export, and the statements that read them page by page.

use chrono::{DateTime, Utc};
use platform::sql::{Connection, Row, Rows, SqlError, Statement};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{
    audit::LoggedEvent,
    database_role::DatabaseRoleView,
    error::Result,
    json::JsonText,
    mail::{self, message::Message},
    passkey::{self, Passkey},
    second_factor::{self, SecondFactor},
    tenant::TenantDb,
    user::{self, User},
};

/// The personal data of a user, without secrets and hashes.
#[derive(ToSchema)]
#[expect(dead_code, reason = "it describes a response that is written in pieces")]
pub struct PersonalData<'a> {
    /// When the export began.
    generated_at: DateTime<Utc>,
    user: ExportedUser,
    /// Whether the user's address is the contact of the tenant.
    is_tenant_contact: bool,
    /// The sessions, including ended ones that are still stored, newest first.
    sessions: Vec<ExportedSession>,
    /// The database credentials that the user requested and that are still stored.
    database_credentials: Vec<DatabaseRoleView<'a>>,
    /// The API keys that the user created, including revoked ones, newest first.
    api_keys: Vec<ExportedApiKey>,
    /// The existing files that the user uploaded, without their contents, newest first.
    files: Vec<ExportedFile>,
    /// The audit events that the user caused or that are about the user, newest first. They include all sign-ins.
    /// Addresses and user agents of other people are left out.
    audit_events: Vec<LoggedEvent>,
}

/// A user with all stored properties.
#[derive(Serialize, ToSchema)]
pub(super) struct ExportedUser {
    #[serde(flatten)]
    user: User,
    /// Data of the application about the user, which otherwise only operators see.
    #[schema(value_type = Object)]
    private_metadata: JsonText,
    updated_at: DateTime<Utc>,
    /// Whether the user has set a password.
    has_password: bool,
    /// When the current setup token expires; null if there is none.
    setup_token_expires_at: Option<DateTime<Utc>>,
    /// The second factors, without their secrets.
    second_factors: Vec<SecondFactor>,
    /// The passkeys, without their keys.
    passkeys: Vec<Passkey>,
    /// The messages of the last week and those that wait, without their tokens.
    mail_messages: Vec<Message>,
    /// The valid links and codes that were mailed, without their secret values.
    mailed_tokens: Vec<ExportedToken>,
    /// The devices of the last sign-ins, the newest first. Only keyed hashes of programs and networks are stored.
    devices: Vec<ExportedDevice>,
}

/// A device with which a user signed in.
#[derive(Serialize, ToSchema)]
pub(super) struct ExportedDevice {
    /// When the user signed in with it for the first time.
    first_used_at: DateTime<Utc>,
    /// When the user signed in with it for the last time.
    last_used_at: DateTime<Utc>,
}

/// A valid link or code that was mailed.
#[derive(Serialize, ToSchema)]
pub(super) struct ExportedToken {
    /// The purpose, such as `address_change`.
    purpose: String,
    /// The address of the message.
    address: String,
    expires_at: DateTime<Utc>,
}

impl ExportedUser {
    pub(super) fn email(&self) -> &str {
        &self.user.email
    }
}

/// A session of a user.
#[derive(Serialize, ToSchema)]
pub(super) struct ExportedSession {
    pub(super) id: Uuid,
    user_agent: Option<String>,
    address: Option<String>,
    pub(super) created_at: DateTime<Utc>,
    /// When the session last received an access token.
    last_used_at: DateTime<Utc>,
    expires_at: DateTime<Utc>,
    /// When it ended before its expiry.
    ended_at: Option<DateTime<Utc>>,
    /// Why it ended: `logout`, `logout_everywhere`, `reuse`, `password`, `admin`, `limit` or `second_factor`.
    ended_reason: Option<String>,
}

/// An API key that a user created.
#[derive(Serialize, ToSchema)]
pub(super) struct ExportedApiKey {
    id: Uuid,
    name: String,
    /// The first characters of the key.
    prefix: String,
    created_at: DateTime<Utc>,
    expires_at: Option<DateTime<Utc>>,
    last_used_at: Option<DateTime<Utc>>,
    revoked_at: Option<DateTime<Utc>>,
}

/// A file that a user uploaded.
#[derive(Serialize, ToSchema)]
pub(super) struct ExportedFile {
    path: String,
    /// The size in bytes.
    size: i64,
    content_type: String,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

pub(super) async fn user(database: &TenantDb, id: Uuid) -> Result<Option<ExportedUser>> {
    let statement = format!(
        "SELECT {}, updated_at AT TIME ZONE 'UTC' AS updated_at, password_hash IS NOT NULL AS has_password,
                setup_token_expires_at AT TIME ZONE 'UTC' AS setup_token_expires_at
         FROM users WHERE id = $1",
        user::repo::COLUMNS
    );
    let row = database.connection().query_first(&statement, &[id.into()]).await?;
    let (second_factors, _) = second_factor::repo::list(database, id).await?;
    let passkeys = passkey::repo::list(database, id).await?;
    let messages = mail::repo::list_of_user(database, id).await?;
    let tokens = tokens(database, id).await?;
    let devices = devices(database, id).await?;
    let stored = row.map(|row| -> Result<_, SqlError> {
        let user = user::repo::user(&row)?;
        Ok(ExportedUser {
            private_metadata: user.private_metadata.clone(),
            user,
            updated_at: row.get("updated_at")?,
            has_password: row.get("has_password")?,
            setup_token_expires_at: row.get("setup_token_expires_at")?,
            second_factors,
            passkeys,
            mail_messages: messages.items,
            mailed_tokens: tokens,
            devices,
        })
    });
    Ok(stored.transpose()?)
}

async fn tokens(database: &TenantDb, user: Uuid) -> Result<Vec<ExportedToken>> {
    let statement = "
        SELECT purpose, address, t.expires_at AT TIME ZONE 'UTC' AS expires_at FROM account_tokens t
        WHERE user_id = $1 AND t.expires_at > now() ORDER BY t.expires_at DESC, purpose, slot";
    let rows = database.connection().query(statement, &[user.into()]).await?;
    let tokens = rows.iter().map(|row| {
        Ok(ExportedToken {
            purpose: row.get("purpose")?,
            address: row.get("address")?,
            expires_at: row.get("expires_at")?,
        })
    });
    Ok(tokens.collect::<Result<_, SqlError>>()?)
}

async fn devices(database: &TenantDb, user: Uuid) -> Result<Vec<ExportedDevice>> {
    let statement = "
        SELECT d.created_at AT TIME ZONE 'UTC' AS first_used_at, d.last_used_at AT TIME ZONE 'UTC' AS last_used_at
        FROM user_devices d WHERE d.user_id = $1 ORDER BY d.last_used_at DESC, d.device_hash";
    let rows = database.connection().query(statement, &[user.into()]).await?;
    let devices = rows.iter().map(|row| {
        Ok(ExportedDevice {
            first_used_at: row.get("first_used_at")?,
            last_used_at: row.get("last_used_at")?,
        })
    });
    Ok(devices.collect::<Result<_, SqlError>>()?)
}

/// Returns the sessions of a user before one of them, the newest first.
pub(super) async fn sessions(
    database: &TenantDb,
    user: Uuid,
    before: Option<(DateTime<Utc>, Uuid)>,
    limit: u32,
) -> Result<Rows<ExportedSession>> {
    let statement = "
        SELECT id, user_agent, address, created_at AT TIME ZONE 'UTC' AS created_at,
               COALESCE(rotated_at, created_at) AT TIME ZONE 'UTC' AS last_used_at,
               expires_at AT TIME ZONE 'UTC' AS expires_at, revoked_at AT TIME ZONE 'UTC' AS ended_at,
               revoked_reason
        FROM sessions s
        WHERE user_id = :user AND (:before::timestamp IS NULL
              OR (s.created_at, id) < (:before::timestamp AT TIME ZONE 'UTC', :before_id::uuid))
        ORDER BY s.created_at DESC, id DESC LIMIT :limit";
    let statement = Statement::new(statement)
        .bind("user", user)
        .bind("before", before.map(|before| before.0))
        .bind("before_id", before.map(|before| before.1))
        .bind("limit", i64::from(limit));
    let rows = statement.query(database.connection()).await?;
    Ok(Rows::read(&rows, session))
}

fn session(row: &Row) -> Result<ExportedSession, SqlError> {
    Ok(ExportedSession {
        id: row.get("id")?,
        user_agent: row.get("user_agent")?,
        address: row.get("address")?,
        created_at: row.get("created_at")?,
        last_used_at: row.get("last_used_at")?,
        expires_at: row.get("expires_at")?,
        ended_at: row.get("ended_at")?,
        ended_reason: row.get("revoked_reason")?,
    })
}

/// Returns the API keys with these ids, the newest first.
pub(super) async fn api_keys(
    catalog: &dyn Connection,
    tenant: Uuid,
    ids: &[String],
) -> Result<Rows<ExportedApiKey>> {
    let statement = "
        SELECT k.id, k.name, k.prefix, k.created_at AT TIME ZONE 'UTC' AS created_at,
               k.expires_at AT TIME ZONE 'UTC' AS expires_at, k.last_used_at AT TIME ZONE 'UTC' AS last_used_at,
               k.revoked_at AT TIME ZONE 'UTC' AS revoked_at
        FROM tenant_api_keys k WHERE k.tenant_id = $1 AND k.id::text = ANY($2::text[])
        ORDER BY k.created_at DESC, k.id DESC";
    let rows = catalog.query(statement, &[tenant.into(), ids.to_vec().into()]).await?;
    Ok(Rows::read(&rows, |row| {
        Ok(ExportedApiKey {
            id: row.get("id")?,
            name: row.get("name")?,
            prefix: row.get("prefix")?,
            created_at: row.get("created_at")?,
            expires_at: row.get("expires_at")?,
            last_used_at: row.get("last_used_at")?,
            revoked_at: row.get("revoked_at")?,
        })
    }))
}

/// Returns the existing files with these ids, the newest first.
pub(super) async fn files(database: &TenantDb, ids: &[String]) -> Result<Rows<ExportedFile>> {
    let statement = "
        SELECT id, path, size, content_type, created_at AT TIME ZONE 'UTC' AS created_at,
               updated_at AT TIME ZONE 'UTC' AS updated_at
        FROM files f WHERE status = 'complete' AND id = ANY($1::text[]::uuid[])
        ORDER BY f.created_at DESC, id DESC";
    let rows = database.connection().query(statement, &[ids.to_vec().into()]).await?;
    Ok(Rows::read(&rows, |row| {
        Ok(ExportedFile {
            path: row.get("path")?,
            size: row.get("size")?,
            content_type: row.get("content_type")?,
            created_at: row.get("created_at")?,
            updated_at: row.get("updated_at")?,
        })
    }))
}
