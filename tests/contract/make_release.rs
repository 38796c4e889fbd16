//! `scripts/make-release VERSION tenantctl` on a machine like those of the jobs for macOS: the programs of POSIX, and a
//! toolchain that has no target for WebAssembly.

use std::{
    fs::{self, Permissions},
    os::unix::fs::{PermissionsExt as _, symlink},
    path::{Path, PathBuf},
    process::{Command, Output},
};

use e2e::{root, unique};

/// `make-release`, and the scripts that it reads.
const SCRIPTS: [&str; 4] =
    ["scripts/build.sh", "scripts/lib.sh", "scripts/make-release", "scripts/toolchain.sh"];

/// The programs that both GNU and macOS have, and that the part `tenantctl` may use.
const PROGRAMS: [&str; 14] = [
    "awk", "bash", "chmod", "cp", "dirname", "env", "find", "head", "ls", "mkdir", "sed", "sort",
    "tr", "uname",
];

/// A compiler for Macs with ARM64. `STD` is the folder of its standard library.
const RUSTC: &str = "#!/bin/sh
case $* in
  --version) echo 'rustc 9.9.9 (of the test)' ;;
  -vV) printf 'rustc 9.9.9\\nhost: aarch64-apple-darwin\\n' ;;
  *wasm32*) echo /nowhere ;;
  *target-libdir*) echo STD ;;
esac
";

const CARGO: &str = "#!/bin/sh
set -e
case $1 in
  build)
    folder=target/aarch64-apple-darwin/host
    mkdir -p $folder
    printf '#!/bin/sh\\necho tenantctl of the test\\n' >$folder/tenantctl
    chmod +x $folder/tenantctl
    ;;
  cyclonedx) echo '{}' >tools/tenantctl/bill.json ;;
  pkgid) echo \"path+file://$PWD/tools/tenantctl#1.2.3\" ;;
  *) exit 1 ;;
esac
";

/// A copy of the scripts, and the folder of all programs that they find.
struct Machine(PathBuf);

impl Machine {
    fn new() -> Self {
        let name = format!("tenancy-mac-{}", std::process::id());
        let folder = std::env::temp_dir().join(unique(&name));
        let programs = folder.join("programs");
        for part in ["programs", "std", "tree/scripts"] {
            fs::create_dir_all(folder.join(part)).unwrap();
        }
        for part in ["bench", "clients", "components", "crates", "tests", "tools/tenantctl"] {
            fs::create_dir_all(folder.join("tree").join(part)).unwrap();
        }
        for file in SCRIPTS.into_iter().chain(["Cargo.toml"]) {
            fs::copy(root().join(file), folder.join("tree").join(file)).unwrap();
        }
        fs::write(folder.join("std/libstd-1.rlib"), "").unwrap();
        let path = std::env::var_os("PATH").unwrap();
        for program in PROGRAMS {
            let mut places = std::env::split_paths(&path).map(|folder| folder.join(program));
            symlink(places.find(|path| path.exists()).unwrap(), programs.join(program)).unwrap();
        }
        let std = folder.join("std").display().to_string();
        let machine = Self(folder);
        machine.add("rustc", &RUSTC.replace("STD", &std));
        machine.add("cargo", CARGO);
        for name in ["cc", "cargo-cyclonedx"] {
            machine.add(name, "#!/bin/sh\n");
        }
        // The target for WebAssembly cannot be added.
        machine.add("rustup", "#!/bin/sh\nexit 1\n");
        machine
    }

    fn add(&self, name: &str, text: &str) {
        let path = self.0.join("programs").join(name);
        fs::write(&path, text).unwrap();
        fs::set_permissions(path, Permissions::from_mode(0o755)).unwrap();
    }

    fn make(&self, part: &str) -> Output {
        Command::new(self.0.join("tree/scripts/make-release"))
            .args(["1.2.3", part])
            .env_clear()
            .env("HOME", &self.0)
            .env("PATH", self.0.join("programs"))
            .output()
            .unwrap()
    }

    fn release(&self) -> PathBuf {
        self.0.join("tree/release")
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&[output.stdout.as_slice(), &output.stderr].concat()).into_owned()
}

fn exists(folder: &Path, name: &str) -> bool {
    folder.join(name).is_file()
}

#[test]
fn tenantctl_is_built_without_wasm_target() {
    let machine = Machine::new();
    let output = machine.make("tenantctl");
    let said = said(&output);
    assert!(output.status.success(), "{said}");
    // A missing program does not end a script that ignores its result.
    assert!(!said.contains("not found"), "{said}");
    assert!(said.contains("tenantctl of the test"), "{said}");
    let program = "tenantctl-1.2.3-aarch64-apple-darwin";
    for name in [program, &format!("{program}.cdx.json")] {
        assert!(exists(&machine.release(), name), "{name} is missing: {said}");
    }
}

#[test]
fn components_need_wasm_target() {
    let machine = Machine::new();
    let output = machine.make("components");
    let said = said(&output);
    assert!(!output.status.success() && said.contains("rustup target add wasm32-wasip2"), "{said}");
    assert!(!exists(&machine.release(), "tenancy-1.2.3.tar.gz"));
}

/// The shell of macOS is bash 3.2.
#[test]
fn scripts_of_tenantctl_use_no_syntax_of_bash_4() {
    const LATER: [&str; 6] = ["mapfile", "readarray", "declare -A", "local -A", "^^}", ",,}"];
    for script in SCRIPTS {
        let text = fs::read_to_string(root().join(script)).unwrap();
        let used: Vec<_> = LATER.into_iter().filter(|syntax| text.contains(syntax)).collect();
        assert!(used.is_empty(), "{script} uses {used:?}");
    }
}
