//! The commands of the documentation, as they are in the pages, run against an installation.
//!
//! A block of a shell that cannot run has a comment before it: `<!-- not run: REASON -->`.

use std::{
    cell::RefCell,
    fs,
    path::{Path, PathBuf},
    process::Command,
    sync::{Mutex, MutexGuard, PoisonError},
};

use e2e::{Authenticator, World, documents, root};
use http::Method;
use serde_json::{Value, json};

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
    blocks_in(&fs::read_to_string(root().join(page)).unwrap())
}

/// Returns the blocks of a shell in a text. Blocks of a list are indented.
fn blocks_in(text: &str) -> Vec<Block> {
    let lines: Vec<&str> = text.lines().map(str::trim_start).collect();
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
            let indent = text.lines().nth(index).map_or(0, |end| end.len() - "```".len());
            let own = text.lines().skip(begin).take(index - begin);
            let commands: Vec<_> = own.map(|line| line.get(indent..).unwrap_or_default()).collect();
            found.push(Block { line: begin + 1, commands: commands.join("\n"), reason });
        }
        index += 1;
    }
    found
}

#[test]
fn blocks_of_lists_are_found() {
    let text = "1. A\n   <!-- not run: a reason -->\n   ```sh\n   a \\\n     b\n   ```\n\n```sql\nc\n```\n```bash\nd\n```\n";
    let found = blocks_in(text);
    let found: Vec<_> = found
        .iter()
        .map(|block| (block.line, block.commands.as_str(), block.reason.as_deref()))
        .collect();
    assert_eq!(found, [(4, "a \\\n  b", Some("a reason")), (12, "d", None)]);
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

/// The pages whose commands the tests of this file run.
const FOLLOWED: [&str; 8] = [
    "app-migrations.md",
    "application-database.md",
    "clusters.md",
    "endpoints.md",
    "mail.md",
    "second-factors.md",
    "tenantctl.md",
    "tutorial.md",
];

/// Returns the paths of all documents from the root of the repository.
fn pages() -> Vec<String> {
    let mut found = Vec::new();
    documents(&root(), &mut found);
    let from_root = |path: PathBuf| path.strip_prefix(root()).unwrap().display().to_string();
    let pages: Vec<_> = found.into_iter().map(from_root).collect();
    assert!(pages.len() > 30 && pages.contains(&"README.md".to_owned()), "{pages:?}");
    pages
}

#[test]
fn commands_of_pages_run_or_have_a_reason() {
    let mut problems = Vec::new();
    for page in pages() {
        if FOLLOWED.iter().any(|followed| page == format!("docs/{followed}")) {
            continue;
        }
        let unmarked = blocks(&page).into_iter().filter(|block| block.reason.is_none());
        problems.extend(unmarked.map(|block| format!("{page}:{}", block.line)));
    }
    assert_eq!(problems, [] as [String; 0], "no test runs these commands, and no comment says why");
}

/// Returns the statement of a shell that exports a value.
fn export(name: &str, value: &str) -> String {
    format!("export {name}={value}")
}

/// Returns the text that ends single quotes, inserts the value of a variable of the shell, and begins them again.
fn variable(name: &str) -> String {
    format!("'\"${name}\"'")
}

/// Signs in the administrator of the tenant of the examples.
fn sign_in(world: &World) -> Value {
    let credentials = json!({ "email": "ops@acme.example", "password": "a password for the page" });
    let login = world.call(Method::POST, "/api/v1/auth/login");
    login.slug("acme").json(&credentials).send().json()
}

#[test]
fn documented_metadata_and_operator_keys_work() {
    let (world, _guard) = installation();
    create_acme(world);
    let reader = Reader::new(world, "documented-endpoints");
    let ids = "export TENANT_ID=$(tenantctl tenant show acme --output json | jq -r .id)
               export USER_ID=$(tenantctl user list acme --output json | jq -r '.items[0].id')";
    reader.run(ids, "the ids of the page");
    let said = reader.follow("docs/endpoints.md", (2, 0), |_| {});
    assert_eq!(said[0].matches("\"crm\":17").count(), 2, "{said:?}");
    assert!(said[1].contains("maintenance:run"), "{said:?}");
}

#[test]
fn documented_mail_settings_work() {
    let (world, _guard) = installation();
    create_acme(world);
    let domain = world.tenantctl(&["tenant", "update", "acme", "--domain", "acme.example.com"]);
    assert!(domain.status.success(), "{}", String::from_utf8_lossy(&domain.stderr));
    let reader = Reader::new(world, "documented-mail");
    let token = sign_in(world)["access_token"].as_str().unwrap().to_owned();
    reader.run(&export("TOKEN", &token), "the token of the page");
    let said = reader.follow("docs/mail.md", (1, 0), |_| {});
    assert!(said[0].contains("https://acme.example.com/welcome"), "{said:?}");
}

#[test]
fn documented_second_factors_work() {
    let (world, _guard) = installation();
    create_acme(world);
    let reader = Reader::new(world, "documented-factors")
        .replacing("123456", &variable("CODE"))
        .replacing("ldc_…", &variable("CHALLENGE"));
    let token = sign_in(world)["access_token"].as_str().unwrap().to_owned();
    reader.run(&export("TOKEN", &token), "the token of the page");
    let path = "/api/v1/profile/second-factors";
    let factor = || world.call(Method::POST, path).token(&token).json(&json!({ "name": "Tablet" }));
    let authenticator = RefCell::new(None);
    let said = reader.follow("docs/second-factors.md", (4, 0), |number| {
        let mut authenticator = authenticator.borrow_mut();
        if number == 1 {
            let created = factor().send().expect(201);
            reader.run(&export("ID", created["id"].as_str().unwrap()), "the factor of the page");
            *authenticator = Some(Authenticator::new(created["secret"].as_str().unwrap()));
        }
        if number == 2 {
            let challenge = sign_in(world)["challenge"].as_str().unwrap().to_owned();
            reader.run(&export("CHALLENGE", &challenge), "the challenge of the page");
        }
        if let Some(authenticator) = authenticator.as_mut().filter(|_| number < 3) {
            reader.run(&export("CODE", &authenticator.code()), "the code of the page");
        }
    });
    for (block, expected) in
        ["secret", "recovery_codes", "access_token", "second_factor_roles"].iter().enumerate()
    {
        assert!(said[block].contains(expected), "{expected} is missing: {}", said[block]);
    }
}

#[test]
fn documented_rename_works() {
    let (world, _guard) = installation();
    create_acme(world);
    let reader = Reader::new(world, "documented-rename");
    reader.follow("docs/clusters.md", (1, 2), |_| {});
    let back = world.tenantctl(&["tenant", "rename", "acme-corporation", "acme"]);
    assert!(back.status.success(), "{}", String::from_utf8_lossy(&back.stderr));
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
    let said = reader.follow("docs/application-database.md", (1, 2), |_| {});
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
