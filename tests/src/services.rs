//! Temporary PostgreSQL and Redis servers for this run (`scripts/test-services`).

use std::{
    collections::BTreeMap,
    io::{BufRead as _, BufReader},
    path::PathBuf,
    process::{Child, Command, Stdio},
    sync::Mutex,
};

use postgres::{Client, NoTls};

use crate::{RedisClient, root};

/// The servers of a run. They stop when the process ends, even after a crash.
pub struct Services {
    values: BTreeMap<String, String>,
    /// Copies of earlier Redis snapshots, oldest first.
    pub(crate) snapshots: Mutex<Vec<Vec<u8>>>,
    /// The servers stop when the standard input of this script closes.
    _script: Child,
}

/// The addresses of the databases for a part of the application.
#[derive(Debug, Clone)]
pub struct Databases {
    /// The host and port of PostgreSQL, or of its proxy.
    pub postgres: String,
    /// The host and port of Redis, or of its proxy.
    pub redis: String,
}

impl Services {
    /// Starts the servers.
    pub fn start() -> Self {
        Self::start_with(&[])
    }

    /// Starts the servers. PostgreSQL loses no commit when its processes are killed.
    pub fn start_durable() -> Self {
        Self::start_with(&["--durable"])
    }

    /// Starts the servers. PostgreSQL allows this number of connections.
    pub fn start_with_connections(connections: u32) -> Self {
        Self::start_with(&["--connections", &connections.to_string()])
    }

    fn start_with(arguments: &[&str]) -> Self {
        let mut script = Command::new(root().join("scripts/test-services"))
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("scripts/test-services starts");
        let output = BufReader::new(script.stdout.take().unwrap());
        let mut values = BTreeMap::new();
        for line in output.lines() {
            let line = line.unwrap();
            let Some((name, value)) = line.split_once('=') else {
                continue;
            };
            values.insert(name.to_owned(), value.to_owned());
            if name == "READY" {
                return Self { values, snapshots: Mutex::default(), _script: script };
            }
        }
        panic!("scripts/test-services did not become ready");
    }

    /// Returns the value that the script has printed under this name.
    pub fn value(&self, name: &str) -> &str {
        &self.values[name]
    }

    /// Returns the temporary folder of the run.
    pub fn folder(&self) -> PathBuf {
        self.value("FOLDER").into()
    }

    /// Returns the addresses of the servers, without a proxy.
    pub fn databases(&self) -> Databases {
        Databases {
            postgres: format!("127.0.0.1:{}", self.value("POSTGRES_PORT")),
            redis: format!("127.0.0.1:{}", self.value("REDIS_PORT")),
        }
    }

    /// Returns the settings of an application on these servers, by their plain names.
    pub fn settings(&self, databases: &Databases) -> BTreeMap<&'static str, String> {
        let Databases { postgres, redis } = databases;
        let account = self.value("ACCOUNT_PASSWORD");
        let redis_password = self.value("REDIS_PASSWORD");
        BTreeMap::from([
            (
                "MASTER_DATABASE_URL",
                format!("postgres://tenancy:{account}@{postgres}/tenancy?sslmode=disable"),
            ),
            (
                "TENANT_DATABASE_TEMPLATE",
                format!(
                    "postgres://{{role}}:{{password}}@{postgres}/tenant_{{tenant_id}}?sslmode=disable"
                ),
            ),
            ("REDIS_URL", format!("redis://:{redis_password}@{redis}")),
            ("MASTER_ENCRYPTION_KEY", "for tests only: the key that seals other keys".to_owned()),
            ("JWT_SECRET_KEY", "for tests only: the key that signs access tokens".to_owned()),
            ("ADMIN_API_KEY", "for-tests-only-the-key-of-the-platform".to_owned()),
            ("ALLOWED_POSTGRES_HOSTS", "postgres://127.0.0.1:*".to_owned()),
            ("ALLOWED_REDIS_HOSTS", format!("redis://{redis}")),
            ("BASE_DOMAIN", "saas.example".to_owned()),
            // The connection pools of several hosts share these limits.
            ("TENANT_CONNECTIONS", self.value("TENANT_CONNECTIONS").to_owned()),
            ("CATALOG_CONNECTIONS", self.value("CATALOG_CONNECTIONS").to_owned()),
            ("ALLOWED_ORIGINS", "https://app.example.com".to_owned()),
        ])
    }

    /// Returns a client of Redis.
    pub fn redis_client(&self) -> RedisClient {
        RedisClient::new(self.value("REDIS_PORT"), self.value("REDIS_PASSWORD"))
    }

    /// Connects to a database with the account of the application.
    pub fn account(&self, database: &str) -> Client {
        let password = self.value("ACCOUNT_PASSWORD");
        let address = self.databases().postgres;
        Client::connect(&format!("postgres://tenancy:{password}@{address}/{database}"), NoTls)
            .expect("the account connects")
    }

    /// Connects to a database as a superuser.
    pub fn superuser(&self, database: &str) -> Client {
        let password = self.value("POSTGRES_PASSWORD");
        let address = self.databases().postgres;
        Client::connect(&format!("postgres://postgres:{password}@{address}/{database}"), NoTls)
            .expect("the superuser connects")
    }
}
