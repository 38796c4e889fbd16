//! The reservation and the removal of a tenant that is filled from a bundle.

use platform::sql::{Connection, Rows, SCHEMA_DEADLINE, SqlError, Statement};
use serde_json::{Value as Json, json};
use uuid::Uuid;

use super::{Kind, rows, seal_data_keys};
use crate::{
    audit::transfer::{self, Existing, TrailSummary},
    context::Context,
    database_role::{self, Ending},
    error::{Error, Result},
    identifier::Slug,
    lifecycle::databases,
    migrate,
    tenant::{
        Status, TenantRecord, cluster, database,
        repo::{self, SELECT, record},
    },
};

/// A tenant that is being filled, or a restore that is not finished.
#[derive(Debug, Clone)]
pub struct Unfinished {
    /// The import.
    pub id: Uuid,
    /// The purpose.
    pub kind: Kind,
    /// For a restore: whether the restored database is in use.
    pub is_switched: bool,
    /// The tenant.
    pub tenant: TenantRecord,
}

/// Returns the unfinished imports and restores, the oldest first.
pub async fn list(catalog: &dyn Connection) -> Result<Rows<Unfinished>> {
    let statement = format!(
        "{SELECT} JOIN tenant_imports i ON i.tenant_id = t.id ORDER BY i.started_at",
        SELECT = SELECT.replacen(
            "SELECT t.id",
            "SELECT i.id AS import_id, i.kind, i.is_switched, t.id",
            1
        )
    );
    let rows = catalog.query(&statement, &[]).await?;
    Ok(Rows::read(&rows, |row| {
        let kind = Kind::parse(&row.get::<String>("kind")?);
        Ok(Unfinished {
            id: row.get("import_id")?,
            kind: kind
                .ok_or_else(|| SqlError::Decode("an import has an unknown kind".to_owned()))?,
            is_switched: row.get("is_switched")?,
            tenant: record(row)?,
        })
    }))
}

/// Returns the unfinished import of a tenant with this id or slug.
pub async fn find(catalog: &dyn Connection, id: Uuid, slug: &str) -> Result<Option<Unfinished>> {
    let found = list(catalog).await?.items.into_iter();
    Ok(found.into_iter().find(|found| found.tenant.id == id || found.tenant.slug.as_str() == slug))
}

/// Returns whether a bundle can be imported under the tenant's own id: no tenant has it, and no other trail.
pub async fn is_id_free(
    catalog: &dyn Connection,
    id: Uuid,
    trail: Option<&TrailSummary>,
) -> Result<bool> {
    if repo::find(catalog, id).await?.is_some() {
        return Ok(false);
    }
    Ok(transfer::compare(catalog, id, trail).await? != Existing::Differs)
}

/// The tenant to reserve.
pub struct Reservation<'a> {
    /// The purpose.
    pub kind: Kind,
    /// The row of the bundle.
    pub row: &'a Json,
    /// The id.
    pub id: Uuid,
    /// The slug.
    pub slug: &'a Slug,
    /// The data keys of the bundle.
    pub data_keys: &'a [u8],
}

/// Reserves the names of a tenant in the state `provisioning`, and returns the id of the import and the record.
///
/// # Errors
/// [`Error::Taken`] if another tenant has the slug, the id or the database name.
pub async fn reserve(
    context: &Context,
    reservation: &Reservation<'_>,
) -> Result<(Uuid, TenantRecord)> {
    let Reservation { kind, row, id, slug, data_keys } = *reservation;
    let random = &*context.platform.random;
    let location = context.settings.tenant_database_template.location(id, slug);
    let role = format!("tenant_{}", id.simple());
    let password = database::seal_new_password(context, id, &location, &role)?;
    let import = random.uuid(context.platform.clock.now());
    let bytes = |bytes: &[u8]| format!("\\x{}", base16ct::lower::encode_string(bytes));
    let mut row = row.clone();
    let members = row.as_object_mut().ok_or_else(|| Error::internal("a bundle has no tenant"))?;
    for (name, value) in [
        ("id", json!(id)),
        ("slug", json!(slug.as_str())),
        ("status", json!(Status::Provisioning.as_str())),
        // Instances may remember a destroyed tenant with the same id, so the version must be higher than each of its own.
        ("version", json!(context.platform.clock.now().timestamp_millis())),
        ("database_host", json!(location.host)),
        ("database_port", json!(location.port)),
        ("database_name", json!(location.name)),
        ("database_options", json!(location.options)),
        ("database_role", json!(role)),
        ("database_password", json!(bytes(&password.0))),
        ("data_key", json!(bytes(&seal_data_keys(context, id, data_keys)?.0))),
        // No request for a new tenant has this fingerprint.
        ("request_hash", json!(bytes(&random.bytes::<32>()))),
    ] {
        members.insert(name.to_owned(), value);
    }
    let columns = rows::columns(members);
    let statement = format!(
        "WITH reserved AS (
             INSERT INTO tenants ({columns})
             SELECT {columns} FROM jsonb_populate_record(NULL::tenants, :row)
             ON CONFLICT DO NOTHING RETURNING id
         )
         INSERT INTO tenant_imports (tenant_id, id, kind)
         SELECT id, :import::uuid, :kind::text FROM reserved RETURNING tenant_id"
    );
    let catalog = context.catalog().await?;
    let statement = Statement::new(statement)
        .bind("row", row)
        .bind("import", import)
        .bind("kind", kind.as_str());
    match statement.query_first(&*catalog).await {
        Ok(Some(_)) => {}
        Ok(None) => return Err(Error::Taken { field: "slug", code: "slug_taken" }),
        Err(error) => return Err(repo::refused(error)),
    }
    let record = repo::find(&*catalog, id).await?;
    let record = record.ok_or_else(|| Error::internal("a reserved tenant does not exist"))?;
    Ok((import, record))
}

/// Creates the role and the database of a reserved tenant.
///
/// # Errors
/// [`Error::Unavailable`] if the cluster is unavailable.
pub async fn create_database(context: &Context, tenant: &TenantRecord) -> Result<()> {
    databases::create_database(context, tenant).await
}

/// Empties the schemas of a tenant's database, which the dump of a bundle then fills. Extensions in `public` stay: they come
/// from the database for copies, and a dump has none.
pub async fn empty_database(context: &Context, tenant: &TenantRecord) -> Result<()> {
    let statement = "DO $empty$
    DECLARE
        removed text;
    BEGIN
        DROP SCHEMA IF EXISTS tenancy CASCADE;
        DROP SCHEMA IF EXISTS app CASCADE;
        CREATE SCHEMA tenancy;
        IF EXISTS (SELECT FROM pg_extension WHERE extnamespace = to_regnamespace('public')) THEN
            FOR removed IN
                SELECT format('DROP %s IF EXISTS %s CASCADE',
                    CASE relkind WHEN 'v' THEN 'VIEW' WHEN 'S' THEN 'SEQUENCE' ELSE 'TABLE' END, oid::regclass)
                FROM pg_class c
                WHERE relnamespace = to_regnamespace('public') AND relkind IN ('r', 'v', 'S')
                  AND NOT EXISTS (SELECT FROM pg_depend WHERE classid = 'pg_class'::regclass AND objid = c.oid
                                  AND deptype = 'e')
                UNION ALL
                SELECT format('DROP FUNCTION IF EXISTS %s CASCADE', oid::regprocedure)
                FROM pg_proc p
                WHERE pronamespace = to_regnamespace('public')
                  AND NOT EXISTS (SELECT FROM pg_depend WHERE classid = 'pg_proc'::regclass AND objid = p.oid
                                  AND deptype = 'e')
            LOOP
                EXECUTE removed;
            END LOOP;
        ELSE
            DROP SCHEMA IF EXISTS public CASCADE;
            CREATE SCHEMA public;
        END IF;
    END $empty$";
    connect(context, tenant).await?.execute(statement, &[]).await?;
    Ok(())
}

/// Completes a database after the dump was restored: migrates it, grants the tables, and removes the rows that belong to
/// work in progress at the moment of the export. Messages that waited then are not sent: the other tenant, or this one
/// before its restore, sends them. A copy with an id of its own has no sessions and no setup tokens.
pub async fn complete_database(
    context: &Context,
    tenant: &TenantRecord,
    is_copy: bool,
) -> Result<()> {
    let database = connect(context, tenant).await?;
    migrate::migrate_tenant(&*database, Some(&tenant.database_role)).await?;
    // The events in the outbox are in the trail, because the export moves them before it reads the trail.
    let copy = if is_copy {
        "DELETE FROM tenancy.sessions;
         DELETE FROM tenancy.account_tokens;
         UPDATE tenancy.users SET setup_token_hash = NULL, setup_token_expires_at = NULL
         WHERE setup_token_hash IS NOT NULL;"
    } else {
        ""
    };
    let statement = format!(
        "DO $complete$ BEGIN
             DELETE FROM tenancy.audit_outbox;
             -- They are valid for minutes, and some of them may have been used since the export. Objections are valid
             -- for days.
             DELETE FROM tenancy.account_tokens WHERE purpose <> 'address_objection';
             -- This catalog may have none of the addresses.
             UPDATE tenancy.verified_address_changes SET published = 0;
             UPDATE tenancy.mail_messages SET variables = NULL, claimed_until = NULL,
                 failure = CASE WHEN state IN ('waiting', 'sending') THEN 'copied' ELSE failure END,
                 ended_at = COALESCE(ended_at, now()),
                 state = CASE WHEN state IN ('waiting', 'sending') THEN 'dead' ELSE state END
             WHERE variables IS NOT NULL;
             UPDATE tenancy.files SET held = 0 WHERE status <> 'complete';
             DELETE FROM tenancy.files WHERE status <> 'complete';
             UPDATE tenancy.storage_usage SET used =
                 (SELECT COALESCE(sum(size), 0) FROM tenancy.files);
             {copy}
         END $complete$"
    );
    database.execute(&statement, &[]).await?;
    // The tables are new, so the role needs its privileges again even if no migration ran.
    migrate::grant_to_role(&*database, &tenant.database_role).await
}

/// Returns a connection to a tenant's database with the account of the service.
pub async fn connect(context: &Context, tenant: &TenantRecord) -> Result<Box<dyn Connection>> {
    let location = tenant.trusted_location(context)?;
    cluster::connect(context, &location, Some(&location.name)).await
}

/// Gives a file of a database another id.
pub async fn rename_file(database: &dyn Connection, from: Uuid, to: Uuid) -> Result<()> {
    let statement = "UPDATE tenancy.files SET id = $2::uuid, etag = $2::uuid::text WHERE id = $1";
    database.execute(statement, &[from.into(), to.into()]).await?;
    Ok(())
}

/// Removes a file whose chunks are missing from a database.
pub async fn remove_file(database: &dyn Connection, file: Uuid) -> Result<()> {
    let statement = "
        WITH removed AS (DELETE FROM tenancy.files WHERE id = $1 RETURNING size)
        UPDATE tenancy.storage_usage SET used = used - (SELECT size FROM removed)
        WHERE EXISTS (SELECT FROM removed)";
    database.execute(statement, &[file.into()]).await?;
    Ok(())
}

/// Records a file before its chunks are written, so that a removed import leaves no chunks.
///
/// # Errors
/// [`Error::Unavailable`] while the service removes chunks of the same file.
pub async fn record_file(
    catalog: &dyn Connection,
    (tenant, import): (Uuid, Uuid),
    file: Uuid,
    chunks: i64,
) -> Result<()> {
    let statement = "
        INSERT INTO orphaned_files (tenant_id, file_id, chunk_count, remove_after, import_id)
        VALUES ($1, $2, $3, 'infinity', $4)
        ON CONFLICT (tenant_id, file_id) DO UPDATE
        SET chunk_count = greatest(orphaned_files.chunk_count, excluded.chunk_count),
            remove_after = 'infinity', import_id = excluded.import_id
        WHERE orphaned_files.claimed_at < now() - interval '5 minutes'";
    let parameters = [tenant.into(), file.into(), chunks.into(), import.into()];
    if catalog.execute(statement, &parameters).await? == 1 {
        return Ok(());
    }
    Err(Error::unavailable(
        "the service is removing the chunks of the former file; repeat the command in five minutes",
    ))
}

/// Removes a tenant that was not completed: its files, its database, its role and its row. The tenant was never in use,
/// so this loses nothing. Returns `false`, and removes nothing, if the import was completed or removed meanwhile.
///
/// # Errors
/// [`Error::Unavailable`] if a store is unavailable. Repeat the call.
pub async fn roll_back(context: &Context, unfinished: &Unfinished) -> Result<bool> {
    let tenant = &unfinished.tenant;
    let catalog = context.catalog_within(SCHEMA_DEADLINE).await?;
    // From this statement on, `activate` does not find its import any longer, not even a call that is in progress.
    let claim = "
        UPDATE tenant_imports i SET id = $3 FROM tenants t
        WHERE i.tenant_id = $1 AND i.id = $2 AND t.id = i.tenant_id AND t.status = 'provisioning'";
    let claimed = context.platform.random.uuid(context.platform.clock.now());
    let parameters = [tenant.id.into(), unfinished.id.into(), claimed.into()];
    if catalog.execute(claim, &parameters).await? == 0 {
        return Ok(false);
    }
    release_files(&*catalog, unfinished.id).await?;
    // Rows of the trail are inserted in the transaction that activates the tenant, so there are none.
    for table in ["tenant_audit_anchors", "tenant_audit_vouchers", "audit_imported_links"] {
        let statement = format!(
            "DELETE FROM {table} WHERE chain = $1
               AND NOT EXISTS (SELECT FROM tenant_audit_heads WHERE chain = $1)"
        );
        catalog.execute(&statement, &[tenant.id.into()]).await?;
    }
    if databases::has_database(context, tenant).await? {
        database_role::end(context, tenant, Ending::Tenant).await?;
    }
    databases::drop_database(context, tenant).await?;
    let statement = "
        DELETE FROM tenants t WHERE t.id = $1 AND t.status = 'provisioning'
          AND EXISTS (SELECT FROM tenant_imports i WHERE i.tenant_id = t.id AND i.id = $2)";
    catalog.execute(statement, &[tenant.id.into(), claimed.into()]).await?;
    Ok(true)
}

/// Lets the service remove the chunks of a file that an import does not complete.
pub async fn release_file(catalog: &dyn Connection, tenant: Uuid, file: Uuid) -> Result<()> {
    let statement = "UPDATE orphaned_files SET remove_after = now(), import_id = NULL
                     WHERE tenant_id = $1 AND file_id = $2";
    catalog.execute(statement, &[tenant.into(), file.into()]).await?;
    Ok(())
}

/// Lets the service remove the chunks that an import has written.
pub(super) async fn release_files(catalog: &dyn Connection, import: Uuid) -> Result<()> {
    let statement = "UPDATE orphaned_files SET remove_after = now(), import_id = NULL
                     WHERE import_id = $1";
    catalog.execute(statement, &[import.into()]).await?;
    Ok(())
}

/// Lets the service remove the chunks of imports whose tenants were removed meanwhile. Returns the number of files.
pub async fn release_abandoned_files(catalog: &dyn Connection) -> Result<u64> {
    let statement = "UPDATE orphaned_files o SET remove_after = now(), import_id = NULL
                     WHERE import_id IS NOT NULL
                       AND NOT EXISTS (SELECT FROM tenant_imports i WHERE i.id = o.import_id)";
    Ok(catalog.execute(statement, &[]).await?)
}
