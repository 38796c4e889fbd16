//! The statements on `database_clusters`. Only this module contains them.

use platform::sql::{Connection, Row, SqlError, Statement};
use uuid::Uuid;

use super::{Cluster, ClusterName};
use crate::{
    crypto::{HEAD, Sealed},
    database_location::PublicHost,
    error::Result,
    event::{Entry, outbox},
    input::Text as _,
};

const COLUMNS: &str = "id, name, host, port, template, public_host, weight, is_draining";

/// Returns all clusters, the default one first, and then by name.
pub async fn list(catalog: &dyn Connection) -> Result<Vec<Cluster>> {
    let statement = format!(
        "SELECT {COLUMNS} FROM database_clusters ORDER BY template IS NOT NULL, name COLLATE \"C\""
    );
    let rows = catalog.query(&statement, &[]).await?;
    Ok(rows.iter().map(cluster).collect::<Result<_, SqlError>>()?)
}

/// Returns the cluster with a name, if there is one.
pub async fn find(catalog: &dyn Connection, name: &ClusterName) -> Result<Option<Cluster>> {
    let statement = format!("SELECT {COLUMNS} FROM database_clusters WHERE name = $1");
    let row = catalog.query_first(&statement, &[name.as_str().into()]).await?;
    Ok(row.as_ref().map(cluster).transpose()?)
}

/// Returns the added cluster at an address, if there is one.
pub async fn find_at(catalog: &dyn Connection, host: &str, port: u16) -> Result<Option<Cluster>> {
    let statement =
        format!("SELECT {COLUMNS} FROM database_clusters WHERE host = $1 AND port = $2");
    let row = catalog.query_first(&statement, &[host.into(), i32::from(port).into()]).await?;
    Ok(row.as_ref().map(cluster).transpose()?)
}

/// Adds a cluster, or replaces the template and the public address of the cluster with the same name and address. A new
/// cluster is draining. Returns `false` if another cluster has the name or the address. Nothing was written then.
pub async fn put(catalog: &dyn Connection, cluster: &Cluster, entry: &Entry) -> Result<bool> {
    let statement = format!(
        "WITH written AS (
             INSERT INTO database_clusters AS c (id, name, host, port, template, public_host, weight, is_draining)
             VALUES (:id::uuid, :name::text, :host::text, :port::integer, :template::bytea, :public_host::text,
                     :weight::integer, true)
             ON CONFLICT (name) DO UPDATE
             SET template = excluded.template, public_host = excluded.public_host, weight = excluded.weight
             WHERE c.host = excluded.host AND c.port = excluded.port AND c.id = excluded.id
             RETURNING id
         ), {}
         SELECT id FROM written",
        outbox::recorded_if("written")
    );
    let (host, port) = cluster.address.clone().unzip();
    let statement = Statement::new(statement)
        .bind("id", cluster.id)
        .bind("name", cluster.name.as_str())
        .bind("host", host)
        .bind("port", port.map(i32::from))
        .bind("template", cluster.sealed_template.as_ref().map(|sealed| sealed.0.clone()))
        .bind("public_host", cluster.public_host.as_ref().map(ToString::to_string))
        .bind("weight", i32::try_from(cluster.weight).unwrap_or(i32::MAX))
        .bind_all(outbox::bindings(entry));
    match statement.query_first(catalog).await {
        Ok(row) => Ok(row.is_some()),
        Err(error) if error.constraint() == Some("database_clusters_host_port_key") => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// Lets a cluster accept new tenants, or not. Returns `false` if there is no such cluster.
pub async fn set_draining(
    catalog: &dyn Connection,
    id: Uuid,
    is_draining: bool,
    entry: &Entry,
) -> Result<bool> {
    let statement = format!(
        "WITH changed AS (
             UPDATE database_clusters SET is_draining = :is_draining WHERE id = :id RETURNING id
         ), {}
         SELECT id FROM changed",
        outbox::recorded_if("changed")
    );
    let statement = Statement::new(statement)
        .bind("id", id)
        .bind("is_draining", is_draining)
        .bind_all(outbox::bindings(entry));
    Ok(statement.query_first(catalog).await?.is_some())
}

/// Changes the share of new tenants of a cluster.
pub async fn set_weight(
    catalog: &dyn Connection,
    id: Uuid,
    weight: u32,
    entry: &Entry,
) -> Result<bool> {
    let statement = format!(
        "WITH changed AS (
             UPDATE database_clusters SET weight = :weight WHERE id = :id RETURNING id
         ), {}
         SELECT id FROM changed",
        outbox::recorded_if("changed")
    );
    let statement = Statement::new(statement)
        .bind("id", id)
        .bind("weight", i32::try_from(weight).unwrap_or(i32::MAX))
        .bind_all(outbox::bindings(entry));
    Ok(statement.query_first(catalog).await?.is_some())
}

/// Removes an added cluster that is draining and has no tenant, also not as the target or the source of a move. Returns
/// `false` and removes nothing otherwise.
pub async fn remove(catalog: &dyn Connection, id: Uuid, entry: &Entry) -> Result<bool> {
    let statement = format!(
        "WITH removed AS (
             DELETE FROM database_clusters c
             WHERE c.id = :id AND c.template IS NOT NULL AND c.is_draining
               AND NOT EXISTS (SELECT FROM tenants t WHERE t.database_host = c.host AND t.database_port = c.port)
               AND NOT EXISTS (SELECT FROM tenant_moves m
                               WHERE (m.target_host, m.target_port) = (c.host, c.port)
                                  OR (m.source_host, m.source_port) = (c.host, c.port))
             RETURNING c.id
         ), {}
         SELECT id FROM removed",
        outbox::recorded_if("removed")
    );
    let statement = Statement::new(statement).bind("id", id).bind_all(outbox::bindings(entry));
    Ok(statement.query_first(catalog).await?.is_some())
}

/// Returns the number of tenants, in any state, whose databases are at an address.
pub async fn count_tenants(catalog: &dyn Connection, host: &str, port: u16) -> Result<i64> {
    let statement = "SELECT count(*) AS total FROM tenants
                     WHERE database_host = $1 AND database_port = $2";
    let row = catalog.query_first(statement, &[host.into(), i32::from(port).into()]).await?;
    Ok(row.map_or(Ok(0), |row| row.get("total"))?)
}

/// Returns the added clusters whose templates do not begin with this head.
pub(crate) async fn list_sealed_otherwise(
    catalog: &dyn Connection,
    head: [u8; HEAD],
) -> Result<Vec<Cluster>> {
    let statement = format!(
        "SELECT {COLUMNS} FROM database_clusters WHERE substring(template FOR {HEAD}) <> $1::bytea"
    );
    let rows = catalog.query(&statement, &[head.as_slice().into()]).await?;
    Ok(rows.iter().map(cluster).collect::<Result<_, SqlError>>()?)
}

/// Replaces the seal of the same template. Returns `false` if the row has changed or was removed.
pub(crate) async fn replace_template(
    catalog: &dyn Connection,
    id: Uuid,
    old: &Sealed,
    new: &Sealed,
) -> Result<bool> {
    let statement = "UPDATE database_clusters SET template = $3 WHERE id = $1 AND template = $2";
    let parameters = [id.into(), old.0.clone().into(), new.0.clone().into()];
    Ok(catalog.execute(statement, &parameters).await? == 1)
}

fn cluster(row: &Row) -> Result<Cluster, SqlError> {
    let invalid = |column: &str| SqlError::Decode(format!("a cluster has an invalid {column}"));
    let name: String = row.get("name")?;
    let port: Option<i32> = row.get("port")?;
    let port = port.map(u16::try_from).transpose().map_err(|_| invalid("port"))?;
    let public: Option<String> = row.get("public_host")?;
    let public = public.map(|text| PublicHost::parse(&text)).transpose();
    Ok(Cluster {
        id: row.get("id")?,
        name: ClusterName::parse(&name).map_err(|_| invalid("name"))?,
        address: row.get::<Option<String>>("host")?.zip(port),
        sealed_template: row.get::<Option<Vec<u8>>>("template")?.map(Sealed),
        public_host: public.map_err(|_| invalid("public host"))?,
        weight: u32::try_from(row.get::<i32>("weight")?).map_err(|_| invalid("weight"))?,
        is_draining: row.get("is_draining")?,
    })
}
