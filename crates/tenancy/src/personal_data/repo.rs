//! The statements on `user_erasures`. `user::repo` inserts the row of a user that is being deleted.

use platform::sql::{SqlError, Statement};
use serde::Deserialize;
use serde_json::Value as Json;
use uuid::Uuid;

use super::Removed;
use crate::{
    error::{Error, Result},
    event::{Entry, outbox},
    tenant::TenantDb,
};

/// The maximum number of erasures that one call finishes.
const MOST: i64 = 100;

/// The values that identify a person in other places.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Identity {
    /// The e-mail address; `None` for a user that was deleted before.
    pub(super) email: Option<String>,
    /// The username, the first and the last name.
    pub(super) names: Vec<String>,
    /// The addresses of the sessions.
    pub(super) addresses: Vec<String>,
    /// The sessions.
    pub(super) sessions: Vec<Uuid>,
}

/// An erasure that is not complete.
pub(super) struct Pending {
    pub(super) person: Identity,
    pub(super) removed: Removed,
}

/// Inserts the erasure of a user that does not exist any longer.
pub(super) async fn insert(database: &TenantDb, user: Uuid) -> Result<()> {
    let statement = "INSERT INTO user_erasures (user_id, person) VALUES ($1, '{}')
                     ON CONFLICT (user_id) DO NOTHING";
    database.connection().execute(statement, &[user.into()]).await?;
    Ok(())
}

/// Returns the erasure of a user; `None` if there is none or it is complete.
pub(super) async fn find(database: &TenantDb, user: Uuid) -> Result<Option<Pending>> {
    let statement = "SELECT person, removed FROM user_erasures WHERE user_id = $1";
    let Some(row) = database.connection().query_first(statement, &[user.into()]).await? else {
        return Ok(None);
    };
    Ok(Some(Pending {
        person: serde_json::from_value(row.get("person")?).map_err(Error::internal)?,
        removed: serde_json::from_value(row.get("removed")?).map_err(Error::internal)?,
    }))
}

/// Returns the users whose erasure is not complete, the oldest first.
pub(super) async fn list(database: &TenantDb) -> Result<Vec<Uuid>, SqlError> {
    let statement = "SELECT user_id FROM user_erasures ORDER BY begun_at, user_id LIMIT $1";
    let rows = database.connection().query(statement, &[MOST.into()]).await?;
    rows.iter().map(|row| row.get("user_id")).collect()
}

/// Stores the numbers of removed objects so far.
pub(super) async fn update(database: &TenantDb, user: Uuid, removed: &Removed) -> Result<()> {
    let statement = "UPDATE user_erasures SET removed = $2 WHERE user_id = $1";
    let removed: Json = serde_json::to_value(removed).map_err(Error::internal)?;
    database.connection().execute(statement, &[user.into(), removed.into()]).await?;
    Ok(())
}

/// Completes an erasure and records its receipt. Returns `false` if another call was faster.
pub(super) async fn finish(database: &TenantDb, user: Uuid, receipt: &Entry) -> Result<bool> {
    let statement = format!(
        "WITH finished AS (DELETE FROM user_erasures WHERE user_id = :user RETURNING user_id), {}
         SELECT user_id FROM finished",
        outbox::recorded_if("finished")
    );
    let statement =
        Statement::new(statement).bind("user", user).bind_all(outbox::bindings(receipt));
    Ok(statement.query_first(database.connection()).await?.is_some())
}

/// Completes a repeated erasure that has found nothing.
pub(super) async fn discard(database: &TenantDb, user: Uuid) -> Result<()> {
    let statement = "DELETE FROM user_erasures WHERE user_id = $1";
    database.connection().execute(statement, &[user.into()]).await?;
    Ok(())
}
