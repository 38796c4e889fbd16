//! The statements on `files` and `storage_usage`.

use chrono::{DateTime, Utc};
use platform::sql::{Row, Rows, SqlError, Statement};
use uuid::Uuid;

use super::{CHUNK, FilePath};
use crate::{
    error::{Error, Result},
    event::{Entry, outbox},
    tenant::TenantDb,
};

/// A completely uploaded file.
#[derive(Debug, Clone)]
pub struct File {
    /// The id of the file. Each upload to the same path has another one.
    pub id: Uuid,
    /// The path of the file.
    pub path: String,
    /// The size in bytes.
    pub size: u64,
    /// The content type that the upload stated.
    pub content_type: String,
    /// The number of the data key that seals the file.
    pub(super) key_number: u32,
    /// When the upload was completed.
    pub updated_at: DateTime<Utc>,
}

const COLUMNS: &str =
    "id, path, size, content_type, key_number, updated_at AT TIME ZONE 'UTC' AS updated_at";

/// Returns the file at a path; `None` if there is none.
pub async fn find(database: &TenantDb, path: &FilePath) -> Result<Option<File>> {
    let statement = format!("SELECT {COLUMNS} FROM files WHERE path = $1 AND status = 'complete'");
    let row = database.connection().query_first(&statement, &[path.as_str().into()]).await?;
    Ok(row.as_ref().map(file).transpose()?)
}

/// Returns the files whose paths begin with `prefix` and come after `after`, in the byte order of the paths. Also
/// returns the path after which the next page begins.
pub async fn list(
    database: &TenantDb,
    prefix: &str,
    after: Option<&str>,
    limit: u32,
) -> Result<(Rows<File>, Option<String>)> {
    let statement = format!(
        "SELECT {COLUMNS} FROM files
         WHERE status = 'complete' AND path COLLATE \"C\" >= $1 AND starts_with(path, $1)
           AND ($2::text IS NULL OR path COLLATE \"C\" > $2)
         ORDER BY path COLLATE \"C\" LIMIT $3"
    );
    let parameters = [prefix.into(), after.into(), (i64::from(limit) + 1).into()];
    let mut rows = database.connection().query(&statement, &parameters).await?;
    // One more row than requested shows that there is a next page.
    let has_more = rows.len() > limit as usize;
    rows.truncate(limit as usize);
    let last = rows.last().filter(|_| has_more);
    let next = last.map(|row| row.get("path")).transpose()?;
    Ok((Rows::read(&rows, file), next))
}

/// Returns the stored bytes and the number of files.
pub async fn usage(database: &TenantDb) -> Result<(i64, i64)> {
    let statement = "SELECT used, (SELECT count(*) FROM files WHERE status = 'complete') AS files
                     FROM storage_usage";
    match database.connection().query_first(statement, &[]).await? {
        Some(row) => Ok((row.get("used")?, row.get("files")?)),
        None => Err(Error::internal("a tenant's database has no row of its storage usage")),
    }
}

/// An upload to begin.
pub(super) struct NewUpload<'a> {
    pub(super) id: Uuid,
    pub(super) path: &'a FilePath,
    pub(super) content_type: &'a str,
    pub(super) key_number: u32,
}

/// Begins an upload and reserves bytes for it. Returns the usage after that. Returns `None` and writes nothing if the
/// limit does not leave that many bytes.
pub(super) async fn begin(
    database: &TenantDb,
    new: &NewUpload<'_>,
    bytes: u64,
    limit: i64,
) -> Result<Option<i64>> {
    let statement = "
        WITH grown AS (
            UPDATE storage_usage SET used = used + :bytes WHERE :bytes <= :limit - used
            RETURNING used
        ), begun AS (
            INSERT INTO files (id, path, size, chunk_count, content_type, etag, status, key_number,
                               reserved)
            SELECT :id::uuid, :path::text, 0, 0, :content_type::text, :id::uuid::text, 'uploading',
                   :key_number::integer, :bytes
            FROM grown
        )
        SELECT used FROM grown";
    let statement = Statement::new(statement)
        .bind("id", new.id)
        .bind("path", new.path.as_str())
        .bind("content_type", new.content_type)
        .bind("key_number", i32::try_from(new.key_number).unwrap_or(i32::MAX))
        .bind("bytes", signed(bytes))
        .bind("limit", limit);
    used(statement.query_first(database.connection()).await)
}

/// Reserves more bytes for an upload. Returns the usage after that; `None` if the limit does not leave that many bytes,
/// or if the upload has ended.
pub(super) async fn reserve(
    database: &TenantDb,
    upload: Uuid,
    bytes: u64,
    limit: i64,
) -> Result<Option<i64>> {
    let statement = "
        WITH upload AS MATERIALIZED (
            SELECT id FROM files WHERE id = $1 AND status = 'uploading' FOR UPDATE
        ), grown AS (
            UPDATE storage_usage SET used = used + $2
            WHERE $2 <= $3 - used AND EXISTS (SELECT FROM upload) RETURNING used
        ), recorded AS (
            UPDATE files SET reserved = reserved + $2, updated_at = now()
            WHERE id = $1 AND EXISTS (SELECT FROM grown)
        )
        SELECT used FROM grown";
    let parameters = [upload.into(), signed(bytes).into(), limit.into()];
    used(database.connection().query_first(statement, &parameters).await)
}

/// Records that an upload makes progress. Returns `false` if another instance has abandoned it.
pub(super) async fn touch(database: &TenantDb, upload: Uuid) -> Result<bool> {
    let statement = "UPDATE files SET updated_at = now() WHERE id = $1 AND status = 'uploading'";
    Ok(database.connection().execute(statement, &[upload.into()]).await? > 0)
}

fn used(row: Result<Option<Row>, SqlError>) -> Result<Option<i64>> {
    Ok(row?.map(|row| row.get("used")).transpose()?)
}

/// Chunks that belong to no file.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Remains {
    pub(crate) file: Uuid,
    pub(crate) chunks: u64,
}

/// The result of completing an upload or deleting a file.
pub(super) enum Changed {
    /// Done at this time, with the usage after it and the remains of the previous file.
    Done { at: DateTime<Utc>, used: i64, remains: Option<Remains> },
    /// There is no such upload or file.
    NotFound,
    /// The current file does not match the condition.
    Other,
}

/// The condition on the current file at a path.
#[derive(Debug, Clone, Copy, Default)]
pub struct Precondition {
    /// It must have this id.
    pub file: Option<Uuid>,
    /// It must not exist.
    pub must_be_new: bool,
    /// It must exist.
    pub must_exist: bool,
}

/// Replaces the previous file with an upload.
pub(super) async fn complete(
    database: &TenantDb,
    upload: Uuid,
    size: u64,
    chunks: u64,
    precondition: Precondition,
    entry: &Entry,
) -> Result<Changed> {
    let statement = "SELECT now_used, replaced AS id, replaced_chunks AS chunks,
                            now() AT TIME ZONE 'UTC' AS at
                     FROM complete_file(:upload, :size, :chunks, :file, :must_be_new, :must_exist,
                                        :entry_id, :entry_tenant, :entry)";
    let statement = Statement::new(statement)
        .bind("upload", upload)
        .bind("size", signed(size))
        .bind("chunks", signed(chunks))
        .bind("file", precondition.file)
        .bind("must_be_new", precondition.must_be_new)
        .bind("must_exist", precondition.must_exist)
        .bind_all(outbox::bindings(entry));
    changed(statement.query_first(database.connection()).await)
}

/// Deletes a file.
pub(super) async fn delete(
    database: &TenantDb,
    path: &FilePath,
    wanted: Option<Uuid>,
    entry: &Entry,
) -> Result<Changed> {
    let statement = "SELECT now_used, deleted AS id, deleted_chunks AS chunks,
                            now() AT TIME ZONE 'UTC' AS at
                     FROM delete_file(:path, :file, :entry_id, :entry_tenant, :entry)";
    let statement = Statement::new(statement)
        .bind("path", path.as_str())
        .bind("file", wanted)
        .bind_all(outbox::bindings(entry));
    changed(statement.query_first(database.connection()).await)
}

fn changed(row: Result<Option<Row>, SqlError>) -> Result<Changed> {
    let Some(row) = row? else { return Ok(Changed::NotFound) };
    match row.get::<Option<i64>>("now_used")? {
        None => Ok(Changed::NotFound),
        Some(-1) => Ok(Changed::Other),
        Some(used) => {
            let file: Option<Uuid> = row.get("id")?;
            let chunks: Option<i64> = row.get("chunks")?;
            let remains = file
                .zip(chunks)
                .map(|(file, chunks)| Remains { file, chunks: chunks.max(0).unsigned_abs() });
            Ok(Changed::Done { at: row.get("at")?, used, remains })
        }
    }
}

/// Abandons an upload. Its reservation counts against the quota until its chunks are removed. Returns whether its
/// chunks are orphaned: they are not if the upload was completed and only the response was lost.
pub(super) async fn abandon(database: &TenantDb, upload: Uuid) -> Result<bool> {
    let statement = "
        WITH gone AS (
            UPDATE files SET status = 'deleting', updated_at = now(), held = reserved,
                             chunk_count = reserved / $2 + 1
            WHERE id = $1 AND status = 'uploading'
        )
        -- As it was before this statement.
        SELECT status FROM files WHERE id = $1";
    let row =
        database.connection().query_first(statement, &[upload.into(), chunk().into()]).await?;
    let status: Option<String> = row.map(|row| row.get("status")).transpose()?;
    Ok(status.as_deref() != Some("complete"))
}

/// Abandons uploads without progress, and claims them and the files whose removal was interrupted. No other call
/// returns the same files until their claim has expired.
pub(crate) async fn claim(database: &TenantDb, claim: &Claim) -> Result<Vec<Remains>> {
    let statement = "
        WITH gone AS (
            UPDATE files SET status = 'deleting', updated_at = now(), held = reserved,
                             chunk_count = reserved / $2 + 1
            WHERE id IN (
                SELECT id FROM files
                WHERE status = 'uploading'
                  AND updated_at < now() - make_interval(mins => $1::bigint::int)
                ORDER BY updated_at LIMIT $3 FOR UPDATE SKIP LOCKED)
            RETURNING id, chunk_count
        ), claimed AS (
            UPDATE files SET updated_at = now()
            WHERE id IN (
                SELECT id FROM files
                WHERE status = 'deleting'
                  AND updated_at < now() - make_interval(secs => $4::bigint::int)
                ORDER BY updated_at LIMIT $3 FOR UPDATE SKIP LOCKED)
            RETURNING id, chunk_count
        )
        SELECT id, chunk_count FROM gone UNION ALL SELECT id, chunk_count FROM claimed";
    let Claim { stale_minutes, most, claim_seconds } = *claim;
    let parameters = [stale_minutes.into(), chunk().into(), most.into(), claim_seconds.into()];
    let rows = database.connection().query(statement, &parameters).await?;
    let remains = rows.iter().map(|row| {
        let chunks: i64 = row.get("chunk_count")?;
        Ok(Remains { file: row.get("id")?, chunks: chunks.max(0).unsigned_abs() })
    });
    Ok(remains.collect::<Result<_, SqlError>>()?)
}

/// Returns the incomplete uploads.
pub(crate) async fn list_uploads(database: &TenantDb) -> Result<Vec<Remains>> {
    let statement = "SELECT id, reserved / $1 + 1 AS chunks FROM files WHERE status = 'uploading'";
    let rows = database.connection().query(statement, &[chunk().into()]).await?;
    let uploads = rows.iter().map(|row| {
        let chunks: i64 = row.get("chunks")?;
        Ok(Remains { file: row.get("id")?, chunks: chunks.max(0).unsigned_abs() })
    });
    Ok(uploads.collect::<Result<_, SqlError>>()?)
}

/// The selection of files to claim.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Claim {
    /// The number of minutes without progress after which an upload is abandoned.
    pub(crate) stale_minutes: i64,
    /// The maximum number of each kind.
    pub(crate) most: i64,
    /// The number of seconds without progress after which a claim has expired.
    pub(crate) claim_seconds: i64,
}

/// Stores that the chunks from `left` on are removed, and renews the claim.
pub(super) async fn store_progress(database: &TenantDb, file: Uuid, left: u64) -> Result<()> {
    let statement = "UPDATE files SET chunk_count = $2, updated_at = now()
                     WHERE id = $1 AND status = 'deleting'";
    database.connection().execute(statement, &[file.into(), signed(left).into()]).await?;
    Ok(())
}

/// Abandons every upload, so that none writes chunks without a record.
pub(crate) async fn abandon_all(database: &TenantDb) -> Result<()> {
    let statement = "UPDATE files SET status = 'deleting', chunk_count = reserved / $1 + 1
                     WHERE status = 'uploading'";
    database.connection().execute(statement, &[chunk().into()]).await?;
    Ok(())
}

/// Returns a page of all files that may have chunks, in the order of their ids.
pub(crate) async fn list_remains(database: &TenantDb, after: Uuid) -> Result<Vec<Remains>> {
    let statement = "
        SELECT id, CASE status WHEN 'uploading' THEN reserved / $2 + 1 ELSE chunk_count END AS chunks
        FROM files WHERE id > $1 ORDER BY id LIMIT 100";
    let rows = database.connection().query(statement, &[after.into(), chunk().into()]).await?;
    let remains = rows.iter().map(|row| {
        let chunks: i64 = row.get("chunks")?;
        Ok(Remains { file: row.get("id")?, chunks: chunks.max(0).unsigned_abs() })
    });
    Ok(remains.collect::<Result<_, SqlError>>()?)
}

/// Deletes the row of a file whose chunks are removed. This refunds its bytes.
pub(super) async fn forget(database: &TenantDb, file: Uuid) -> Result<()> {
    let statement = "DELETE FROM files WHERE id = $1 AND status = 'deleting'";
    database.connection().execute(statement, &[file.into()]).await?;
    Ok(())
}

fn chunk() -> i64 {
    i64::try_from(CHUNK).unwrap_or(i64::MAX)
}

fn signed(bytes: u64) -> i64 {
    i64::try_from(bytes).unwrap_or(i64::MAX)
}

fn file(row: &Row) -> Result<File, SqlError> {
    let number = |name: &str| row.get::<i64>(name).map(|number| number.max(0).unsigned_abs());
    Ok(File {
        id: row.get("id")?,
        path: row.get("path")?,
        size: number("size")?,
        content_type: row.get("content_type")?,
        key_number: row.get::<i32>("key_number")?.max(0).unsigned_abs(),
        updated_at: row.get("updated_at")?,
    })
}
