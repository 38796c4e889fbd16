//! Two PostgreSQL clusters: that of a world, and another one.

use std::{
    collections::BTreeMap,
    process::Output,
    sync::{MutexGuard, OnceLock},
};

use serde_json::Value;

use crate::{Services, TestTenant, World, tenantctl};

/// A world with a second cluster, which tests use one at a time.
pub struct Clusters {
    /// The world, whose cluster is called `default`.
    pub world: &'static World,
    /// The servers of the second cluster.
    pub second: &'static Services,
    _alone: MutexGuard<'static, ()>,
}

impl Clusters {
    /// Returns the clusters, when no other test uses them. The second cluster is not added yet, unless an earlier test did
    /// so.
    pub fn alone() -> Self {
        static SECOND: OnceLock<Services> = OnceLock::new();
        let world = World::for_clusters();
        let second = SECOND.get_or_init(Services::start);
        Self { world, second, _alone: world.alone() }
    }

    /// Returns a template for databases at an address of the second cluster.
    pub fn template(&self, address: &str) -> String {
        let password = self.second.value("ACCOUNT_PASSWORD");
        format!("postgres://tenancy:{password}@{address}/tenant_{{tenant_id}}?sslmode=disable")
    }

    /// Returns the settings of `tenantctl`, with the template of the second cluster at an address.
    pub fn settings_with(&self, address: &str) -> BTreeMap<&'static str, String> {
        let mut settings = self.world.settings();
        settings.insert("CLUSTER_DATABASE_TEMPLATE", self.template(address));
        settings
    }

    /// Adds the second cluster with a name, at an address.
    pub fn add(&self, name: &str, address: &str) {
        let settings = self.settings_with(address);
        succeeded(&tenantctl(&settings, &["cluster", "add", name]));
    }

    /// Adds the second cluster as `second`.
    pub fn add_second(&self) {
        self.add("second", &self.second.databases().postgres);
    }

    /// Adds the second cluster as `second`, without new tenants.
    pub fn add_second_for_moves(&self) {
        self.run(&["cluster", "undrain", "default"]);
        self.add_second();
        self.run(&["cluster", "drain", "second"]);
    }

    /// Runs `tenantctl`, which must succeed, and returns its output.
    #[track_caller]
    pub fn run(&self, arguments: &[&str]) -> String {
        succeeded(&self.world.tenantctl(arguments))
    }

    /// Returns whether the second cluster has the database of a tenant.
    pub fn has_on_second(&self, tenant: &TestTenant) -> bool {
        has_database(self.second, &tenant.database())
    }

    /// Returns whether the default cluster has the database of a tenant.
    pub fn has_on_default(&self, tenant: &TestTenant) -> bool {
        has_database(&self.world.services, &tenant.database())
    }
}

/// Returns the output of a command that succeeded.
#[track_caller]
pub fn succeeded(output: &Output) -> String {
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
    text
}

/// Returns the last line of an output as JSON.
#[track_caller]
pub fn last_line(output: &str) -> Value {
    serde_json::from_str(output.lines().last().expect("there is a line")).expect("it is JSON")
}

/// Returns whether a cluster has a database.
pub fn has_database(services: &Services, name: &str) -> bool {
    let statement = "SELECT count(*) FROM pg_database WHERE datname = $1";
    let count: i64 = services
        .superuser("postgres")
        .query_one(statement, &[&name])
        .expect("the databases are read")
        .get(0);
    count == 1
}
