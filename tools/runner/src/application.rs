//! An application ready to serve: its manifest, its configuration and its compiled components.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::thread;

use ::http::uri::Authority;
use anyhow::{Context as _, Result, anyhow};
use serde::Serialize;
use wasmtime::component::Linker;
use wasmtime_wasi_http::handler::ProxyHandler;
use wasmtime_wasi_http::p3::bindings::ServicePre;

use crate::engine;
use crate::host::{http, key_value, postgres, redis, variables};
use crate::instance::{InstanceData, Shared, Sockets};
use crate::manifest::{self, App, TriggerTarget};
use crate::network::Gate;
use crate::network::allowed_hosts::AllowedHosts;
use crate::network::permits::{Limit, Permits};
use crate::options::{Options, Reuse};
use crate::routes::{Router, WELL_KNOWN_PREFIX};
use crate::runtime_config::RuntimeConfig;
use crate::variables::{EnvProvider, Provider, Variables, source};
use crate::worker::Component;

/// A checked and compiled application that does not listen yet.
pub(crate) struct Loaded {
    app: App,
    config: RuntimeConfig,
    router: Router,
    variables: Arc<Variables>,
    stores: HashMap<String, key_value::Shared>,
    services: HashMap<String, ServicePre<InstanceData>>,
    max_memory: Option<usize>,
    reuse: Reuse,
}

/// An application that can serve requests.
pub(crate) struct Application {
    name: String,
    version: String,
    pub(crate) router: Router,
    pub(crate) components: HashMap<String, ProxyHandler<Component>>,
    /// Calls between components.
    pub(crate) chain: http::Chain,
    /// The route of each call between components.
    pub(crate) chained: Router,
}

impl Loaded {
    /// Reads, checks and compiles the application that `options` name.
    pub(crate) fn new(options: &Options) -> Result<Self> {
        let manifest_path = std::path::absolute(options.manifest())?;
        let app = manifest::load(&manifest_path)?;
        let mut config = match &options.runtime_config_file {
            Some(path) => RuntimeConfig::load(path)?,
            None => RuntimeConfig::default(),
        };
        let (router, duplicates) = Router::new(&app.triggers)?;
        for duplicate in duplicates {
            eprintln!(
                "route {} of {:?} is never used, because {:?} has the same route",
                duplicate.route, duplicate.replaced, duplicate.effective
            );
        }
        if router.has_well_known() {
            eprintln!(
                "routes below {WELL_KNOWN_PREFIX} are never used, because the host serves them"
            );
        }

        let mut providers = vec![Provider::Static(source::read(&options.variable)?)];
        providers.append(&mut config.providers);
        providers.push(Provider::Env(EnvProvider::default_source()));
        let variables = Arc::new(Variables::new(&app.variables, app.templates(), providers)?);

        let app_folder = manifest_path.parent().unwrap_or(Path::new("/"));
        let state_dir = config.state_dir(options.state_dir.as_deref(), app_folder)?;
        let stores = stores(&app, &config, state_dir.as_deref())?;
        let services = compile(&app)?;
        Ok(Self {
            router,
            variables,
            stores,
            services,
            max_memory: options.max_instance_memory.or(config.max_instance_memory),
            reuse: options.reuse(),
            app,
            config,
        })
    }

    /// Makes the application ready to serve at `address`.
    pub(crate) fn serve_at(self, address: SocketAddr) -> Result<Application> {
        let own_authority: Authority = address.to_string().parse().context("invalid address")?;
        let total = Limit::new(self.config.max_total_connections);
        let permits = |max| Permits::new(Limit::new(max), total.clone());
        let for_postgres = permits(self.config.max_postgres_connections);
        let for_redis = permits(self.config.max_redis_connections);
        let for_http = permits(self.config.max_http_connections);
        let blocked = &self.config.blocked_networks;
        let chain = http::Chain::default();

        let mut components = HashMap::new();
        for (id, service) in self.services {
            let component = &self.app.components[&id];
            let allowed = AllowedHosts::resolve(
                &component.allowed_outbound_hosts,
                self.variables.as_ref(),
                &self.app.components.keys().map(String::as_str),
            );
            let gate = Gate::new(&id, allowed);
            let shared = Shared {
                environment: component.environment.clone().into_iter().collect(),
                sockets: Sockets {
                    gate: gate.clone(),
                    blocked: blocked.clone(),
                    uncounted: self.config.max_total_connections.is_none(),
                },
                max_memory: self.max_memory,
                variables: variables::Shared {
                    component: id.as_str().into(),
                    variables: self.variables.clone(),
                },
                key_value: self.stores.get(&id).cloned().unwrap_or_default(),
                redis: redis::Shared {
                    gate: gate.clone(),
                    blocked: blocked.clone(),
                    permits: for_redis.clone(),
                },
                postgres: postgres::Shared::new(gate.clone(), for_postgres.clone()),
                http: http::Shared {
                    gate,
                    blocked: blocked.clone(),
                    permits: for_http.clone(),
                    own_authority: own_authority.clone(),
                    chain: chain.clone(),
                },
            };
            let component = Component { id: id.clone(), service, shared, reuse: self.reuse };
            components.insert(id, ProxyHandler::new(component));
        }
        let App { name, version, .. } = self.app;
        let chained = Router::of_chained_calls()?;
        Ok(Application { name, version, router: self.router, components, chain, chained })
    }
}

impl Application {
    /// Returns the JSON of `/.well-known/spin/info`.
    pub(crate) fn info(&self) -> Result<Vec<u8>> {
        #[derive(Serialize)]
        struct Info<'a> {
            name: &'a str,
            #[serde(skip_serializing_if = "str::is_empty")]
            version: &'a str,
        }
        Ok(serde_json::to_vec_pretty(&Info { name: &self.name, version: &self.version })?)
    }
}

/// Returns the key-value stores of each component. Components with the same label share a store.
fn stores(
    app: &App,
    config: &RuntimeConfig,
    state_dir: Option<&Path>,
) -> Result<HashMap<String, key_value::Shared>> {
    let mut by_label: BTreeMap<&str, key_value::Store> = BTreeMap::new();
    let mut by_component = HashMap::new();
    for (id, component) in &app.components {
        let mut stores = HashMap::new();
        for label in &component.key_value_stores {
            let store = match by_label.get(label.as_str()) {
                Some(store) => store.clone(),
                None => {
                    let config = config.store(label, state_dir).with_context(|| {
                        format!("unknown key_value_stores label {label:?} of component {id:?}")
                    })?;
                    let store = key_value::Store::new(label, config)?;
                    by_label.insert(label, store.clone());
                    store
                }
            };
            stores.insert(label.clone(), store);
        }
        by_component.insert(id.clone(), key_value::Shared(Arc::new(stores)));
    }
    Ok(by_component)
}

/// Compiles the components of all triggers concurrently.
fn compile(app: &App) -> Result<HashMap<String, ServicePre<InstanceData>>> {
    let engine = engine::new_engine()?;
    let linker: Linker<InstanceData> = engine::new_linker(&engine)?;
    let ids: HashSet<&String> = app
        .triggers
        .iter()
        .filter_map(|trigger| match &trigger.target {
            TriggerTarget::Component(id) => Some(id),
            TriggerTarget::Static(_) => None,
        })
        .collect();
    thread::scope(|scope| {
        let threads: Vec<_> = ids
            .into_iter()
            .map(|id| {
                let source = &app.components[id].source;
                (id, scope.spawn(|| engine::load(&linker, source)))
            })
            .collect();
        threads
            .into_iter()
            .map(|(id, thread)| {
                let service = thread.join().map_err(|_| anyhow!("the compiler panicked"));
                let service = service.flatten().with_context(|| format!("component {id:?}"))?;
                Ok((id.clone(), service))
            })
            .collect()
    })
}
