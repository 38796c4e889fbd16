//! SQL statements that create a tenant: reservation, look-up by a later call, and activation.

use platform::sql::{Connection, Rows, SqlError, Statement};
use uuid::Uuid;

use crate::{
    api_key::ApiKey,
    crypto::{Fingerprints, Sealed},
    database_location::DatabaseLocation,
    error::Result,
    event::{Entry, outbox},
    identifier::{Domain, Slug},
    json::JsonText,
    tenant::{
        Operation, Status, TenantRecord, database,
        repo::{SELECT, read, record, refused},
    },
};

/// The result of a reservation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reserved {
    /// All names are reserved.
    Yes,
    /// The slug or the database name derived from it is taken. Nothing was written.
    SlugTaken,
    /// Another call has used the idempotency key. Nothing was written.
    IdempotencyKeyUsed,
}

/// The data that the first statement stores.
pub struct Reservation {
    pub(crate) id: Uuid,
    pub(crate) slug: Slug,
    pub(crate) name: String,
    pub(crate) admin_email: String,
    pub(crate) domains: Vec<Domain>,
    pub(crate) settings: JsonText,
    pub(crate) private_settings: JsonText,
    pub(crate) plan: Option<String>,
    pub(crate) location: DatabaseLocation,
    pub(crate) database_role: String,
    pub(crate) secrets: database::SealedSecrets,
    pub(crate) request_hash: [u8; 32],
    pub(crate) idempotency_key: Option<String>,
}

/// The first API key of a new tenant.
pub struct FirstApiKey {
    pub(crate) id: Uuid,
    pub(crate) name: &'static str,
    pub(crate) key: ApiKey,
    pub(crate) scopes: Vec<String>,
}

/// Reserves the slug, domains, database and role of a new tenant in the state `provisioning`.
pub async fn reserve(catalog: &dyn Connection, reservation: &Reservation) -> Result<Reserved> {
    let statement = "
        WITH tenant AS (
            INSERT INTO tenants (id, slug, name, status, admin_email, plan, settings,
                                 settings_text, private_settings, private_settings_text,
                                 database_host, database_port, database_name, database_options,
                                 database_role, database_password, data_key, request_hash)
            VALUES (:id, :slug, :name, 'provisioning', :admin_email,
                    COALESCE(:plan::text, (SELECT name FROM plans WHERE is_default)),
                    :settings::text::jsonb, :settings, :private_settings::text::jsonb,
                    :private_settings, :host, :port, :database, :options, :role, :password,
                    :data_key, :request_hash)
            ON CONFLICT DO NOTHING
            RETURNING id
        ), domains AS (
            INSERT INTO tenant_domains (domain, tenant_id, is_primary)
            SELECT d.domain, tenant.id, d.place = 1
            FROM tenant, unnest(:domains::text[]) WITH ORDINALITY AS d (domain, place)
        ), idempotency AS (
            INSERT INTO idempotency_keys (operation, key, request_hash, tenant_id)
            SELECT 'create tenant', :idempotency_key::text, :request_hash, id FROM tenant
            WHERE :idempotency_key IS NOT NULL
        )
        SELECT id FROM tenant";
    let Reservation { location, secrets, .. } = reservation;
    let domains: Vec<String> =
        reservation.domains.iter().map(|domain| domain.as_str().to_owned()).collect();
    let statement = Statement::new(statement)
        .bind("id", reservation.id)
        .bind("slug", reservation.slug.as_str())
        .bind("name", reservation.name.as_str())
        .bind("admin_email", reservation.admin_email.as_str())
        .bind("plan", reservation.plan.clone())
        .bind("settings", reservation.settings.as_str())
        .bind("host", location.host.as_str())
        .bind("port", i32::from(location.port))
        .bind("database", location.name.as_str())
        .bind("options", location.options.as_str())
        .bind("role", reservation.database_role.as_str())
        .bind("password", secrets.database_password.0.clone())
        .bind("data_key", secrets.data_key.0.clone())
        .bind("request_hash", reservation.request_hash.as_slice())
        .bind("domains", domains)
        .bind("idempotency_key", reservation.idempotency_key.clone())
        .bind("private_settings", reservation.private_settings.as_str());
    match statement.query_first(catalog).await {
        Ok(Some(_)) => Ok(Reserved::Yes),
        Ok(None) => Ok(Reserved::SlugTaken),
        Err(error) => match error.constraint() {
            Some("idempotency_keys_pkey") => Ok(Reserved::IdempotencyKeyUsed),
            // The former slug of another tenant.
            Some("tenant_former_slugs_pkey") => Ok(Reserved::SlugTaken),
            _ => Err(refused(error)),
        },
    }
}

/// Returns the tenant with this slug if it is still being provisioned for the same request.
pub async fn find_unfinished(
    catalog: &dyn Connection,
    slug: &Slug,
    request: &Fingerprints,
) -> Result<Option<TenantRecord>> {
    let statement = format!(
        "{SELECT} WHERE t.slug = $1 AND t.status = 'provisioning'
                    AND encode(t.request_hash, 'hex') = ANY($2::text[])"
    );
    let parameters = [slug.as_str().into(), request.to_texts().into()];
    read(catalog, &statement, &parameters).await
}

/// Returns the tenants that have been in the state `provisioning` for at least `minutes`.
pub async fn list_unfinished(catalog: &dyn Connection, minutes: i64) -> Result<Rows<TenantRecord>> {
    let statement = format!(
        "{SELECT} WHERE t.status = 'provisioning'
                    AND NOT EXISTS (SELECT FROM tenant_imports i WHERE i.tenant_id = t.id)
                    AND t.updated_at <= now() - make_interval(mins => $1::bigint::int)
         ORDER BY t.created_at"
    );
    let rows = catalog.query(&statement, &[minutes.into()]).await?;
    Ok(Rows::read(&rows, record))
}

/// Returns the roles of the tenants that are no longer being provisioned.
pub async fn list_finished_roles(catalog: &dyn Connection) -> Result<Vec<String>> {
    let statement = "SELECT database_role FROM tenants WHERE status <> 'provisioning'";
    let rows = catalog.query(statement, &[]).await?;
    Ok(rows.iter().map(|row| row.get("database_role")).collect::<Result<_, SqlError>>()?)
}

/// The data of an activation.
pub struct Activation<'a> {
    /// The tenant.
    pub tenant: Uuid,
    /// The first API key.
    pub api_key: &'a FirstApiKey,
    /// The sealed response, for replays.
    pub answer: &'a Sealed,
    /// The idempotency key of the activating call.
    pub idempotency_key: Option<&'a str>,
    /// The audit event.
    pub entry: &'a Entry,
}

/// Completes the provisioning of a tenant in one statement: activates it, creates its first API key, and stores the
/// response for the idempotency keys of its requests. Returns `false` and writes nothing if the tenant is no longer
/// being provisioned.
pub async fn activate(catalog: &dyn Connection, activation: &Activation<'_>) -> Result<bool> {
    let statement = "
        WITH activated AS (
            UPDATE tenants SET status = :status::text
            WHERE id = :tenant AND status = ANY(:sources::text[])
            RETURNING id, request_hash
        ), api_key AS (
            INSERT INTO tenant_api_keys (id, tenant_id, name, environment, key_hash, prefix, scopes)
            SELECT :key_id::uuid, id, :name::text, :environment::text, :hash::bytea, :prefix::text,
                   :scopes::text[]
            FROM activated
        ), answered AS (
            UPDATE idempotency_keys SET answer = :answer
            WHERE tenant_id = :tenant AND operation = 'create tenant'
              AND EXISTS (SELECT FROM activated)
        ), recorded AS (
            -- For a call with a key that continued a call without one.
            INSERT INTO idempotency_keys (operation, key, request_hash, tenant_id, answer)
            SELECT 'create tenant', :idempotency_key::text, request_hash, id, :answer FROM activated
            WHERE :idempotency_key IS NOT NULL
            ON CONFLICT DO NOTHING
        ), audited AS (
            INSERT INTO audit_outbox (id, tenant_id, entry)
            SELECT :entry_id::uuid, :entry_tenant::uuid, :entry::jsonb FROM activated
        )
        SELECT id FROM activated";
    let Activation { tenant, api_key, answer, idempotency_key, entry } = activation;
    let statement = Statement::new(statement)
        .bind("tenant", *tenant)
        .bind("status", Operation::FinishProvisioning.target().map(Status::as_str))
        .bind("sources", Operation::FinishProvisioning.sources())
        .bind("key_id", api_key.id)
        .bind("name", api_key.name)
        .bind("environment", api_key.key.environment().as_str())
        .bind("hash", api_key.key.hash().as_slice())
        .bind("prefix", api_key.key.prefix())
        .bind("scopes", api_key.scopes.clone())
        .bind("answer", answer.0.clone())
        .bind("idempotency_key", *idempotency_key)
        .bind_all(outbox::bindings(entry));
    Ok(statement.query_first(catalog).await?.is_some())
}

/// The stored data of an idempotency key.
pub struct RememberedCreation {
    /// The fingerprint of the request that used the key.
    pub request_hash: Vec<u8>,
    /// The tenant that the request creates.
    pub tenant: Uuid,
    /// The sealed response, for replays. `None` until the tenant is active.
    pub answer: Option<Sealed>,
}

/// Returns the stored data of an idempotency key from the last 24 hours, or `None` if the key is new.
pub async fn find_creation(
    catalog: &dyn Connection,
    idempotency_key: &str,
) -> Result<Option<RememberedCreation>> {
    let statement = "
        WITH forgotten AS (
            DELETE FROM idempotency_keys
            WHERE operation = 'create tenant' AND key = $1
              AND created_at <= now() - interval '24 hours'
        )
        SELECT request_hash, tenant_id, answer FROM idempotency_keys
        WHERE operation = 'create tenant' AND key = $1
          AND created_at > now() - interval '24 hours'";
    let Some(row) = catalog.query_first(statement, &[idempotency_key.into()]).await? else {
        return Ok(None);
    };
    Ok(Some(RememberedCreation {
        request_hash: row.get("request_hash")?,
        tenant: row.get("tenant_id")?,
        answer: row.get::<Option<Vec<u8>>>("answer")?.map(Sealed),
    }))
}

/// Deletes expired idempotency keys and returns how many were deleted.
pub async fn forget_idempotency_keys(catalog: &dyn Connection) -> Result<i64> {
    let statement = "DELETE FROM idempotency_keys WHERE created_at <= now() - interval '24 hours'";
    let forgotten = catalog.execute(statement, &[]).await?;
    Ok(i64::try_from(forgotten).unwrap_or(i64::MAX))
}
