//! Files: their chunks are sealed in a key-value store; their names and sizes are in the tenant's own database.
//!
//! Under a crash: an upload reserves its bytes and is recorded before its first chunk is written. The file exists from
//! the one statement that completes the upload. An upload without progress for ten minutes is abandoned by the next
//! upload of the tenant or by [`crate::maintenance`]. These also remove the chunks of a replaced or deleted file that
//! were not removed at once. An instance claims a file before it removes its chunks, so two instances never remove the
//! same file at one time. The file counts against the quota until its chunks are removed.

mod cipher;
mod download;
pub mod orphans;
mod path;
mod range;
pub mod repo;
pub mod sealed_chunk;
mod upload;

use std::rc::Rc;

pub use cipher::CHUNK;
pub use download::{Download, download};
pub use path::FilePath;
pub use range::{ByteRange, Requested};
pub use repo::{File, Precondition};
use serde_json::json;
pub use upload::{NewFile, upload};
use uuid::Uuid;

use self::repo::{Changed, Claim, Remains};
use crate::{
    audit,
    context::Context,
    error::{Error, Result},
    event::{Actor, Entry, Event, name},
    later, quota,
    resource::Resource,
    tenant::{Tenant, TenantDb, TenantRecord},
};
use platform::KeyValueError;

/// The key-value store that holds the chunks. Akamai Functions provides only this one.
pub const STORE: &str = "default";
/// The files that a request claims. An upload without progress for ten minutes is abandoned. A removal stores its
/// progress more often than a claim expires.
const CLAIM: Claim = Claim { stale_minutes: 10, most: 20, claim_seconds: 60 };

/// Returns the key of a chunk. It does not contain the name of the file.
fn chunk_key(tenant: Uuid, file: Uuid, index: u64) -> String {
    format!("{tenant}/{file}/{index}")
}

/// Normalises a path prefix of a list request to the form of stored paths.
///
/// # Errors
/// [`Error::InvalidFields`] for `prefix`.
pub fn normalize_prefix(prefix: &str) -> Result<String> {
    path::normalize_prefix(prefix).map_err(|message| Error::invalid_field("prefix", message))
}

/// Deletes a file.
///
/// # Errors
/// [`Error::FileNotFound`]; [`Error::PreconditionFailed`] if the current file is not `wanted`.
pub async fn delete(
    context: &Rc<Context>,
    tenant: &Tenant,
    path: &FilePath,
    wanted: Option<Uuid>,
    actor: &Actor,
) -> Result<()> {
    let event = Event::new(name::FILE_DELETED).about("file", path).detail(json!({}));
    let entry = Entry::new(context, Some(tenant.id), actor, event);
    let database = TenantDb::connect(context, tenant).await?;
    match repo::delete(&database, path, wanted, &entry).await? {
        Changed::Done { remains, .. } => {
            audit::flush_later(context, tenant);
            if let Some(remains) = remains {
                remove_later(context, tenant, remains);
            }
            Ok(())
        }
        Changed::NotFound => Err(Error::FileNotFound),
        Changed::Other => Err(Error::PreconditionFailed),
    }
}

/// Removes the chunks of a file that this instance has claimed, after the response is sent.
fn remove_later(context: &Rc<Context>, tenant: &Tenant, remains: Remains) {
    let tenant = tenant.clone();
    let failure = "removing the chunks of a file failed; it is retried later";
    later::run(context, failure, async move |context| {
        remove(context, tenant.record(), remains).await
    });
}

/// Removes the chunks of a claimed file from the last to the first, then its row, which refunds its bytes. The row
/// stores the progress, so an interrupted removal continues from there.
async fn remove(context: &Context, tenant: &TenantRecord, remains: Remains) -> Result<()> {
    let mut left = remains.chunks;
    while left > 0 {
        let batch = Batch::last(left);
        batch.remove(context, tenant.id, remains.file).await?;
        left = batch.first;
        if left > 0 {
            let database = TenantDb::connect_to(context, tenant).await?;
            repo::store_progress(&database, remains.file, left).await?;
        }
    }
    let database = TenantDb::connect_to(context, tenant).await?;
    repo::forget(&database, remains.file).await
}

/// A range of a file's chunks that are removed between two updates of the progress.
struct Batch {
    first: u64,
    end: u64,
}

impl Batch {
    const LENGTH: u64 = 256;

    /// Returns the last batch of a number of chunks.
    fn last(chunks: u64) -> Self {
        Self { first: chunks.saturating_sub(Self::LENGTH), end: chunks }
    }

    async fn remove(
        &self,
        context: &Context,
        tenant: Uuid,
        file: Uuid,
    ) -> Result<(), KeyValueError> {
        for index in (self.first..self.end).rev() {
            let key = chunk_key(tenant, file, index);
            context.platform.key_value.delete(STORE, &key).await?;
        }
        Ok(())
    }
}

async fn remove_chunks(
    context: &Context,
    tenant: Uuid,
    remains: Remains,
) -> Result<(), KeyValueError> {
    Batch { first: 0, end: remains.chunks }.remove(context, tenant, remains.file).await
}

/// Claims the orphaned chunks of earlier uploads and removals, and removes them after the response is sent.
async fn sweep(context: &Rc<Context>, tenant: &Tenant, database: &TenantDb) -> Result<()> {
    for remains in repo::claim(database, &CLAIM).await? {
        remove_later(context, tenant, remains);
    }
    Ok(())
}

/// Removes the orphaned chunks of a tenant's uploads and removals, until none are left or `is_over`. Returns the number
/// of files, and whether none are left.
pub(crate) async fn maintain(
    context: &Context,
    tenant: &TenantRecord,
    is_over: impl Fn() -> bool,
) -> Result<(u64, bool)> {
    let database = TenantDb::connect_to(context, tenant).await?;
    let mut removed = 0;
    loop {
        let claimed = repo::claim(&database, &Claim { most: 1, ..CLAIM }).await?;
        if claimed.is_empty() {
            return Ok((removed, true));
        }
        for remains in claimed {
            remove(context, tenant, remains).await?;
            removed += 1;
        }
        if is_over() {
            return Ok((removed, false));
        }
    }
}

/// Removes every chunk of every file of a tenant that is hard-deleted, and returns the number of files.
pub(crate) async fn remove_all(context: &Context, tenant: &TenantRecord) -> Result<u64> {
    orphans::record_uploads(context, tenant).await?;
    let database = TenantDb::connect_to(context, tenant).await?;
    let (mut removed, mut after) = (0, Uuid::nil());
    loop {
        let page = repo::list_remains(&database, after).await?;
        let Some(last) = page.last() else { return Ok(removed) };
        after = last.file;
        for remains in page {
            remove_chunks(context, tenant.id, remains).await?;
            removed += 1;
        }
    }
}

/// Stores the peak storage usage of today for the history, and records that a tenant comes near its limit.
fn record_usage(
    context: &Rc<Context>,
    tenant: &Tenant,
    (before, after): (i64, i64),
    actor: &Actor,
) {
    let limit = tenant.limits.storage;
    quota::record_soft_limit(context, tenant, Resource::Storage, (before, after), limit, actor);
    quota::keep_peak_later(context, tenant, Resource::Storage, after);
}
