//! The packages of the clients: their files, their metadata, and their READMEs, which registries show without the rest of
//! the repository.

use std::{fs, process::Command};

use e2e::root;
use serde_json::Value;

use crate::{tools, typescript::compiled};

/// The author that `spin.toml` names, too.
const AUTHOR: &str = "The maintainers of Tenancy";

/// Returns the address of the repository in `Cargo.toml`.
fn repository() -> String {
    let text = fs::read_to_string(root().join("Cargo.toml")).unwrap();
    let manifest: toml::Table = text.parse().unwrap();
    let address = manifest["workspace"]["package"]["repository"].as_str().unwrap();
    assert!(address.starts_with("https://") && !address.ends_with('/'), "{address}");
    address.to_owned()
}

#[test]
fn typescript_package_is_complete() {
    let folder = compiled();
    let mut pack = Command::new("npm");
    pack.args(["pack", "--dry-run", "--json", "--ignore-scripts", "--offline"]).current_dir(folder);
    let names = tools::run(pack.env("npm_config_cache", folder.join("cache")));
    for name in [
        "dist/index.js",
        "dist/index.d.ts",
        "dist/express.js",
        "src/index.ts",
        "LICENSE",
        "README.md",
    ] {
        assert!(names.contains(&format!("\"{name}\"")), "{name} is missing: {names}");
    }
    assert!(!names.contains("tests/"), "{names}");
    let text = fs::read_to_string(folder.join("package.json")).unwrap();
    let package: Value = serde_json::from_str(&text).unwrap();
    let repository = repository();
    assert_eq!(package["author"], AUTHOR);
    assert_eq!(package["repository"]["url"], format!("git+{repository}.git"));
    let folder = package["repository"]["directory"].as_str().unwrap();
    assert!(root().join(folder).join("package.json").exists(), "{folder}");
    assert_eq!(package["homepage"], format!("{repository}/tree/main/{folder}#readme"));
    assert_eq!(package["bugs"], format!("{repository}/issues"));
}

#[test]
fn python_package_is_complete() {
    let folder = tools::folder("python");
    tools::copy(&root().join("clients/python"), &folder);
    let mut build = Command::new(tools::python("hatchling"));
    tools::run(build.args(["build", "-t", "wheel", "-d", "wheels"]).current_dir(&folder));
    let list = "import glob, zipfile\n\
                wheel = zipfile.ZipFile(glob.glob('wheels/*.whl')[0])\n\
                names = wheel.namelist()\n\
                print(*names)\n\
                print(wheel.read(next(name for name in names if name.endswith('/METADATA'))).decode())";
    let mut command = Command::new(tools::python("python"));
    let said = tools::run(command.args(["-c", list]).current_dir(&folder));
    let (names, metadata) = said.split_once('\n').unwrap();
    for name in ["py.typed", "_generated/models.py", "fastapi.py", "METADATA", "licenses/LICENSE"] {
        assert!(names.contains(name), "{name} is missing: {names}");
    }
    let repository = repository();
    let lines: Vec<_> = metadata.lines().collect();
    for line in [
        format!("Author: {AUTHOR}"),
        format!("Project-URL: Repository, {repository}"),
        format!("Project-URL: Issues, {repository}/issues"),
        format!("Project-URL: Documentation, {repository}/blob/main/docs/clients.md"),
        format!("Project-URL: Changelog, {repository}/blob/main/CHANGELOG.md"),
    ] {
        assert!(lines.contains(&line.as_str()), "{line} is missing: {metadata}");
    }
    // Registries show the README in the metadata.
    assert!(metadata.contains("# tenancy-client\n"), "{metadata}");
}

#[test]
fn axum_package_is_complete() {
    let folder = tools::folder("axum");
    let mut package = Command::new(std::env::var("CARGO").as_deref().unwrap_or("cargo"));
    package.args(["package", "--package", "tenancy-axum", "--offline", "--no-verify"]);
    // The files of a clone with changes.
    package.arg("--allow-dirty").env("CARGO_TARGET_DIR", &folder).current_dir(root());
    let said = tools::run(&mut package);
    assert!(!said.contains("warning"), "{said}");
    let archive = format!("tenancy-axum-{}.crate", env!("CARGO_PKG_VERSION"));
    let mut extract = Command::new("tar");
    extract.args(["--extract", "--gzip", "--strip-components=1", "--file"]);
    tools::run(extract.arg(folder.join("package").join(archive)).current_dir(&folder));
    for name in ["LICENSE", "README.md", "src/lib.rs", "src/middleware.rs", "src/client/mod.rs"] {
        assert!(folder.join(name).is_file(), "{name} is missing");
    }
    let manifest: toml::Table =
        fs::read_to_string(folder.join("Cargo.toml")).unwrap().parse().unwrap();
    let package = manifest["package"].as_table().unwrap();
    assert_eq!(package["repository"].as_str(), Some(repository().as_str()));
    assert_eq!(package["license"].as_str(), Some("Apache-2.0"));
    assert_eq!(package["readme"].as_str(), Some("README.md"));
}

#[test]
fn readmes_of_packages_need_no_other_files() {
    let files = format!("{}/blob/main/", repository());
    for client in ["axum", "python", "typescript"] {
        let text =
            fs::read_to_string(root().join("clients").join(client).join("README.md")).unwrap();
        let targets: Vec<_> =
            text.split("](").skip(1).filter_map(|rest| rest.split(')').next()).collect();
        assert!(
            targets.iter().any(|target| target.ends_with("docs/clients.md")),
            "{client}: {targets:?}"
        );
        for target in targets {
            let path = target.strip_prefix(&files);
            let exists = path.is_some_and(|path| root().join(path).is_file());
            assert!(exists, "README.md of {client}: {target} is not a file of the repository");
        }
        assert!(
            !text.contains("`docs/"),
            "README.md of {client} names a file that the package does not have"
        );
    }
}
