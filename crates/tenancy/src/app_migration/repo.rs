//! The state of an application's migrations in the catalog.

use std::collections::HashMap;

use platform::sql::{Connection, SqlError, Statement};
use uuid::Uuid;

use super::MigrationFile;
use crate::error::Result;

/// The state of one tenant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct State {
    /// The version of the schema `app`; 0 before the first file.
    pub version: i32,
    /// The checksum of all files up to the version.
    pub checksum: String,
    /// The reason why the next file failed.
    pub failure: Option<String>,
}

/// The template database after its last migration.
#[derive(Debug, Clone)]
pub struct Template {
    /// The version of its schema `app`.
    pub version: i32,
    /// The checksum of all files up to the version.
    pub checksum: String,
    /// The name of the database. A new version of the service has a new template.
    pub name: String,
    /// The schema `app` as lines of text.
    pub description: String,
}

/// Returns the names of the files that ran in some database and were changed or removed since then.
pub async fn list_changed_files(
    catalog: &dyn Connection,
    files: &[MigrationFile],
) -> Result<Vec<String>> {
    let rows =
        catalog.query("SELECT version, name, checksum FROM app_migration_files", &[]).await?;
    let mut known = HashMap::new();
    for row in &rows {
        let (version, name): (i32, String) = (row.get("version")?, row.get("name")?);
        known.insert(version, (name, row.get::<String>("checksum")?));
    }
    let mut changed: Vec<_> = known
        .iter()
        .filter(|(version, _)| files.iter().all(|file| file.version != **version))
        .map(|(_, (name, _))| name.clone())
        .collect();
    for file in files {
        match known.get(&file.version) {
            Some((name, checksum)) if *checksum != file.checksum() => changed.push(name.clone()),
            _ => {}
        }
    }
    changed.sort();
    Ok(changed)
}

/// Records files that ran in some database, so that nobody changes them.
pub async fn record_files(catalog: &dyn Connection, files: &[MigrationFile]) -> Result<()> {
    for file in files {
        let statement =
            "INSERT INTO app_migration_files (version, name, checksum) VALUES ($1, $2, $3)
                         ON CONFLICT DO NOTHING";
        let checksum = file.checksum();
        let parameters = [file.version.into(), file.name.as_str().into(), checksum.as_str().into()];
        catalog.execute(statement, &parameters).await?;
    }
    Ok(())
}

/// Returns the states of all tenants that have one.
pub async fn list_states(catalog: &dyn Connection) -> Result<HashMap<Uuid, State>> {
    let statement = "SELECT tenant_id, version, checksum, failure FROM app_migration_states";
    let rows = catalog.query(statement, &[]).await?;
    let states = rows.iter().map(|row| {
        let state = State {
            version: row.get("version")?,
            checksum: row.get("checksum")?,
            failure: row.get("failure")?,
        };
        Ok((row.get("tenant_id")?, state))
    });
    Ok(states.collect::<Result<_, SqlError>>()?)
}

/// Records the state of a tenant.
pub async fn record_state(catalog: &dyn Connection, tenant: Uuid, state: &State) -> Result<()> {
    let statement = "
        INSERT INTO app_migration_states (tenant_id, version, checksum, failure)
        SELECT :tenant::uuid, :version::integer, :checksum::text, :failure::text
        WHERE EXISTS (SELECT FROM tenants WHERE id = :tenant)
        ON CONFLICT (tenant_id) DO UPDATE
        SET version = excluded.version, checksum = excluded.checksum, failure = excluded.failure, updated_at = now()";
    let statement = Statement::new(statement)
        .bind("tenant", tenant)
        .bind("version", state.version)
        .bind("checksum", state.checksum.as_str())
        .bind("failure", state.failure.as_deref());
    statement.execute(catalog).await?;
    Ok(())
}

/// Records why a tenant could not be migrated, without changing its version.
pub async fn record_failure(catalog: &dyn Connection, tenant: Uuid, failure: &str) -> Result<()> {
    let statement = "
        INSERT INTO app_migration_states (tenant_id, version, checksum, failure)
        SELECT :tenant::uuid, 0, '', :failure::text WHERE EXISTS (SELECT FROM tenants WHERE id = :tenant)
        ON CONFLICT (tenant_id) DO UPDATE SET failure = excluded.failure, updated_at = now()";
    Statement::new(statement)
        .bind("tenant", tenant)
        .bind("failure", failure)
        .execute(catalog)
        .await?;
    Ok(())
}

/// Returns the template database of a cluster after its last migration.
pub async fn read_template(catalog: &dyn Connection, cluster: Uuid) -> Result<Option<Template>> {
    let statement = "SELECT version, checksum, template_name, description FROM app_template
                     WHERE cluster_id = $1";
    let row = catalog.query_first(statement, &[cluster.into()]).await?;
    let template = row.map(|row| {
        Ok::<_, SqlError>(Template {
            version: row.get("version")?,
            checksum: row.get("checksum")?,
            name: row.get("template_name")?,
            description: row.get("description")?,
        })
    });
    Ok(template.transpose()?)
}

/// Records the template database of a cluster after its migration.
pub(super) async fn record_template(
    catalog: &dyn Connection,
    cluster: Uuid,
    template: &Template,
) -> Result<()> {
    let statement = "
        INSERT INTO app_template (version, checksum, template_name, description, cluster_id)
        VALUES ($1, $2, $3, $4, $5)
        ON CONFLICT (cluster_id) DO UPDATE
        SET version = excluded.version, checksum = excluded.checksum, template_name = excluded.template_name,
            description = excluded.description";
    let parameters = [
        template.version.into(),
        template.checksum.as_str().into(),
        template.name.as_str().into(),
        template.description.as_str().into(),
        cluster.into(),
    ];
    catalog.execute(statement, &parameters).await?;
    Ok(())
}
