//! `./dev up` and `./dev down` in a copy of the repository. The binaries already exist, so `cargo` does nothing in this
//! copy. The installation of Spin, with a `curl` that copies a file.

use std::{
    fs::{self, File, Permissions},
    net::TcpStream,
    os::unix::{
        fs::{PermissionsExt as _, symlink},
        process::CommandExt as _,
    },
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    thread::sleep,
    time::{Duration, Instant},
};

use e2e::{Call, World, free_port, root, unique};
use http::Method;
use serde_json::json;

/// A copy of the repository. Its servers stop when this value is dropped.
struct Clone {
    folder: PathBuf,
    port: u16,
}

/// A running `./dev up`.
struct Up {
    process: Child,
    output: PathBuf,
}

impl Clone {
    fn new() -> Self {
        let folder = World::get().services.folder().join(unique("clone"));
        fs::create_dir(&folder).unwrap();
        for name in [
            "deploy",
            "dev",
            "scripts",
            "templates",
            "spin.toml",
            "runtime-config.toml",
            "Cargo.toml",
        ] {
            let status = Command::new("cp").arg("-R").arg(root().join(name)).arg(&folder).status();
            assert!(status.unwrap().success(), "{name}");
        }
        symlink(root().join("target"), folder.join("target")).unwrap();
        fs::create_dir_all(folder.join("tools/runner")).unwrap();
        fs::create_dir(folder.join("bin")).unwrap();
        write_script(&folder.join("bin/cargo"), "");
        let port = free_port();
        Self { folder, port }
    }

    fn dev(&self, arguments: &[&str]) -> Command {
        let path = std::env::var("PATH").unwrap();
        // Tests in a background job inherit an ignored SIGINT, which a shell cannot reset itself. `env` resets it
        // before the shell starts.
        let mut command = Command::new("sh");
        command
            .args(["-c", "trap '' INT; exec env --default-signal=INT ./dev \"$@\"", "dev"])
            .args(arguments)
            .current_dir(&self.folder)
            .env("PATH", format!("{}:{path}", self.folder.join("bin").display()))
            .env("PORT", self.port.to_string())
            .stdin(Stdio::null());
        // `./dev` creates these values if they are absent.
        for name in ["MASTER_DATABASE_URL", "TENANT_DATABASE_TEMPLATE", "REDIS_URL", "REDIS_HOST"] {
            command.env_remove(name);
        }
        command
    }

    fn run(&self, arguments: &[&str]) -> Output {
        self.dev(arguments).output().unwrap()
    }

    fn up(&self) -> Up {
        let output = self.folder.join(unique("output"));
        let file = File::create(&output).unwrap();
        let mut command = self.dev(&["up"]);
        command.stdout(file.try_clone().unwrap()).stderr(file).process_group(0);
        let mut up = Up { process: command.spawn().unwrap(), output };
        let begin = Instant::now();
        while !up.said().contains("Ctrl-C stops everything.") {
            let ended = up.process.try_wait().unwrap();
            assert!(
                ended.is_none() && begin.elapsed() < Duration::from_mins(2),
                "{ended:?}:\n{}",
                up.said()
            );
            sleep(Duration::from_millis(50));
        }
        up
    }

    /// Returns the ports of its servers, which `.dev/env` contains.
    fn ports(&self) -> Vec<u16> {
        let settings = fs::read_to_string(self.folder.join(".dev/env")).unwrap();
        let port = |line: &str| line.split_once("_PORT=").and_then(|(_, port)| port.parse().ok());
        let mut ports: Vec<u16> = settings.lines().filter_map(port).collect();
        ports.push(self.port);
        assert_eq!(ports.len(), 3, "{settings}");
        ports
    }
}

impl Drop for Clone {
    fn drop(&mut self) {
        // The folder is deleted together with the folder of the run.
        let _ = self.run(&["down"]);
    }
}

impl Up {
    fn said(&self) -> String {
        fs::read_to_string(&self.output).unwrap()
    }

    /// Returns the value on the line that starts with `name`.
    fn told(&self, name: &str) -> String {
        let said = self.said();
        let line = said.lines().find_map(|line| line.trim_start().strip_prefix(name));
        line.unwrap_or_else(|| panic!("no {name} in:\n{said}")).trim().to_owned()
    }

    fn ctrl_c(mut self) {
        let group = format!("-{}", self.process.id());
        assert!(Command::new("kill").args(["-INT", "--", &group]).status().unwrap().success());
        assert_eq!(self.process.wait().unwrap().code(), Some(130), "{}", self.said());
    }
}

fn write_script(path: &Path, script: &str) {
    fs::write(path, format!("#!/bin/sh\n{script}\n")).unwrap();
    fs::set_permissions(path, Permissions::from_mode(0o755)).unwrap();
}

fn listens(port: u16) -> bool {
    TcpStream::connect(("127.0.0.1", port)).is_ok()
}

fn mode(file: &Path) -> u32 {
    fs::metadata(file).unwrap().permissions().mode() & 0o777
}

#[test]
fn dev_up_keeps_data_after_restart() {
    let clone = Clone::new();
    let up = clone.up();
    let key = up.told("Admin key");
    let curl = up.told("curl ");
    assert!(
        curl.starts_with(&format!("http://127.0.0.1:{}/admin/tenants -H", clone.port)),
        "{curl}"
    );
    assert!(curl.contains(&key), "{curl}");
    assert_eq!(mode(&clone.folder.join(".dev/env")), 0o600);
    assert!(up.told("PostgreSQL").starts_with("postgres://tenancy:"));
    assert!(up.told("Redis").starts_with("redis://:"));
    assert!(clone.ports().into_iter().all(listens));
    let body = json!({ "name": "Kept", "admin_email": "a@kept.example" });
    let address = format!("127.0.0.1:{}", clone.port);
    let tenants = |method| Call::new(method, &address, "/admin/tenants").token(&key);
    tenants(Method::POST).json(&body).send().expect(201);

    // A second `./dev up` fails, and does not affect the running one.
    let other = clone.run(&["up"]);
    let error = String::from_utf8(other.stderr).unwrap();
    assert_eq!(other.status.code(), Some(1));
    assert!(error.starts_with(&format!("dev: port {} is in use: ", clone.port)), "{error}");
    assert_eq!(error.lines().count(), 1, "{error}");
    assert_eq!(tenants(Method::GET).send().expect(200)["total"], 1);

    up.ctrl_c();
    assert!(!clone.ports().into_iter().any(listens), "all servers stop");

    let up = clone.up();
    assert_eq!(up.told("Admin key"), key);
    assert_eq!(tenants(Method::GET).send().expect(200)["total"], 1);
    up.ctrl_c();
}

#[test]
fn dev_ctl_runs_tenantctl() {
    let clone = Clone::new();
    // It starts the stores and stops them again.
    let migrated = clone.run(&["ctl", "migrate"]);
    assert!(migrated.status.success(), "{}", String::from_utf8_lossy(&migrated.stderr));
    assert!(!clone.ports().into_iter().any(listens));
    let up = clone.up();
    // Its standard output and its status are those of tenantctl.
    let listed = clone.run(&["ctl", "audit", "verify"]);
    let output = String::from_utf8_lossy(&listed.stdout);
    assert!(listed.status.success() && !output.contains("==>"), "{output}");
    assert!(!clone.run(&["ctl", "nothing"]).status.success());
    assert!(clone.ports().into_iter().all(listens), "the running servers stay");
    up.ctrl_c();
}

#[test]
fn dev_up_prints_links_of_messages() {
    let clone = Clone::new();
    let up = clone.up();
    let address = format!("127.0.0.1:{}", clone.port);
    let post = |path, token: &str, body: serde_json::Value| {
        Call::new(Method::POST, &address, path).token(token).json(&body).send()
    };
    let new = json!({ "name": "Acme", "admin_email": "a@acme.example", "admin_password": "a good password" });
    let tenant = post("/admin/tenants", &up.told("Admin key"), new).expect(201);
    let login = json!({ "email": "a@acme.example", "password": "a good password" });
    let call = Call::new(Method::POST, &address, "/api/v1/auth/login").json(&login);
    let signed_in = call.slug(tenant["slug"].as_str().unwrap()).send().expect(200);
    let token = signed_in["access_token"].as_str().unwrap();
    let invited = post("/api/v1/users", token, json!({ "email": "bob@acme.example" })).expect(201);
    assert_eq!(invited["is_mailed"], true);
    let begin = Instant::now();
    let link = format!("http://localhost:{}/set-password#token=", clone.port);
    while !up.said().contains(&link) {
        assert!(begin.elapsed().as_secs() < 60, "{}", up.said());
        sleep(Duration::from_millis(50));
    }
    let messages: Vec<_> = fs::read_dir(clone.folder.join(".dev/mail")).unwrap().collect();
    assert_eq!(messages.len(), 1);
    let message = fs::read_to_string(messages[0].as_ref().unwrap().path()).unwrap();
    assert!(message.contains("To: bob@acme.example"), "{message}");
    up.ctrl_c();
    assert!(!clone.folder.join(".dev/mail.pid").exists(), "the delivery ends with the service");
}

#[test]
fn dev_without_command_prints_help() {
    let clone = Clone::new();
    for (arguments, status) in [(&[][..], 0), (&["--help"], 0), (&["nothing"], 2)] {
        let output = clone.run(arguments);
        assert_eq!(output.status.code(), Some(status), "{arguments:?}");
        let help = if status == 0 { output.stdout } else { output.stderr };
        let help = String::from_utf8(help).unwrap();
        for command in ["up", "test", "check", "bench", "chaos", "ctl", "down"] {
            assert!(help.contains(&format!("./dev {command} ")), "{help}");
        }
    }
}

#[test]
fn dev_down_stops_servers_and_wipes() {
    let clone = Clone::new();
    let mut up = clone.up();
    up.process.kill().unwrap();
    up.process.wait().unwrap();
    let ports = clone.ports();
    assert!(ports.iter().copied().all(listens), "the servers survive a killed run");
    assert!(clone.run(&["down"]).status.success());
    assert!(!ports.iter().copied().any(listens));
    assert!(clone.folder.join(".dev/env").exists());
    assert!(clone.run(&["down", "--wipe"]).status.success());
    for name in ["env", "postgres", "redis", "state"] {
        assert!(!clone.folder.join(".dev").join(name).exists(), "{name}");
    }
}

/// Returns the settings in the table of `docs/settings.md`, except those of `./dev` itself.
fn documented_settings() -> Vec<String> {
    const OF_DEV: [&str; 4] = ["HOST", "PORT", "POSTGRES_PORT", "REDIS_PORT"];
    let document = fs::read_to_string(root().join("docs/settings.md")).unwrap();
    let rows = document.lines().filter_map(|line| line.strip_prefix("| `")?.split(" | ").next());
    let names = rows.flat_map(|cell| cell.split(['`', ',', ' ']));
    let is_name = |name: &&str| {
        !name.is_empty()
            && name.bytes().all(|byte| matches!(byte, b'A'..=b'Z' | b'0'..=b'9' | b'_'))
            && !OF_DEV.contains(name)
    };
    names.filter(is_name).map(str::to_owned).collect()
}

#[test]
fn documented_settings_reach_application() {
    let settings = documented_settings();
    assert!(settings.len() > 20, "{settings:?}");
    assert!(settings.contains(&"JWT_ED25519_KEY".to_owned()), "{settings:?}");
    let manifest = fs::read_to_string(root().join("spin.toml")).unwrap();
    let mut command = Command::new("bash");
    command.args(["-c", ". scripts/settings.sh; export_variables; env"]).current_dir(root());
    for setting in &settings {
        command.env(setting, format!("the value of {setting}"));
    }
    let output = command.output().unwrap();
    let environment = String::from_utf8(output.stdout).unwrap();
    for setting in &settings {
        let line = format!("SPIN_VARIABLE_{setting}=the value of {setting}");
        assert!(environment.lines().any(|other| other == line), "{line}");
        let name = setting.to_ascii_lowercase();
        assert!(manifest.contains(&format!("{{{{ {name} }}}}")), "{setting} is unused");
    }
}

#[test]
fn environment_file_key_signs_tokens() {
    let clone = Clone::new();
    let up = clone.up();
    up.ctrl_c();
    let file = clone.folder.join(".dev/env");
    let key = "MC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g";
    let settings = fs::read_to_string(&file).unwrap();
    fs::write(&file, format!("{settings}JWT_ED25519_KEY={key}\n")).unwrap();
    let up = clone.up();
    let address = format!("127.0.0.1:{}", clone.port);
    let keys = Call::new(Method::GET, &address, "/.well-known/jwks.json").send().expect(200);
    assert_eq!(keys["keys"][0]["crv"], "Ed25519", "{keys}");
    up.ctrl_c();
}

#[test]
fn invalid_setting_prints_one_line() {
    let clone = Clone::new();
    for (name, value, message) in [
        ("JWT_SECRET_KEY", "short", "tenantctl: JWT_SECRET_KEY "),
        ("PORT", "none", "dev: PORT=none is not a port"),
        ("SPIN", "/nowhere/spin", "dev: SPIN=/nowhere/spin is not Spin 4.1 or newer"),
    ] {
        let output = clone.dev(&["up"]).env(name, value).output().unwrap();
        assert_eq!(output.status.code(), Some(1), "{name}");
        let error = String::from_utf8(output.stderr).unwrap();
        assert!(error.starts_with(message), "{error}");
        let ports = fs::read_to_string(clone.folder.join(".dev/env")).map(|_| clone.ports());
        assert!(!ports.unwrap_or_default().into_iter().any(listens), "{name}");
    }
}

#[test]
fn downloaded_spin_needs_its_checksum() {
    let folder = World::get().services.folder().join(unique("spin"));
    fs::create_dir_all(folder.join("bin")).unwrap();
    write_script(&folder.join("bin/curl"), "cp \"$ARCHIVE\" \"$ARCHIVE_COPY\"");
    write_script(&folder.join("bin/spin"), "echo spin 4.0.1");
    write_script(&folder.join("spin"), "echo spin 4.2.1");
    let archive = folder.join("archive");
    let mut tar = Command::new("tar");
    tar.arg("-czf").arg(&archive).arg("-C").arg(&folder).arg("spin");
    assert!(tar.status().unwrap().success());
    let checksum = Command::new("sha256sum").arg(&archive).output().unwrap().stdout;
    let checksum = String::from_utf8(checksum).unwrap();
    let checksum = checksum.split(' ').next().unwrap();
    let dev = folder.join("dev");
    let installed = dev.join("spin/spin");
    let path = std::env::var("PATH").unwrap();
    let install = |archive: &Path, checksum: &str| {
        let script = ". scripts/lib.sh; . scripts/spin.sh; install_spin copy \"$1\"; find_spin";
        let mut command = Command::new("bash");
        command
            .args(["-euo", "pipefail", "-c", script, "bash", checksum])
            .current_dir(root())
            .env("DEV_DIR", &dev)
            .env("ARCHIVE", archive)
            .env("ARCHIVE_COPY", dev.join("spin.new/copy"))
            .env("PATH", format!("{}:{path}", folder.join("bin").display()))
            .env_remove("SPIN");
        let output = command.output().unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    };

    let output = install(Path::new("/nowhere/archive"), checksum);
    assert!(output.contains("==> Spin cannot be downloaded ("), "{output}");
    let output = install(&archive, &"0".repeat(64));
    assert!(output.ends_with("wrong checksum: using tools/runner\n"), "{output}");
    assert!(!installed.exists() && !dev.join("spin.new").exists());
    let output = install(&archive, checksum);
    assert!(output.ends_with(&format!("\n{}\n", installed.display())), "{output}");
}
