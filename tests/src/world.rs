//! The servers and the application that the tests of a run share.

use std::{
    collections::BTreeMap,
    process::{Command, Output},
    sync::{Mutex, MutexGuard, OnceLock, PoisonError, TryLockError},
    thread::sleep,
    time::{Duration, Instant},
};

use http::Method;
use serde_json::Value;

use crate::{
    Application, Call, Databases, FileStore, MailApi, Redis, RedisClient, Services, TestTenant,
    free_port, root, unique,
};

static WORLD: OnceLock<Option<World>> = OnceLock::new();

/// The servers and the application.
pub struct World {
    /// PostgreSQL and Redis.
    pub services: Services,
    application: Application,
    /// The settings that differ from those of the services.
    changed: BTreeMap<&'static str, String>,
    alone: Mutex<()>,
}

impl World {
    /// Returns the world of this run. The first caller starts it.
    pub fn get() -> &'static Self {
        // After a failed start, later tests do not try again.
        WORLD
            .get_or_init(|| std::panic::catch_unwind(Self::start).ok())
            .as_ref()
            .expect("the world started; if not, the first failed test shows the reason")
    }

    /// Returns a separate world whose PostgreSQL allows 100 connections, the default of the server.
    pub fn with_few_connections() -> &'static Self {
        static FEW: OnceLock<World> = OnceLock::new();
        FEW.get_or_init(|| Self::on(Services::start_with_connections(100)))
    }

    /// Returns a separate world for tests whose commands visit every tenant. It has only their tenants, so a repair takes
    /// a moment.
    pub fn for_tools() -> &'static Self {
        static TOOLS: OnceLock<World> = OnceLock::new();
        TOOLS.get_or_init(Self::start)
    }

    /// Returns a separate world for the migrations of an application, which visit every tenant, too.
    pub fn for_app_migrations() -> &'static Self {
        static MIGRATIONS: OnceLock<World> = OnceLock::new();
        MIGRATIONS.get_or_init(Self::start)
    }

    /// Returns a separate world for exports and backups of tenants.
    pub fn for_bundles() -> &'static Self {
        static BUNDLES: OnceLock<World> = OnceLock::new();
        BUNDLES.get_or_init(Self::start)
    }

    /// Returns another installation with its own servers and keys.
    pub fn other_installation() -> &'static Self {
        static OTHER: OnceLock<World> = OnceLock::new();
        OTHER.get_or_init(|| {
            let keys = [
                (
                    "MASTER_ENCRYPTION_KEY",
                    "for tests only: the master key of the other installation",
                ),
                ("JWT_SECRET_KEY", "for tests only: the token key of the other installation"),
                ("ADMIN_API_KEY", "for-tests-only-the-key-of-the-other-installation"),
            ];
            let changed = keys.map(|(name, value)| (name, value.to_owned()));
            Self::with(Services::start(), BTreeMap::from(changed))
        })
    }

    /// Returns a separate world for erasures of people, whose tests search all tables.
    pub fn for_erasures() -> &'static Self {
        static ERASURES: OnceLock<World> = OnceLock::new();
        ERASURES.get_or_init(Self::start)
    }

    /// Returns a separate world for the commands of the documentation, which change the default plan.
    pub fn for_documentation() -> &'static Self {
        static DOCUMENTATION: OnceLock<World> = OnceLock::new();
        DOCUMENTATION.get_or_init(Self::start)
    }

    /// Returns a separate world for tests with several PostgreSQL clusters.
    pub fn for_clusters() -> &'static Self {
        static CLUSTERS: OnceLock<World> = OnceLock::new();
        CLUSTERS.get_or_init(Self::start)
    }

    /// Returns a separate world that sends messages to users, without messages of earlier tests, and prevents other tests from
    /// delivering the messages of this one: the command that delivers them visits every tenant.
    pub fn alone_with_mail() -> (&'static Self, MutexGuard<'static, ()>) {
        static WORLDS: [OnceLock<World>; 3] = [const { OnceLock::new() }; 3];
        let start = || {
            let changed = [
                ("MAIL_TRANSPORT", "smtp"),
                ("MAIL_FROM", "no-reply@saas.example"),
                ("PUBLIC_URL", "https://app.saas.example/start"),
            ];
            let changed = changed.map(|(name, value)| (name, value.to_owned()));
            Self::with(Services::start(), BTreeMap::from(changed))
        };
        let (world, alone) = first_free(&WORLDS, start, |world| world);
        world.remove_messages();
        (world, alone)
    }

    /// Returns a separate world whose messages lead to a web interface on a free port of localhost.
    pub fn with_web_interface() -> &'static Self {
        static WEB: OnceLock<World> = OnceLock::new();
        WEB.get_or_init(|| {
            let changed = [
                ("MAIL_TRANSPORT", "smtp".to_owned()),
                ("MAIL_FROM", "no-reply@saas.example".to_owned()),
                ("PUBLIC_URL", format!("http://localhost:{}", free_port())),
            ];
            Self::with(Services::start(), BTreeMap::from(changed))
        })
    }

    /// Returns a separate world that sends messages to users by the HTTP API of a mail service, and the mail service. The
    /// world has no messages of earlier tests. Prevents other tests from sending the messages of this one.
    pub fn alone_with_mail_api() -> (&'static Self, &'static MailApi, MutexGuard<'static, ()>) {
        static WORLDS: [OnceLock<(World, MailApi)>; 3] = [const { OnceLock::new() }; 3];
        let start = || {
            let api = MailApi::start();
            let changed = [
                ("MAIL_TRANSPORT", "http"),
                ("MAIL_FROM", "no-reply@saas.example"),
                ("PUBLIC_URL", "https://app.saas.example"),
                ("MAIL_API_URL", api.url.as_str()),
                ("MAIL_API_FORMAT", "resend"),
                ("MAIL_API_TOKEN", "s3cret-mail-token"),
            ];
            let changed = changed.map(|(name, value)| (name, value.to_owned()));
            (Self::with(Services::start(), BTreeMap::from(changed)), api)
        };
        let ((world, api), alone) = first_free(&WORLDS, start, |started| &started.0);
        world.remove_messages();
        (world, api, alone)
    }

    /// Removes the messages of all tenants. A waiting message could become due at any time.
    fn remove_messages(&self) {
        let databases = "SELECT database_name FROM tenants WHERE status IN ('active', 'suspended')";
        let mut catalog = self.services.superuser("tenancy");
        for row in catalog.query(databases, &[]).expect("the catalog lists the tenants") {
            let mut database = self.services.superuser(row.get(0));
            database
                .batch_execute("DELETE FROM tenancy.mail_messages")
                .expect("messages are removed");
        }
    }

    fn start() -> Self {
        Self::on(Services::start())
    }

    fn on(services: Services) -> Self {
        Self::with(services, BTreeMap::new())
    }

    fn with(services: Services, changed: BTreeMap<&'static str, String>) -> Self {
        let mut settings = services.settings(&services.databases());
        settings.extend(changed.clone());
        let output = tenantctl(&settings, &["migrate"]);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let application = Application::start(&settings, &services.folder());
        Self { services, application, changed, alone: Mutex::new(()) }
    }

    /// Returns the settings of the application, by their plain names.
    pub fn settings(&self) -> BTreeMap<&'static str, String> {
        let mut settings = self.services.settings(&self.services.databases());
        settings.extend(self.changed.clone());
        settings
    }

    /// Returns the address of the application.
    pub fn address(&self) -> &str {
        &self.application.address
    }

    /// Returns the administration key of the platform.
    pub fn admin_key(&self) -> String {
        self.settings()["ADMIN_API_KEY"].clone()
    }

    /// Starts a call of the application.
    pub fn call(&self, method: Method, path: &str) -> Call {
        Call::new(method, self.address(), path)
    }

    /// Starts a GET request.
    pub fn get_path(&self, path: &str) -> Call {
        self.call(Method::GET, path)
    }

    /// Starts a POST request with a JSON body.
    pub fn post(&self, path: &str, body: &Value) -> Call {
        self.call(Method::POST, path).json(body)
    }

    /// Starts a call with the administration key.
    pub fn admin(&self, method: Method, path: &str) -> Call {
        self.call(method, path).token(&self.admin_key())
    }

    /// Starts a POST request with a JSON body and the administration key.
    pub fn admin_post(&self, path: &str, body: &Value) -> Call {
        self.admin(Method::POST, path).json(body)
    }

    /// Creates a tenant with a signed-in administrator.
    pub fn tenant(&'static self) -> TestTenant {
        TestTenant::create(self, &unique("tenant"))
    }

    /// Creates a tenant with this slug and a signed-in administrator.
    pub fn tenant_of(&'static self, slug: &str) -> TestTenant {
        TestTenant::create(self, slug)
    }

    /// Encodes text for a query string.
    pub fn encoded(&self, text: &str) -> String {
        text.bytes().fold(String::new(), |all, byte| all + &format!("%{byte:02X}"))
    }

    /// Returns the entries whose keys start with `prefix` in the key-value stores of this run's applications.
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

    /// Runs a statement in the key-value stores of this run's applications, and asserts that it changes a row.
    pub fn tamper_with_chunks(&self, statement: &str, parameters: &[&dyn rusqlite::ToSql]) {
        let changed: usize = self
            .stores()
            .iter()
            .map(|store| store.execute(statement, parameters).expect("the statement runs"))
            .sum();
        assert!(changed > 0, "{statement} changes something");
    }

    fn stores(&self) -> Vec<rusqlite::Connection> {
        let folders = self.services.folder().read_dir().expect("the folder of the run exists");
        let paths = folders.filter_map(|folder| Some(folder.ok()?.path().join("files.db")));
        let open = |path: std::path::PathBuf| {
            let store = rusqlite::Connection::open(path).ok()?;
            store.busy_timeout(Duration::from_secs(20)).ok()?;
            // A store without writes has no table.
            let has_table = store.prepare("SELECT 1 FROM spin_key_value").is_ok();
            has_table.then_some(store)
        };
        paths.filter(|path| path.exists()).filter_map(open).collect()
    }

    /// Starts another application on the same servers, or on proxies of them.
    pub fn another_application(&self, databases: &Databases) -> Application {
        Application::start(&self.services.settings(databases), &self.services.folder())
    }

    /// Starts another application on the same servers, with these settings changed.
    pub fn application_with(&self, changed: &[(&'static str, &str)]) -> Application {
        let mut settings = self.settings();
        settings.extend(changed.iter().map(|(name, value)| (*name, (*value).to_owned())));
        Application::start(&settings, &self.services.folder())
    }

    /// Starts another application with its own Redis and with these settings changed.
    pub fn application_on(&self, redis: &Redis, changed: &[(&'static str, &str)]) -> Application {
        let mut settings = self.settings();
        settings.extend(redis.settings());
        settings.extend(changed.iter().map(|(name, value)| (*name, (*value).to_owned())));
        Application::start(&settings, &self.services.folder())
    }

    /// Starts a replica of the application, which stores files in a Redis database that other replicas may share.
    pub fn replica(&self, redis_database: u8) -> Application {
        let settings = self.settings();
        let url = format!("{}/{redis_database}", settings["REDIS_URL"]);
        Application::start_sharing(&settings, &self.services.folder(), FileStore::Redis(&url))
    }

    /// Returns the log lines of the applications that contain `text`.
    pub fn logged(&self, text: &str) -> String {
        let folders = self.services.folder().read_dir().expect("the folder of the run exists");
        let logs = folders
            .filter_map(|folder| std::fs::read_to_string(folder.ok()?.path().join("log")).ok());
        let logs: Vec<String> = logs.collect();
        let lines = logs.iter().flat_map(|log| log.lines());
        lines.filter(|line| line.contains(text)).collect::<Vec<_>>().join("\n")
    }

    /// Waits until a log line that contains `text` also contains `part`. The applications write their logs later.
    #[track_caller]
    pub fn wait_until_logged(&self, text: &str, part: &str) {
        let begin = Instant::now();
        while !self.logged(text).contains(part) {
            assert!(begin.elapsed().as_secs() < 60, "{part} is not in {}", self.logged(text));
            sleep(Duration::from_millis(50));
        }
    }

    /// Returns a client of the Redis of this run.
    pub fn redis_client(&self) -> RedisClient {
        self.services.redis_client()
    }

    /// Runs a Redis command and returns the lines of the reply.
    pub fn redis(&self, command: &[&str]) -> Vec<String> {
        self.redis_client().run(command)
    }

    /// Returns the full name of a key for the Redis process of this run.
    pub fn redis_key(&self, key: &str) -> String {
        self.redis_client().key(key)
    }

    /// Sets the last change of a tenant to two hours ago, so that a repair can include it and skip the recent work of
    /// other tests.
    pub fn changed_earlier(&self, slug: &str) {
        let mut catalog = self.services.superuser("tenancy");
        // Disables the trigger that sets the current time.
        catalog.batch_execute("SET session_replication_role = replica").unwrap();
        let change = "UPDATE tenants SET updated_at = now() - interval '2 hours' WHERE slug = $1";
        catalog.execute(change, &[&slug]).unwrap();
    }

    /// Waits for the other tests of this kind: they damage a tenant or the template, or they run a command that visits
    /// every tenant, which would report or repair the damage.
    pub fn alone(&self) -> MutexGuard<'_, ()> {
        self.alone.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Records another address for the database of a tenant.
    pub fn relocate(&self, slug: &str, address: &str) {
        let output = self.tenantctl(&["relocate", "--tenant", slug, "--to", address]);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }

    /// Runs `tenantctl` with the settings of the application.
    pub fn tenantctl(&self, arguments: &[&str]) -> Output {
        tenantctl(&self.settings(), arguments)
    }
}

/// Locks the first world whose lock is free, and returns it. Starts a world if the earlier ones are locked.
fn first_free<T>(
    worlds: &'static [OnceLock<T>],
    start: impl Fn() -> T,
    world: impl Fn(&'static T) -> &'static World,
) -> (&'static T, MutexGuard<'static, ()>) {
    loop {
        for slot in worlds {
            let found = slot.get_or_init(&start);
            match world(found).alone.try_lock() {
                Ok(guard) => return (found, guard),
                Err(TryLockError::Poisoned(failed)) => return (found, failed.into_inner()),
                Err(TryLockError::WouldBlock) => {}
            }
        }
        sleep(Duration::from_millis(20));
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
