//! wasmtime with the configuration of Spin.

use anyhow::{Context as _, Result, anyhow, ensure};
use std::path::Path;
use wasmtime::component::{Component, InstancePre, Linker};
use wasmtime::{Cache, Config, Engine, InstanceAllocationStrategy, PoolingAllocationConfig};
use wasmtime_wasi_http::p3::bindings::ServicePre;

use crate::bindings;
use crate::host::{key_value, postgres, redis, variables};
use crate::instance::InstanceData;

/// The maximum number of instances at the same time. Other limits follow from it.
const MAX_INSTANCES: u32 = 1_000;
/// The bits of address space for the pool.
const POOL_ADDRESS_BITS: u32 = 42;
const MIB: usize = 1 << 20;

/// Creates the engine. wasmtime caches compiled components for the next start.
pub(crate) fn new_engine() -> Result<Engine> {
    let mut config = Config::new();
    config.epoch_interruption(true).wasm_component_model(true).wasm_component_model_async(true);
    match Cache::from_file(None) {
        Ok(cache) => {
            config.cache(Some(cache));
        }
        Err(error) => eprintln!(
            "compilation cache unavailable; compiling components at each start: {error:#}"
        ),
    }
    if pool_fits() {
        config.allocation_strategy(InstanceAllocationStrategy::Pooling(pool()));
    }
    Ok(Engine::new(&config)?)
}

/// Returns the limits of Spin's pool. A component that exceeds them fails in Spin.
fn pool() -> PoolingAllocationConfig {
    let mut pool = PoolingAllocationConfig::default();
    pool.total_component_instances(MAX_INSTANCES)
        .total_memories(MAX_INSTANCES)
        .total_tables(2 * MAX_INSTANCES)
        .total_stacks(MAX_INSTANCES)
        .total_core_instances(4 * MAX_INSTANCES)
        .table_elements(100_000)
        .max_component_instance_size(10 * MIB)
        .max_core_instance_size(10 * MIB)
        .max_core_instances_per_component(200)
        .max_tables_per_component(64)
        .max_memories_per_component(32)
        .max_tables_per_module(2)
        .max_memories_per_module(2)
        .max_memory_size(4096 * MIB)
        .linear_memory_keep_resident(2 * MIB)
        .table_keep_resident(MIB / 2);
    pool
}

/// Returns whether the machine has enough address space for the pool, by reserving the same amount.
fn pool_fits() -> bool {
    let mut config = Config::new();
    config.wasm_memory64(true).memory_reservation(1 << POOL_ADDRESS_BITS);
    let Ok(engine) = Engine::new(&config) else {
        return false;
    };
    // The size is in pages of 64 KiB.
    let memory = wasmtime::MemoryType::new64(0, Some(1 << (POOL_ADDRESS_BITS - 16)));
    wasmtime::Memory::new(wasmtime::Store::new(&engine, ()), memory).is_ok()
}

/// Links all interfaces that a component may import.
pub(crate) fn new_linker(engine: &Engine) -> Result<Linker<InstanceData>> {
    let mut linker: Linker<InstanceData> = Linker::new(engine);
    wasmtime_wasi::p2::add_to_linker_async(&mut linker)?;
    wasmtime_wasi::p3::add_to_linker(&mut linker)?;
    wasmtime_wasi_http::p3::add_to_linker(&mut linker)?;
    bindings::key_value::add_to_linker::<_, key_value::Interface>(&mut linker, |data| {
        &mut data.key_value
    })?;
    bindings::postgres::add_to_linker::<_, postgres::Interface>(&mut linker, |data| {
        &mut data.postgres
    })?;
    bindings::redis::add_to_linker::<_, redis::Interface>(&mut linker, |data| &mut data.redis)?;
    bindings::variables::add_to_linker::<_, variables::Interface>(&mut linker, |data| {
        &mut data.variables
    })?;
    Ok(linker)
}

/// Compiles the component in the file at `path`, or loads it from the cache, and links it.
pub(crate) fn load(linker: &Linker<InstanceData>, path: &Path) -> Result<ServicePre<InstanceData>> {
    let wasm = std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    ensure!(
        !is_core_module(&wasm),
        "{} is a core module, but the runner needs a component",
        path.display()
    );
    let component = Component::from_binary(linker.engine(), &wasm)
        .map_err(anyhow::Error::from)
        .with_context(|| format!("cannot compile {}", path.display()))?;
    let instance: InstancePre<InstanceData> = linker
        .instantiate_pre(&component)
        .map_err(|error| explain_link_error(&component, error))?;
    ServicePre::new(instance)
        .map_err(anyhow::Error::from)
        .context("it does not export wasi:http/handler@0.3")
}

/// Names the import that `error` is about.
fn explain_link_error(component: &Component, error: wasmtime::Error) -> anyhow::Error {
    let text = format!("{error:#}");
    let component_type = component.component_type();
    let mut imports = component_type.imports(component.engine()).map(|(name, _)| name);
    match imports.find(|name| text.contains(&format!("`{name}`"))) {
        Some(name) => anyhow!("it imports {name}, which the runner does not support"),
        None => error.into(),
    }
}

/// Returns whether `wasm` is a core module, by the version and layer in its header.
fn is_core_module(wasm: &[u8]) -> bool {
    wasm.starts_with(b"\0asm\x01\0\0\0")
}
