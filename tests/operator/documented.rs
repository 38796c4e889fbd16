//! The commands of the documentation, as they are in the pages, run against an installation.
//!
//! A block of a shell that cannot run has a comment before it: `<!-- not run: REASON -->`.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    sync::{Mutex, MutexGuard, PoisonError},
};

use e2e::{World, root};
use http::Method;
use serde_json::json;

/// A block of commands in a page.
struct Block {
    /// The number of its first line.
    line: usize,
    commands: String,
    /// The reason why it cannot run.
    reason: Option<String>,
}

/// Returns the blocks of a shell in a page.
fn blocks(page: &str) -> Vec<Block> {
    let text = fs::read_to_string(root().join(page)).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    let mut found = Vec::new();
    let mut index = 0;
    while index < lines.len() {
        let language = lines[index].strip_prefix("```");
        index += 1;
        let Some(language) = language else { continue };
        let begin = index;
        while lines[index] != "```" {
            index += 1;
        }
        let reason = begin.checked_sub(2).and_then(|above| {
            lines[above].strip_prefix("<!-- not run: ")?.strip_suffix(" -->").map(str::to_owned)
        });
        if matches!(language, "sh" | "bash") {
            let commands = lines[begin..index].join("\n");
            found.push(Block { line: begin + 1, commands, reason });
        }
        index += 1;
    }
    found
}

/// The folder and the environment of a page's commands.
struct Reader {
    world: &'static World,
    folder: PathBuf,
    /// Placeholders of the page and their values.
    replaced: Vec<(String, String)>,
}

impl Reader {
    fn new(world: &'static World, name: &str) -> Self {
        let folder = world.services.folder().join(name);
        fs::create_dir_all(&folder).unwrap();
        let address = format!("http://{}", world.address());
        let replaced = ["http://localhost:8002", "https://tenancy.example"];
        let replaced = replaced.map(|url| (url.to_owned(), address.clone())).into();
        Self { world, folder, replaced }
    }

    /// Replaces a placeholder, which a page must contain.
    fn replacing(mut self, placeholder: &str, value: &str) -> Self {
        self.replaced.push((placeholder.to_owned(), value.to_owned()));
        self
    }

    /// Runs commands in one shell, and returns their output. Exported variables of earlier blocks are kept.
    fn run(&self, commands: &str, place: &str) -> String {
        let mut commands = commands.to_owned();
        for (placeholder, value) in &self.replaced {
            commands = commands.replace(placeholder, value);
        }
        let variables = self.folder.join(".variables");
        let script = format!(
            "set -euo pipefail\n[ ! -e {0} ] || . {0}\n{commands}\nexport -p >{0}\n",
            variables.display()
        );
        let programs = root().join("target/tools");
        let path = std::env::var("PATH").unwrap();
        let output = Command::new("bash")
            .args(["-c", &script])
            .env_clear()
            .envs(self.world.settings())
            .env("PATH", format!("{}:{path}", programs.display()))
            .env("HOME", &self.folder)
            .current_dir(&self.folder)
            .output()
            .unwrap();
        let said = [output.stdout, output.stderr].concat();
        let said = String::from_utf8_lossy(&said).into_owned();
        assert!(output.status.success(), "{place}:\n{commands}\n{said}");
        said
    }

    /// Runs the blocks of a page after `prepare`, which gets the number of the next block. Asserts the number of blocks that
    /// run and of those that cannot. Returns the output of each block.
    fn follow(&self, page: &str, counts: (usize, usize), prepare: impl Fn(usize)) -> Vec<String> {
        let mut said = Vec::new();
        let (mut ran, mut skipped) = (0, 0);
        for (number, block) in blocks(page).iter().enumerate() {
            if let Some(reason) = &block.reason {
                assert!(reason.len() > 15, "{page}:{}: a reason is missing", block.line);
                skipped += 1;
                continue;
            }
            prepare(number);
            said.push(self.run(&block.commands, &format!("{page}:{}", block.line)));
            ran += 1;
        }
        assert_eq!((ran, skipped), counts, "blocks of {page} that run, and that cannot");
        said
    }
}

/// Creates the tenant of the examples with a user, if it does not exist.
fn create_acme(world: &World) {
    let new = json!({ "name": "Acme Corp", "slug": "acme", "admin_email": "ops@acme.example",
                      "admin_password": "a password for the page" });
    let created = world.admin(Method::POST, "/admin/tenants").json(&new).send();
    if created.status == 409 {
        return;
    }
    created.expect(201);
    let output =
        world.tenantctl(&["user", "create", "acme", "eve@acme.example", "--role", "viewer"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// A migration of the application.
const TABLE: &str = "CREATE TABLE documented (body text);\n";

fn write(folder: &Path, name: &str, text: &str) {
    let file = folder.join(name);
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    fs::write(file, text).unwrap();
}

/// Returns the installation of these tests without the tenant of the examples. One test at a time uses it.
fn installation() -> (&'static World, MutexGuard<'static, ()>) {
    static ONE: Mutex<()> = Mutex::new(());
    let guard = ONE.lock().unwrap_or_else(PoisonError::into_inner);
    let world = World::for_documentation();
    delete_acme(world);
    (world, guard)
}

fn delete_acme(world: &World) {
    let deleted = world.tenantctl(&["tenant", "delete", "acme", "--hard", "--yes"]);
    let said = String::from_utf8_lossy(&deleted.stderr);
    assert!(deleted.status.success() || said.contains("There is no such tenant"), "{said}");
}

#[test]
fn tutorial_works_as_written() {
    let (world, _guard) = installation();
    let reader = Reader::new(world, "tutorial");
    let said = reader.follow("docs/tutorial.md", (8, 1), |_| {}).join("\n");
    for expected in ["ursula@acme.example", "My first note", "My first row", "user.created", "true"]
    {
        assert!(said.contains(expected), "{expected} is missing: {said}");
    }
}

#[test]
fn documented_app_migrations_work() {
    let (world, _guard) = installation();
    let reader = Reader::new(world, "documented-migrations");
    write(&reader.folder, "migrations/0001_notes.sql", TABLE);
    reader.follow("docs/app-migrations.md", (1, 0), |_| {});
}

#[test]
fn documented_database_credential_works() {
    let (world, _guard) = installation();
    create_acme(world);
    let reader = Reader::new(world, "documented-database");
    let key = "export API_KEY=$(tenantctl key create acme Service --scope database:write --output json | jq -r .api_key)";
    reader.run(key, "the key of the page");
    let said = reader.follow("docs/application-database.md", (1, 0), |_| {});
    assert!(said[0].contains("\"access\":\"write\""), "{said:?}");
}

#[test]
fn documented_commands_of_tenantctl_work() {
    let (world, _guard) = installation();
    let prefix = "$(tenantctl key list acme --output json | jq -r '.items[0].prefix')";
    let reader = Reader::new(world, "documented-tenantctl")
        .replacing("ldx_live_NKMP", prefix)
        // Without a terminal, nobody can confirm.
        .replacing("apply -f tenants.yaml\n", "apply -f tenants.yaml --yes\n");
    write(&reader.folder, "settings.json", "{\"colour\": \"red\"}");
    let page = fs::read_to_string(root().join("docs/tenantctl.md")).unwrap();
    let yaml = page.split("```yaml\n").nth(1).unwrap().split("```").next().unwrap();
    write(&reader.folder, "tenants.yaml", yaml);
    write(&reader.folder, "migrations/0001_notes.sql", TABLE);
    reader.follow("docs/tenantctl.md", (8, 3), |number| {
        // The first block creates the tenant, and destroys it at the end.
        if number > 0 {
            create_acme(world);
        }
    });
}
