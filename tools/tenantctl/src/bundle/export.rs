//! The export of a tenant to a bundle.
//!
//! All parts are of one moment: a snapshot of the tenant's database, in which `pg_dump` reads, too. The rows of the catalog
//! are read a moment later, so that the trail has every event of the database. The chunks of a file never change, but a
//! file that is deleted during the export can lose them: it is reported as missing. A file that still exists and has no
//! chunks is lost.

use std::{io::Write, rc::Rc};

use anyhow::{Context as _, Result, bail};
use serde_json::{Value as Json, json};
use tenancy::{
    Context,
    app_migration::TemporaryRole,
    audit::{self, Extent, transfer},
    bundle::{data_keys, origin, rows},
    event::{Actor, Entry, Event, Severity, name},
    migrate,
    secret::Secret,
    storage::CHUNK,
    tenant::{Status, TenantRecord, cluster, repo},
};
use tokio_postgres::Client;
use uuid::Uuid;

use super::{
    bounds::Bounds,
    database,
    format::{FORMAT, FileEntry, Frame, FrameWriter, Header, Part},
    service::Chunks,
};
use crate::{
    exit::Exit,
    postgres::{self, programs::Programs},
};

/// The number of files that are read from the database at a time.
const PAGE: i32 = 200;

/// The result of an export.
pub struct Exported<W> {
    /// The output.
    pub output: W,
    /// The id of the bundle.
    pub bundle: Uuid,
    /// The number of files.
    pub files: u64,
    /// The paths of the files that the bundle does not have completely.
    pub missing: Vec<String>,
    /// The paths of those of them that the tenant still has: the key-value store lost their chunks.
    pub lost: Vec<String>,
    /// Whether the audit trail was valid.
    pub is_trail_valid: bool,
}

/// Writes a tenant as frames.
///
/// # Errors
/// The tenant is neither active nor suspended, a store is unavailable, `pg_dump` is missing, or a bound is exceeded.
pub async fn export<W: Write>(
    context: &Rc<Context>,
    tenant: &TenantRecord,
    chunks: &dyn Chunks,
    bounds: Bounds,
    output: W,
) -> Result<Exported<W>> {
    if !matches!(tenant.status, Status::Active | Status::Suspended) {
        bail!(
            "the tenant {} is {}; only an active or suspended tenant can be exported",
            tenant.slug,
            tenant.status.as_str()
        );
    }
    bounds.within(audit::recover(context, tenant)).await??;
    // Maintenance removes the role of a cancelled call.
    let role = bounds.within(TemporaryRole::create(context, tenant)).await?;
    let role = role.context("a role for the export")?;
    let outcome =
        bounds.within(Box::pin(write(context, tenant, chunks, &role, bounds, output))).await;
    let ended = role.end(context, tenant).await.context("removing the role of the export");
    let exported = outcome??;
    ended?;
    Ok(exported)
}

async fn write<W: Write>(
    context: &Rc<Context>,
    tenant: &TenantRecord,
    chunks: &dyn Chunks,
    role: &TemporaryRole,
    bounds: Bounds,
    output: W,
) -> Result<Exported<W>> {
    let location = tenant.trusted_location(context)?;
    let service_url = cluster::url(context, &location, Some(&location.name)).await?;
    let app_url = role.url(tenant);
    let session = database::session(&service_url, bounds).await?;
    let server = postgres::server_version(&session).await?;
    let programs = Programs::find(None, server)?;
    session.batch_execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY").await?;
    let row = session.query_one("SELECT pg_export_snapshot()::text, now()::text", &[]).await?;
    let (snapshot, moment): (String, String) = (row.try_get(0)?, row.try_get(1)?);
    let app = database::session(&app_url, bounds).await?;
    app.batch_execute(&format!(
        "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET TRANSACTION SNAPSHOT '{snapshot}'"
    ))
    .await?;

    let extensions = database::extensions(&session).await?;
    let own: Vec<_> = extensions.iter().filter(|found| found.schema == "app").collect();
    if !own.is_empty() {
        let names: Vec<_> = own.iter().map(|found| found.name.as_str()).collect();
        return Err(Exit::Conflict.error(format!(
            "the schema app has extensions, which a bundle cannot contain: {}; move them to the schema public",
            names.join(", ")
        )));
    }

    // The events that the snapshot has in the outbox reach the trail before it is read.
    audit::recover(context, tenant).await?;
    let found = audit::verify(context, Some(tenant.id), None, Extent::Full).await?;
    let catalog = rows::begin_snapshot(context).await?;
    let current = repo::find(&*catalog, tenant.id).await?.context("the tenant was removed")?;
    let bundle = context.platform.random.uuid(context.platform.clock.now());
    let mut writer = FrameWriter::new(output);
    let trail = transfer::summarize(&*catalog, tenant.id).await?;
    writer.write(&Frame::Header(Box::new(Header {
        format: FORMAT,
        bundle,
        created_at: moment,
        program: env!("CARGO_PKG_VERSION").to_owned(),
        tenant: tenant.id,
        slug: current.slug.to_string(),
        status: current.status.as_str().to_owned(),
        catalog_schema: migrate::version(&*catalog).await?,
        tenant_schema: schema_version(&session).await?,
        postgres: server,
        extensions,
        data_keys: base16ct::lower::encode_string(&data_keys(context, &current)?),
        trail,
        is_trail_valid: found.valid,
    })))?;
    for (table, _) in rows::TABLES {
        let rows = rows::read(&*catalog, table, tenant.id).await?;
        writer.write(&Frame::Rows((*table).to_owned(), rows))?;
    }
    for (part, url) in [(Part::Service, &service_url), (Part::App, &app_url)] {
        let dump = database::dump(&programs, url, part, &snapshot, bounds)?;
        dump.read(|piece| writer.write(&Frame::Dump(part, piece)))?;
    }
    let mut sums = postgres::sums(&session, "tenancy").await?;
    sums.extend(postgres::sums(&app, "app").await?);
    writer.write(&Frame::Sums(sums))?;
    let files = Files { session: &session, url: &service_url, tenant: tenant.id, chunks, bounds };
    let Written { count, missing, lost } = files.write(&mut writer).await?;
    let mut after = 0;
    while let Some((rows, last)) = rows::read_trail(&*catalog, tenant.id, after).await? {
        writer.write(&Frame::Rows(rows::TRAIL.to_owned(), rows))?;
        after = last;
    }
    rows::check_snapshot(&*catalog).await?;
    let output = writer.finish(|sha256| Ok(origin::prove(context, bundle, sha256)?))?;
    Ok(Exported { output, bundle, files: count, missing, lost, is_trail_valid: found.valid })
}

async fn schema_version(session: &Client) -> Result<i32> {
    let statement = "SELECT COALESCE(max(version), 0) FROM tenancy.schema_migrations";
    let row = session
        .query_one(statement, &[])
        .await
        .context("the tenant's database has no schema tenancy; run tenantctl migrate first")?;
    Ok(row.try_get(0)?)
}

/// The files of a tenant.
struct Files<'a> {
    /// The session with the snapshot.
    session: &'a Client,
    /// The address of the database.
    url: &'a Secret,
    tenant: Uuid,
    chunks: &'a dyn Chunks,
    bounds: Bounds,
}

/// The files that were written.
#[derive(Default)]
struct Written {
    count: u64,
    missing: Vec<String>,
    lost: Vec<String>,
}

impl Files<'_> {
    async fn write<W: Write>(&self, writer: &mut FrameWriter<W>) -> Result<Written> {
        self.session
            .batch_execute(
                "DECLARE tenancy_files NO SCROLL CURSOR FOR
                 SELECT id, path, size, chunk_count, key_number FROM tenancy.files
                 WHERE status = 'complete' ORDER BY id",
            )
            .await?;
        let mut written = Written::default();
        loop {
            let page = self.session.query(&format!("FETCH {PAGE} FROM tenancy_files"), &[]).await?;
            if page.is_empty() {
                return Ok(written);
            }
            for row in page {
                self.write_one(&row, writer, &mut written).await?;
            }
        }
    }

    async fn write_one<W: Write>(
        &self,
        row: &tokio_postgres::Row,
        writer: &mut FrameWriter<W>,
        written: &mut Written,
    ) -> Result<()> {
        let file = FileEntry {
            id: row.try_get(0)?,
            path: row.try_get(1)?,
            size: u64::try_from(row.try_get::<_, i64>(2)?)?,
            chunks: u64::try_from(row.try_get::<_, i64>(3)?)?,
            key_number: u32::try_from(row.try_get::<_, i32>(4)?)?,
        };
        if file.chunks != file.size.div_ceil(CHUNK as u64) {
            bail!("the file {} has an invalid number of chunks", file.id);
        }
        writer.write(&Frame::File(file.clone()))?;
        written.count += 1;
        for index in 0..file.chunks {
            self.bounds.left()?;
            if let Some(sealed) = self.chunks.get(self.tenant, file.id, index).await? {
                writer.write(&Frame::Chunk(sealed))?;
                continue;
            }
            let is_lost = self.exists(file.id).await?;
            writer.write(&Frame::Missing { is_lost })?;
            if is_lost {
                written.lost.push(file.path.clone());
            }
            written.missing.push(file.path);
            break;
        }
        Ok(())
    }

    /// Returns whether the tenant still has a file.
    async fn exists(&self, file: Uuid) -> Result<bool> {
        // The session of the export sees the files of its snapshot.
        let session = database::session(self.url, self.bounds).await?;
        let statement =
            "SELECT EXISTS (SELECT FROM tenancy.files WHERE id = $1 AND status = 'complete')";
        Ok(session.query_one(statement, &[&file]).await?.try_get(0)?)
    }
}

/// Records the export in the tenant's trail.
pub async fn record<W>(
    context: &Rc<Context>,
    tenant: &TenantRecord,
    exported: &Exported<W>,
) -> Result<Json> {
    let detail = json!({
        "bundle": exported.bundle,
        "files": exported.files,
        "missing_files": exported.missing.len(),
        "lost_files": exported.lost.len(),
    });
    let event = Event::new(name::TENANT_EXPORTED)
        .severity(Severity::Warning)
        .about("tenant", tenant.id)
        .detail(detail.clone());
    audit::record(context, &Entry::new(context, Some(tenant.id), &Actor::system(), event)).await?;
    audit::try_flush_catalog(context, Some(tenant.id)).await;
    Ok(detail)
}
