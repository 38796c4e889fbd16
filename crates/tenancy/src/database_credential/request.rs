//! The request that creates a database credential, and the response that shows it.

use chrono::TimeDelta;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::Created;
use crate::{
    database_location::DatabaseLocation,
    database_role::{Access, DatabaseRoleView},
    input::FromField,
    tenant::TenantRecord,
};

/// The lifetime of a credential in seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lifetime(i64);

impl Lifetime {
    /// The default.
    pub const DEFAULT: Self = Self(3_600);

    pub(super) fn duration(self) -> TimeDelta {
        TimeDelta::seconds(self.0)
    }
}

impl FromField for Lifetime {
    fn from_json(value: Value) -> Result<Self, String> {
        let seconds = value.as_i64().filter(|seconds| (60..=86_400).contains(seconds));
        seconds.map(Self).ok_or_else(|| "must be a whole number from 60 to 86400".to_owned())
    }
}

/// The maximum number of connections of a credential.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MaxConnections(i32);

impl MaxConnections {
    /// The default.
    pub const DEFAULT: Self = Self(5);

    pub(super) fn get(self) -> i32 {
        self.0
    }
}

impl FromField for MaxConnections {
    fn from_json(value: Value) -> Result<Self, String> {
        let number = value.as_i64().and_then(|number| i32::try_from(number).ok());
        let number = number.filter(|number| (1..=1_000).contains(number));
        number.map(Self).ok_or_else(|| "must be a whole number from 1 to 1000".to_owned())
    }
}

crate::fields! {
    /// A new database credential.
    #[derive(ToSchema)]
    #[schema(as = NewDatabaseCredential)]
    pub struct NewCredential {
        /// The privileges on the schema `app`.
        #[schema(required = false, default = "write")]
        pub access: Access = Access::Write,
        /// The seconds until it expires. A credential that an API key creates expires with the key at the latest.
        #[schema(required = false, value_type = i64, minimum = 60, maximum = 86_400, default = 3_600)]
        pub expires_in: Lifetime = Lifetime::DEFAULT,
        /// The maximum number of connections at one time.
        #[schema(required = false, value_type = i32, minimum = 1, maximum = 1_000, default = 5)]
        pub connections: MaxConnections = MaxConnections::DEFAULT,
    }
}

/// A database credential with its password, which is shown only once.
#[derive(Serialize, ToSchema)]
pub struct NewDatabaseCredentialView<'a> {
    #[serde(flatten)]
    credential: DatabaseRoleView<'a>,
    host: String,
    port: u16,
    /// The name of the database.
    database: &'a str,
    /// The password of the role. Store it: it is not shown again.
    password: &'a str,
    /// The connection URL. Names without a schema are in the schema `app`.
    #[schema(example = "postgres://app_0198c5…:…@db.example:5432/tenant_0198c5…")]
    url: String,
}

impl<'a> NewDatabaseCredentialView<'a> {
    /// Returns the view of a credential that was just created.
    pub fn new(tenant: &'a TenantRecord, created: &'a Created) -> Self {
        let public = created.public_host.as_ref();
        let at = &tenant.database;
        let host = public.map_or(&at.host, |public| &public.host).clone();
        let port = public.and_then(|public| public.port).unwrap_or(at.port);
        let location = DatabaseLocation { host: host.clone(), port, ..at.clone() };
        let url = location.url(&at.name, &created.role.name, created.password.clone());
        Self {
            credential: DatabaseRoleView::from(&created.role),
            host,
            port,
            database: &at.name,
            password: created.password.expose(),
            url: url.expose().to_owned(),
        }
    }
}
