//! Work that happens at the same time as an export or an import.

use std::{process::Output, sync::mpsc::channel, thread::sleep, time::Duration};

use e2e::{Cut, TestTenant, Watch, World};
use serde_json::{Value, json};

use super::{Folder, content, run, run_during, run_watched, succeeded, text};

fn count(world: &World, database: &str, statement: &str) -> i64 {
    world.services.superuser(database).query_one(statement, &[]).unwrap().get(0)
}

#[test]
fn repair_leaves_a_running_import_alone() {
    let (world, other) = (World::for_bundles(), World::other_installation());
    let tenant = world.tenant();
    let put = tenant.put("/api/v1/files/a.bin", content(600_000));
    put.token(&tenant.admin.access_token).send().expect(201);
    let folder = Folder::new();
    folder.export(&tenant, "bundle");
    let (file, identity) = (folder.file("bundle"), folder.file("identity"));
    let import = ["tenant", "import", &file, "--identity", &identity, "--from-other-installation"];
    // With a reserved name, with chunks of a file, and in the last transaction.
    for statement in ["INSERT INTO database_credentials", "INSERT INTO tenant_audit_logs", "COMMIT"]
    {
        let (sender, repairs) = channel();
        let output = run_during(other, &import, statement, move || {
            sender.send(run(other, &["repair", "--older-than-minutes", "0"])).unwrap();
        });
        let repair = repairs.recv_timeout(Duration::from_secs(1)).unwrap();
        assert!(!text(&repair).contains(&tenant.slug), "{}", text(&repair));
        let imported = succeeded(&output);
        assert_eq!(imported["id"], tenant.id.as_str(), "{statement}");
        let login = json!({ "email": tenant.admin.email, "password": tenant.admin.password });
        let signed_in = other.post("/api/v1/auth/login", &login).slug(&tenant.slug).send();
        let signed_in = signed_in.expect(200);
        let files = [("a.bin", content(600_000))];
        let token = signed_in["access_token"].as_str().unwrap();
        super::assert_files(other, &tenant.slug, token, &files);
        // The next round imports it again under its id.
        let path = format!("/admin/tenants/{}?hard_delete=true", tenant.id);
        let deleted = other.admin(http::Method::DELETE, &path).send();
        assert!(matches!(deleted.status, 200 | 204), "{}", deleted.text);
    }
}

/// Imports a new tenant into the other installation. The statements on its catalog are watched.
fn import_watched(watch: Watch) -> (TestTenant, Output) {
    let tenant = World::for_bundles().tenant();
    let folder = Folder::new();
    folder.export(&tenant, "bundle");
    let (file, identity) = (folder.file("bundle"), folder.file("identity"));
    let import = ["tenant", "import", &file, "--identity", &identity, "--from-other-installation"];
    let output = run_watched(World::other_installation(), &import, watch);
    (tenant, output)
}

#[test]
fn slow_statement_ends_no_import() {
    let statement = "INSERT INTO database_credentials";
    // Longer than a statement of a request may take.
    let action = Box::new(|| sleep(Duration::from_secs(6)));
    let (tenant, output) = import_watched(Watch { statement, cut: Cut::Delay, action });
    assert_eq!(succeeded(&output)["id"], tenant.id.as_str());
}

#[test]
fn import_succeeds_if_its_events_have_to_wait() {
    // The statement that lists the waiting events. The tenant is in use by then.
    let statement = "octet_length(entry::text)";
    let action = Box::new(|| ());
    let (tenant, output) = import_watched(Watch { statement, cut: Cut::Before, action });
    assert_eq!(succeeded(&output)["id"], tenant.id.as_str());
    assert!(text(&output).contains("the events remain in it"), "{}", text(&output));
    let list = format!("/admin/audit?tenant_id={}&event=tenant.imported", tenant.id);
    let events = World::other_installation().admin(http::Method::GET, &list).send().expect(200);
    assert_eq!(events["items"].as_array().unwrap().len(), 1, "{events}");
}

#[test]
fn second_import_of_the_same_tenant_is_refused_meanwhile() {
    let (world, other) = (World::for_bundles(), World::other_installation());
    let tenant = world.tenant();
    let folder = Folder::new();
    folder.export(&tenant, "bundle");
    let (file, identity) = (folder.file("bundle"), folder.file("identity"));
    let import = ["tenant", "import", &file, "--identity", &identity, "--from-other-installation"]
        .map(str::to_owned);
    let (sender, others) = channel();
    let again = import.clone();
    let import: Vec<_> = import.iter().map(String::as_str).collect();
    let output = run_during(other, &import, "INSERT INTO tenant_audit_logs", move || {
        let again: Vec<_> = again.iter().map(String::as_str).collect();
        sender.send(run(other, &again)).unwrap();
    });
    let refused = others.recv_timeout(Duration::from_secs(1)).unwrap();
    super::failed(&refused, "another command imports or restores this tenant");
    assert_eq!(succeeded(&output)["id"], tenant.id.as_str());
}

/// Keeps the new events of a tenant away from its outbox.
fn divert_events(world: &World, tenant: &TestTenant) {
    let statements = "
        CREATE SCHEMA test;
        CREATE TABLE test.diverted (LIKE tenancy.audit_outbox);
        CREATE FUNCTION test.divert() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$ BEGIN
            INSERT INTO test.diverted SELECT NEW.*; RETURN NULL;
        END $$;
        CREATE TRIGGER divert BEFORE INSERT ON tenancy.audit_outbox
            FOR EACH ROW EXECUTE FUNCTION test.divert()";
    world.services.superuser(&tenant.database()).batch_execute(statements).unwrap();
}

/// Returns the diverted events, and removes the trigger.
fn diverted_events(world: &World, database: &str) -> Value {
    let mut database = world.services.superuser(database);
    let row = database.query_one("SELECT jsonb_agg(to_jsonb(d))::text FROM test.diverted d", &[]);
    database.batch_execute("DROP SCHEMA test CASCADE").unwrap();
    serde_json::from_str(row.unwrap().get(0)).unwrap()
}

/// Writes events into an outbox, as if they were new.
fn put_events(world: &World, database: &str, events: &Value) {
    let statement = "INSERT INTO tenancy.audit_outbox
                     SELECT * FROM jsonb_populate_recordset(NULL::tenancy.audit_outbox, $1::text::jsonb)";
    let mut database = world.services.superuser(database);
    assert!(database.execute(statement, &[&events.to_string()]).unwrap() > 0);
}

#[test]
fn waiting_events_are_in_the_trail_of_the_bundle_once() {
    let (world, other) = (World::for_bundles(), World::other_installation());
    let tenant = world.tenant();
    divert_events(world, &tenant);
    let late = tenant.user("viewer");
    let database = tenant.database();
    let events = diverted_events(world, &database);
    let of_user = format!(
        "SELECT count(*) FROM tenant_audit_logs
         WHERE tenant_id = '{}' AND event = 'user.created' AND resource_id = '{}'",
        tenant.id, late.id
    );
    assert_eq!(count(world, "tenancy", &of_user), 0, "the event waits");
    let folder = Folder::new();
    let backup = folder.file("backup");
    let export =
        ["tenant", "export", &tenant.slug, "--to", &backup, "--recipient", &folder.recipient];
    let (outbox, moment) = (database.clone(), events.clone());
    // Before the snapshot, after the export has moved the earlier events.
    let output = run_during(world, &export, "INSERT INTO database_credentials", move || {
        put_events(world, &outbox, &moment);
    });
    succeeded(&output);
    assert_eq!(count(world, "tenancy", &of_user), 1);

    let options = ["--from-other-installation"];
    succeeded(&folder.import(other, "backup", &options));
    let waiting = "SELECT count(*) FROM tenancy.audit_outbox";
    assert_eq!(count(other, &database, waiting), 0);
    assert_eq!(count(other, "tenancy", &of_user), 1);
    let verified = run(other, &["audit", "verify", "--tenant", &tenant.slug]);
    assert!(verified.status.success(), "{}", text(&verified));

    // A restore brings back a moment at which the event waited. It is not chained again.
    let identity = folder.file("identity");
    let restore = ["backup", "restore", &backup, "--identity", &identity, "--tenant", &tenant.slug];
    succeeded(&run(world, &restore));
    assert_eq!((count(world, &database, waiting), count(world, "tenancy", &of_user)), (0, 1));
    // An entry of a former moment that returns to the outbox is removed.
    put_events(world, &database, &events);
    // It may fail for a tenant of another test.
    run(world, &["repair", "--older-than-minutes", "60"]);
    assert_eq!((count(world, &database, waiting), count(world, "tenancy", &of_user)), (0, 1));
    let verified = run(world, &["audit", "verify", "--tenant", &tenant.slug]);
    assert!(verified.status.success(), "{}", text(&verified));
}

#[test]
fn waiting_events_of_the_replaced_database_reach_the_trail() {
    let world = World::for_bundles();
    let tenant = world.tenant();
    let folder = Folder::new();
    folder.export(&tenant, "backup");
    divert_events(world, &tenant);
    let late = tenant.user("viewer");
    let events = diverted_events(world, &tenant.database());
    let (file, identity) = (folder.file("backup"), folder.file("identity"));
    let restore = ["backup", "restore", &file, "--identity", &identity, "--tenant", &tenant.slug];
    let database = tenant.database();
    let output = run_during(world, &restore, "UPDATE tenant_imports SET is_switched", move || {
        // The databases have exchanged their names.
        let former = "SELECT datname FROM pg_database WHERE datname LIKE $1 || '\\_%'";
        let mut server = world.services.superuser("tenancy");
        let former: String = server.query_one(former, &[&database]).unwrap().get(0);
        put_events(world, &former, &events);
    });
    succeeded(&output);
    // The user is gone with the restore, and the trail still has the creation.
    let found = tenant.audited("user.created");
    let is_late = |event: &&Value| event["resource_id"] == late.id.as_str();
    assert_eq!(found.iter().filter(is_late).count(), 1, "{found:?}");
    let verified = run(world, &["audit", "verify", "--tenant", &tenant.slug]);
    assert!(verified.status.success(), "{}", text(&verified));
}
