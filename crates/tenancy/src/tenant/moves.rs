//! The moves of tenants' databases to other clusters: the rows of `tenant_moves`. Only this module has their statements.
//!
//! A move has one owner at a time, whose id each step compares. A process that was stopped and continues later finds
//! another id, and changes nothing.

use platform::sql::{Connection, Row, SqlError, Statement};
use uuid::Uuid;

use super::{Operation, TenantRecord, repo};
use crate::{
    crypto::Sealed,
    database_location::{DatabaseLocation, TrustedLocation},
    error::{Error, Result},
    event::{Entry, outbox},
};

/// The seconds without a sign of life after which another process takes a move over.
const ABANDONED_SECONDS: i32 = 10;

/// The progress of a move.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// The tenant works at the source, and the target is being prepared.
    Copying,
    /// Writes at the source wait, and the data is being copied.
    Paused,
    /// The tenant's roles cannot connect to the source, and the copy is complete.
    Fenced,
    /// The tenant works at the target, and the old database is being dropped.
    Switched,
}

impl Step {
    /// Returns the name in the catalog.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Copying => "copying",
            Self::Paused => "paused",
            Self::Fenced => "fenced",
            Self::Switched => "switched",
        }
    }

    fn parse(text: &str) -> Option<Self> {
        [Self::Copying, Self::Paused, Self::Fenced, Self::Switched]
            .into_iter()
            .find(|step| step.as_str() == text)
    }
}

/// A row of `tenant_moves`.
#[derive(Debug, Clone)]
pub struct Move {
    /// The tenant.
    pub tenant: Uuid,
    /// The id of the process that owns the move.
    pub attempt: Uuid,
    /// The progress.
    pub step: Step,
    /// The new location of the database, without its name.
    pub target: DatabaseLocation,
    /// The location before the move, without the name of the database.
    pub source: DatabaseLocation,
    /// The password of the tenant's role, sealed for the source.
    pub source_password: Sealed,
    /// Whether its owner has given no sign of life for [`ABANDONED_SECONDS`].
    pub is_abandoned: bool,
}

impl Move {
    /// Returns the record that the tenant had before the move.
    pub(crate) fn source_record(&self, record: &TenantRecord) -> TenantRecord {
        let database =
            DatabaseLocation { name: record.database.name.clone(), ..self.source.clone() };
        TenantRecord {
            database,
            database_password: Some(self.source_password.clone()),
            ..record.clone()
        }
    }
}

const COLUMNS: &str = "
    tenant_id, attempt, step, target_host, target_port, target_options, source_host, source_port, source_options,
    source_password, seen_at < now() - make_interval(secs => $1::integer) AS is_abandoned";

/// Returns the move of a tenant, if there is one.
pub async fn find(catalog: &dyn Connection, tenant: Uuid) -> Result<Option<Move>> {
    let statement = format!("SELECT {COLUMNS} FROM tenant_moves WHERE tenant_id = $2");
    let parameters = [ABANDONED_SECONDS.into(), tenant.into()];
    let row = catalog.query_first(&statement, &parameters).await?;
    Ok(row.as_ref().map(read).transpose()?)
}

/// Returns the tenants whose moves are abandoned, at most 100.
pub async fn list_abandoned(catalog: &dyn Connection) -> Result<Vec<Uuid>> {
    let statement = "SELECT tenant_id FROM tenant_moves
                     WHERE seen_at < now() - make_interval(secs => $1::integer) ORDER BY seen_at LIMIT 100";
    let rows = catalog.query(statement, &[ABANDONED_SECONDS.into()]).await?;
    Ok(rows.iter().map(|row| row.get("tenant_id")).collect::<Result<_, SqlError>>()?)
}

/// Returns the number of moves.
pub async fn count(catalog: &dyn Connection) -> Result<i64> {
    let row = catalog.query_first("SELECT count(*) AS n FROM tenant_moves", &[]).await?;
    Ok(row.map_or(Ok(0), |row| row.get("n"))?)
}

/// Records a new move. Returns `false` if the tenant has one already, was moved meanwhile, or has a state or a password
/// rotation that does not allow it.
pub(crate) async fn insert(
    catalog: &dyn Connection,
    record: &TenantRecord,
    target: &TrustedLocation,
    attempt: Uuid,
) -> Result<bool> {
    let statement = "
        INSERT INTO tenant_moves (tenant_id, attempt, step, target_host, target_port, target_options,
                                  source_host, source_port, source_options, source_password)
        SELECT t.id, :attempt::uuid, 'copying', :host::text, :port::integer, :options::text,
               t.database_host, t.database_port, t.database_options, t.database_password
        FROM tenants t
        WHERE t.id = :tenant AND t.status = ANY(:sources::text[]) AND t.database_password = :password
          AND t.next_database_password IS NULL
        ON CONFLICT (tenant_id) DO NOTHING RETURNING tenant_id";
    let statement = Statement::new(statement)
        .bind("tenant", record.id)
        .bind("attempt", attempt)
        .bind("host", target.host.as_str())
        .bind("port", i32::from(target.port))
        .bind("options", target.options.as_str())
        .bind("sources", Operation::Move.sources())
        .bind("password", record.database_password.as_ref().map(|sealed| sealed.0.clone()));
    Ok(statement.query_first(catalog).await?.is_some())
}

/// The former owner of a move that is taken over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Owner {
    /// A process that has given no sign of life for [`ABANDONED_SECONDS`].
    Abandoned,
    /// Any process.
    Any,
}

/// Makes `attempt` the owner of a move. Returns `false` if there is no move with such an owner.
pub(crate) async fn take_over(
    catalog: &dyn Connection,
    tenant: Uuid,
    attempt: Uuid,
    owner: Owner,
) -> Result<bool> {
    let statement = "UPDATE tenant_moves SET attempt = $2, seen_at = now()
                     WHERE tenant_id = $1
                       AND ($4 OR seen_at < now() - make_interval(secs => $3::integer))";
    let is_any = owner == Owner::Any;
    let parameters = [tenant.into(), attempt.into(), ABANDONED_SECONDS.into(), is_any.into()];
    Ok(catalog.execute(statement, &parameters).await? == 1)
}

/// Records a sign of life, and the step if it changed.
///
/// # Errors
/// [`Error::Unavailable`] if another process owns the move.
pub async fn advance(
    catalog: &dyn Connection,
    tenant: Uuid,
    attempt: Uuid,
    (from, to): (Step, Step),
) -> Result<()> {
    let statement = "UPDATE tenant_moves SET step = $4, seen_at = now()
                     WHERE tenant_id = $1 AND attempt = $2 AND step = $3";
    let parameters = [tenant.into(), attempt.into(), from.as_str().into(), to.as_str().into()];
    match catalog.execute(statement, &parameters).await? {
        1 => Ok(()),
        _ => Err(Error::unavailable("another process has taken over the move of the tenant")),
    }
}

/// Records that the tenant works at the target: `record` is its new record, and `old` the one at the source. Returns
/// `false` and writes nothing if another process owns the move, or the tenant has another password or state by now.
pub(crate) async fn switch(
    catalog: &dyn Connection,
    attempt: Uuid,
    old: &TenantRecord,
    record: &TenantRecord,
    entry: &Entry,
) -> Result<bool> {
    let statement = format!(
        "WITH tenant AS MATERIALIZED (
             SELECT id FROM tenants
             WHERE id = :tenant AND database_password = :old AND next_database_password IS NULL
               AND status = ANY(:sources::text[])
             FOR UPDATE
         ), moved AS (
             UPDATE tenant_moves m SET step = 'switched', seen_at = now() FROM tenant t
             WHERE m.tenant_id = t.id AND m.attempt = :attempt AND m.step = 'fenced' RETURNING m.tenant_id
         ), replaced AS (
             UPDATE tenants t SET database_host = :host, database_port = :port, database_options = :options,
                                  database_password = :new
             FROM moved m WHERE t.id = m.tenant_id RETURNING t.id
         ), {}
         SELECT id FROM replaced",
        outbox::recorded_if("replaced")
    );
    let bytes = |record: &TenantRecord| record.database_password.as_ref().map(|s| s.0.clone());
    let statement = Statement::new(statement)
        .bind("tenant", record.id)
        .bind("attempt", attempt)
        .bind("old", bytes(old))
        .bind("new", bytes(record))
        .bind("sources", Operation::Move.sources())
        .bind("host", record.database.host.as_str())
        .bind("port", i32::from(record.database.port))
        .bind("options", record.database.options.as_str())
        .bind_all(outbox::bindings(entry));
    Ok(statement.query_first(catalog).await?.is_some())
}

/// Removes a move, if `attempt` owns it.
pub(crate) async fn remove(catalog: &dyn Connection, tenant: Uuid, attempt: Uuid) -> Result<()> {
    let statement = "DELETE FROM tenant_moves WHERE tenant_id = $1 AND attempt = $2";
    catalog.execute(statement, &[tenant.into(), attempt.into()]).await?;
    Ok(())
}

/// Checks that no new role of an application is lost in a move: the tenant has still the location at which the role was
/// created, and no move has closed it.
///
/// # Errors
/// [`Error::Unavailable`].
pub(crate) async fn check_open(catalog: &dyn Connection, tenant: &TenantRecord) -> Result<()> {
    let current = repo::find(catalog, tenant.id).await?.ok_or(Error::TenantNotFound)?;
    let step = find(catalog, tenant.id).await?.map(|row| row.step);
    let is_closed = matches!(step, Some(Step::Paused | Step::Fenced));
    // A restore creates roles for a database with another name at the same place.
    let place = |at: &DatabaseLocation| (at.host.clone(), at.port, at.options.clone());
    if is_closed || place(&current.database) != place(&tenant.database) {
        return Err(Error::unavailable("the database of the tenant is being moved"));
    }
    Ok(())
}

fn read(row: &Row) -> Result<Move, SqlError> {
    let invalid = |column: &str| SqlError::Decode(format!("a move has an invalid {column}"));
    let location = |of: &str| -> Result<DatabaseLocation, SqlError> {
        let port: i32 = row.get(&format!("{of}_port"))?;
        Ok(DatabaseLocation {
            host: row.get(&format!("{of}_host"))?,
            port: u16::try_from(port).map_err(|_| invalid("port"))?,
            name: String::new(),
            options: row.get(&format!("{of}_options"))?,
        })
    };
    Ok(Move {
        tenant: row.get("tenant_id")?,
        attempt: row.get("attempt")?,
        step: Step::parse(&row.get::<String>("step")?).ok_or_else(|| invalid("step"))?,
        target: location("target")?,
        source: location("source")?,
        source_password: Sealed(row.get("source_password")?),
        is_abandoned: row.get("is_abandoned")?,
    })
}
