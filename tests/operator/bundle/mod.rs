//! `tenantctl tenant export`, `import` and `clone`: a tenant as one encrypted file.

mod backup;
mod bounds;
mod crash;
mod lost_files;
mod meanwhile;
mod objects;
mod rows;

use std::{
    fs,
    path::PathBuf,
    process::{Command, Output},
};

use age::{secrecy::ExposeSecret as _, x25519};
use e2e::{
    Cut, Databases, Proxy, TestTenant, TestUser, Watch, World, database::connect, root, unique,
};
use http::Method;
use serde_json::{Value, json};

use rows::compare;

/// A folder with a key pair and bundles.
pub struct Folder {
    path: PathBuf,
    recipient: String,
}

impl Folder {
    pub fn new() -> Self {
        let path = World::for_bundles().services.folder().join(unique("bundles"));
        fs::create_dir(&path).unwrap();
        let identity = x25519::Identity::generate();
        fs::write(path.join("identity"), identity.to_string().expose_secret()).unwrap();
        Self { path, recipient: identity.to_public().to_string() }
    }

    pub fn file(&self, name: &str) -> String {
        self.path.join(name).to_str().unwrap().to_owned()
    }

    /// Exports a tenant, and returns the line of the command.
    pub fn export(&self, tenant: &TestTenant, name: &str) -> Value {
        let arguments = ["tenant", "export", &tenant.slug, "--to", &self.file(name)];
        let recipient = ["--recipient", &self.recipient];
        succeeded(&run(World::for_bundles(), &[&arguments[..], &recipient].concat()))
    }

    /// Imports a bundle into an installation.
    pub fn import(&self, world: &World, name: &str, options: &[&str]) -> Output {
        let arguments =
            ["tenant", "import", &self.file(name), "--identity", &self.file("identity")];
        run(world, &[&arguments[..], options].concat())
    }
}

/// Runs `tenantctl` with the address of the service.
pub fn run(world: &World, arguments: &[&str]) -> Output {
    command(world, arguments).output().unwrap()
}

pub fn command(world: &World, arguments: &[&str]) -> Command {
    let mut command = Command::new(root().join("target/tools/tenantctl"));
    command.args(arguments).env_clear().envs(world.settings());
    command.env("SERVICE_URL", format!("http://{}", world.address()));
    command
}

/// Runs `tenantctl` with a proxy in front of the catalog, and an action before one of its statements.
pub fn run_during(
    world: &World,
    arguments: &[&str],
    statement: &'static str,
    action: impl FnOnce() + Send + 'static,
) -> Output {
    run_watched(world, arguments, Watch { statement, cut: Cut::Delay, action: Box::new(action) })
}

/// Runs a command whose statements on the catalog are watched. The statement of the watch must be reached.
pub fn run_watched(world: &World, arguments: &[&str], watch: Watch) -> Output {
    let databases = world.services.databases();
    let statement = watch.statement;
    let proxy = Proxy::start(&databases.postgres);
    let proxied = Databases { postgres: proxy.address.clone(), ..databases };
    let url = world.services.settings(&proxied)["MASTER_DATABASE_URL"].clone();
    proxy.watch(watch);
    let output = command(world, arguments).env("MASTER_DATABASE_URL", url).output().unwrap();
    assert!(proxy.has_acted(), "{statement} is reached: {}", text(&output));
    output
}

/// Returns the line of JSON of a command that succeeded.
#[track_caller]
pub fn succeeded(output: &Output) -> Value {
    assert!(output.status.success(), "{}", text(output));
    let line =
        String::from_utf8_lossy(&output.stdout).lines().last().unwrap_or_default().to_owned();
    serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {}", text(output)))
}

/// Asserts that a command failed with a message.
#[track_caller]
pub fn failed(output: &Output, message: &str) {
    assert!(!output.status.success() && text(output).contains(message), "{}", text(output));
}

pub fn text(output: &Output) -> String {
    String::from_utf8_lossy(&[&output.stdout[..], &output.stderr].concat()).into_owned()
}

/// Returns content of a length that does not repeat within a chunk.
pub fn content(length: usize) -> Vec<u8> {
    (0..length).map(|index| u8::try_from((index / 7 + index / 65_537) % 251).unwrap()).collect()
}

/// A tenant with rows in every table of a bundle, and its files.
pub struct Full {
    pub tenant: TestTenant,
    pub key: String,
    /// A viewer whose role of the tenant's own grants `notes:write`.
    pub editor: TestUser,
    pub files: Vec<(&'static str, Vec<u8>)>,
}

pub fn full_tenant() -> Full {
    let tenant = World::for_bundles().tenant();
    let token = &tenant.admin.access_token;
    let editor = tenant.user("viewer");
    let post = |path: &str, body: &Value| tenant.post(path, body).token(token).send().expect(201);
    post("/api/v1/permissions", &json!({ "name": "notes:write" }));
    let role = post("/api/v1/roles", &json!({ "name": "Editor", "permissions": ["notes:write"] }));
    let path = format!("/api/v1/users/{}", editor.id);
    let change = json!({ "custom_roles": [role["id"]] });
    tenant.patch(&path, &change).token(token).send().expect(200);
    let key = tenant.api_key(&["tenant:read", "files:read", "files:write"]);
    tenant.get("/api/v1/tenant/info").token(&key).send().expect(200);
    let path = format!("/admin/tenants/{}", tenant.id);
    let domain = format!("{}.example.net", tenant.slug);
    let change = json!({ "domain": domain, "settings": { "exact": 12_345_678_901_234_567_890_u64 },
        "private_settings": { "contract": "A-17" }, "limits": { "users": 77 } });
    World::for_bundles().admin(Method::PATCH, &path).json(&change).send().expect(200);
    let files = vec![
        ("empty", Vec::new()),
        ("notes/hello.txt", b"Hello, world".to_vec()),
        ("notes/replaced.bin", content(300_000)),
        ("large.bin", content(2_000_000)),
    ];
    tenant.put("/api/v1/files/notes/replaced.bin", b"old".to_vec()).token(token).send().expect(201);
    tenant.put("/api/v1/files/gone", content(10)).token(token).send().expect(201);
    for (index, (path, content)) in files.iter().enumerate() {
        if index == 2 {
            // The later files are sealed with the second data key.
            let rotate = format!("/admin/tenants/{}/rotate-key", tenant.id);
            World::for_bundles().admin(Method::POST, &rotate).send().expect(200);
        }
        let path = format!("/api/v1/files/{path}");
        let answer = tenant.put(&path, content.clone()).token(token).send();
        assert!(matches!(answer.status, 200 | 201), "{}", answer.text);
    }
    assert_eq!(tenant.delete("/api/v1/files/gone").token(token).send().status, 204);
    let report = json!({ "resource_type": "ai_requests", "amount": 3, "idempotency_key": "one" });
    tenant.post("/api/v1/tenant/usage", &report).token(token).send().expect(200);
    connect(&tenant.database_credential("owner"))
        .unwrap()
        .batch_execute(
            "CREATE TABLE notes (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, body text NOT NULL,
                                 price numeric(20, 4), tags text[], extra jsonb, made timestamptz DEFAULT now());
             CREATE FUNCTION folded(text) RETURNS text IMMUTABLE LANGUAGE sql AS 'SELECT lower($1)';
             CREATE INDEX notes_by_body ON notes (app.folded(body));
             CREATE VIEW titles AS SELECT id, body FROM notes;
             INSERT INTO notes (body, price, tags, extra)
             SELECT 'note ' || n, n / 3.0, ARRAY['a', 'ü'], jsonb_build_object('n', n)
             FROM generate_series(1, 1000) n",
        )
        .unwrap();
    // Counters reach the catalog within five seconds.
    std::thread::sleep(std::time::Duration::from_secs(5));
    Full { tenant, key, editor, files }
}

/// Asserts that a user with a role of the tenant's own has its permission.
fn assert_editor(world: &World, slug: &str, editor: &TestUser) {
    let login = json!({ "email": editor.email, "password": editor.password });
    let signed_in = world.post("/api/v1/auth/login", &login).slug(slug).send().expect(200);
    let token = signed_in["access_token"].as_str().unwrap();
    let verify = world.get_path("/api/v1/auth/verify?scope=notes:write").slug(slug).token(token);
    verify.send().expect(200);
}

/// Asserts that an installation serves the files with the same content.
pub fn assert_files(world: &World, slug: &str, token: &str, files: &[(&str, Vec<u8>)]) {
    for (path, content) in files {
        let path = format!("/api/v1/files/{path}");
        let answer = world.get_path(&path).slug(slug).token(token).send();
        let logged = || world.logged(answer.header("x-request-id"));
        assert_eq!(answer.status, 200, "{path}: {}\n{}", answer.text, logged());
        assert!(answer.bytes == *content, "{path} differs");
    }
    let list = world.get_path("/api/v1/files").slug(slug).token(token).send().expect(200);
    assert_eq!(list["items"].as_array().unwrap().len(), files.len(), "{list}");
}

#[test]
fn round_trip_keeps_every_row_and_byte() {
    let (world, other) = (World::for_bundles(), World::other_installation());
    let Full { tenant, key, editor, files } = full_tenant();
    let folder = Folder::new();
    let exported = folder.export(&tenant, "bundle");
    assert_eq!(exported["files"], files.len());
    assert_eq!(exported["missing_files"], json!([]));
    assert_eq!(exported["is_audit_trail_valid"], true);
    let bytes = fs::read(folder.file("bundle")).unwrap();
    for secret in [tenant.slug.as_bytes(), b"Hello, world", b"note 17", &content(100)] {
        assert!(!bytes.windows(secret.len()).any(|window| window == secret));
    }
    failed(
        &run(
            world,
            &[
                "tenant",
                "export",
                &tenant.slug,
                "--to",
                &folder.file("bundle"),
                "--recipient",
                &folder.recipient,
            ],
        ),
        "exists; choose another name",
    );

    failed(&folder.import(other, "bundle", &[]), "add --from-other-installation");
    let options = ["--from-other-installation"];
    let planned =
        succeeded(&folder.import(other, "bundle", &[&options[..], &["--dry-run"]].concat()));
    assert_eq!((&planned["keeps_id"], &planned["files"]), (&json!(true), &json!(files.len())));
    let imported = succeeded(&folder.import(other, "bundle", &options));
    assert_eq!(imported["id"], tenant.id.as_str());
    assert_eq!(imported["missing_files"], json!([]));
    compare(world, other, &tenant.id);

    let login = json!({ "email": tenant.admin.email, "password": tenant.admin.password });
    let signed_in = other.post("/api/v1/auth/login", &login).slug(&tenant.slug).send().expect(200);
    let token = signed_in["access_token"].as_str().unwrap();
    assert_files(other, &tenant.slug, token, &files);
    assert_editor(other, &tenant.slug, &editor);
    let info = other.get_path("/api/v1/tenant/info").token(&key).send().expect(200);
    assert_eq!(info["id"], tenant.id.as_str());
    let path = format!("/admin/tenants/{}", tenant.id);
    let shown = other.admin(Method::GET, &path).send();
    assert!(shown.text.contains("12345678901234567890") && shown.text.contains("A-17"));
    let verified = other.get_path("/api/v1/tenant/audit/verify").slug(&tenant.slug).token(token);
    let verified = verified.send().expect(200);
    assert_eq!(verified["valid"], true, "{verified}");
    let output = other.tenantctl(&["audit", "verify"]);
    assert!(output.status.success(), "{}", text(&output));

    // The application owns its tables again, and its rows continue.
    let body = json!({ "access": "owner", "connections": 2 });
    let call = other.post("/api/v1/tenant/database/credentials", &body).slug(&tenant.slug);
    let credential = call.token(token).send().expect(201);
    let mut owner = connect(&credential).unwrap();
    owner.batch_execute("ALTER TABLE notes ADD COLUMN more int; DROP VIEW titles").unwrap();
    let row = owner.query_one("INSERT INTO notes (body) VALUES ('new') RETURNING id", &[]).unwrap();
    assert_eq!(row.get::<_, i64>(0), 1001);
    // The files can be replaced and removed, so their storage is counted.
    let used = other.get_path("/api/v1/tenant/usage?resource_type=storage").slug(&tenant.slug);
    let used = used.token(token).send().expect(200);
    assert_eq!(used["current_usage"], 2_300_012, "{used}");

    // The slug and the id are taken now.
    failed(&folder.import(other, "bundle", &options), "is taken");
    // Nothing of it is left behind.
    for world in [world, other] {
        let left = "SELECT count(*) FROM tenant_imports i JOIN tenants t ON t.id = i.tenant_id
                    WHERE t.id::text = $1 OR t.slug = $2";
        let mut catalog = world.services.superuser("tenancy");
        let row = catalog.query_one(left, &[&tenant.id, &tenant.slug]).unwrap();
        assert_eq!(row.get::<_, i64>(0), 0);
    }
}

#[test]
fn damaged_bundle_changes_nothing() {
    let other = World::other_installation();
    let tenant = World::for_bundles().tenant();
    let folder = Folder::new();
    folder.export(&tenant, "bundle");
    let bytes = fs::read(folder.file("bundle")).unwrap();
    let options = ["--from-other-installation"];
    for (name, at) in [("head", 5), ("middle", bytes.len() / 2), ("end", bytes.len() - 1)] {
        let mut changed = bytes.clone();
        changed[at] ^= 1;
        fs::write(folder.file(name), changed).unwrap();
        assert!(!folder.import(other, name, &options).status.success(), "{name}");
        fs::write(folder.file(name), &bytes[..at]).unwrap();
        assert!(!folder.import(other, name, &options).status.success(), "{name}");
    }
    let stranger = Folder::new();
    fs::copy(folder.file("bundle"), stranger.file("bundle")).unwrap();
    failed(&stranger.import(other, "bundle", &options), "cannot be decrypted");
    let count = "SELECT count(*) FROM tenants WHERE id = $1::text::uuid";
    let row = other.services.superuser("tenancy").query_one(count, &[&tenant.id]).unwrap();
    assert_eq!(row.get::<_, i64>(0), 0);

    // A passphrase works, too, and a short one is refused.
    fs::write(folder.file("passphrase"), "correct horse battery staple\n").unwrap();
    fs::write(folder.file("short"), "too short\n").unwrap();
    let export = |to: &str, passphrase: &str| {
        let (to, passphrase) = (folder.file(to), folder.file(passphrase));
        let arguments =
            ["tenant", "export", &tenant.slug, "--to", &to, "--passphrase-file", &passphrase];
        run(World::for_bundles(), &arguments)
    };
    failed(&export("other", "short"), "at least 12 characters");
    succeeded(&export("secret", "passphrase"));
    let (file, passphrase) = (folder.file("secret"), folder.file("passphrase"));
    let arguments = ["tenant", "import", &file, "--passphrase-file", &passphrase, options[0]];
    assert_eq!(succeeded(&run(other, &arguments))["id"], tenant.id.as_str());
}

#[test]
fn copy_has_its_own_identity() {
    let world = World::for_bundles();
    let Full { tenant, key, editor, files } = full_tenant();
    let slug = unique("copy");
    let cloned = succeeded(&run(world, &["tenant", "clone", &tenant.slug, &slug]));
    assert_eq!((&cloned["imported_tenant"], &cloned["keeps_id"]), (&json!(slug), &json!(false)));
    let id = cloned["id"].as_str().unwrap();
    assert_ne!(id, tenant.id);
    let login = json!({ "email": tenant.admin.email, "password": tenant.admin.password });
    let signed_in = world.post("/api/v1/auth/login", &login).slug(&slug).send().expect(200);
    let token = signed_in["access_token"].as_str().unwrap();
    assert_files(world, &slug, token, &files);
    assert_editor(world, &slug, &editor);

    // Credentials of the original do not open the copy.
    let info = |token: &str| world.get_path("/api/v1/tenant/info").slug(&slug).token(token).send();
    assert_eq!(info(&key).status, 403);
    assert_eq!(info(&tenant.admin.access_token).status, 403);
    let refresh = json!({ "refresh_token": tenant.admin.refresh_token });
    world
        .post("/api/v1/auth/refresh", &refresh)
        .slug(&slug)
        .send()
        .expect_problem(403, "tenant_mismatch");
    // Changes of the copy do not reach the original.
    let path = "/api/v1/files/notes/hello.txt";
    let put = world.call(Method::PUT, path).body("text/plain", "changed").slug(&slug);
    put.token(token).send().expect(200);
    assert_files(world, &tenant.slug, &tenant.admin.access_token, &files);
    let verified = world.get_path("/api/v1/tenant/audit/verify").slug(&slug).token(token);
    assert_eq!(verified.send().expect(200)["valid"], true);
    // Beside the original, an import has an id of its own, too.
    let folder = Folder::new();
    folder.export(&tenant, "bundle");
    let beside = unique("beside");
    let imported = succeeded(&folder.import(world, "bundle", &["--slug", &beside]));
    assert_eq!(
        (&imported["keeps_id"], &imported["keeps_api_keys"]),
        (&json!(false), &json!(false))
    );
    let signed_in = world.post("/api/v1/auth/login", &login).slug(&beside).send().expect(200);
    assert_files(world, &beside, signed_in["access_token"].as_str().unwrap(), &files);
    failed(&run(world, &["tenant", "clone", &tenant.slug, &beside]), "is taken");
}

// S23
#[test]
fn chunk_routes_refuse_foreign_chunks() {
    let world = World::for_bundles();
    let (own, other) = (world.tenant(), world.tenant());
    let stored = |tenant: &TestTenant| world.stored_chunks(&tenant.id).pop().unwrap();
    for tenant in [&own, &other] {
        let put = tenant.put("/api/v1/files/a", b"content".to_vec());
        put.token(&tenant.admin.access_token).send().expect(201);
    }
    let (key, sealed) = stored(&own);
    let file = key.split('/').nth(1).unwrap().to_owned();
    let path = |tenant: &TestTenant, file: &str, index: u32| {
        format!("/admin/tenants/{}/files/{file}/chunks/{index}", tenant.id)
    };
    let read = world.admin(Method::GET, &path(&own, &file, 0)).send();
    assert_eq!((read.status, &read.bytes), (200, &sealed));
    for (tenant, index) in [(&other, 0), (&own, 1)] {
        let read = world.admin(Method::GET, &path(tenant, &file, index)).send();
        read.expect_problem(404, "file_not_found");
    }
    let put = |tenant: &TestTenant, index: u32, query: &str, body: &[u8]| {
        let path = format!("{}?{query}", path(tenant, &file, index));
        world.admin(Method::PUT, &path).body("application/octet-stream", body).send()
    };
    let last = "key_number=1&is_last=true";
    assert_eq!(put(&own, 0, last, &sealed).status, 204);
    assert_eq!(put(&other, 0, last, &sealed).expect_invalid(), ["chunk"]);
    assert_eq!(put(&own, 1, last, &sealed).expect_invalid(), ["chunk"]);
    assert_eq!(put(&own, 0, "key_number=1&is_last=false", &sealed).expect_invalid(), ["chunk"]);
    assert_eq!(put(&own, 0, last, b"plain text").expect_invalid(), ["chunk"]);
    put(&own, 0, last, &vec![0; 300_000]).expect_problem(413, "body_too_large");
    for credential in [&own.admin.access_token, &own.api_key(&["files:read", "files:write"])] {
        let call = world.get_path(&path(&own, &file, 0)).token(credential);
        assert!(matches!(call.send().status, 401 | 403));
    }
    assert_eq!(world.stored_chunks(&other.id).len(), 1);
    assert_eq!(stored(&own).1, sealed);
}
