//! Files: sealed in chunks in a key-value store, their names and sizes in the tenant's own database.
//!
//! Under a crash: an upload reserves its bytes and is noted before its first chunk is written, and
//! counts from the one statement that completes it. One that broke off is given up when it has not
//! gone on for ten minutes, by the next upload of the tenant; so are the chunks of a file that was
//! replaced or deleted, where they were not removed right after.

mod cipher;
mod download;
pub mod orphans;
mod path;
mod range;
pub mod repo;
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

use self::repo::{Changed, Remains};
use crate::{
    audit::{self, Actor, Entry, Event},
    error::{Error, Result},
    log,
    platform::KeyValueError,
    quota::{self, Resource},
    tenancy::Tenancy,
    tenant::{Tenant, TenantDb, TenantRecord},
};

/// The key-value store that has the chunks. Akamai Functions has only this one.
pub const STORE: &str = "default";
/// Minutes without progress after which an upload is given up.
const STALE_MINUTES: i64 = 10;
/// The most files whose remains one call removes.
const MOST_REMAINS: i64 = 20;

/// The key of a chunk: no name of a file is in it.
fn chunk_key(tenant: Uuid, file: Uuid, index: u64) -> String {
    format!("{tenant}/{file}/{index}")
}

/// Normalises the beginning of a path, for a list, to the form of stored paths.
///
/// # Errors
/// Names `prefix`.
pub fn normalize_prefix(prefix: &str) -> Result<String> {
    path::normalize_prefix(prefix).map_err(|message| Error::invalid_field("prefix", message))
}

/// Deletes a file, and returns what is stored then.
///
/// # Errors
/// [`Error::FileNotFound`]; [`Error::PreconditionFailed`] when it is another than the one `wanted`.
pub async fn delete(
    tenancy: &Rc<Tenancy>,
    tenant: &Tenant,
    path: &FilePath,
    wanted: Option<Uuid>,
    actor: &Actor,
) -> Result<()> {
    let event = Event::new("file.deleted").about("file", path).detail(json!({}));
    let entry = Entry::new(tenancy, Some(tenant.id), actor, event);
    let database = TenantDb::connect(tenancy, tenant).await?;
    match repo::delete(&database, path, wanted, &entry).await? {
        Changed::Done { remains, .. } => {
            audit::flush_later(tenancy, tenant);
            if let Some(remains) = remains {
                remove_later(tenancy, tenant, remains);
            }
            Ok(())
        }
        Changed::NotFound => Err(Error::FileNotFound),
        Changed::Other => Err(Error::PreconditionFailed),
    }
}

/// Removes what is left of a file, after the answer is sent.
fn remove_later(tenancy: &Rc<Tenancy>, tenant: &Tenant, remains: Remains) {
    let (tenancy, tenant) = (Rc::clone(tenancy), tenant.clone());
    let executor = Rc::clone(&tenancy.platform.executor);
    executor.spawn(Box::pin(async move {
        let removed = async {
            // The chunks go first: the database may go at any time, with the tenant.
            remove_chunks(&tenancy, tenant.id, remains).await?;
            let database = TenantDb::connect(&tenancy, &tenant).await?;
            repo::forget(&database, remains.file).await
        };
        if let Err(error) = removed.await {
            log::warning(&tenancy, "the chunks of a file wait to be removed", &error);
        }
    }));
}

async fn remove_chunks(
    tenancy: &Tenancy,
    tenant: Uuid,
    remains: Remains,
) -> Result<(), KeyValueError> {
    for index in 0..remains.chunks {
        let key = chunk_key(tenant, remains.file, index);
        tenancy.platform.key_value.delete(STORE, &key).await?;
    }
    Ok(())
}

/// Gives up uploads that broke off, and has what they and others have left removed, after the answer is
/// sent.
async fn sweep(tenancy: &Rc<Tenancy>, tenant: &Tenant, database: &TenantDb) -> Result<()> {
    for remains in repo::sweep(database, STALE_MINUTES, MOST_REMAINS).await? {
        remove_later(tenancy, tenant, remains);
    }
    Ok(())
}

/// Removes every chunk of every file of a tenant that is destroyed, and returns of how many files.
pub(crate) async fn remove_all(tenancy: &Tenancy, tenant: &TenantRecord) -> Result<u64> {
    orphans::record_uploads(tenancy, tenant).await?;
    let database = TenantDb::connect_to(tenancy, tenant).await?;
    let (mut removed, mut after) = (0, Uuid::nil());
    loop {
        let page = repo::list_remains(&database, after).await?;
        let Some(last) = page.last() else { return Ok(removed) };
        after = last.file;
        for remains in page {
            remove_chunks(tenancy, tenant.id, remains).await?;
            removed += 1;
        }
    }
}

/// Keeps the most that was stored today, for the history, and tells who comes near the limit.
fn note_used(tenancy: &Rc<Tenancy>, tenant: &Tenant, (before, after): (i64, i64), actor: &Actor) {
    let limit = tenant.limits.storage;
    quota::note_soft_limit(tenancy, tenant, Resource::Storage, (before, after), limit, actor);
    quota::keep_peak_later(tenancy, tenant, Resource::Storage, after);
}
