//! The runtime configuration file, as Spin 4.1 reads it.
//!
//! Sections that the runner does not support are refused, because they would have no effect.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail, ensure};
use ip_network::IpNetwork;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::network::blocked::BlockedNetworks;
use crate::variables::{EnvProvider, Provider};

/// The file of the default key-value store, inside the state directory.
const DEFAULT_STORE_FILE: &str = "sqlite_key_value.db";

/// The settings of the file.
#[derive(Debug, Default)]
pub struct RuntimeConfig {
    /// The folder for state, unless the command line sets it. If empty, no state is stored.
    pub state_dir: Option<String>,
    /// The maximum memory of an instance in bytes.
    pub max_instance_memory: Option<usize>,
    /// Key-value stores by label.
    pub stores: BTreeMap<String, StoreConfig>,
    /// The sources of variables in the order of precedence. The environment is not included; it always has the lowest
    /// precedence.
    pub providers: Vec<Provider>,
    /// The maximum number of connections to PostgreSQL.
    pub max_postgres_connections: Option<usize>,
    /// The maximum number of connections to Redis.
    pub max_redis_connections: Option<usize>,
    /// The maximum number of concurrent outbound HTTP requests.
    pub max_http_connections: Option<usize>,
    /// The maximum number of connections of all kinds together.
    pub max_total_connections: Option<usize>,
    /// Networks that no component can reach.
    pub blocked_networks: BlockedNetworks,
}

/// The location of a key-value store.
#[derive(Clone, Debug, PartialEq)]
pub enum StoreConfig {
    /// In an `SQLite` file, or in memory.
    Sqlite(Option<PathBuf>),
    /// In Redis, at a URL.
    Redis(String),
}

impl RuntimeConfig {
    /// Reads the file at `path`.
    pub fn load(path: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(path)
            .with_context(|| format!("cannot read the runtime configuration {}", path.display()))?;
        let folder = path.parent().unwrap_or(Path::new(""));
        crate::toml_text::parse(&text)
            .and_then(|table| Self::parse(table, folder))
            .with_context(|| format!("invalid runtime configuration {}", path.display()))
    }

    /// Parses `table`. Relative paths start at `folder`.
    fn parse(mut table: toml::Table, folder: &Path) -> Result<Self> {
        for section in
            ["client_tls", "llm_compute", "outbound_mqtt", "outbound_mysql", "sqlite_database"]
        {
            ensure!(!table.contains_key(section), "the runner does not support `{section}`");
        }

        let mut config = Self {
            state_dir: take_str(&mut table, "state_dir"),
            // Like Spin, ignore a value that is not an integer.
            max_instance_memory: match table.remove("max_instance_memory") {
                Some(toml::Value::Integer(bytes)) => {
                    Some(bytes.try_into().context("`max_instance_memory`")?)
                }
                _ => None,
            },
            ..Self::default()
        };
        // Components write directly to the stdout and stderr of the runner.
        table.remove("log_dir");

        let stores: BTreeMap<String, Store> = take(&mut table, "key_value_store")?;
        for (label, store) in stores {
            let store =
                store.into_config(folder).with_context(|| format!("key_value_store.{label}"))?;
            config.stores.insert(label, store);
        }

        // The second name is the old name of the first.
        let old: Option<toml::Value> = table.remove("config_provider");
        if let Some(providers) = table.remove("variables_provider").or(old) {
            config.providers = providers_of(providers).context("variables_provider")?;
        }

        config.max_postgres_connections =
            take::<Connections>(&mut table, "outbound_pg")?.max_connections;
        config.max_redis_connections =
            take::<Connections>(&mut table, "outbound_redis")?.max_connections;
        config.max_http_connections = take::<Http>(&mut table, "outbound_http")?.limit()?;

        let networking: Networking = take(&mut table, "outbound_networking")?;
        ensure!(
            networking.max_socket_connections.is_none(),
            "the runner does not support `outbound_networking.max_socket_connections`"
        );
        config.max_total_connections = networking.max_total_connections;
        config.blocked_networks = networking.blocked()?;

        let unknown: Vec<&str> = table.keys().map(String::as_str).collect();
        ensure!(unknown.is_empty(), "unknown key(s) {}", unknown.join(", "));
        Ok(config)
    }

    /// Returns the store with this label: a store of the file, or the default one, which is in `state_dir` or, without
    /// one, in memory.
    pub fn store(&self, label: &str, state_dir: Option<&Path>) -> Option<StoreConfig> {
        match self.stores.get(label) {
            Some(store) => Some(store.clone()),
            None if label == "default" => {
                Some(StoreConfig::Sqlite(state_dir.map(|dir| dir.join(DEFAULT_STORE_FILE))))
            }
            None => None,
        }
    }

    /// Returns the state directory: `flag` if given, otherwise the one in the file, otherwise `.spin` in the folder of
    /// the application. An empty name means none.
    pub fn state_dir(&self, flag: Option<&str>, app_folder: &Path) -> Result<Option<PathBuf>> {
        match flag.or(self.state_dir.as_deref()) {
            Some("") => Ok(None),
            Some(dir) => Ok(Some(std::path::absolute(dir)?)),
            None => Ok(Some(app_folder.join(".spin"))),
        }
    }
}

#[derive(Deserialize)]
struct Store {
    #[serde(rename = "type")]
    kind: String,
    #[serde(flatten)]
    config: toml::Table,
}

impl Store {
    fn into_config(self, folder: &Path) -> Result<StoreConfig> {
        #[derive(Deserialize)]
        struct Spin {
            path: Option<PathBuf>,
        }
        #[derive(Deserialize)]
        struct Redis {
            url: String,
        }

        match self.kind.as_str() {
            "spin" => {
                let Spin { path } = self.config.try_into().map_err(one_line)?;
                Ok(StoreConfig::Sqlite(path.map(|path| folder.join(path))))
            }
            "redis" => {
                let Redis { url } = self.config.try_into().map_err(one_line)?;
                ensure!(redis::parse_redis_url(&url).is_some(), "invalid Redis URL");
                Ok(StoreConfig::Redis(url))
            }
            other => bail!("the runner does not support stores of type {other:?}"),
        }
    }
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Connections {
    #[serde(default)]
    max_connections: Option<usize>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Http {
    #[expect(dead_code, reason = "the runner opens one connection per request")]
    #[serde(default)]
    connection_pooling: bool,
    #[serde(default)]
    max_connections: Option<usize>,
    #[serde(default)]
    max_concurrent_requests: Option<usize>,
}

impl Http {
    fn limit(&self) -> Result<Option<usize>> {
        match (self.max_connections, self.max_concurrent_requests) {
            (Some(_), Some(_)) => {
                bail!("outbound_http has both max_connections and max_concurrent_requests")
            }
            // The limit with the old name starts at zero.
            (None, Some(max)) => Ok(Some(max + 1)),
            (max, None) => Ok(max),
        }
    }
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Networking {
    #[serde(default)]
    block_networks: Vec<String>,
    max_socket_connections: Option<usize>,
    max_total_connections: Option<usize>,
}

impl Networking {
    fn blocked(&self) -> Result<BlockedNetworks> {
        let private = self.block_networks.iter().any(|network| network == "private");
        let networks = self.block_networks.iter().filter(|network| *network != "private");
        let networks = networks
            .map(|text| {
                IpNetwork::from_str_truncate(text)
                    .ok()
                    .with_context(|| format!("block_networks: {text:?} is not a network"))
            })
            .collect::<Result<_>>()?;
        Ok(BlockedNetworks::new(networks, private))
    }
}

fn providers_of(value: toml::Value) -> Result<Vec<Provider>> {
    #[derive(Deserialize)]
    #[serde(rename_all = "snake_case", tag = "type")]
    enum Config {
        Static { values: HashMap<String, String> },
        Env(Env),
        Vault,
        AzureKeyVault,
    }
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Env {
        #[serde(default)]
        prefix: Option<String>,
        #[serde(default)]
        dotenv_path: Option<PathBuf>,
    }

    let configs: Vec<Config> = value.try_into().map_err(one_line)?;
    configs
        .into_iter()
        .map(|config| match config {
            Config::Static { values } => Ok(Provider::Static(values)),
            Config::Env(env) => Ok(Provider::Env(EnvProvider::new(env.prefix, env.dotenv_path))),
            Config::Vault => bail!("the runner does not support providers of type \"vault\""),
            Config::AzureKeyVault => {
                bail!("the runner does not support providers of type \"azure_key_vault\"")
            }
        })
        .collect()
}

fn take_str(table: &mut toml::Table, key: &str) -> Option<String> {
    match table.remove(key) {
        Some(toml::Value::String(text)) => Some(text),
        _ => None,
    }
}

/// Removes the section `key` from `table`, or returns the default if it is absent.
fn take<T: DeserializeOwned + Default>(table: &mut toml::Table, key: &str) -> Result<T> {
    match table.remove(key) {
        Some(value) => value.try_into().map_err(one_line).with_context(|| key.to_owned()),
        None => Ok(T::default()),
    }
}

#[expect(clippy::needless_pass_by_value, reason = "used with map_err")]
fn one_line(error: toml::de::Error) -> anyhow::Error {
    anyhow::anyhow!("{}", error.message().trim().replace('\n', ", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<RuntimeConfig> {
        RuntimeConfig::parse(toml::from_str(text).unwrap(), Path::new("/conf"))
    }

    fn error(text: &str) -> String {
        format!("{:#}", parse(text).unwrap_err())
    }

    #[test]
    fn stores_are_parsed() {
        let config = parse(
            r#"
            [key_value_store.file]
            type = "spin"
            path = "a/b.db"
            [key_value_store.absolute]
            type = "spin"
            path = "/a.db"
            [key_value_store.memory]
            type = "spin"
            [key_value_store.shared]
            type = "redis"
            url = "redis://localhost"
            "#,
        )
        .unwrap();
        let store = |label| config.store(label, Some(Path::new("/state")));
        let sqlite = |path: &str| Some(StoreConfig::Sqlite(Some(path.into())));
        assert_eq!(store("file"), sqlite("/conf/a/b.db"));
        assert_eq!(store("absolute"), sqlite("/a.db"));
        assert_eq!(store("memory"), Some(StoreConfig::Sqlite(None)));
        assert_eq!(store("shared"), Some(StoreConfig::Redis("redis://localhost".into())));
        assert_eq!(store("default"), sqlite("/state/sqlite_key_value.db"));
        assert_eq!(store("other"), None);
        assert_eq!(config.store("default", None), Some(StoreConfig::Sqlite(None)));
    }

    #[test]
    fn default_store_can_be_configured() {
        let config =
            parse("[key_value_store.default]\ntype = \"redis\"\nurl = \"redis://h\"").unwrap();
        assert_eq!(config.store("default", None), Some(StoreConfig::Redis("redis://h".into())));
    }

    #[test]
    fn invalid_stores_are_refused() {
        assert!(error("[key_value_store.s]\ntype = \"azure_cosmos\"").contains("azure_cosmos"));
        assert!(
            error("[key_value_store.s]\ntype = \"redis\"\nurl = \"http://x\"")
                .contains("key_value_store.s")
        );
        assert!(error("[key_value_store.s]\ntype = \"redis\"").contains("url"));
        assert!(error("[key_value_store.s]\npath = \"x\"").contains("type"));
    }

    #[test]
    fn providers_are_accepted_under_both_names() {
        for name in ["variables_provider", "config_provider"] {
            let text = format!(
                "[[{name}]]\ntype = \"static\"\nvalues = {{ a = \"1\" }}\n[[{name}]]\ntype = \"env\"\nprefix = \"P\""
            );
            let providers = parse(&text).unwrap().providers;
            assert!(
                matches!(&providers[..], [Provider::Static(v), Provider::Env(_)] if v["a"] == "1")
            );
        }
    }

    #[test]
    fn unsupported_providers_are_refused_by_name() {
        for kind in ["vault", "azure_key_vault", "other"] {
            let text = format!("[[variables_provider]]\ntype = \"{kind}\"\nurl = \"u\"");
            assert!(error(&text).contains(kind));
        }
        assert!(error("[[variables_provider]]\ntype = \"env\"\nx = 1").contains('x'));
    }

    #[test]
    fn limits_are_parsed() {
        let config = parse(
            r#"
            max_instance_memory = 1000
            [outbound_pg]
            max_connections = 1
            [outbound_redis]
            max_connections = 2
            [outbound_http]
            max_concurrent_requests = 2
            [outbound_networking]
            max_total_connections = 4
            block_networks = ["private", "1.1.1.0/24"]
            "#,
        )
        .unwrap();
        assert_eq!(config.max_instance_memory, Some(1000));
        assert_eq!(config.max_postgres_connections, Some(1));
        assert_eq!(config.max_redis_connections, Some(2));
        assert_eq!(config.max_http_connections, Some(3));
        assert_eq!(config.max_total_connections, Some(4));
        assert!(config.blocked_networks.contains([1, 1, 1, 1].into()));
        assert!(config.blocked_networks.contains([10, 0, 0, 1].into()));
    }

    #[test]
    fn unknown_keys_are_refused() {
        assert!(error("xtop = 1").contains("xtop"));
        for section in ["outbound_pg", "outbound_redis", "outbound_http", "outbound_networking"] {
            assert!(error(&format!("[{section}]\nxkey = 1")).contains("xkey"), "{section}");
        }
    }

    #[test]
    fn unsupported_sections_are_refused() {
        for section in
            ["client_tls", "llm_compute", "outbound_mqtt", "outbound_mysql", "sqlite_database"]
        {
            assert!(error(&format!("[{section}]")).contains(section));
        }
        assert!(error("[outbound_networking]\nmax_socket_connections = 1").contains("max_socket"));
    }

    #[test]
    fn state_directory_is_selected() {
        let app = Path::new("/app");
        let none = RuntimeConfig::default();
        let file = RuntimeConfig { state_dir: Some("/file".into()), ..RuntimeConfig::default() };
        let dir = |config: &RuntimeConfig, flag| config.state_dir(flag, app).unwrap();
        assert_eq!(dir(&none, None), Some("/app/.spin".into()));
        assert_eq!(dir(&file, None), Some("/file".into()));
        assert_eq!(dir(&file, Some("/flag")), Some("/flag".into()));
        assert_eq!(dir(&file, Some("")), None);
    }
}
