//! Writing a file, as its bytes arrive.

use std::{mem, rc::Rc};

use serde_json::json;
use uuid::Uuid;

use super::{
    CHUNK, File, FilePath, Precondition, STORE, chunk_key,
    cipher::FileCipher,
    note_used, orphans, remove_chunks, remove_later,
    repo::{self, Changed, NewUpload, Remains},
    sweep,
};
use crate::{
    audit::{self, Actor, Entry, Event},
    error::{Error, Result},
    http::Body,
    log,
    quota::Resource,
    tenancy::Tenancy,
    tenant::{self, Status, Tenant, TenantDb},
};

/// The bytes that an upload of unknown length reserves at a time.
const STEP: u64 = 4 * 1024 * 1024;
/// How often an upload says that it goes on, in microseconds.
const SIGN_OF_LIFE_MICROS: u64 = 60_000_000;

/// A file to be written.
pub struct NewFile<'a> {
    /// Where.
    pub path: &'a FilePath,
    /// Its type.
    pub content_type: &'a str,
    /// Its bytes, where the request says how many.
    pub length: Option<u64>,
    /// What must be there before.
    pub precondition: Precondition,
}

/// A file that was written.
pub struct Uploaded {
    /// The file.
    pub file: File,
    /// Whether there was one before it.
    pub is_replacement: bool,
    /// The bytes of all files of the tenant now.
    pub used: i64,
}

/// Writes a file in the place of one before it. At most one chunk of it is in memory at a time.
///
/// # Errors
/// [`Error::QuotaExceeded`] when it does not fit, [`Error::PreconditionFailed`],
/// [`Error::BodyIncomplete`] when it breaks off. The file before then stays as it was.
pub async fn upload(
    tenancy: &Rc<Tenancy>,
    tenant: &Tenant,
    new: &NewFile<'_>,
    body: &mut Body,
    actor: &Actor,
) -> Result<Uploaded> {
    let database = TenantDb::connect(tenancy, tenant).await?;
    if let Err(error) = sweep(tenancy, tenant, &database).await {
        log::warning(tenancy, "remains of files wait to be removed", &error);
    }
    orphans::remove_later(tenancy);
    let keys = tenant.data_keys(tenancy)?;
    let id = tenancy.platform.random.uuid(tenancy.platform.clock.now());
    let begun =
        NewUpload { id, path: new.path, content_type: new.content_type, key_number: keys.newest() };
    let first = new.length.unwrap_or(STEP);
    let limit = tenant.limits.storage;
    let mut reserved = first;
    if repo::begin(&database, &begun, first, limit).await?.is_none() {
        // One of unknown length may still be small enough.
        reserved = 0;
        let fits =
            new.length.is_none() && repo::begin(&database, &begun, 0, limit).await?.is_some();
        if !fits {
            return Err(no_room(tenancy, tenant, &database).await);
        }
    }
    let mut writer = Writer {
        tenancy,
        tenant,
        database: &database,
        cipher: FileCipher::new(&keys, keys.newest(), tenant.id, id)?,
        key_number: keys.newest(),
        id,
        reserved,
        written: 0,
        chunks: 0,
        alive_until: tenancy.platform.clock.monotonic_micros() + SIGN_OF_LIFE_MICROS,
        buffer: Vec::with_capacity(CHUNK),
    };
    let written = match writer.write(body).await {
        Ok(()) => writer.complete(new, actor).await,
        Err(error) => Err(error),
    };
    if written.is_err() {
        let remains = Remains { file: id, chunks: writer.chunks + 1 };
        // What cannot be given up now is given up by a later upload.
        match repo::abandon(&database, id).await {
            Ok(true) => remove_later(tenancy, tenant, remains),
            Ok(false) => {}
            Err(error) => {
                log::warning(tenancy, "an upload was not given up", &error);
                remove_if_destroyed(tenancy, tenant.id, remains).await;
            }
        }
    }
    written
}

/// Removes the chunks of an upload that broke off because its tenant was destroyed: no database names them.
async fn remove_if_destroyed(tenancy: &Rc<Tenancy>, tenant: Uuid, remains: Remains) {
    let removed = async {
        let catalog = tenancy.catalog().await?;
        let found = tenant::repo::find(&*catalog, tenant).await?;
        if found.is_none_or(|tenant| tenant.status == Status::Deleting) {
            remove_chunks(tenancy, tenant, remains).await?;
        }
        Ok(())
    };
    if let Err(error) = removed.await {
        log::warning(tenancy, "chunks of an upload were not removed", &error);
    }
}

async fn no_room(tenancy: &Tenancy, tenant: &Tenant, database: &TenantDb) -> Error {
    tenancy.counters.quota_refused(Resource::Storage);
    match repo::usage(database).await {
        Ok((usage, _)) => Error::QuotaExceeded {
            resource: Resource::Storage,
            limit: tenant.limits.storage,
            usage,
            retry_after: None,
        },
        Err(error) => error,
    }
}

struct Writer<'a> {
    tenancy: &'a Rc<Tenancy>,
    tenant: &'a Tenant,
    database: &'a TenantDb,
    cipher: FileCipher,
    key_number: u32,
    id: Uuid,
    reserved: u64,
    /// The bytes that have arrived.
    written: u64,
    chunks: u64,
    /// When it has to say again that it goes on.
    alive_until: u64,
    buffer: Vec<u8>,
}

impl Writer<'_> {
    async fn write(&mut self, body: &mut Body) -> Result<()> {
        while let Some(piece) = body.read().await? {
            self.say_alive().await?;
            let mut rest = piece.as_slice();
            while !rest.is_empty() {
                // A full chunk is written when it is known not to be the last.
                if self.buffer.len() == CHUNK {
                    self.put(false).await?;
                }
                let taken = rest.len().min(CHUNK - self.buffer.len());
                let (now, later) = rest.split_at(taken);
                self.grow(now.len() as u64).await?;
                self.buffer.extend_from_slice(now);
                rest = later;
            }
        }
        if self.buffer.is_empty() { Ok(()) } else { self.put(true).await }
    }

    /// Says now and then that the upload goes on, however slowly.
    async fn say_alive(&mut self) -> Result<()> {
        let now = self.tenancy.platform.clock.monotonic_micros();
        if now < self.alive_until {
            return Ok(());
        }
        self.alive_until = now + SIGN_OF_LIFE_MICROS;
        // One that was given up must not go on writing what nobody counts.
        if repo::touch(self.database, self.id).await? { Ok(()) } else { Err(Error::BodyIncomplete) }
    }

    /// Sees to it that what arrives is reserved before it is written.
    async fn grow(&mut self, bytes: u64) -> Result<()> {
        self.written += bytes;
        if self.written <= self.reserved {
            return Ok(());
        }
        let limit = self.tenant.limits.storage;
        let missing = self.written - self.reserved;
        for step in [STEP.max(missing), missing] {
            if repo::reserve(self.database, self.id, step, limit).await?.is_some() {
                self.reserved += step;
                return Ok(());
            }
        }
        Err(no_room(self.tenancy, self.tenant, self.database).await)
    }

    async fn put(&mut self, is_last: bool) -> Result<()> {
        let plain = mem::replace(&mut self.buffer, Vec::with_capacity(CHUNK));
        let random = &*self.tenancy.platform.random;
        let sealed = self.cipher.seal(self.chunks, is_last, &plain, random)?;
        let key = chunk_key(self.tenant.id, self.id, self.chunks);
        self.tenancy.platform.key_value.set(STORE, &key, &sealed).await?;
        self.chunks += 1;
        Ok(())
    }

    async fn complete(&self, new: &NewFile<'_>, actor: &Actor) -> Result<Uploaded> {
        let event = Event::new("file.uploaded")
            .about("file", new.path)
            .detail(json!({ "content_type": new.content_type }));
        let entry = Entry::new(self.tenancy, Some(self.tenant.id), actor, event);
        let (size, chunks) = (self.written, self.chunks);
        let completed =
            repo::complete(self.database, self.id, size, chunks, new.precondition, &entry).await?;
        match completed {
            Changed::Done { at, used, remains } => {
                audit::flush_later(self.tenancy, self.tenant);
                // The replaced file counts until its chunks are removed.
                let before = used.saturating_sub(i64::try_from(size).unwrap_or(i64::MAX));
                note_used(self.tenancy, self.tenant, (before, used), actor);
                if let Some(remains) = remains {
                    remove_later(self.tenancy, self.tenant, remains);
                }
                let file = File {
                    id: self.id,
                    path: new.path.as_str().to_owned(),
                    size,
                    content_type: new.content_type.to_owned(),
                    key_number: self.key_number,
                    updated_at: at,
                };
                Ok(Uploaded { file, is_replacement: remains.is_some(), used })
            }
            // Given up meanwhile: it took too long between two signs of life.
            Changed::NotFound => Err(Error::BodyIncomplete),
            Changed::Other => Err(Error::PreconditionFailed),
        }
    }
}
