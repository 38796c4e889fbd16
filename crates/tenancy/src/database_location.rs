//! The locations of tenants' databases.

use std::{fmt, ops::Deref};

use serde::{Deserialize, Serialize};

use uuid::Uuid;

use crate::{identifier::Slug, postgres_url::PostgresUrl, secret::Secret};

/// The part of a database name that stands for the id of the tenant.
const ID: &str = "{tenant_id}";
/// The part of a database name that stands for the slug of the tenant.
const SLUG: &str = "{tenant_slug}";

/// The value in components that do not get the setting.
pub(crate) const WITHHELD: &str = "postgres://withheld.invalid/{tenant_slug}";

/// The setting that determines the databases of new tenants: a `postgres://` URL with `{tenant_id}` or `{tenant_slug}`
/// in the database name. Every role of the cluster can read the names of all databases, so the id reveals less.
///
/// An explicit user and password belong to the account that creates the databases. With `{role}:{password}`, or without
/// both, the catalog's account creates them. Each tenant always connects with a separate role.
#[derive(Debug, Clone)]
pub struct DatabaseTemplate(PostgresUrl);

impl DatabaseTemplate {
    /// Parses the setting. Returns the problem as a phrase that follows the name of the setting.
    pub fn parse(text: &str) -> Result<Self, String> {
        let url = PostgresUrl::parse(text).ok_or(
            "must have the form postgres://{role}:{password}@host:5432/tenant_{tenant_id}",
        )?;
        if !url.database.contains(ID) && !url.database.contains(SLUG) {
            return Err("must have {tenant_id} or {tenant_slug} in the database name".to_owned());
        }
        let longest = url.database.replace(ID, &"x".repeat(32)).replace(SLUG, &"x".repeat(56));
        if longest.len() > 63 || longest.contains(['/', '"', '{', '}', '\0']) {
            return Err(
                "must result in a database name of at most 63 bytes for a slug of 56 bytes"
                    .to_owned(),
            );
        }
        Ok(Self(url))
    }

    /// Returns whether this component does not get the setting, and therefore reaches no tenant's database.
    pub fn is_withheld(&self) -> bool {
        WITHHELD.contains(&format!("//{}/", self.0.host))
    }

    /// Returns whether the names of databases contain the slugs of their tenants.
    pub fn reveals_slugs(&self) -> bool {
        self.0.database.contains(SLUG)
    }

    /// Returns the location for the database of a new tenant.
    pub fn location(&self, id: Uuid, slug: &Slug) -> DatabaseLocation {
        let id = id.simple().to_string();
        let name = self.0.database.replace(ID, &id).replace(SLUG, slug.as_str());
        DatabaseLocation { name, ..self.cluster().0 }
    }

    /// Returns the cluster for the databases of new tenants. The location has no database name.
    pub fn cluster(&self) -> TrustedLocation {
        TrustedLocation(DatabaseLocation {
            host: self.0.host.clone(),
            port: self.0.port,
            name: String::new(),
            options: self.0.options.clone(),
        })
    }

    /// Returns the account that creates databases on the cluster of this template, if the template contains it.
    pub fn account_at(&self, location: &DatabaseLocation) -> Option<(&str, &Secret)> {
        let here = self.0.host == location.host && self.0.port == location.port;
        let written_out = !matches!(self.0.user.as_str(), "" | "{role}");
        (here && written_out).then_some((self.0.user.as_str(), &self.0.password))
    }
}

/// The address at which applications reach the databases, for example of a connection pool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicHost {
    /// The host.
    pub host: String,
    /// The port, if it differs from that of the cluster.
    pub port: Option<u16>,
}

impl PublicHost {
    /// Parses the setting. Returns the problem as a phrase that follows the name of the setting.
    pub fn parse(text: &str) -> Result<Self, String> {
        let problem = || "must be a host with an optional port, such as db.example:6432".to_owned();
        let url = PostgresUrl::parse(&format!("postgres://{text}")).ok_or_else(problem)?;
        let has_port = text.rsplit_once(':').is_some_and(|(_, port)| !port.ends_with(']'));
        let port = has_port.then_some(url.port);
        let written = port.map_or_else(|| url.host.clone(), |port| format!("{}:{port}", url.host));
        if written != text {
            return Err(problem());
        }
        Ok(Self { host: url.host, port })
    }
}

impl fmt::Display for PublicHost {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.host)?;
        self.port.map_or(Ok(()), |port| write!(formatter, ":{port}"))
    }
}

/// The location of a database.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DatabaseLocation {
    /// The host of the cluster.
    pub host: String,
    /// The port of the cluster.
    pub port: u16,
    /// The database name.
    pub name: String,
    /// The connection options, in the form of a URL's query: `sslmode=require`.
    pub options: String,
}

impl DatabaseLocation {
    /// Returns the URL that connects `user` to the database `name` on the same cluster.
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

/// A database location that is safe to send credentials to. Either the settings contain its cluster, or the seal of the
/// tenant's password confirms it. An attacker with write access to the catalog cannot redirect credentials.
#[derive(Debug, Clone)]
pub struct TrustedLocation(DatabaseLocation);

impl TrustedLocation {
    /// Returns a location that the seal of the tenant's password confirms.
    pub(crate) fn confirmed_by_seal(location: DatabaseLocation) -> Self {
        Self(location)
    }

    /// Returns the location of the cluster, without a database.
    #[must_use]
    pub fn cluster(&self) -> Self {
        Self(DatabaseLocation { name: String::new(), ..self.0.clone() })
    }
}

impl Deref for TrustedLocation {
    type Target = DatabaseLocation;

    fn deref(&self) -> &DatabaseLocation {
        &self.0
    }
}
