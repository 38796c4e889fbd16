//! The shape of `spin.toml`, version 2, as Spin 4.1 reads it.
//!
//! What Spin refuses as unknown is refused here; what it reads and the runner
//! has no use for is still read, so that a wrong value is found.

#![expect(dead_code, reason = "fields that are read to be checked, and not used")]

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::Deserialize;

use super::id::{KebabId, LowerSnakeId, is_store_label};

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

/// `[variables.<name>]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Variable {
    #[serde(default)]
    description: Option<String>,
    /// Whether a provider must know it.
    #[serde(default)]
    pub required: bool,
    /// Its value where no provider knows it.
    #[serde(default)]
    pub default: Option<String>,
    #[serde(default)]
    secret: bool,
}

/// One `[[trigger.<type>]]`
#[derive(Debug, Deserialize)]
pub struct Trigger {
    /// Empty where the manifest gives none.
    #[serde(default)]
    pub id: String,
    /// The component to run.
    #[serde(default)]
    pub component: Option<ComponentSpec>,
    /// Further components, for triggers other than HTTP.
    #[serde(default)]
    pub components: toml::Table,
    /// Middleware.
    #[serde(default)]
    pub dependencies: toml::Table,
    /// What the type of the trigger defines.
    #[serde(flatten)]
    pub config: toml::Table,
}

/// A component, named or written in place.
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
    /// Where its Wasm is.
    pub source: Source,
    #[serde(default)]
    description: String,
    /// Templates of the variables it can read.
    #[serde(default)]
    pub variables: BTreeMap<LowerSnakeId, String>,
    /// Its environment variables.
    #[serde(default)]
    pub environment: BTreeMap<String, String>,
    /// Files to mount.
    #[serde(default)]
    pub files: Vec<toml::Value>,
    #[serde(default)]
    exclude_files: Vec<String>,
    /// What `allowed_outbound_hosts` was called.
    #[serde(default)]
    pub allowed_http_hosts: Vec<String>,
    /// Templates of the destinations it can reach.
    #[serde(default)]
    pub allowed_outbound_hosts: Vec<String>,
    /// The key-value stores it can open.
    #[serde(default, deserialize_with = "store_labels")]
    pub key_value_stores: Vec<String>,
    /// The `SQLite` databases it can open.
    #[serde(default, deserialize_with = "store_labels")]
    pub sqlite_databases: Vec<String>,
    /// The models it can ask.
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
    /// Components to compose it with.
    #[serde(default)]
    pub dependencies: toml::Table,
    /// Overrides for named profiles; the runner knows the unnamed one alone.
    #[serde(default)]
    pub profile: BTreeMap<String, Profile>,
}

/// Where the Wasm of a component is.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, untagged)]
pub enum Source {
    /// A path relative to the manifest.
    Local(PathBuf),
    /// A file to download.
    Remote {
        /// Its address.
        url: String,
        /// `sha256:…`
        digest: String,
    },
    /// A package to download.
    Registry {
        /// The host, or the default one.
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
    /// Components to compose it with.
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

/// The part of `[[trigger.http]]` that is HTTP's own.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HttpConfig {
    /// The paths it serves.
    pub route: Route,
    /// A response that needs no component.
    #[serde(default)]
    pub static_response: Option<StaticResponse>,
    /// How the component is called.
    #[serde(default)]
    pub executor: Option<Executor>,
}

/// The paths a trigger serves.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub enum Route {
    /// A pattern.
    Pattern(String),
    /// None, from outside.
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
    /// 200 where it is absent.
    #[serde(default)]
    pub status_code: Option<u16>,
    /// Sent as they are.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// Empty where it is absent.
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
    /// A prefix of all routes, which Spin has given up.
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
