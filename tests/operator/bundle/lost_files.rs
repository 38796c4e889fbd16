//! Files that the key-value store has lost, and files that are deleted during an export.

use std::{fs, time::Instant};

use e2e::{TestTenant, World};
use http::Method;
use serde_json::{Value, json};

use super::{Folder, Full, assert_files, full_tenant, run, run_during, succeeded, text};

/// Asserts the exit code of a command whose error names a file, and returns the line of JSON.
#[track_caller]
fn incomplete(world: &World, arguments: &[&str], code: i32) -> Value {
    let output = run(world, arguments);
    assert_eq!(output.status.code(), Some(code), "{}", text(&output));
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(error.contains("has lost 1 files: large.bin."), "{error}");
    let line = String::from_utf8_lossy(&output.stdout).lines().last().unwrap_or("null").to_owned();
    serde_json::from_str(&line).unwrap()
}

/// Removes a chunk of a file from the key-value store.
fn lose_chunk(tenant: &TestTenant, path: &str) {
    let file = "SELECT id::text FROM tenancy.files WHERE path = $1";
    let world = World::for_bundles();
    let row = world.services.superuser(&tenant.database()).query_one(file, &[&path]).unwrap();
    let key = format!("{}/{}/1", tenant.id, row.get::<_, String>(0));
    world.tamper_with_chunks("DELETE FROM spin_key_value WHERE key = ?1", &[&key]);
}

#[test]
fn lost_chunk_is_reported_unless_it_is_accepted() {
    let world = World::for_bundles();
    let Full { tenant, mut files, .. } = full_tenant();
    let slug = tenant.slug.as_str();
    let folder = Folder::new();
    let (bundle, identity) = (folder.file("bundle"), folder.file("identity"));
    lose_chunk(&tenant, "large.bin");
    let export = |to: &str| {
        let words = ["tenant", "export", slug, "--to", to, "--recipient", &folder.recipient];
        words.map(str::to_owned)
    };
    let exported = export(&bundle);
    let exported: Vec<_> = exported.iter().map(String::as_str).collect();
    let exported = incomplete(world, &exported, 8);
    assert_eq!(exported["missing_files"], json!(["large.bin"]));
    assert_eq!(exported["lost_files"], json!(["large.bin"]));
    let accepted = export(&folder.file("accepted"));
    let accepted: Vec<_> = accepted.iter().map(String::as_str).collect();
    let accepted = succeeded(&run(world, &[&accepted[..], &["--allow-lost-files"]].concat()));
    assert_eq!(accepted["lost_files"], json!(["large.bin"]));

    let backups = folder.file("backups");
    let create = ["backup", "create", &backups, "--tenant", slug, "--recipient", &folder.recipient];
    let backup = incomplete(world, &create, 8);
    let backup = backup["file"].as_str().unwrap().to_owned();
    let verify = ["backup", "verify", &backup, "--identity", &identity];
    assert_eq!(incomplete(world, &verify, 8)["lost_files"], json!(["large.bin"]));

    // Nothing is changed with the bundle, unless the loss is accepted.
    let copy = e2e::unique("incomplete");
    let import = ["tenant", "import", &bundle, "--identity", &identity, "--slug", &copy];
    let restore = ["backup", "restore", &backup, "--identity", &identity, "--tenant", slug];
    let clone = ["tenant", "clone", slug, &copy];
    for refused in [&import[..], &[&import[..], &["--dry-run"]].concat(), &restore, &clone] {
        incomplete(world, refused, 5);
    }
    files.pop();
    let token = &tenant.admin.access_token;
    let found = "SELECT count(*) FROM tenants WHERE slug = $1";
    let row = world.services.superuser("tenancy").query_one(found, &[&copy]).unwrap();
    assert_eq!(row.get::<_, i64>(0), 0);

    let accept = ["--allow-lost-files"];
    let imported = succeeded(&run(world, &[&import[..], &accept].concat()));
    assert_eq!(imported["missing_files"], json!(["large.bin"]));
    let login = json!({ "email": tenant.admin.email, "password": tenant.admin.password });
    let signed_in = world.post("/api/v1/auth/login", &login).slug(&copy).send().expect(200);
    assert_files(world, &copy, signed_in["access_token"].as_str().unwrap(), &files);
    // Each stored chunk belongs to a file, or the service removes it.
    let id = imported["id"].as_str().unwrap();
    let database = format!("tenant_{}", id.replace('-', ""));
    let ids = |database: &str, statement: &str| -> Vec<String> {
        let rows = world.services.superuser(database).query(statement, &[]).unwrap();
        rows.iter().map(|row| row.get(0)).collect()
    };
    let released = "SELECT file_id::text FROM orphaned_files WHERE import_id IS NULL";
    let owned =
        [ids(&database, "SELECT id::text FROM tenancy.files"), ids("tenancy", released)].concat();
    for (key, _) in world.stored_chunks(&format!("{id}/")) {
        let file = key.split('/').nth(1).unwrap();
        assert!(owned.iter().any(|owned| owned == file), "{key} has no owner");
    }
    let restored = succeeded(&run(world, &[&restore[..], &accept].concat()));
    assert_eq!(restored["missing_files"], json!(["large.bin"]));
    assert_files(world, slug, token, &files);
}

#[test]
fn file_that_is_deleted_meanwhile_is_not_lost() {
    let world = World::for_bundles();
    let tenant = world.tenant();
    let token = tenant.admin.access_token.clone();
    for path in ["kept", "deleted"] {
        let put = tenant.put(&format!("/api/v1/files/{path}"), super::content(600_000));
        put.token(&token).send().expect(201);
    }
    let folder = Folder::new();
    let bundle = folder.file("bundle");
    let export =
        ["tenant", "export", &tenant.slug, "--to", &bundle, "--recipient", &folder.recipient];
    let (id, slug) = (tenant.id.clone(), tenant.slug.clone());
    // After the snapshot, before the files are read.
    let output = run_during(world, &export, "AS row FROM tenant_domains", move || {
        let path = "/api/v1/files/deleted";
        let deleted = world.call(Method::DELETE, path).slug(&slug).token(&token).send();
        assert_eq!(deleted.status, 204);
        let begin = Instant::now();
        while world.stored_chunks(&id).len() > 3 {
            assert!(begin.elapsed().as_secs() < 60, "the chunks are removed");
        }
    });
    let exported = succeeded(&output);
    assert_eq!(
        (&exported["missing_files"], &exported["lost_files"]),
        (&json!(["deleted"]), &json!([]))
    );
    assert_eq!(exported["files"], 2);
    let copy = e2e::unique("deleted");
    let imported = succeeded(&folder.import(world, "bundle", &["--slug", &copy]));
    assert_eq!((&imported["files"], &imported["missing_files"]), (&json!(1), &json!(["deleted"])));
    assert!(fs::exists(&bundle).unwrap());
}
