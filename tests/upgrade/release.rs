//! Releases, and the installation that is upgraded.

use std::{collections::BTreeMap, path::PathBuf, process::Command, time::Instant};

use e2e::{Application, FileStore, Services, root};

use crate::Api;

/// The servers of the installation, with the settings and the files that all instances share.
pub struct Installation {
    pub services: Services,
    settings: BTreeMap<&'static str, String>,
    files: PathBuf,
}

impl Installation {
    /// Starts the servers.
    pub fn start() -> Self {
        let services = Services::start_durable();
        let databases = services.databases();
        let mut settings = services.settings(&databases);
        // The first release has no `{tenant_id}`.
        let template = format!(
            "postgres://{{role}}:{{password}}@{}/tenant_{{tenant_slug}}?sslmode=disable",
            databases.postgres
        );
        settings.insert("TENANT_DATABASE_TEMPLATE", template);
        let files = services.folder().join("shared-files.db");
        Self { services, settings, files }
    }

    /// Returns whether instances count in Redis under names without the identity of its process. Later releases do not
    /// read these counters, so both must not serve at the same time (docs/upgrade.md).
    pub fn counts_under_former_names(&self) -> bool {
        self.services.redis_client().run(&["KEYS", "t:{*"]).iter().any(|key| !key.is_empty())
    }

    /// Returns the interface of an instance.
    pub fn api(&self, instance: &Application) -> Api {
        Api { address: instance.address.clone(), admin_key: self.settings["ADMIN_API_KEY"].clone() }
    }
}

/// A release that is built.
pub struct Release {
    name: &'static str,
    manifest: PathBuf,
    tenantctl: PathBuf,
}

impl Release {
    /// Returns the release in the folder `PREVIOUS_RELEASE`.
    pub fn previous() -> Self {
        let folder = std::env::var_os("PREVIOUS_RELEASE").expect("./dev test upgrade sets it");
        let folder = PathBuf::from(folder);
        let name = "the previous release";
        Self { name, manifest: folder.join("spin.toml"), tenantctl: folder.join("tenantctl") }
    }

    /// Returns the release of this working tree.
    pub fn current() -> Self {
        let tenantctl = root().join("target/tools/tenantctl");
        Self { name: "the new release", manifest: root().join("spin.toml"), tenantctl }
    }

    /// Starts an instance.
    pub fn serve(&self, installation: &Installation) -> Application {
        let folder = installation.services.folder();
        let files = FileStore::Sqlite(&installation.files);
        Application::start_release(&self.manifest, &installation.settings, &folder, files)
    }

    /// Runs `tenantctl`, and asserts that it succeeds.
    #[track_caller]
    pub fn tenantctl(&self, installation: &Installation, arguments: &[&str]) {
        let begin = Instant::now();
        let output = Command::new(&self.tenantctl)
            .args(arguments)
            .env_clear()
            .envs(&installation.settings)
            .output()
            .expect("tenantctl runs");
        let seconds = begin.elapsed().as_secs_f64();
        let command = arguments.join(" ");
        eprintln!("{}: tenantctl {command}: {} after {seconds:.1} s", self.name, output.status);
        assert!(
            output.status.success(),
            "tenantctl {command}:\n{}\n{}",
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        );
    }
}
