//! `tenantctl backup create`, `list`, `verify` and `restore`.

use std::fs;

use e2e::{TestPasskey, TestTenant, TestUser, World, database::connect};
use http::Method;
use serde_json::{Value, json};

use super::{Folder, Full, assert_files, content, failed, full_tenant, run, succeeded, text};

/// Writes a backup of a tenant, and returns the path.
fn back_up(folder: &Folder, slug: &str) -> String {
    let path = folder.file("backups");
    let arguments = ["backup", "create", &path, "--tenant", slug, "--recipient", &folder.recipient];
    let line = succeeded(&run(World::for_bundles(), &arguments));
    line["file"].as_str().unwrap().to_owned()
}

#[test]
fn backup_is_listed_and_verified() {
    let world = World::for_bundles();
    let Full { tenant, files, .. } = full_tenant();
    let folder = Folder::new();
    let file = back_up(&folder, &tenant.slug);
    let listed = succeeded(&run(world, &["backup", "list", &folder.file("backups"), "--json"]));
    assert_eq!(listed["tenant"], tenant.slug.as_str());
    assert_eq!(listed["bytes"], fs::metadata(&file).unwrap().len());
    let identity = folder.file("identity");
    let verify = ["backup", "verify", &file, "--identity", &identity];
    let databases = || {
        let statement = "SELECT string_agg(datname, ' ' ORDER BY datname) FROM pg_database
                         WHERE datname NOT LIKE 'tenant\\_%'";
        world.services.superuser("tenancy").query_one(statement, &[]).unwrap().get::<_, String>(0)
    };
    let before = databases();
    let verified = succeeded(&run(world, &verify));
    assert_eq!((&verified["files"], &verified["missing_files"]), (&json!(files.len()), &json!([])));
    assert!(verified["rows"].as_i64().unwrap() > 1_000, "{verified}");
    assert_eq!(databases(), before);
    let left = "SELECT count(*) FROM tenants WHERE slug LIKE 'verify-%'";
    let left: i64 = world.services.superuser("tenancy").query_one(left, &[]).unwrap().get(0);
    assert_eq!(left, 0);
    // Another tenant is not overwritten by it.
    let other = world.tenant();
    let restore = ["backup", "restore", &file, "--identity", &identity, "--tenant", &other.slug];
    failed(&run(world, &restore), "which is not the tenant");
    // Without the service, the files cannot be read.
    let (path, recipient) = (folder.file("lost"), folder.recipient.clone());
    let arguments = ["tenant", "export", &tenant.slug, "--to", &path, "--recipient", &recipient];
    let output = super::command(world, &arguments).env_remove("SERVICE_URL").output().unwrap();
    failed(&output, "state its address with --service");
    assert!(!fs::exists(&path).unwrap());
}

#[test]
fn former_master_key_proves_the_origin() {
    let world = World::for_bundles();
    let tenant = world.tenant();
    let folder = Folder::new();
    let file = back_up(&folder, &tenant.slug);
    let identity = folder.file("identity");
    let former = world.settings()["MASTER_ENCRYPTION_KEY"].clone();
    let rotated = |arguments: &[&str], decryption_keys: &str| {
        super::command(world, arguments)
            .env("MASTER_ENCRYPTION_KEY", "for tests only: the next key that seals other keys")
            .env("MASTER_DECRYPTION_KEYS", decryption_keys)
            .output()
            .unwrap()
    };
    let restore = ["backup", "restore", &file, "--identity", &identity, "--tenant", &tenant.slug];
    let planned = succeeded(&rotated(&[&restore[..], &["--dry-run"]].concat(), &former));
    assert_eq!(planned["would_restore_tenant"], tenant.slug.as_str());
    let verify = ["backup", "verify", &file, "--identity", &identity];
    assert_eq!(succeeded(&rotated(&verify, &former))["tenant"], tenant.slug.as_str());
    // The former key has left the settings.
    for arguments in [&verify[..], &restore] {
        failed(&rotated(arguments, ""), "add --from-other-installation");
    }
}

fn remove_passkey(tenant: &TestTenant, user: &TestUser, passkey: &Value) {
    let path = format!("/api/v1/account/passkeys/{}", passkey["id"].as_str().unwrap());
    assert_eq!(tenant.delete(&path).token(&user.access_token).send().status, 204);
}

#[test]
fn restore_brings_back_rows_and_files() {
    let world = World::for_bundles();
    let Full { tenant, key, files, .. } = full_tenant();
    let (admin, ended) = (&tenant.admin, tenant.user("user"));
    let lost = tenant.user("user");
    let erased = tenant.user("user");
    let (holder, late) = (tenant.user("user"), tenant.user("user"));
    let (removed, registered) = TestPasskey::register(&tenant, &holder.access_token);
    let (kept, _) = TestPasskey::register(&tenant, &holder.access_token);
    let (mut moved, of_holder) = TestPasskey::register(&tenant, &holder.access_token);
    let deleted = tenant.user("user");
    let (mut taken, _) = TestPasskey::register(&tenant, &deleted.access_token);
    let folder = Folder::new();
    let file = back_up(&folder, &tenant.slug);
    let token = &admin.access_token;

    // After the backup: changes, a loss, and ended credentials.
    for (path, _) in &files {
        let path = format!("/api/v1/files/{path}");
        assert_eq!(tenant.delete(&path).token(token).send().status, 204);
    }
    tenant.put("/api/v1/files/new", b"new".to_vec()).token(token).send().expect(201);
    let credential = tenant.database_credential("owner");
    connect(&credential)
        .unwrap()
        .batch_execute("DELETE FROM notes; CREATE TABLE extra ()")
        .unwrap();
    let logout = json!({ "refresh_token": ended.refresh_token });
    tenant.post("/api/v1/auth/logout", &logout).token(&ended.access_token).send();
    for user in [&lost, &deleted] {
        let path = format!("/api/v1/users/{}", user.id);
        assert_eq!(tenant.delete(&path).token(token).send().status, 204);
    }
    let path = format!("/api/v1/users/{}/erasure", erased.id);
    tenant.post(&path, &json!({})).token(token).send().expect(200);
    let keys = tenant.get("/api/v1/api-keys").token(token).send().expect(200);
    let id = keys["items"].as_array().unwrap().iter().find_map(|found| {
        (found["name"] == "of a test").then(|| found["id"].as_str().unwrap().to_owned())
    });
    let path = format!("/api/v1/api-keys/{}", id.unwrap());
    assert_eq!(tenant.delete(&path).token(token).send().status, 204);
    let rotated = json!({ "refresh_token": admin.refresh_token });
    let rotated = tenant.post("/api/v1/auth/refresh", &rotated).send().expect(200);
    let later = tenant.user("user");
    let password =
        json!({ "current_password": later.password, "new_password": "a later password" });
    tenant.post("/api/v1/profile/password", &password).token(&later.access_token).send();

    let identity = folder.file("identity");
    for passkey in [&registered, &of_holder] {
        remove_passkey(&tenant, &holder, passkey);
    }
    let (added, _) = TestPasskey::register(&tenant, &late.access_token);
    for passkey in [&mut moved, &mut taken] {
        passkey.register_again(&tenant, &late.access_token).expect(200);
    }

    let restore = ["backup", "restore", &file, "--identity", &identity, "--tenant", &tenant.slug];
    let planned = succeeded(&run(world, &[&restore[..], &["--dry-run"]].concat()));
    assert_eq!(planned["would_restore_tenant"], tenant.slug.as_str());
    assert_eq!(tenant.get("/api/v1/files/new").token(token).send().status, 200);
    let restored = succeeded(&run(world, &restore));
    assert_eq!(restored["missing_files"], json!([]));
    assert_eq!(restored["revocations_take_effect_by"], Value::Null);

    // Rows and files are those of the moment.
    assert_files(world, &tenant.slug, token, &files);
    let mut database = world.services.superuser(&tenant.database());
    let notes: i64 = database.query_one("SELECT count(*) FROM app.notes", &[]).unwrap().get(0);
    let extra = database.query_one("SELECT to_regclass('app.extra')::text", &[]).unwrap();
    assert_eq!((notes, extra.get::<_, Option<String>>(0)), (1_000, None));
    // The credentials that ended stay ended, and a session that continued keeps its current token.
    let info = |token: &str| tenant.get("/api/v1/profile").token(token).send().status;
    assert_eq!(info(token), 200);
    assert_eq!(info(&ended.access_token), 401);
    assert_eq!(info(&lost.access_token), 401);
    assert_eq!(info(&later.access_token), 401);
    let refresh = |token: &Value| {
        let body = json!({ "refresh_token": token });
        tenant.post("/api/v1/auth/refresh", &body).send()
    };
    refresh(&json!(ended.refresh_token)).expect_problem(401, "invalid_refresh_token");
    refresh(&rotated["refresh_token"]).expect(200);
    world.get_path("/api/v1/tenant/info").token(&key).send().expect_problem(401, "invalid_api_key");
    assert!(connect(&credential).is_err());
    // A person that was erased is not back.
    let people = "SELECT count(*) FROM tenancy.users WHERE id::text = $1 OR email = $2";
    let people = database.query_one(people, &[&erased.id, &erased.email]).unwrap();
    assert_eq!(people.get::<_, i64>(0), 0);
    tenant.login(&erased.email, &erased.password).expect_problem(401, "invalid_credentials");
    // A user that was deleted by mistake is back.
    tenant.login(&lost.email, &lost.password).expect(200);
    tenant.login(&later.email, "a later password").expect_problem(401, "invalid_credentials");
    // Passkeys are the current ones.
    removed.sign_in(&tenant).expect_problem(401, "invalid_passkey");
    kept.sign_in(&tenant).expect(200);
    for passkey in [&added, &moved, &taken] {
        assert_eq!(passkey.sign_in(&tenant).expect(200)["user"]["id"], late.id.as_str());
    }
    // Without its passkey, the password of a user that was deleted would be enough.
    tenant.login(&deleted.email, &deleted.password).expect_problem(401, "invalid_credentials");
    tenant.login(&late.email, &late.password).expect_problem(401, "second_factor_required");
    assert_eq!(tenant.audited("tenant.restored").len(), 1);
    let verified = tenant.get("/api/v1/tenant/audit/verify").token(token).send().expect(200);
    assert_eq!(verified["valid"], true, "{verified}");
    // The chunks of the former files are removed.
    world.admin(Method::POST, "/admin/maintenance").send().expect(200);
    let chunks: usize = files.iter().map(|(_, content)| content.len().div_ceil(256 << 10)).sum();
    assert_eq!(world.stored_chunks(&tenant.id).len(), chunks);
    let used = tenant.used("storage");
    assert_eq!(used["current_usage"], 2_300_012, "{used}");
    let output = world.tenantctl(&["app", "status", "--drift"]);
    assert!(!text(&output).contains("panicked"), "{}", text(&output));
}

/// Returns the greatest memory of a command in KiB.
fn peak_memory(arguments: &[&str]) -> usize {
    let mut child = super::command(World::for_bundles(), arguments).spawn().unwrap();
    let status = format!("/proc/{}/status", child.id());
    let mut most = 0;
    loop {
        let text = fs::read_to_string(&status).unwrap_or_default();
        let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kibibytes = line.and_then(|line| line.trim().strip_suffix(" kB")?.parse().ok());
        most = kibibytes.unwrap_or(0_usize).max(most);
        if let Some(ended) = child.try_wait().unwrap() {
            assert!(ended.success() && most > 0, "{arguments:?}");
            return most;
        }
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
}

#[test]
fn large_file_needs_little_memory() {
    const LARGE: usize = 24 << 20;
    let folder = Folder::new();
    let identity = folder.file("identity");
    let peaks = [0, LARGE].map(|length| {
        let tenant = World::for_bundles().tenant();
        let put = tenant.put("/api/v1/files/a", content(length));
        put.token(&tenant.admin.access_token).send().expect(201);
        let file = folder.file(&tenant.slug);
        let copy = format!("{}-copy", tenant.slug);
        let recipient = ["--recipient", &folder.recipient];
        let export = ["tenant", "export", &tenant.slug, "--to", &file];
        let export = peak_memory(&[&export[..], &recipient].concat());
        let import = ["tenant", "import", &file, "--identity", &identity, "--slug", &copy];
        [export, peak_memory(&import)]
    });
    for (small, large) in peaks[0].iter().zip(peaks[1]) {
        assert!(large < small + (LARGE >> 11), "{peaks:?}");
    }
}
