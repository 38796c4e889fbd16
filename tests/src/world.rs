//! What the tests of a run share: the servers, and one application.

use std::{
    collections::BTreeMap,
    process::{Command, Output},
    sync::{Mutex, MutexGuard, OnceLock, PoisonError},
};

use http::Method;
use serde_json::Value;
use tenancy::platform::redis::{ProcessId, Reply};

use crate::{Application, Call, Databases, FileStore, Services, TestTenant, root, unique};

static WORLD: OnceLock<Option<World>> = OnceLock::new();

/// The servers and the application.
pub struct World {
    /// PostgreSQL and Redis.
    pub services: Services,
    application: Application,
    repairs: Mutex<()>,
}

impl World {
    /// The world of this run, which the first test starts.
    pub fn get() -> &'static Self {
        // A world that did not start is not started again by each test.
        WORLD
            .get_or_init(|| std::panic::catch_unwind(Self::start).ok())
            .as_ref()
            .expect("the world started: the first test to fail tells why it did not")
    }

    /// Returns a world of its own, whose PostgreSQL has only 100 connections: the server's default.
    pub fn with_few_connections() -> &'static Self {
        static FEW: OnceLock<World> = OnceLock::new();
        FEW.get_or_init(|| Self::on(Services::start_with_connections(100)))
    }

    fn start() -> Self {
        Self::on(Services::start())
    }

    fn on(services: Services) -> Self {
        let settings = services.settings(&services.databases());
        let output = tenantctl(&settings, &["migrate"]);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let application = Application::start(&settings, &services.folder());
        Self { services, application, repairs: Mutex::new(()) }
    }

    /// The settings of the application, by their plain names.
    pub fn settings(&self) -> BTreeMap<&'static str, String> {
        self.services.settings(&self.services.databases())
    }

    /// The address of the application.
    pub fn address(&self) -> &str {
        &self.application.address
    }

    /// The key of the platform's administration.
    pub fn admin_key(&self) -> String {
        self.settings()["ADMIN_API_KEY"].clone()
    }

    /// A call of the application.
    pub fn call(&self, method: Method, path: &str) -> Call {
        Call::new(method, self.address(), path)
    }

    /// A GET.
    pub fn get_path(&self, path: &str) -> Call {
        self.call(Method::GET, path)
    }

    /// A POST with a JSON body.
    pub fn post(&self, path: &str, body: &Value) -> Call {
        self.call(Method::POST, path).json(body)
    }

    /// A call with the platform's key.
    pub fn admin(&self, method: Method, path: &str) -> Call {
        self.call(method, path).token(&self.admin_key())
    }

    /// A POST with a JSON body and the platform's key.
    pub fn admin_post(&self, path: &str, body: &Value) -> Call {
        self.admin(Method::POST, path).json(body)
    }

    /// A new tenant with an administrator who is signed in.
    pub fn tenant(&'static self) -> TestTenant {
        TestTenant::create(self, &unique("tenant"))
    }

    /// A new tenant of this slug, with an administrator who is signed in.
    pub fn tenant_of(&'static self, slug: &str) -> TestTenant {
        TestTenant::create(self, slug)
    }

    /// A text as a part of a query string.
    pub fn encoded(&self, text: &str) -> String {
        text.bytes().fold(String::new(), |all, byte| all + &format!("%{byte:02X}"))
    }

    /// What the key-value stores of this run's applications have under keys that begin with `prefix`.
    pub fn stored_chunks(&self, prefix: &str) -> Vec<(String, Vec<u8>)> {
        let statement = "SELECT key, value FROM spin_key_value WHERE key LIKE ?1 ORDER BY key";
        let pattern = format!("{prefix}%");
        let mut chunks = Vec::new();
        for store in self.stores() {
            let mut query = store.prepare(statement).expect("the store is a Spin store");
            let rows = query.query_map([&pattern], |row| Ok((row.get(0)?, row.get(1)?)));
            chunks.extend(rows.expect("chunks are read").map(|row| row.expect("a chunk is read")));
        }
        chunks
    }

    /// Runs a statement on the key-value stores of this run's applications.
    pub fn tamper_with_chunks(&self, statement: &str, parameters: &[&dyn rusqlite::ToSql]) {
        let changed: usize = self
            .stores()
            .iter()
            .map(|store| store.execute(statement, parameters).expect("the statement runs"))
            .sum();
        assert!(changed > 0, "{statement} changes something");
    }

    fn stores(&self) -> Vec<rusqlite::Connection> {
        let folders = self.services.folder().read_dir().expect("the folder of the run is there");
        let paths = folders.filter_map(|folder| Some(folder.ok()?.path().join("files.db")));
        let open = |path: std::path::PathBuf| {
            let store = rusqlite::Connection::open(path).ok()?;
            store.busy_timeout(std::time::Duration::from_secs(20)).ok()?;
            // One that was never written to has no table.
            let has_table = store.prepare("SELECT 1 FROM spin_key_value").is_ok();
            has_table.then_some(store)
        };
        paths.filter(|path| path.exists()).filter_map(open).collect()
    }

    /// Another application on the same servers, or through proxies before them.
    pub fn another_application(&self, databases: &Databases) -> Application {
        Application::start(&self.services.settings(databases), &self.services.folder())
    }

    /// Another application on the same servers, with these settings changed.
    pub fn application_with(&self, changed: &[(&'static str, &str)]) -> Application {
        let mut settings = self.settings();
        settings.extend(changed.iter().map(|(name, value)| (*name, (*value).to_owned())));
        Application::start(&settings, &self.services.folder())
    }

    /// A replica of the application, which keeps files in a database of Redis that others may have, too.
    pub fn replica(&self, redis_database: u8) -> Application {
        let settings = self.settings();
        let url = format!("{}/{redis_database}", settings["REDIS_URL"]);
        Application::start_sharing(&settings, &self.services.folder(), FileStore::Redis(&url))
    }

    /// The lines that have `text` in the logs of the applications.
    pub fn logged(&self, text: &str) -> String {
        let folders = self.services.folder().read_dir().expect("the folder of the run is there");
        let logs = folders
            .filter_map(|folder| std::fs::read_to_string(folder.ok()?.path().join("log")).ok());
        let logs: Vec<String> = logs.collect();
        let lines = logs.iter().flat_map(|log| log.lines());
        lines.filter(|line| line.contains(text)).collect::<Vec<_>>().join("\n")
    }

    /// The lines that a command of Redis answers.
    pub fn redis(&self, command: &[&str]) -> Vec<String> {
        let output = Command::new("redis-cli")
            .args(["-p", self.services.value("REDIS_PORT")])
            .env("REDISCLI_AUTH", self.services.value("REDIS_PASSWORD"))
            .args(command)
            .output()
            .expect("redis-cli runs");
        String::from_utf8_lossy(&output.stdout).lines().map(str::to_owned).collect()
    }

    /// Returns the name under which the Redis process of this run knows a key.
    pub fn redis_key(&self, key: &str) -> String {
        let info = self.redis(&["INFO", "server"]).join("\n");
        let process = ProcessId::of_info(&[Reply::Bytes(info.into_bytes())]).expect("it has one");
        String::from_utf8(process.name(key)).expect("names are text")
    }

    /// Makes it long ago that a tenant was changed, for a repair that leaves alone what other tests have
    /// just begun.
    pub fn changed_earlier(&self, slug: &str) {
        let mut catalog = self.services.superuser("tenancy");
        // No trigger may put the present time there.
        catalog.batch_execute("SET session_replication_role = replica").unwrap();
        let change = "UPDATE tenants SET updated_at = now() - interval '2 hours' WHERE slug = $1";
        catalog.execute(change, &[&slug]).unwrap();
    }

    /// Keeps the tests from repairing what another one of them has broken.
    pub fn repairs_alone(&self) -> MutexGuard<'_, ()> {
        self.repairs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Records another address of the database of a tenant.
    pub fn relocate(&self, slug: &str, address: &str) {
        let output = self.tenantctl(&["relocate", "--tenant", slug, "--to", address]);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }

    /// Runs `tenantctl` with the settings of the application.
    pub fn tenantctl(&self, arguments: &[&str]) -> Output {
        tenantctl(&self.settings(), arguments)
    }
}

/// Runs `tenantctl` with these settings.
pub fn tenantctl(settings: &BTreeMap<&'static str, String>, arguments: &[&str]) -> Output {
    Command::new(root().join("target/tools/tenantctl"))
        .args(arguments)
        .env_clear()
        .envs(settings)
        .output()
        .expect("target/tools/tenantctl runs: ./dev test builds it")
}
