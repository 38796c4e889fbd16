//! Where a tenant's database is, the connection to it, and what opens its data.

use serde::{Deserialize, Serialize};

use super::{Slug, Tenant, TenantRecord};
use crate::{
    crypto::{DataKeys, Purpose, Sealed},
    error::{Error, Result},
    platform::sql::{Connection, STATEMENT_DEADLINE},
    postgres_url::PostgresUrl,
    settings::Secret,
    tenancy::Tenancy,
};

/// Where new tenants' databases are made: a `postgres://` URL with `{tenant_slug}` in the name of
/// the database.
///
/// A user and a password that are written out are the account that makes databases there. With
/// `{role}:{password}`, or with neither, it is the catalog's own account. What a tenant connects
/// with is always a role of its own.
#[derive(Debug, Clone)]
pub struct DatabaseTemplate(PostgresUrl);

impl DatabaseTemplate {
    /// A template from the text of the setting, or what is wrong with it.
    pub fn parse(text: &str) -> Result<Self, String> {
        let url = PostgresUrl::parse(text)
            .ok_or("must be like postgres://{role}:{password}@host:5432/tenant_{tenant_slug}")?;
        if !url.database.contains("{tenant_slug}") {
            return Err("must have {tenant_slug} in the name of the database".to_owned());
        }
        let longest = url.database.replace("{tenant_slug}", &"x".repeat(56));
        if longest.len() > 63 || longest.contains(['/', '"', '{', '}', '\0']) {
            return Err(
                "must give the database a name of at most 63 bytes for a slug of 56".to_owned()
            );
        }
        Ok(Self(url))
    }

    /// Where the database of a new tenant will be.
    pub fn location(&self, slug: &Slug) -> DatabaseLocation {
        let name = self.0.database.replace("{tenant_slug}", slug.as_str());
        DatabaseLocation { name, ..self.cluster() }
    }

    /// The cluster that new tenants' databases are made on. No database there is meant.
    pub fn cluster(&self) -> DatabaseLocation {
        DatabaseLocation {
            host: self.0.host.clone(),
            port: self.0.port,
            name: String::new(),
            options: self.0.options.clone(),
        }
    }

    /// The account that makes databases where this template points, if it is written out.
    pub fn account_at(&self, location: &DatabaseLocation) -> Option<(&str, &Secret)> {
        let here = self.0.host == location.host && self.0.port == location.port;
        let written_out = !matches!(self.0.user.as_str(), "" | "{role}");
        (here && written_out).then_some((self.0.user.as_str(), &self.0.password))
    }
}

/// Where a database is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DatabaseLocation {
    /// The host of its cluster.
    pub host: String,
    /// The port of its cluster.
    pub port: u16,
    /// Its name.
    pub name: String,
    /// Options of the connection, as the query of a URL: `sslmode=require`.
    pub options: String,
}

impl DatabaseLocation {
    /// The URL that connects `user` to the database `name` of the same cluster.
    pub fn url(&self, name: &str, user: &str, password: Secret) -> Secret {
        let url = PostgresUrl {
            user: user.to_owned(),
            password,
            host: self.host.clone(),
            port: self.port,
            database: name.to_owned(),
            options: self.options.clone(),
        };
        url.to_text()
    }
}

/// A connection to one tenant's database, as that tenant's own role.
///
/// It can only be had for a resolved [`Tenant`], and no statement on users, sessions or files takes
/// anything else: this is the first of the three lines that keep tenants apart.
pub struct TenantDb {
    connection: Box<dyn Connection>,
}

impl TenantDb {
    /// Connects to the tenant's database.
    pub async fn connect(tenancy: &Tenancy, tenant: &Tenant) -> Result<Self> {
        Self::connect_to(tenancy, tenant.record()).await
    }

    /// Connects to the database of a tenant that the service itself works on, in whatever state it is:
    /// while it is provisioned, or repaired.
    pub(crate) async fn connect_to(tenancy: &Tenancy, record: &TenantRecord) -> Result<Self> {
        let password = open_password(tenancy, record)?;
        let url = record.database.url(&record.database.name, &record.database_role, password);
        let connection = tenancy.platform.sql.connect(url.expose(), STATEMENT_DEADLINE).await?;
        Ok(Self { connection })
    }

    /// The connection, for the repositories of what is in it.
    pub(crate) fn connection(&self) -> &dyn Connection {
        &*self.connection
    }
}

/// The password of a tenant's role.
pub(super) fn open_password(tenancy: &Tenancy, record: &TenantRecord) -> Result<Secret> {
    let sealed = record
        .database_password
        .as_ref()
        .ok_or_else(|| Error::internal(format!("the database of {} is destroyed", record.id)))?;
    let password = tenancy.master_key.open(Purpose::DatabasePassword, record.id, sealed)?;
    String::from_utf8(password.to_vec()).map(Secret::from).map_err(Error::internal)
}

impl TenantRecord {
    /// The keys that seal its data.
    pub(crate) fn data_keys(&self, tenancy: &Tenancy) -> Result<DataKeys> {
        let sealed = self
            .data_key
            .as_ref()
            .ok_or_else(|| Error::internal(format!("the data of {} is destroyed", self.id)))?;
        DataKeys::open(&tenancy.master_key, self.id, sealed)
    }
}

/// What the catalog says of a tenant's secrets, for the one statement that writes them.
pub(super) struct SealedSecrets {
    pub(super) database_password: Sealed,
    pub(super) data_key: Sealed,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::fields::Text as _;

    fn slug(text: &str) -> Slug {
        Slug::parse(text).unwrap()
    }

    #[test]
    fn a_template_gives_each_tenant_a_database() {
        let template =
            "postgresql://{role}:{password}@db.internal:6432/tenant_{tenant_slug}?sslmode=require";
        let template = DatabaseTemplate::parse(template).unwrap();
        let location = template.location(&slug("acme-corp"));
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
    fn an_account_that_is_written_out_makes_the_databases() {
        let template =
            DatabaseTemplate::parse("postgres://maker:s%40cret@other/t_{tenant_slug}").unwrap();
        let location = template.location(&slug("acme"));
        let (user, password) = template.account_at(&location).unwrap();
        assert_eq!((user, password.expose()), ("maker", "s@cret"));
        // Not where tenants are that an earlier template has placed.
        let elsewhere = DatabaseLocation { host: "before".to_owned(), ..location };
        assert!(template.account_at(&elsewhere).is_none());
    }

    #[test]
    fn what_is_no_template_is_refused() {
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
