//! The structure of `spin.toml`, version 2, as Spin 4.1 reads it.
//!
//! Keys that are unknown to Spin are refused. Keys that the runner does not use are still parsed, to detect invalid
//! values.

#![expect(dead_code, reason = "fields that are parsed only for validation")]

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::Deserialize;

use super::id::{KebabId, LowerSnakeId, is_store_label};
use crate::variables::Variable;

/// The whole file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// Always 2 (see [`super::parse`]).
    pub spin_manifest_version: i64,
    /// `[application]`
    pub application: Application,
    /// `[variables]`
    #[serde(default)]
    pub variables: BTreeMap<LowerSnakeId, Variable>,
    /// `[[trigger.<type>]]`
    #[serde(rename = "trigger")]
    pub triggers: BTreeMap<String, Vec<Trigger>>,
    /// `[component.<id>]`
    #[serde(rename = "component", default)]
    pub components: BTreeMap<KebabId, Component>,
}

/// `[application]`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Application {
    /// Shown by `/.well-known/spin/info`.
    pub name: String,
    /// Shown by `/.well-known/spin/info` unless it is empty.
    #[serde(default)]
    pub version: String,
    #[serde(default)]
    description: String,
    #[serde(default)]
    authors: Vec<String>,
    #[serde(default)]
    targets: Vec<Target>,
    /// `[application.trigger.<type>]`
    #[serde(rename = "trigger", default)]
    pub triggers: BTreeMap<String, toml::Table>,
    #[serde(default)]
    tool: BTreeMap<String, toml::Table>,
}

/// One `[[trigger.<type>]]`
#[derive(Debug, Deserialize)]
pub struct Trigger {
    /// Empty if the manifest has no ID.
    #[serde(default)]
    pub id: String,
    /// The component to run.
    #[serde(default)]
    pub component: Option<ComponentSpec>,
    /// Additional components, for triggers other than HTTP.
    #[serde(default)]
    pub components: toml::Table,
    /// Middleware.
    #[serde(default)]
    pub dependencies: toml::Table,
    /// The keys of the trigger's type.
    #[serde(flatten)]
    pub config: toml::Table,
}

/// A named or inline component.
#[derive(Debug, Deserialize)]
#[serde(try_from = "toml::Value")]
pub enum ComponentSpec {
    /// `component = "id"`
    Reference(KebabId),
    /// `component = { source = "…" }`
    Inline(Box<Component>),
}

impl TryFrom<toml::Value> for ComponentSpec {
    type Error = toml::de::Error;

    fn try_from(value: toml::Value) -> Result<Self, Self::Error> {
        if value.is_str() {
            value.try_into().map(Self::Reference)
        } else {
            value.try_into().map(|component| Self::Inline(Box::new(component)))
        }
    }
}

/// `[component.<id>]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Component {
    /// The location of the Wasm file.
    pub source: Source,
    #[serde(default)]
    description: String,
    /// Templates of the readable variables, by name.
    #[serde(default)]
    pub variables: BTreeMap<LowerSnakeId, String>,
    /// The environment variables.
    #[serde(default)]
    pub environment: BTreeMap<String, String>,
    /// Files to mount.
    #[serde(default)]
    pub files: Vec<toml::Value>,
    #[serde(default)]
    exclude_files: Vec<String>,
    /// The old name of `allowed_outbound_hosts`.
    #[serde(default)]
    pub allowed_http_hosts: Vec<String>,
    /// Templates of the allowed destinations.
    #[serde(default)]
    pub allowed_outbound_hosts: Vec<String>,
    /// The allowed key-value stores.
    #[serde(default, deserialize_with = "store_labels")]
    pub key_value_stores: Vec<String>,
    /// The allowed `SQLite` databases.
    #[serde(default, deserialize_with = "store_labels")]
    pub sqlite_databases: Vec<String>,
    /// The allowed AI models.
    #[serde(default)]
    pub ai_models: Vec<String>,
    #[serde(default)]
    targets: Option<Vec<Target>>,
    #[serde(default)]
    build: Option<Build>,
    #[serde(default)]
    tool: BTreeMap<String, toml::Table>,
    #[serde(default)]
    dependencies_inherit_configuration: Option<bool>,
    /// Components for composition.
    #[serde(default)]
    pub dependencies: toml::Table,
    /// Overrides for named profiles. The runner supports only the unnamed profile.
    #[serde(default)]
    pub profile: BTreeMap<String, Profile>,
}

/// The location of a component's Wasm file.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, untagged)]
pub enum Source {
    /// A path relative to the manifest.
    Local(PathBuf),
    /// A file to download.
    Remote {
        /// The URL.
        url: String,
        /// `sha256:…`
        digest: String,
    },
    /// A package to download.
    Registry {
        /// The host, or the default host.
        registry: Option<String>,
        /// `namespace:name`
        package: String,
        /// The exact version.
        version: String,
    },
}

/// `[component.<id>.profile.<name>]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Profile {
    #[serde(default)]
    source: Option<Source>,
    #[serde(default)]
    environment: BTreeMap<String, String>,
    /// Components for composition.
    #[serde(default)]
    pub dependencies: toml::Table,
    #[serde(default)]
    build: Option<ProfileBuild>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Build {
    command: Commands,
    #[serde(default)]
    workdir: Option<String>,
    #[serde(default)]
    watch: Vec<String>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ProfileBuild {
    command: Commands,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
enum Commands {
    One(String),
    Many(Vec<String>),
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, untagged)]
enum Target {
    Catalogue(String),
    Http { url: String },
    File { path: PathBuf },
}

/// The keys of `[[trigger.http]]` that are specific to HTTP.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HttpConfig {
    /// The paths of the trigger.
    pub route: Route,
    /// A response without a component.
    #[serde(default)]
    pub static_response: Option<StaticResponse>,
    /// The way to call the component.
    #[serde(default)]
    pub executor: Option<Executor>,
}

/// The paths of a trigger.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub enum Route {
    /// A pattern.
    Pattern(String),
    /// No public path.
    Private(Private),
}

/// `{ private = true }`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Private {
    /// Never `false` (see [`super::app`]).
    pub private: bool,
}

/// `static_response = { … }`
#[derive(Clone, Debug, Deserialize)]
pub struct StaticResponse {
    /// 200 if absent.
    #[serde(default)]
    pub status_code: Option<u16>,
    /// Sent unchanged.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// Empty if absent.
    #[serde(default)]
    pub body: Option<String>,
}

/// `executor = { type = "…" }`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", tag = "type")]
pub enum Executor {
    /// Through `wasi:http`.
    #[serde(alias = "spin")]
    Http,
    /// Through CGI.
    Wagi {
        /// The function to call.
        #[serde(default)]
        entrypoint: String,
        /// A template of its arguments.
        #[serde(default)]
        argv: String,
    },
}

/// `[application.trigger.http]`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HttpDefaults {
    /// A prefix of all routes, which Spin no longer supports.
    pub base: Option<String>,
}

fn store_labels<'de, D: serde::Deserializer<'de>>(
    deserializer: D,
) -> Result<Vec<String>, D::Error> {
    let labels = Vec::<String>::deserialize(deserializer)?;
    match labels.iter().find(|label| !is_store_label(label)) {
        Some(label) => Err(serde::de::Error::custom(format!(
            "invalid label {label:?}: expected kebab-case or snake_case"
        ))),
        None => Ok(labels),
    }
}
