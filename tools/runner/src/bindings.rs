//! The interfaces of Spin that a guest may import, generated from the WIT files of the spin-sdk crate (see `build.rs`).

mod generated {
    include!(concat!(env!("OUT_DIR"), "/bindgen_from_spin_sdk.rs"));

    bindgen_from_spin_sdk! {
        inline: "
            package runner:host;

            world imports {
                import spin:key-value/key-value@3.0.0;
                import spin:postgres/postgres@4.2.0;
                import spin:redis/redis@3.0.0;
                import spin:variables/variables@3.0.0;
            }
        ",
        world: "runner:host/imports",
        imports: {
            "spin:key-value/key-value.[method]store.get-keys": async | trappable,
            "spin:postgres/postgres.[constructor]connection-builder": async | trappable,
            default: async,
        },
    }
}

pub(crate) use generated::spin::key_value::key_value;
pub(crate) use generated::spin::postgres::postgres;
pub(crate) use generated::spin::redis::redis;
pub(crate) use generated::spin::variables::variables;

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    /// Returns the versions of spin-sdk in the lock file of a workspace.
    fn spin_sdk(workspace: &Path) -> Vec<String> {
        let lock = fs::read_to_string(workspace.join("Cargo.lock")).unwrap();
        let lock: toml::Table = lock.parse().unwrap();
        let packages = lock["package"].as_array().unwrap();
        let found = packages.iter().filter(|package| package["name"].as_str() == Some("spin-sdk"));
        found.map(|package| package["version"].to_string()).collect()
    }

    #[test]
    fn interfaces_are_those_of_the_components() {
        let runner = Path::new(env!("CARGO_MANIFEST_DIR"));
        assert_eq!(spin_sdk(runner), spin_sdk(&runner.join("../..")));
    }
}
