//! The application as an artifact of a registry, on a real Spin: push, pull, and `spin up -f`.

use std::{
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use e2e::{Application, Call, Process, World, free_port, root, unique};
use http::Method;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::seed_examples::follow_readme;

/// Debian's `docker-registry` on loopback, with an empty store.
struct Registry {
    address: String,
    folder: PathBuf,
    _process: Process,
}

impl Registry {
    fn start(world: &World) -> Self {
        let folder = world.services.folder().join(unique("registry"));
        fs::create_dir(&folder).unwrap();
        let address = format!("127.0.0.1:{}", free_port());
        let store = folder.join("store");
        let configuration = format!(
            "version: 0.1\nstorage: {{ filesystem: {{ rootdirectory: {:?} }} }}\nhttp: {{ addr: {address:?} }}\n",
            store.display().to_string()
        );
        let file = folder.join("registry.yaml");
        fs::write(&file, configuration).unwrap();
        let mut command = Process::command("docker-registry");
        command.arg("serve").arg(&file);
        let mut process = Process::start(&mut command, &folder.join("log"));
        process.wait_until_listening(&address);
        Self { address, folder, _process: process }
    }

    /// Runs `spin registry` with a cache of its own.
    fn spin(&self, cache: &str, arguments: &[&str]) {
        let mut command = Command::new(std::env::var_os("SPIN").expect("SPIN is a real Spin"));
        command.args(["registry", arguments[0], "--insecure", "--cache-dir"]);
        command.arg(self.folder.join(cache)).args(&arguments[1..]).current_dir(root());
        let output = command.output().unwrap();
        let said = [output.stdout, output.stderr].concat();
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&said));
    }

    /// Returns the digests of the layers of an artifact.
    fn layers(&self, tag: &str) -> Vec<String> {
        let path = format!("/v2/tenancy/manifests/{tag}");
        let call = Call::new(Method::GET, &self.address, &path);
        let answer = call.header("accept", "application/vnd.oci.image.manifest.v1+json").send();
        let manifest: Value = serde_json::from_str(&answer.text).unwrap();
        let layers = manifest["layers"].as_array().unwrap_or_else(|| panic!("{manifest}")).iter();
        layers.map(|layer| layer["digest"].as_str().unwrap().to_owned()).collect()
    }
}

fn digest(file: &Path) -> String {
    let hash = Sha256::digest(fs::read(file).unwrap());
    hash.iter().fold("sha256:".to_owned(), |mut text, byte| {
        write!(text, "{byte:02x}").unwrap();
        text
    })
}

#[test]
#[ignore = "needs a real Spin"]
fn pushed_application_serves_readme_examples() {
    // The examples create the tenant `acme`.
    let world = World::other_installation();
    let registry = Registry::start(world);
    let reference = format!("{}/tenancy:0.1.0", registry.address);
    registry.spin("pushed", &["push", &reference]);
    let layers = registry.layers("0.1.0");
    for component in ["account", "admin", "auth", "tenant", "health", "outbound"] {
        let file = root().join(format!("target/wasm32-wasip2/release/{component}.wasm"));
        assert!(layers.contains(&digest(&file)), "{component} is not in {layers:?}");
    }
    registry.spin("pulled", &["pull", &reference]);

    let cache = registry.folder.join("pulled").display().to_string();
    let arguments = ["--insecure", "--cache-dir", &cache, "--max-instance-reuse-count", "4096"];
    let reference = Path::new(&reference);
    let folder = &registry.folder;
    let application = Application::start_manifest(reference, &world.settings(), folder, &arguments);
    follow_readme(world, &application);
}
