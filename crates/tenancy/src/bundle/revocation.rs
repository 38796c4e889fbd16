//! The credentials of users that ended between a backup and its restore. They stay ended.
//!
//! - Sessions that have ended or do not exist any longer are revoked. Others keep their current tokens.
//! - The version of a user never decreases, so access tokens of a former version stay invalid.
//! - Users that were erased since the backup are deleted again.
//! - The numbers of changes of verified addresses never decrease, so the catalog accepts the addresses of the backup.
//! - Users keep their current password, and used setup tokens stay used. Users that were deactivated stay inactive.
//! - Users keep their current passkeys. Removed ones stay removed, and used challenges stay used.

use platform::{
    redis::Argument,
    sql::{Connection, SqlError},
};
use serde_json::Value as Json;
use uuid::Uuid;

use super::import::connect;
use crate::{
    audit,
    context::Context,
    error::Result,
    event::name,
    redis_key,
    tenant::TenantRecord,
    version_cache::{Change, Effect},
};

/// The number of rows in one statement.
const PAGE: i64 = 500;

/// Carries the ends of credentials from the database of `from` over to that of `to`. Repeating the call does no harm.
pub(super) async fn carry_over(
    context: &Context,
    from: &TenantRecord,
    to: &TenantRecord,
) -> Result<()> {
    let (former, restored) = (connect(context, from).await?, connect(context, to).await?);
    erase_again(context, &*restored, to.id).await?;
    revoke_sessions(&*former, &*restored).await?;
    carry_over_users(&*former, &*restored).await?;
    carry_over_passkeys(&*former, &*restored).await?;
    carry_over_address_changes(&*former, &*restored).await
}

/// Lets the changes of verified addresses in the restored database follow those of the former one.
async fn carry_over_address_changes(
    former: &dyn Connection,
    restored: &dyn Connection,
) -> Result<()> {
    let select = "SELECT user_id AS id FROM tenancy.verified_address_changes WHERE user_id > $1
                  ORDER BY user_id LIMIT $2";
    let current = "
        SELECT COALESCE(jsonb_agg(jsonb_build_object('user_id', user_id, 'change', change)), '[]') AS rows
        FROM tenancy.verified_address_changes WHERE user_id = ANY($1::text[]::uuid[])";
    let update = "
        INSERT INTO tenancy.verified_address_changes AS c (user_id, change, deleted_at)
        SELECT f.user_id, f.change + 1, CASE WHEN u.id IS NULL THEN now() END
        FROM jsonb_to_recordset($1) AS f (user_id uuid, change bigint) LEFT JOIN tenancy.users u ON u.id = f.user_id
        ON CONFLICT (user_id) DO UPDATE
        SET change = greatest(c.change, excluded.change), published = 0, deleted_at = excluded.deleted_at";
    let mut after = Uuid::nil();
    loop {
        let page = ids(former, select, after).await?;
        let Some(last) = page.last() else { return Ok(()) };
        after = *last;
        let row = former.query_first(current, &[texts(&page).into()]).await?;
        let rows: Json = row.map_or(Ok(Json::Array(Vec::new())), |row| row.get("rows"))?;
        restored.execute(update, &[rows.into()]).await?;
    }
}

/// Deletes the restored users that were erased since the backup.
async fn erase_again(context: &Context, restored: &dyn Connection, tenant: Uuid) -> Result<()> {
    let catalog = context.catalog().await?;
    let mut after = Uuid::nil();
    loop {
        let statement = "SELECT id FROM tenancy.users WHERE id > $1 ORDER BY id LIMIT $2";
        let page = ids(restored, statement, after).await?;
        let Some(last) = page.last() else { return Ok(()) };
        after = *last;
        let erased = audit::list_with_event(&*catalog, tenant, name::USER_ERASED, &page).await?;
        let delete = "DELETE FROM tenancy.users WHERE id = ANY($1::text[]::uuid[])";
        restored.execute(delete, &[erased.into()]).await?;
    }
}

/// Publishes the differences between the users and sessions of the former database and those of the restored one, which
/// is in use. The version cache then refuses the credentials that have ended.
pub(super) async fn publish(
    context: &Context,
    from: &TenantRecord,
    to: &TenantRecord,
) -> Result<Effect> {
    let (former, restored) = (connect(context, from).await?, connect(context, to).await?);
    let publication = Change::begin(context);
    let mut after = Uuid::nil();
    loop {
        let statement = "SELECT id FROM tenancy.users WHERE id > $1 ORDER BY id LIMIT $2";
        let page = ids(&*former, statement, after).await?;
        let Some(last) = page.last() else { break };
        after = *last;
        for (user, version) in versions(&*restored, &page).await? {
            match version {
                Some(version) => publication.user(to.id, user, version).await,
                None => publication.user_tombstone(to.id, user).await,
            }
        }
    }
    after = Uuid::nil();
    loop {
        let statement = "SELECT id FROM tenancy.sessions WHERE revoked_at IS NULL AND id > $1
                         ORDER BY id LIMIT $2";
        let page = ids(&*former, statement, after).await?;
        let Some(last) = page.last() else { break };
        after = *last;
        let ended = "SELECT id::uuid AS id FROM unnest($1::text[]) AS f (id)
                     WHERE NOT EXISTS (SELECT FROM tenancy.sessions s
                                       WHERE s.id = f.id::uuid AND s.revoked_at IS NULL)";
        for row in restored.query(ended, &[texts(&page).into()]).await? {
            publication.session_tombstone(to.id, row.get("id")?).await;
        }
    }
    forget_tombstones(context, &*former, &*restored, to.id).await?;
    Ok(publication.finish().await)
}

/// Removes the tombstones of restored users: they had been deleted since the backup.
async fn forget_tombstones(
    context: &Context,
    former: &dyn Connection,
    restored: &dyn Connection,
    tenant: Uuid,
) -> Result<()> {
    let mut after = Uuid::nil();
    loop {
        let statement = "SELECT id FROM tenancy.users WHERE id > $1 ORDER BY id LIMIT $2";
        let page = ids(restored, statement, after).await?;
        let Some(last) = page.last() else { return Ok(()) };
        after = *last;
        for (user, version) in versions(former, &page).await? {
            if version.is_none() {
                let key = redis_key::user(tenant, user);
                context.platform.redis.execute("UNLINK", &[Argument::Key(&key)]).await?;
            }
        }
    }
}

/// Returns the version of each user; `None` for a user that the database does not have.
async fn versions(database: &dyn Connection, users: &[Uuid]) -> Result<Vec<(Uuid, Option<i64>)>> {
    let statement = "SELECT f.id::uuid AS id, u.version
                     FROM unnest($1::text[]) AS f (id) LEFT JOIN tenancy.users u ON u.id = f.id::uuid";
    let rows = database.query(statement, &[texts(users).into()]).await?;
    rows.iter().map(|row| Ok((row.get("id")?, row.get("version")?))).collect()
}

/// Revokes the open sessions of the restored database that have ended since, and gives the others their current tokens.
async fn revoke_sessions(former: &dyn Connection, restored: &dyn Connection) -> Result<()> {
    let select = "SELECT id FROM tenancy.sessions WHERE revoked_at IS NULL AND id > $1
                  ORDER BY id LIMIT $2";
    // The session of a former epoch has ended with its user's change of the password.
    let current = "
        SELECT COALESCE(jsonb_agg(to_jsonb(s)), '[]') AS rows
        FROM tenancy.sessions s JOIN tenancy.users u ON u.id = s.user_id
        WHERE s.id = ANY($1::text[]::uuid[]) AND s.revoked_at IS NULL AND s.expires_at > now()
          AND s.session_epoch = u.session_epoch";
    let update = "
        WITH current AS (
            SELECT * FROM jsonb_populate_recordset(NULL::tenancy.sessions, $2)
        ), renewed AS (
            UPDATE tenancy.sessions s
            SET token_hash = c.token_hash, previous_token_hash = c.previous_token_hash,
                rotated_at = c.rotated_at, expires_at = c.expires_at, session_epoch = c.session_epoch
            FROM current c WHERE c.id = s.id
        )
        UPDATE tenancy.sessions s SET revoked_at = now(), revoked_reason = 'admin'
        WHERE s.id = ANY($1::text[]::uuid[]) AND s.revoked_at IS NULL
          AND NOT EXISTS (SELECT FROM current c WHERE c.id = s.id)";
    let mut after = Uuid::nil();
    loop {
        let page = ids(restored, select, after).await?;
        let Some(last) = page.last() else { return Ok(()) };
        after = *last;
        let row = former.query_first(current, &[texts(&page).into()]).await?;
        let rows: Json = row.map_or(Ok(Json::Array(Vec::new())), |row| row.get("rows"))?;
        restored.execute(update, &[texts(&page).into(), rows.into()]).await?;
    }
}

/// Carries over the versions, the passwords, the setup tokens and the deactivations of users.
async fn carry_over_users(former: &dyn Connection, restored: &dyn Connection) -> Result<()> {
    let select = "SELECT id FROM tenancy.users WHERE id > $1 ORDER BY id LIMIT $2";
    let current = "
        SELECT COALESCE(jsonb_agg(jsonb_build_object(
                   'id', id, 'version', version, 'session_epoch', session_epoch, 'is_active', is_active,
                   'password_hash', password_hash, 'setup_token_hash', setup_token_hash)), '[]') AS rows
        FROM tenancy.users WHERE id = ANY($1::text[]::uuid[])";
    // A deleted user is restored without the tokens of that time.
    let update = "
        WITH current AS (
            SELECT * FROM jsonb_populate_recordset(NULL::tenancy.users, $2)
        ), changed AS (
            SELECT u.id, u.version AS was,
                   CASE WHEN c.id IS NULL THEN u.version + 1
                        WHEN u.version < c.version OR u.session_epoch < c.session_epoch
                             OR (u.is_active AND NOT c.is_active)
                        THEN greatest(u.version, c.version) + 1 ELSE u.version END AS version,
                   greatest(u.session_epoch, c.session_epoch) AS session_epoch,
                   u.is_active AND COALESCE(c.is_active, true) AS is_active,
                   CASE WHEN c.id IS NULL THEN u.password_hash ELSE c.password_hash END AS password_hash,
                   c.setup_token_hash IS NOT DISTINCT FROM u.setup_token_hash AS keeps_setup
            FROM tenancy.users u LEFT JOIN current c ON c.id = u.id
            WHERE u.id = ANY($1::text[]::uuid[])
        )
        UPDATE tenancy.users u
        SET version = greatest(u.version, changed.version), session_epoch = changed.session_epoch,
            is_active = changed.is_active, password_hash = changed.password_hash,
            setup_token_hash = CASE WHEN changed.keeps_setup THEN u.setup_token_hash END,
            setup_token_expires_at = CASE WHEN changed.keeps_setup THEN u.setup_token_expires_at END
        FROM changed
        WHERE changed.id = u.id AND (changed.version <> changed.was OR NOT changed.keeps_setup
              OR changed.session_epoch <> u.session_epoch OR changed.is_active <> u.is_active
              OR changed.password_hash IS DISTINCT FROM u.password_hash)";
    let mut after = Uuid::nil();
    loop {
        let page = ids(restored, select, after).await?;
        let Some(last) = page.last() else { return Ok(()) };
        after = *last;
        let row = former.query_first(current, &[texts(&page).into()]).await?;
        let rows: Json = row.map_or(Ok(Json::Array(Vec::new())), |row| row.get("rows"))?;
        // A trigger sets the version of a deactivated user, so the second run raises it.
        for _ in 0..2 {
            restored.execute(update, &[texts(&page).into(), rows.clone().into()]).await?;
        }
    }
}

/// Replaces the passkeys of the users that still exist by their current ones, and carries over the used challenges. A
/// deleted user is restored with the passkeys of that time, because without them the password would be enough. If one of
/// them belongs to another user now, the restored user is deactivated.
async fn carry_over_passkeys(former: &dyn Connection, restored: &dyn Connection) -> Result<()> {
    let select = "SELECT id FROM tenancy.users WHERE id > $1 ORDER BY id LIMIT $2";
    let existing = "SELECT id FROM tenancy.users WHERE id = ANY($1::text[]::uuid[])";
    let remove = "DELETE FROM tenancy.passkeys WHERE user_id = ANY($1::text[]::uuid[])";
    let mut users = Vec::new();
    let mut after = Uuid::nil();
    loop {
        let page = ids(restored, select, after).await?;
        let Some(last) = page.last() else { break };
        after = *last;
        let rows = former.query(existing, &[texts(&page).into()]).await?;
        let page = rows.iter().map(|row| row.get("id")).collect::<Result<Vec<Uuid>, SqlError>>()?;
        restored.execute(remove, &[texts(&page).into()]).await?;
        users.push(page);
    }
    // Now, because a passkey can have moved from one of these users to another.
    let current = "SELECT COALESCE(jsonb_agg(to_jsonb(p)), '[]') AS rows FROM tenancy.passkeys p
                   WHERE user_id = ANY($1::text[]::uuid[])";
    let end_former = "
        WITH former AS (
            DELETE FROM tenancy.passkeys p USING jsonb_populate_recordset(NULL::tenancy.passkeys, $1) c
            WHERE p.credential_id = c.credential_id RETURNING p.user_id
        )
        UPDATE tenancy.users SET is_active = false WHERE id IN (SELECT user_id FROM former)";
    let insert = "INSERT INTO tenancy.passkeys
                  SELECT * FROM jsonb_populate_recordset(NULL::tenancy.passkeys, $1)";
    for page in users {
        let row = former.query_first(current, &[texts(&page).into()]).await?;
        let rows: Json = row.map_or(Ok(Json::Array(Vec::new())), |row| row.get("rows"))?;
        restored.execute(end_former, &[rows.clone().into()]).await?;
        restored.execute(insert, &[rows.into()]).await?;
    }
    let spent = "SELECT COALESCE(jsonb_agg(to_jsonb(s)), '[]') AS rows
                 FROM tenancy.spent_passkey_challenges s WHERE expires_at > now()";
    let insert = "INSERT INTO tenancy.spent_passkey_challenges
                  SELECT * FROM jsonb_populate_recordset(NULL::tenancy.spent_passkey_challenges, $1)
                  ON CONFLICT (nonce) DO NOTHING";
    let row = former.query_first(spent, &[]).await?;
    let rows: Json = row.map_or(Ok(Json::Array(Vec::new())), |row| row.get("rows"))?;
    restored.execute(insert, &[rows.into()]).await?;
    Ok(())
}

fn texts(ids: &[Uuid]) -> Vec<String> {
    ids.iter().map(Uuid::to_string).collect()
}

async fn ids(database: &dyn Connection, statement: &str, after: Uuid) -> Result<Vec<Uuid>> {
    let rows = database.query(statement, &[after.into(), PAGE.into()]).await?;
    Ok(rows.iter().map(|row| row.get("id")).collect::<Result<_, SqlError>>()?)
}
