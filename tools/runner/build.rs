//! Points the bindings at the WIT files in the spin-sdk crate, so that the host and guests share one definition.
//!
//! Only cargo knows the location of a crate's sources, so this script asks cargo.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::Value;

/// The folders below `wit/deps` of spin-sdk with the imports of a guest.
const PACKAGES: [&str; 4] =
    ["spin-key-value@3.0.0", "spin-postgres@4.2.0", "spin-redis@3.0.0", "spin-variables@3.0.0"];

fn main() -> Result<()> {
    println!("cargo::rerun-if-changed=build.rs");
    let metadata = cargo_metadata()?;
    let root = metadata["workspace_root"].as_str().context("cargo metadata has no root")?;
    println!("cargo::rerun-if-changed={root}/Cargo.lock");

    let deps = spin_sdk(&metadata)?.join("wit/deps");
    println!("cargo::rerun-if-changed={}", deps.display());
    let mut paths = Vec::new();
    for package in PACKAGES {
        let path = deps.join(package);
        ensure!(path.is_dir(), "spin-sdk carries no {}", path.display());
        paths.push(path);
    }

    // The macro accepts only literals as paths.
    let source = format!(
        "macro_rules! bindgen_from_spin_sdk {{\n    \
             ($($option:tt)*) => {{ wasmtime::component::bindgen!({{ path: {paths:?}, $($option)* }}); }};\n}}\n"
    );
    let out = PathBuf::from(env::var("OUT_DIR")?).join("bindgen_from_spin_sdk.rs");
    std::fs::write(out, source)?;
    Ok(())
}

/// Returns the folder of the spin-sdk version in the lock file.
fn spin_sdk(metadata: &Value) -> Result<PathBuf> {
    let packages = metadata["packages"].as_array().context("cargo metadata has no packages")?;
    let mut found = packages.iter().filter(|package| package["name"] == "spin-sdk");
    let (Some(package), None) = (found.next(), found.next()) else {
        bail!("the lock file must name exactly one version of spin-sdk");
    };
    let manifest = package["manifest_path"].as_str().context("spin-sdk has no manifest")?;
    let folder = Path::new(manifest).parent().context("spin-sdk has no folder")?;
    Ok(folder.to_owned())
}

/// Returns cargo's metadata of the packages in the lock file.
///
/// Tries offline first, because that needs no network and cannot wait for one. On a machine with only the packages of
/// this build, offline mode fails for the other packages, and cargo may fetch them.
fn cargo_metadata() -> Result<Value> {
    let offline = run_cargo_metadata(&["--offline"]);
    let output = match offline {
        Ok(output) => output,
        Err(_) => run_cargo_metadata(&[])?,
    };
    Ok(serde_json::from_slice(&output)?)
}

fn run_cargo_metadata(extra: &[&str]) -> Result<Vec<u8>> {
    let manifest = Path::new(&env::var("CARGO_MANIFEST_DIR")?).join("Cargo.toml");
    let output = Command::new(env::var_os("CARGO").context("CARGO is not set")?)
        .args(["metadata", "--format-version=1", "--locked", "--filter-platform=wasm32-wasip2"])
        .args(extra)
        .arg("--manifest-path")
        .arg(manifest)
        .output()
        .context("cannot run cargo")?;
    if !output.status.success() {
        bail!(
            "cargo metadata failed (without network, run `cargo fetch --locked` first): {}",
            String::from_utf8_lossy(&output.stderr).trim()
        );
    }
    Ok(output.stdout)
}
