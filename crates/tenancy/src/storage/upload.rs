//! Writes a file as its bytes arrive.

use std::{mem, rc::Rc};

use serde_json::json;
use uuid::Uuid;

use super::{
    CHUNK, File, FilePath, Precondition, STORE, chunk_key,
    cipher::FileCipher,
    orphans, record_usage, remove_chunks, remove_later,
    repo::{self, Changed, NewUpload, Remains},
    sweep,
};
use crate::{
    audit,
    body::Body,
    context::Context,
    error::{Error, Result},
    event::{Actor, Entry, Event, name},
    log,
    resource::Resource,
    tenant::{self, Status, Tenant, TenantDb},
};

/// The number of bytes that an upload of unknown length reserves at a time.
const STEP: u64 = 4 * 1024 * 1024;
/// The interval at which an upload records its progress, in microseconds.
const SIGN_OF_LIFE_MICROS: u64 = 60_000_000;

/// A file to write.
pub struct NewFile<'a> {
    /// The path of the file.
    pub path: &'a FilePath,
    /// The content type of the file.
    pub content_type: &'a str,
    /// The size in bytes, if the request states it.
    pub length: Option<u64>,
    /// The condition on the current file at the path.
    pub precondition: Precondition,
}

/// The result of an upload.
pub struct Uploaded {
    /// The file.
    pub file: File,
    /// Whether it replaced a file.
    pub is_replacement: bool,
    /// The stored bytes of all files of the tenant after the upload.
    pub used: i64,
}

/// Writes a file and replaces an existing one. At most one chunk is in memory at a time.
///
/// # Errors
/// [`Error::QuotaExceeded`] if the file does not fit, [`Error::PreconditionFailed`], [`Error::BodyIncomplete`] if the
/// upload is interrupted. The existing file then remains unchanged.
pub async fn upload(
    context: &Rc<Context>,
    tenant: &Tenant,
    new: &NewFile<'_>,
    body: &mut Body,
    actor: &Actor,
) -> Result<Uploaded> {
    let database = TenantDb::connect(context, tenant).await?;
    if let Err(error) = sweep(context, tenant, &database).await {
        log::warning(context, "claiming orphaned chunks failed; they are removed later", &error);
    }
    orphans::remove_later(context);
    let keys = tenant.data_keys(context)?;
    let id = context.platform.random.uuid(context.platform.clock.now());
    let begun =
        NewUpload { id, path: new.path, content_type: new.content_type, key_number: keys.newest() };
    let first = new.length.unwrap_or(STEP);
    let limit = tenant.limits.storage;
    let mut reserved = first;
    if repo::begin(&database, &begun, first, limit).await?.is_none() {
        // An upload of unknown length may still be small enough.
        reserved = 0;
        let fits =
            new.length.is_none() && repo::begin(&database, &begun, 0, limit).await?.is_some();
        if !fits {
            return Err(no_room(context, tenant, &database).await);
        }
    }
    let mut writer = Writer {
        context,
        tenant,
        database: &database,
        cipher: FileCipher::new(&keys, keys.newest(), tenant.id, id)?,
        key_number: keys.newest(),
        id,
        reserved,
        written: 0,
        chunks: 0,
        alive_until: context.platform.clock.monotonic_micros() + SIGN_OF_LIFE_MICROS,
        buffer: Vec::with_capacity(CHUNK),
    };
    let written = match writer.write(body).await {
        Ok(()) => writer.complete(new, actor).await,
        Err(error) => Err(error),
    };
    if written.is_err() {
        let remains = Remains { file: id, chunks: writer.chunks + 1 };
        // If it cannot be abandoned now, a later upload abandons it.
        match repo::abandon(&database, id).await {
            Ok(true) => remove_later(context, tenant, remains),
            Ok(false) => {}
            Err(error) => {
                log::warning(
                    context,
                    "abandoning an upload failed; a later upload abandons it",
                    &error,
                );
                remove_if_destroyed(context, tenant.id, remains).await;
            }
        }
    }
    written
}

/// Removes the chunks of an interrupted upload whose tenant was hard-deleted, because no database names them any
/// longer.
async fn remove_if_destroyed(context: &Rc<Context>, tenant: Uuid, remains: Remains) {
    let removed = async {
        let catalog = context.catalog().await?;
        let found = tenant::repo::find(&*catalog, tenant).await?;
        if found.is_none_or(|tenant| tenant.status == Status::Deleting) {
            remove_chunks(context, tenant, remains).await?;
        }
        Ok(())
    };
    if let Err(error) = removed.await {
        log::warning(context, "the chunks of an interrupted upload were not removed", &error);
    }
}

async fn no_room(context: &Context, tenant: &Tenant, database: &TenantDb) -> Error {
    context.counters.quota_refused(Resource::Storage);
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
    context: &'a Rc<Context>,
    tenant: &'a Tenant,
    database: &'a TenantDb,
    cipher: FileCipher,
    key_number: u32,
    id: Uuid,
    reserved: u64,
    /// The number of bytes that have arrived.
    written: u64,
    chunks: u64,
    /// The time at which the progress must be recorded again.
    alive_until: u64,
    buffer: Vec<u8>,
}

impl Writer<'_> {
    async fn write(&mut self, body: &mut Body) -> Result<()> {
        while let Some(piece) = body.read().await? {
            self.say_alive().await?;
            let mut rest = piece.as_slice();
            while !rest.is_empty() {
                // A full chunk is written only when it is known not to be the last one.
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

    /// Records the progress of the upload from time to time, even if it is slow.
    async fn say_alive(&mut self) -> Result<()> {
        let now = self.context.platform.clock.monotonic_micros();
        if now < self.alive_until {
            return Ok(());
        }
        self.alive_until = now + SIGN_OF_LIFE_MICROS;
        // An abandoned upload must stop writing, because its bytes are not counted.
        if repo::touch(self.database, self.id).await? { Ok(()) } else { Err(Error::BodyIncomplete) }
    }

    /// Reserves the arriving bytes before they are written.
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
        Err(no_room(self.context, self.tenant, self.database).await)
    }

    async fn put(&mut self, is_last: bool) -> Result<()> {
        let plain = mem::replace(&mut self.buffer, Vec::with_capacity(CHUNK));
        let random = &*self.context.platform.random;
        let sealed = self.cipher.seal(self.chunks, is_last, &plain, random)?;
        let key = chunk_key(self.tenant.id, self.id, self.chunks);
        self.context.platform.key_value.set(STORE, &key, &sealed).await?;
        self.chunks += 1;
        Ok(())
    }

    async fn complete(&self, new: &NewFile<'_>, actor: &Actor) -> Result<Uploaded> {
        let event = Event::new(name::FILE_UPLOADED)
            .about("file", new.path)
            .detail(json!({ "content_type": new.content_type }));
        let entry = Entry::new(self.context, Some(self.tenant.id), actor, event);
        let (size, chunks) = (self.written, self.chunks);
        let completed =
            repo::complete(self.database, self.id, size, chunks, new.precondition, &entry).await?;
        match completed {
            Changed::Done { at, used, remains } => {
                audit::flush_later(self.context, self.tenant);
                // The replaced file counts against the quota until its chunks are removed.
                let before = used.saturating_sub(i64::try_from(size).unwrap_or(i64::MAX));
                record_usage(self.context, self.tenant, (before, used), actor);
                if let Some(remains) = remains {
                    remove_later(self.context, self.tenant, remains);
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
            // Another instance has abandoned the upload, because it recorded no progress for too long.
            Changed::NotFound => Err(Error::BodyIncomplete),
            Changed::Other => Err(Error::PreconditionFailed),
        }
    }
}
