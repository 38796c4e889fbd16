//! The migration of the template database, so that new tenants start with the application's tables.
//!
//! No connection to the template is possible while tenants are created from it. So the files run in a copy, which then
//! takes the name of the template in one transaction. After a crash, the next run begins with a new copy.
//!
//! PostgreSQL drops a database only after a checkpoint, which can take minutes on a busy cluster. So nothing waits for it:
//! a database that is no longer needed gets another name first, and is dropped last. `tenantctl repair` drops it after a
//! crash.

use std::time::Duration;

use platform::sql::{Connection, SqlError, identifier, literal, state};

use super::{
    MigrationFile, checksum_of_all, describe,
    repo::{self, Template},
};
use crate::{
    context::Context,
    credential::scram,
    database_location::TrustedLocation,
    error::{Error, Result},
    log, migrate,
    secret::Secret,
    tenant::{
        cluster::{self, Cluster},
        database,
    },
};
use uuid::Uuid;

/// The advisory lock in the catalog that a run holds while it migrates the template, by its hash.
pub const TEMPLATE_LOCK: &str = "tenancy: template of the application";

const ATTEMPTS: u32 = 50;
const PAUSE: Duration = Duration::from_millis(200);

/// A copy of the template database that is being migrated.
pub struct TemplateCopy {
    cluster: Uuid,
    location: TrustedLocation,
    name: String,
    password: Secret,
}

/// Copies the template database of new tenants on a cluster, and lets its owner connect to the copy.
///
/// # Errors
/// [`Error::Unavailable`] if the cluster is unavailable.
pub async fn begin_template(context: &Context, cluster: &Cluster) -> Result<TemplateCopy> {
    let (id, location) = (cluster.id, cluster.location(context)?);
    migrate::create_template(context, &location).await?;
    let cluster = cluster::connect(context, &location, None).await?;
    let (name, owner) = (new_name(context), migrate::template_owner(context));
    let (copy, template) = (identifier(&name), identifier(&migrate::template_name(context)));
    let create = format!("CREATE DATABASE {copy} TEMPLATE {template} ALLOW_CONNECTIONS false");
    retry(context, async || cluster.execute(&create, &[]).await.map(drop)).await?;
    let password = database::random_password(context);
    let verifier = scram::verifier(password.expose(), &context.platform.random.bytes())?;
    let open = format!(
        "DO $copy$ BEGIN
             PERFORM pg_advisory_xact_lock(hashtextextended({owner_text}, 0));
             IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = {owner_text}) THEN
                 CREATE ROLE {owner};
                 GRANT {owner} TO CURRENT_USER;
             END IF;
             ALTER ROLE {owner} LOGIN PASSWORD {verifier} CONNECTION LIMIT 2;
             ALTER ROLE {owner} SET search_path = app;
             REVOKE ALL ON DATABASE {copy} FROM PUBLIC;
             GRANT CONNECT ON DATABASE {copy} TO {owner};
             ALTER DATABASE {copy} {search_path};
             ALTER DATABASE {copy} ALLOW_CONNECTIONS true;
         END $copy$",
        owner_text = literal(&owner),
        owner = identifier(&owner),
        verifier = literal(&verifier),
        search_path = migrate::SEARCH_PATH,
    );
    cluster.execute(&open, &[]).await?;
    let inside = cluster::connect(context, &location, Some(&name)).await?;
    let own = format!("ALTER SCHEMA app OWNER TO {}", identifier(&owner));
    inside.execute(&own, &[]).await?;
    Ok(TemplateCopy { cluster: id, location, name, password })
}

/// Returns a new name for a copy, or for a template that was replaced.
fn new_name(context: &Context) -> String {
    let number = u32::from_le_bytes(context.platform.random.bytes());
    format!("{}_app_{number}", migrate::template_name(context))
}

impl TemplateCopy {
    /// Returns the URL that connects the owner of the template's schema `app` to the copy.
    pub fn url(&self, context: &Context) -> Secret {
        self.location.url(&self.name, &migrate::template_owner(context), self.password.clone())
    }

    /// Gives the copy the name of the template, after all files ran in it.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if the cluster is unavailable, or tenants are being created without a pause.
    pub async fn finish(self, context: &Context, files: &[MigrationFile]) -> Result<()> {
        let version = files.last().map_or(0, |file| file.version);
        let inside = cluster::connect(context, &self.location, Some(&self.name)).await?;
        let description = describe(&*inside).await?;
        drop(inside);
        let cluster = self.close(context).await?;
        let template = migrate::template_name(context);
        let old = new_name(context);
        let swap = format!(
            "DO $swap$ BEGIN
                 ALTER DATABASE {template} RENAME TO {old};
                 ALTER DATABASE {copy} RENAME TO {template};
             END $swap$",
            template = identifier(&template),
            old = identifier(&old),
            copy = identifier(&self.name),
        );
        retry(context, async || cluster.execute(&swap, &[]).await.map(drop)).await?;
        let template = Template {
            version,
            checksum: checksum_of_all(files, version),
            name: template,
            description: description.join("\n"),
        };
        let catalog = context.catalog().await?;
        repo::record_template(&*catalog, self.cluster, &template).await?;
        self.drop_at_end(context).await;
        Ok(())
    }

    /// Drops the copy after a failure.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if the cluster is unavailable. The next run begins with a new copy.
    pub async fn abandon(self, context: &Context) -> Result<()> {
        self.close(context).await?;
        self.drop_at_end(context).await;
        Ok(())
    }

    /// Drops what this run and interrupted ones left. The work of the run is complete without it.
    async fn drop_at_end(&self, context: &Context) {
        if let Err(error) = drop_leftovers(context, &self.location).await {
            log::warning(
                context,
                "a template database that is no longer needed was not dropped; run tenantctl repair later",
                &error,
            );
        }
    }

    /// Ends all connections to the copy. The owner can connect no more.
    async fn close(&self, context: &Context) -> Result<Box<dyn Connection>> {
        let cluster = cluster::connect(context, &self.location, None).await?;
        let close = format!("ALTER ROLE {} NOLOGIN", identifier(&migrate::template_owner(context)));
        cluster.execute(&close, &[]).await?;
        lock_out(&*cluster, &self.name).await?;
        Ok(cluster)
    }
}

/// Drops the copies and the replaced templates of all runs. The caller holds [`TEMPLATE_LOCK`].
async fn drop_leftovers(context: &Context, location: &TrustedLocation) -> Result<()> {
    let cluster = cluster::connect(context, location, None).await?;
    drop_all(&*cluster, &list_copies(&*cluster, context).await?).await
}

async fn drop_all(cluster: &dyn Connection, names: &[String]) -> Result<()> {
    for name in names {
        cluster::drop_database(cluster, name).await?;
    }
    Ok(())
}

async fn list_copies(cluster: &dyn Connection, context: &Context) -> Result<Vec<String>> {
    // Also those of former versions of the template.
    let template = migrate::template_name(context);
    let stem = template.rsplit_once("_v").map_or(template.as_str(), |(stem, _)| stem);
    let find = "SELECT datname::text AS name FROM pg_database
                WHERE datname ~ ('^' || $1 || '_v[0-9]+_app_[0-9]+$') ORDER BY 1";
    let rows = cluster.query(find, &[stem.into()]).await?;
    Ok(rows.iter().map(|row| row.get("name")).collect::<std::result::Result<_, SqlError>>()?)
}

/// Returns the copies and the replaced templates that interrupted runs have left on a cluster; none while a run is in
/// progress.
///
/// # Errors
/// [`Error::Unavailable`] if a store is unavailable.
pub async fn list_leftovers(context: &Context, cluster: &Cluster) -> Result<Vec<String>> {
    let is_running = "
        SELECT FROM pg_locks
        WHERE locktype = 'advisory' AND ((classid::bigint << 32) | objid::bigint) = hashtextextended($1, 0)";
    let catalog = context.catalog().await?;
    if catalog.query_first(is_running, &[TEMPLATE_LOCK.into()]).await?.is_some() {
        return Ok(Vec::new());
    }
    let server = cluster::connect(context, &cluster.location(context)?, None).await?;
    list_copies(&*server, context).await
}

/// Drops the databases of [`list_leftovers`], and returns their names.
///
/// # Errors
/// [`Error::Unavailable`] if a store is unavailable.
pub async fn repair_template(context: &Context, cluster: &Cluster) -> Result<Vec<String>> {
    let names = list_leftovers(context, cluster).await?;
    let server = cluster::connect(context, &cluster.location(context)?, None).await?;
    drop_all(&*server, &names).await?;
    Ok(names)
}

/// Ends all connections to a database, and refuses new ones.
async fn lock_out(cluster: &dyn Connection, name: &str) -> Result<()> {
    let refuse = format!("ALTER DATABASE {} ALLOW_CONNECTIONS false", identifier(name));
    cluster.execute(&refuse, &[]).await?;
    let end = "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity
               WHERE datname = $1 AND pid <> pg_backend_pid()";
    cluster.query(end, &[name.into()]).await?;
    Ok(())
}

/// Repeats a statement while a database is in use, because a tenant is being created from it.
async fn retry(
    context: &Context,
    statement: impl AsyncFn() -> std::result::Result<(), SqlError>,
) -> Result<()> {
    for _ in 0..ATTEMPTS {
        match statement().await {
            Err(error) if error.is(state::OBJECT_IN_USE) => {
                context.platform.executor.sleep(PAUSE).await;
            }
            outcome => return Ok(outcome?),
        }
    }
    Err(Error::unavailable("the template database is in use"))
}
