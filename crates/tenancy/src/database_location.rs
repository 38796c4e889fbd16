//! The locations of tenants' databases.

use std::ops::Deref;

use serde::{Deserialize, Serialize};

use crate::{identifier::Slug, postgres_url::PostgresUrl, secret::Secret};

/// The setting that determines the databases of new tenants: a `postgres://` URL with `{tenant_slug}` in the database
/// name.
///
/// An explicit user and password belong to the account that creates the databases. With `{role}:{password}`, or without
/// both, the catalog's account creates them. Each tenant always connects with a separate role.
#[derive(Debug, Clone)]
pub struct DatabaseTemplate(PostgresUrl);

impl DatabaseTemplate {
    /// Parses the setting. Returns the problem as a phrase that follows the name of the setting.
    pub fn parse(text: &str) -> Result<Self, String> {
        let url = PostgresUrl::parse(text).ok_or(
            "must have the form postgres://{role}:{password}@host:5432/tenant_{tenant_slug}",
        )?;
        if !url.database.contains("{tenant_slug}") {
            return Err("must have {tenant_slug} in the database name".to_owned());
        }
        let longest = url.database.replace("{tenant_slug}", &"x".repeat(56));
        if longest.len() > 63 || longest.contains(['/', '"', '{', '}', '\0']) {
            return Err(
                "must result in a database name of at most 63 bytes for a slug of 56 bytes"
                    .to_owned(),
            );
        }
        Ok(Self(url))
    }

    /// Returns the location for the database of a new tenant.
    pub fn location(&self, slug: &Slug) -> DatabaseLocation {
        let name = self.0.database.replace("{tenant_slug}", slug.as_str());
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
