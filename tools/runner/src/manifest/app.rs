//! The components of a manifest and their triggers.

use std::collections::{BTreeMap, HashSet};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail, ensure};
use http::{HeaderName, HeaderValue, StatusCode};

use super::schema::{
    self, ComponentSpec, Executor, HttpConfig, HttpDefaults, Manifest, Route, Source,
    StaticResponse, Trigger,
};
use crate::network::allowed_hosts;
use crate::variables::{Defaults, Variable};

/// An application as described by its manifest.
#[derive(Debug)]
pub struct App {
    /// The name.
    pub name: String,
    /// The version, which may be empty.
    pub version: String,
    /// The variables by name.
    pub variables: BTreeMap<String, Variable>,
    /// The components by name.
    pub components: BTreeMap<String, Component>,
    /// The triggers, in the order of the manifest.
    pub triggers: Vec<HttpTrigger>,
}

/// One component.
#[derive(Debug)]
pub struct Component {
    /// The Wasm file.
    pub source: PathBuf,
    /// Templates of the readable variables, by name.
    pub variables: BTreeMap<String, String>,
    /// The environment variables.
    pub environment: BTreeMap<String, String>,
    /// Templates of the allowed destinations.
    pub allowed_outbound_hosts: Vec<String>,
    /// The labels of the allowed key-value stores.
    pub key_value_stores: Vec<String>,
}

/// One `[[trigger.http]]`.
#[derive(Debug)]
pub struct HttpTrigger {
    /// The name, given or generated.
    pub id: String,
    /// The paths of the trigger.
    pub route: Route,
    /// The target of the trigger.
    pub target: TriggerTarget,
}

/// The target of a request.
#[derive(Clone, Debug)]
pub enum TriggerTarget {
    /// The component with this name.
    Component(String),
    /// A static response of the host.
    Static(StaticResponse),
}

impl App {
    /// Checks `manifest`. Relative paths start at `folder`.
    pub fn new(mut manifest: Manifest, folder: &Path) -> Result<Self> {
        check_http_defaults(&manifest)?;
        let mut triggers = http_triggers(&mut manifest.triggers)?;
        name_triggers(&mut triggers);
        name_inline_components(&mut triggers, &mut manifest.components)?;

        let variables: BTreeMap<String, Variable> = manifest
            .variables
            .into_iter()
            .map(|(name, variable)| (name.into(), variable))
            .collect();
        for (name, variable) in &variables {
            ensure!(
                variable.required != variable.default.is_some(),
                "variable {name:?} must either be required or have a default"
            );
        }

        let defaults = Defaults(&variables);
        let components = manifest
            .components
            .into_iter()
            .map(|(id, component)| {
                let component = Component::new(component, folder, &defaults)
                    .with_context(|| format!("component {:?}", id.as_str()))?;
                Ok((id.into(), component))
            })
            .collect::<Result<BTreeMap<_, _>>>()?;

        let triggers = triggers
            .into_iter()
            .map(|trigger| {
                let id = trigger.id.clone();
                HttpTrigger::new(trigger, &components).with_context(|| format!("trigger {id:?}"))
            })
            .collect::<Result<Vec<_>>>()?;

        let schema::Application { name, version, .. } = manifest.application;
        Ok(Self { name, version, variables, components, triggers })
    }

    /// Returns the templates of the variables of each component, by its id.
    pub fn templates(&self) -> impl Iterator<Item = (&String, &BTreeMap<String, String>)> {
        self.components.iter().map(|(id, component)| (id, &component.variables))
    }
}

impl Component {
    fn new(component: schema::Component, folder: &Path, defaults: &Defaults) -> Result<Self> {
        for (key, is_used) in [
            ("files", !component.files.is_empty()),
            ("ai_models", !component.ai_models.is_empty()),
            ("sqlite_databases", !component.sqlite_databases.is_empty()),
            ("dependencies", has_dependencies(&component)),
        ] {
            ensure!(!is_used, "the runner does not support `{key}`");
        }
        ensure!(
            component.allowed_http_hosts.is_empty(),
            "the runner does not support `allowed_http_hosts`: use `allowed_outbound_hosts`"
        );
        allowed_hosts::validate(&component.allowed_outbound_hosts, defaults)
            .context("`allowed_outbound_hosts`")?;
        let source = match component.source {
            Source::Local(path) => folder.join(path),
            Source::Remote { url, .. } => {
                bail!("the runner does not download components: {url}")
            }
            Source::Registry { package, version, .. } => {
                bail!("the runner does not download components: {package}@{version}")
            }
        };
        Ok(Self {
            source,
            variables: component
                .variables
                .into_iter()
                .map(|(name, template)| (name.into(), template))
                .collect(),
            environment: component.environment,
            allowed_outbound_hosts: component.allowed_outbound_hosts,
            key_value_stores: component.key_value_stores,
        })
    }
}

fn has_dependencies(component: &schema::Component) -> bool {
    let in_profiles = component.profile.values().any(|profile| !profile.dependencies.is_empty());
    in_profiles || !component.dependencies.is_empty()
}

impl HttpTrigger {
    fn new(trigger: Trigger, components: &BTreeMap<String, Component>) -> Result<Self> {
        ensure!(
            trigger.components.is_empty() && trigger.dependencies.is_empty(),
            "the runner supports neither `components` nor `dependencies` of a trigger, such as \
             `dependencies.middleware`: run this application on Spin 4.1 or newer"
        );
        let config: HttpConfig = trigger.config.try_into().map_err(|error: toml::de::Error| {
            anyhow::anyhow!("{}", error.message().trim().replace('\n', ", "))
        })?;
        if let Some(Executor::Wagi { .. }) = config.executor {
            bail!("the runner does not support the wagi executor");
        }
        if let Route::Private(private) = &config.route {
            ensure!(private.private, "a route must be a pattern or {{ private = true }}");
        }
        let target = match (trigger.component, config.static_response) {
            (Some(ComponentSpec::Reference(id)), None) => {
                ensure!(
                    components.contains_key(id.as_str()),
                    "component {:?} does not exist",
                    id.as_str()
                );
                TriggerTarget::Component(id.into())
            }
            (None, Some(response)) => {
                check_static_response(&response).context("`static_response`")?;
                TriggerTarget::Static(response)
            }
            (None, None) => bail!("has neither `component` nor `static_response`"),
            (Some(_), _) => bail!("has both `component` and `static_response`"),
        };
        Ok(Self { id: trigger.id, route: config.route, target })
    }
}

fn check_http_defaults(manifest: &Manifest) -> Result<()> {
    let Some(table) = manifest.application.triggers.get("http") else {
        return Ok(());
    };
    let defaults: HttpDefaults = table.clone().try_into().context("[application.trigger.http]")?;
    ensure!(
        defaults.base.is_none_or(|base| base == "/"),
        "[application.trigger.http] has a `base`, which Spin no longer supports: include it in each route"
    );
    Ok(())
}

fn http_triggers(triggers: &mut BTreeMap<String, Vec<Trigger>>) -> Result<Vec<Trigger>> {
    let http = triggers.remove("http").unwrap_or_default();
    if let Some(other) = triggers.keys().next() {
        bail!("the runner does not support triggers of type {other:?}");
    }
    ensure!(!http.is_empty(), "the application has no triggers");
    Ok(http)
}

/// Generates the missing names of triggers, like Spin.
fn name_triggers(triggers: &mut [Trigger]) {
    let mut taken: HashSet<String> = triggers.iter().map(|trigger| trigger.id.clone()).collect();
    for trigger in triggers.iter_mut().filter(|trigger| trigger.id.is_empty()) {
        let natural = match &trigger.component {
            Some(ComponentSpec::Reference(id)) => Some(format!("{}-http-trigger", id.as_str())),
            _ => None,
        };
        let counted = (1..).map(|number| format!("http-trigger{number}"));
        if let Some(id) = natural.into_iter().chain(counted).find(|id| !taken.contains(id)) {
            taken.insert(id.clone());
            trigger.id = id;
        }
    }
}

/// Moves inline components of triggers to the named components.
fn name_inline_components(
    triggers: &mut [Trigger],
    components: &mut BTreeMap<super::id::KebabId, schema::Component>,
) -> Result<()> {
    for trigger in triggers {
        let component = match trigger.component.take() {
            Some(ComponentSpec::Inline(component)) => component,
            named => {
                trigger.component = named;
                continue;
            }
        };
        let natural = format!("{}-component", trigger.id);
        let counted = (1..).map(|number| format!("inline-component{number}"));
        let id = std::iter::once(natural)
            .chain(counted)
            .filter_map(|id| id.try_into().ok())
            .find(|id| !components.contains_key(id))
            .context("no unused name for an inline component")?;
        trigger.component = Some(ComponentSpec::Reference(id.clone()));
        components.insert(id, *component);
    }
    Ok(())
}

fn check_static_response(response: &StaticResponse) -> Result<()> {
    if let Some(code) = response.status_code {
        StatusCode::from_u16(code).with_context(|| format!("status code {code}"))?;
    }
    for (name, value) in &response.headers {
        name.parse::<HeaderName>().with_context(|| format!("header {name:?}"))?;
        value.parse::<HeaderValue>().with_context(|| format!("header {name:?}"))?;
    }
    Ok(())
}
