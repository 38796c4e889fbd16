//! Fills the database, the files and the rows of a tenant from a bundle.

use std::{collections::BTreeSet, io::Read, rc::Rc};

use anyhow::{Context as _, Result, bail};
use platform::sql::Connection;
use serde_json::{Value as Json, json};
use tenancy::{
    Context,
    app_migration::TemporaryRole,
    audit::transfer::{self, Existing},
    bundle::{
        completion::{Completion, ensure_months},
        import, open_data_keys, rows,
    },
    crypto::DataKeys,
    storage::sealed_chunk::{self, ChunkPlace},
    tenant::{TenantRecord, cluster},
};
use uuid::Uuid;

use super::{
    bounds::Bounds,
    database::{self, Restore},
    format::{Extension, FileEntry, Frame, FrameReader, Header, Part},
    service::Chunks,
};
use crate::{
    exit::Exit,
    postgres::{self, Sum, programs::Programs},
};

/// The treatment of files.
pub enum Files<'a> {
    /// Their chunks are stored.
    Store(&'a dyn Chunks),
    /// Their chunks are only unsealed, to verify them.
    Verify,
}

/// The work to do.
pub struct Filling<'a> {
    /// The id of the import.
    pub import: Uuid,
    /// The tenant, with the database to fill.
    pub target: &'a TenantRecord,
    /// The header of the bundle.
    pub header: &'a Header,
    /// The treatment of files.
    pub files: Files<'a>,
    /// Whether the rows of the catalog and the trail are inserted.
    pub with_rows: bool,
    /// The months of the trail.
    pub months: &'a BTreeSet<String>,
    /// Whether files get new ids, because the tenant already has files.
    pub with_new_file_ids: bool,
}

/// The result.
#[derive(Default)]
pub struct Filled {
    /// The tables that were compared.
    pub tables: usize,
    /// The number of rows in them.
    pub rows: i64,
    /// The number of files with all of their chunks.
    pub files: u64,
    /// The paths of the files that the bundle does not have.
    pub missing: Vec<String>,
    /// The domains that belong to other tenants.
    pub refused_domains: Vec<String>,
    /// The transaction that has inserted the trail; `None` if the bundle has no rows of it or the catalog has them.
    pub completion: Option<Completion>,
}

/// Fills the target from the frames after the header.
///
/// # Errors
/// The bundle is damaged, the restored rows differ from it, or a store is unavailable.
pub async fn fill<R: Read>(
    context: &Rc<Context>,
    filling: &Filling<'_>,
    reader: &mut FrameReader<R>,
) -> Result<Filled> {
    import::empty_database(context, filling.target).await.context("emptying the database")?;
    // The role owns the schema app, so code of the tenant never runs with the account of the service.
    let role = TemporaryRole::create(context, filling.target).await.context("a role")?;
    let outcome = async {
        // Maintenance ends a role of tenantctl without a connection after five minutes.
        let connection = database::session(&role.url(filling.target), Bounds::default()).await?;
        let filled = Fill::new(context, filling, &role).await?.run(reader).await;
        drop(connection);
        filled
    };
    let outcome = outcome.await;
    let ended = role.end(context, filling.target).await.context("removing the role");
    let filled = outcome?;
    ended?;
    Ok(filled)
}

struct Fill<'a> {
    context: &'a Rc<Context>,
    filling: &'a Filling<'a>,
    role: &'a TemporaryRole,
    catalog: Box<dyn Connection>,
    programs: Programs,
    keys: DataKeys,
    restore: Option<(Part, Restore)>,
    file: Option<Progress>,
    has_trail: bool,
    filled: Filled,
}

/// A file whose chunks follow.
struct Progress {
    entry: FileEntry,
    id: Uuid,
    next: u64,
}

impl<'a> Fill<'a> {
    async fn new(
        context: &'a Rc<Context>,
        filling: &'a Filling<'a>,
        role: &'a TemporaryRole,
    ) -> Result<Self> {
        let url = service_url(context, filling.target).await?;
        let session = database::session(&url, Bounds::default()).await?;
        let server = postgres::server_version(&session).await?;
        if server < filling.header.postgres {
            bail!(
                "the bundle is from PostgreSQL {}, and this cluster has PostgreSQL {server}; use a cluster of the same \
                 or a newer version",
                filling.header.postgres
            );
        }
        let header = filling.header;
        check_extensions(&header.extensions, &database::extensions(&session).await?)?;
        let catalog = context.catalog_within(platform::sql::SCHEMA_DEADLINE).await?;
        let existing = transfer::compare(&*catalog, header.tenant, header.trail.as_ref()).await?;
        let keys = base16ct::mixed::decode_vec(&header.data_keys).context("the data keys")?;
        Ok(Self {
            context,
            filling,
            role,
            catalog,
            programs: Programs::find(None, server)?,
            keys: open_data_keys(&keys)?,
            restore: None,
            file: None,
            has_trail: existing == Existing::Contains,
            filled: Filled::default(),
        })
    }

    async fn run<R: Read>(mut self, reader: &mut FrameReader<R>) -> Result<Filled> {
        while let Some(frame) = reader.next()? {
            if !matches!(frame, Frame::Dump(..)) {
                self.finish_restore()?;
            }
            if !matches!(frame, Frame::Chunk(_) | Frame::Missing { .. }) {
                self.finish_file().await?;
            }
            match frame {
                Frame::Header(_) => bail!("the bundle has a second header"),
                Frame::Rows(table, rows) => self.insert(&table, rows).await?,
                Frame::Dump(part, piece) => self.restore(part, &piece).await?,
                Frame::Sums(sums) => self.compare(&sums).await?,
                Frame::File(entry) => self.begin_file(entry).await?,
                Frame::Chunk(sealed) => self.store(&sealed).await?,
                Frame::Missing { .. } => self.forget_file().await?,
                Frame::End(_) => {}
            }
        }
        Ok(self.filled)
    }

    async fn insert(&mut self, table: &str, rows: Vec<Json>) -> Result<()> {
        // The tenant and its plan were inserted before its database was created.
        if !self.filling.with_rows || rows.is_empty() || matches!(table, "tenants" | "plans") {
            return Ok(());
        }
        let tenant = self.filling.target.id;
        match table {
            "tenant_audit_anchors" => {
                for row in rows.iter().filter(|_| !self.has_trail) {
                    transfer::put_anchor(self.context, &*self.catalog, tenant, row).await?;
                }
            }
            "audit_anchored_heads" => {
                let link = |row: &Json| json!({ "chain": row["chain"], "sequence": row["sequence"], "mac": row["mac"] });
                let links: Vec<Json> = rows.iter().map(link).collect();
                rows::insert(&*self.catalog, "audit_imported_links", &links).await?;
            }
            rows::TRAIL if self.has_trail => {}
            rows::TRAIL => self.insert_trail(&rows).await?,
            "tenant_domains" => {
                for row in rows {
                    let domain = row["domain"].as_str().unwrap_or_default().to_owned();
                    if rows::insert(&*self.catalog, table, &[row]).await? == 0 {
                        self.filled.refused_domains.push(domain);
                    }
                }
            }
            _ => drop(rows::insert(&*self.catalog, table, &rows).await?),
        }
        Ok(())
    }

    /// Inserts rows of the trail in a transaction, because they could not be deleted after a failure.
    async fn insert_trail(&mut self, rows: &[Json]) -> Result<()> {
        let completion = match self.filled.completion.take() {
            Some(completion) => completion,
            None => {
                ensure_months(&*self.catalog, self.filling.months).await?;
                Completion::begin(self.context, self.filling.import).await?
            }
        };
        completion.insert_trail(rows).await?;
        self.filled.completion = Some(completion);
        Ok(())
    }

    async fn restore(&mut self, part: Part, piece: &[u8]) -> Result<()> {
        if self.restore.as_ref().is_some_and(|restore| restore.0 != part) {
            self.finish_restore()?;
        }
        if self.restore.is_none() {
            let url = match part {
                Part::Service => service_url(self.context, self.filling.target).await?,
                Part::App => self.role.url(self.filling.target),
            };
            self.restore = Some((part, database::restore(&self.programs, &url, part)?));
        }
        if let Some((_, restore)) = &mut self.restore {
            restore.write(piece)?;
            if restore.has_failed() {
                self.finish_restore()?;
                bail!("pg_restore ended before its input");
            }
        }
        Ok(())
    }

    fn finish_restore(&mut self) -> Result<()> {
        match self.restore.take() {
            Some((_, restore)) => restore.finish(),
            None => Ok(()),
        }
    }

    /// Compares the restored rows with those of the export, then completes the database.
    async fn compare(&mut self, expected: &[Sum]) -> Result<()> {
        let bounds = Bounds::default();
        let url = service_url(self.context, self.filling.target).await?;
        let session = database::session(&url, bounds).await?;
        let mut sums = postgres::sums(&session, "tenancy").await?;
        let session = database::session(&self.role.url(self.filling.target), bounds).await?;
        sums.extend(postgres::sums(&session, "app").await?);
        sums.sort();
        let mut expected = expected.to_vec();
        expected.sort();
        if let Some(sum) = expected.iter().find(|sum| !sums.contains(sum)) {
            bail!("{} differs after the restore: the bundle has {} rows", sum.name, sum.rows);
        }
        if let Some(sum) = sums.iter().find(|sum| !expected.contains(sum)) {
            bail!("{} is not in the bundle", sum.name);
        }
        self.filled.tables = sums.len();
        self.filled.rows = sums.iter().map(|sum| sum.rows).sum();
        let is_copy = self.filling.target.id != self.filling.header.tenant;
        import::complete_database(self.context, self.filling.target, is_copy).await?;
        Ok(())
    }

    async fn begin_file(&mut self, entry: FileEntry) -> Result<()> {
        let random = &*self.context.platform.random;
        let id = if self.filling.with_new_file_ids {
            random.uuid(self.context.platform.clock.now())
        } else {
            entry.id
        };
        if let Files::Store(_) = self.filling.files {
            let place = (self.filling.target.id, self.filling.import);
            let chunks = i64::try_from(entry.chunks)?;
            import::record_file(&*self.catalog, place, id, chunks).await?;
        }
        self.file = Some(Progress { entry, id, next: 0 });
        Ok(())
    }

    async fn store(&mut self, sealed: &[u8]) -> Result<()> {
        let file = self.file.as_mut().context("the bundle has a chunk without a file")?;
        let place = ChunkPlace {
            file: file.entry.id,
            key_number: file.entry.key_number,
            index: file.next,
            is_last: file.next + 1 == file.entry.chunks,
        };
        file.next += 1;
        let (from, to) = (self.filling.header.tenant, self.filling.target.id);
        let destination = ChunkPlace { file: file.id, ..place };
        let damaged = || format!("a chunk of the file {} in the bundle", place.file);
        match self.filling.files {
            Files::Verify => {
                sealed_chunk::open(&self.keys, from, place, sealed).with_context(damaged)?;
            }
            // The service checks the chunk before it stores it.
            Files::Store(chunks) if from == to && destination == place => {
                chunks.put(to, destination, sealed).await?;
            }
            Files::Store(chunks) => {
                let (before, after) = ((from, place), (to, destination.file));
                let sealed = sealed_chunk::reseal(self.context, &self.keys, before, after, sealed)
                    .with_context(damaged)?;
                chunks.put(to, destination, &sealed).await?;
            }
        }
        Ok(())
    }

    async fn finish_file(&mut self) -> Result<()> {
        let Some(Progress { entry, id, next }) = self.file.take() else { return Ok(()) };
        if next != entry.chunks {
            bail!("the bundle has {next} of {} chunks of the file {}", entry.chunks, entry.id);
        }
        if id != entry.id {
            let database = import::connect(self.context, self.filling.target).await?;
            import::rename_file(&*database, entry.id, id).await?;
        }
        self.filled.files += 1;
        Ok(())
    }

    /// Removes a file that the bundle does not have completely.
    async fn forget_file(&mut self) -> Result<()> {
        let file = self.file.take().context("the bundle has a missing chunk without a file")?;
        let database = import::connect(self.context, self.filling.target).await?;
        import::remove_file(&*database, file.entry.id).await?;
        if let Files::Store(_) = self.filling.files {
            // The chunks before the missing one are stored.
            import::release_file(&*self.catalog, self.filling.target.id, file.id).await?;
        }
        self.filled.missing.push(file.entry.path);
        Ok(())
    }
}

/// Refuses a database without an extension of the bundle. A failed restore would not name it.
fn check_extensions(needed: &[Extension], found: &[Extension]) -> Result<()> {
    let missing: Vec<_> = needed
        .iter()
        .filter(|extension| !found.contains(extension))
        .map(|Extension { name, schema }| format!("{name} (in the schema {schema})"))
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    Err(Exit::Conflict.error(format!(
        "the tenant's database needs the extensions {}, which new databases of this cluster do not have. Create them in \
         the database for copies (docs/application-database.md), let tenantctl migrate build the template again, and \
         repeat the command",
        missing.join(", ")
    )))
}

async fn service_url(context: &Context, target: &TenantRecord) -> Result<tenancy::secret::Secret> {
    let location = target.trusted_location(context)?;
    Ok(cluster::url(context, &location, Some(&location.name)).await?)
}
