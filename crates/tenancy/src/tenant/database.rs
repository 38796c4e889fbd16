//! The location of a tenant's database, the connection to it, and the keys of its data.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use platform::sql::Connection;
use uuid::Uuid;

use super::{Tenant, TenantRecord};
use crate::{
    context::Context,
    crypto::{DataKeys, Purpose, Sealed, Sealer},
    database_location::{DatabaseLocation, TrustedLocation},
    error::{Error, Result},
    secret::Secret,
};

/// A connection to one tenant's database with the role of that tenant.
///
/// Creating one requires a resolved [`Tenant`], and all statements on users, sessions or files require one. This is the
/// first of the three defences that isolate tenants.
pub struct TenantDb {
    connection: Box<dyn Connection>,
}

impl TenantDb {
    /// Connects to the tenant's database.
    pub async fn connect(context: &Context, tenant: &Tenant) -> Result<Self> {
        Self::connect_to(context, tenant.record()).await
    }

    /// Connects to the database of a tenant in any state, for work of the service such as provisioning or repair.
    pub(crate) async fn connect_to(context: &Context, record: &TenantRecord) -> Result<Self> {
        let password = open_password(context, record)?;
        let url = record.database.url(&record.database.name, &record.database_role, password);
        let deadline = context.statement_deadline;
        let connection = context.platform.sql.connect(url.expose(), deadline).await?;
        Ok(Self { connection })
    }

    /// Returns the connection, for the repositories of the tenant's data.
    pub(crate) fn connection(&self) -> &dyn Connection {
        &*self.connection
    }
}

/// Unseals the password of a tenant's role.
///
/// # Errors
/// [`Error::Unavailable`] if the location was changed without resealing the password, [`Error::Internal`] for a
/// destroyed tenant.
pub(crate) fn open_password(context: &Context, record: &TenantRecord) -> Result<Secret> {
    let sealed = record
        .database_password
        .as_ref()
        .ok_or_else(|| Error::internal(format!("the database of {} is destroyed", record.id)))?;
    open_sealed_password(context, record, sealed)
}

/// Unseals a password that was sealed for a tenant's role.
pub(crate) fn open_sealed_password(
    context: &Context,
    record: &TenantRecord,
    sealed: &Sealed,
) -> Result<Secret> {
    let key = &context.master_key;
    let opened = if sealed.is_bound() {
        let port = record.database.port.to_string();
        let address = address(&record.database, &port, &record.database_role);
        key.open_for_address(Purpose::DatabasePassword, record.id, &address, sealed)
    } else if is_configured(context, &record.database) {
        key.open(Purpose::UnboundDatabasePassword, record.id, sealed)
    } else {
        Err(Error::internal(format!(
            "the password of {} is not bound to a location, and the settings do not contain {}:{}",
            record.id, record.database.host, record.database.port
        )))
    };
    // The caller is not at fault, and the operator can repair the problem.
    let password = opened.map_err(|error| match error {
        Error::Internal(reason) => Error::unavailable(format!(
            "{reason}. If the database was moved, run tenantctl relocate"
        )),
        other => other,
    })?;
    String::from_utf8(password.to_vec()).map(Secret::from).map_err(Error::internal)
}

/// Generates and seals a password for a tenant's role.
pub(crate) fn seal_new_password(
    context: &Context,
    tenant: Uuid,
    location: &DatabaseLocation,
    role: &str,
) -> Result<Sealed> {
    let password = random_password(context);
    seal_password(context, tenant, location, role, password.expose().as_bytes())
}

/// Generates a password for a role, with 256 random bits.
pub(crate) fn random_password(context: &Context) -> Secret {
    Secret::from(URL_SAFE_NO_PAD.encode(context.platform.random.bytes::<32>()))
}

/// Seals the password of a tenant's role for the location of its database.
pub(crate) fn seal_password(
    context: &Context,
    tenant: Uuid,
    location: &DatabaseLocation,
    role: &str,
    password: &[u8],
) -> Result<Sealed> {
    let port = location.port.to_string();
    let address = address(location, &port, role);
    let random = &*context.platform.random;
    context.master_key.seal_for_address(
        Purpose::DatabasePassword,
        tenant,
        &address,
        password,
        random,
    )
}

/// Reseals the password of a tenant's role with the current key and for its location. Returns `None` if this is not
/// necessary.
pub(crate) fn reseal_password(context: &Context, record: &TenantRecord) -> Result<Option<Sealed>> {
    let Some(sealed) = &record.database_password else { return Ok(None) };
    if sealed.is_bound() && context.master_key.sealer(&sealed.0) == Sealer::Current {
        return Ok(None);
    }
    let password = open_password(context, record)?;
    let password = password.expose().as_bytes();
    let role = &record.database_role;
    seal_password(context, record.id, &record.database, role, password).map(Some)
}

fn address<'a>(location: &'a DatabaseLocation, port: &'a str, role: &'a str) -> [&'a str; 5] {
    [&location.host, port, &location.name, &location.options, role]
}

/// Returns whether the settings contain the cluster of a location.
fn is_configured(context: &Context, location: &DatabaseLocation) -> bool {
    let catalog = &context.settings.master_database_url;
    let template = context.settings.tenant_database_template.cluster();
    [(&catalog.host, catalog.port), (&template.host, template.port)]
        .contains(&(&location.host, location.port))
}

impl TenantRecord {
    /// Returns the location of the database, if it is safe to send credentials to.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if the location was changed without resealing the password.
    pub fn trusted_location(&self, context: &Context) -> Result<TrustedLocation> {
        if self.database_password.is_some() || !is_configured(context, &self.database) {
            open_password(context, self)?;
        }
        Ok(TrustedLocation::confirmed_by_seal(self.database.clone()))
    }

    /// Returns the keys that seal the tenant's data.
    pub(crate) fn data_keys(&self, context: &Context) -> Result<DataKeys> {
        let sealed = self
            .data_key
            .as_ref()
            .ok_or_else(|| Error::internal(format!("the data of {} is destroyed", self.id)))?;
        DataKeys::open(&context.master_key, self.id, sealed)
    }
}

/// The sealed secrets of a new tenant.
pub(crate) struct SealedSecrets {
    pub(crate) database_password: Sealed,
    pub(crate) data_key: Sealed,
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use chrono::DateTime;

    use super::*;
    use crate::database_location::DatabaseTemplate;
    use crate::identifier::Slug;
    use crate::{
        input::Text as _,
        json::JsonText,
        settings::{Settings, tests::values},
        tenant::{Limits, Status},
    };
    use platform::Platform;

    fn context() -> Context {
        let values = values(&[
            ("MASTER_DATABASE_URL", "postgres://tenancy:secret@catalog/tenancy"),
            ("TENANT_DATABASE_TEMPLATE", "postgres://{role}:{password}@tenants/t_{tenant_slug}"),
        ]);
        let settings = Settings::parse(&values).unwrap();
        Context::new(Platform::native(String::new()), settings).unwrap()
    }

    fn at(host: &str) -> DatabaseLocation {
        let options = String::new();
        DatabaseLocation { host: host.to_owned(), port: 5432, name: "t_acme".to_owned(), options }
    }

    fn record(database: DatabaseLocation, sealed: &Sealed) -> TenantRecord {
        TenantRecord { database, database_password: Some(sealed.clone()), ..sample() }
    }

    // S39
    #[test]
    fn password_unseals_for_its_location_and_role_only() {
        let context = context();
        let id = sample().id;
        let sealed = seal_password(&context, id, &at("tenants"), "tenant_1", b"secret").unwrap();
        let good = record(at("tenants"), &sealed);
        assert_eq!(open_password(&context, &good).unwrap().expose(), "secret");
        assert!(good.trusted_location(&context).is_ok());
        assert!(reseal_password(&context, &good).unwrap().is_none());
        for changed in [
            record(at("catalog"), &sealed),
            record(DatabaseLocation { port: 5433, ..at("tenants") }, &sealed),
            record(DatabaseLocation { name: "t_other".to_owned(), ..at("tenants") }, &sealed),
            record(
                DatabaseLocation { options: "sslmode=disable".to_owned(), ..at("tenants") },
                &sealed,
            ),
            TenantRecord { database_role: "tenant_2".to_owned(), ..good.clone() },
            TenantRecord { id: Uuid::from_u128(2), ..good },
        ] {
            let refused = open_password(&context, &changed);
            assert!(matches!(refused, Err(Error::Unavailable { .. })), "{changed:?}");
            assert!(changed.trusted_location(&context).is_err(), "{changed:?}");
        }
    }

    #[test]
    fn unbound_password_unseals_on_configured_clusters_only() {
        let context = context();
        let (key, random) = (&context.master_key, &*context.platform.random);
        let unbound = Purpose::UnboundDatabasePassword;
        let sealed = key.seal(unbound, sample().id, b"secret", random).unwrap();
        assert!(open_password(&context, &record(at("elsewhere"), &sealed)).is_err());
        assert!(record(at("elsewhere"), &sealed).trusted_location(&context).is_err());
        let old = record(at("tenants"), &sealed);
        assert_eq!(open_password(&context, &old).unwrap().expose(), "secret");
        let bound = reseal_password(&context, &old).unwrap().unwrap();
        assert!(bound.is_bound());
        let new = record(at("tenants"), &bound);
        assert_eq!(open_password(&context, &new).unwrap().expose(), "secret");
        // Neither format is accepted instead of the other.
        assert!(key.open(unbound, sample().id, &bound).is_err());
    }

    fn sample() -> TenantRecord {
        let limits = Limits::from_plan(|_| Ok::<_, Infallible>(1)).unwrap();
        TenantRecord {
            id: Uuid::from_u128(1),
            slug: slug("acme"),
            name: "Acme".to_owned(),
            status: Status::Active,
            admin_email: "admin@acme.example".to_owned(),
            domain: None,
            domains: Vec::new(),
            plan: "free".to_owned(),
            limits,
            settings: JsonText::default(),
            private_settings: JsonText::default(),
            definitions: crate::access::Definitions::default(),
            version: 1,
            database: at("tenants"),
            database_role: "tenant_1".to_owned(),
            database_password: None,
            data_key: None,
            created_at: DateTime::UNIX_EPOCH,
            updated_at: DateTime::UNIX_EPOCH,
        }
    }

    fn slug(text: &str) -> Slug {
        Slug::parse(text).unwrap()
    }

    #[test]
    fn template_gives_each_tenant_a_database() {
        let template =
            "postgresql://{role}:{password}@db.internal:6432/tenant_{tenant_slug}?sslmode=require";
        let template = DatabaseTemplate::parse(template).unwrap();
        let location = template.location(Uuid::from_u128(1), &slug("acme-corp"));
        assert_eq!((location.host.as_str(), location.port), ("db.internal", 6432));
        assert_eq!(location.name, "tenant_acme-corp");
        assert!(template.account_at(&location).is_none());
        let url = location.url(&location.name, "tenant_1", Secret::from("p@ss/word?".to_owned()));
        assert_eq!(
            url.expose(),
            "postgres://tenant_1:p%40ss%2Fword%3F@db.internal:6432/tenant_acme-corp?sslmode=require"
        );
    }

    #[test]
    fn explicit_account_creates_the_databases() {
        let template =
            DatabaseTemplate::parse("postgres://maker:s%40cret@other/t_{tenant_slug}").unwrap();
        let location = template.location(Uuid::from_u128(1), &slug("acme"));
        let (user, password) = template.account_at(&location).unwrap();
        assert_eq!((user, password.expose()), ("maker", "s@cret"));
        // The account does not apply to tenants that an earlier template has placed.
        let elsewhere = DatabaseLocation { host: "before".to_owned(), ..location };
        assert!(template.account_at(&elsewhere).is_none());
    }

    #[test]
    fn invalid_template_is_refused() {
        for text in [
            "",
            "tenant_{tenant_slug}",
            "mysql://host/t_{tenant_slug}",
            "postgres:///t_{tenant_slug}",
            "postgres://host/tenants",
            "postgres://{tenant_slug}@host/tenants",
            "postgres://host/t_{tenant_slug}_{other}",
            "postgres://host/a/{tenant_slug}",
            "postgres://host/\"_{tenant_slug}",
        ] {
            assert!(DatabaseTemplate::parse(text).is_err(), "{text}");
        }
    }
}
