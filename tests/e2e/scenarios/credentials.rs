//! The credentials of tenant databases: permitted destinations, relocation and rotation.

use std::{
    io::Read as _,
    net::TcpListener,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use e2e::{Cut, Proxy, TestTenant, Watch, World};
use http::Method;

/// A server that must not receive connections.
struct Forbidden {
    address: String,
    was_called: Arc<AtomicBool>,
}

impl Forbidden {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let was_called = Arc::new(AtomicBool::new(false));
        let called = Arc::clone(&was_called);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                called.store(true, Ordering::Relaxed);
                let _ = stream.unwrap().read(&mut [0; 64]);
            }
        });
        Self { address, was_called }
    }
}

/// Changes the row of a tenant in the catalog, like an attacker with access only to the catalog.
fn change_row(tenant: &TestTenant, change: &str) {
    let world = World::for_tools();
    let statement = format!("UPDATE tenants SET {change} WHERE id = '{}'", tenant.id);
    world.services.superuser("tenancy").batch_execute(&statement).unwrap();
    world.redis(&["DEL", &world.redis_key(&format!("t:{{{}}}:tenant", tenant.id))]);
}

fn verifier(tenant: &TestTenant) -> String {
    let statement =
        "SELECT rolpassword FROM pg_authid a JOIN tenants t ON t.database_role = a.rolname
                     WHERE t.id = $1::text::uuid";
    let mut superuser = World::for_tools().services.superuser("tenancy");
    superuser.query_one(statement, &[&tenant.id]).unwrap().get(0)
}

fn upload(tenant: &TestTenant) -> e2e::Answer {
    tenant.put("/api/v1/files/f", "x").token(&tenant.admin.access_token).send()
}

#[track_caller]
fn uploads(tenant: &TestTenant) {
    let answer = upload(tenant);
    assert!(matches!(answer.status, 200 | 201), "{}", answer.text);
}

// S39
#[test]
fn changed_row_does_not_redirect_credentials() {
    let world = World::for_tools();
    let _alone = world.alone();
    let (tenant, other) = (world.tenant(), world.tenant());
    let forbidden = Forbidden::start();
    let port = forbidden.address.rsplit_once(':').unwrap().1;
    let own = world.services.databases().postgres;
    let own = own.rsplit_once(':').unwrap().1;
    let statement = "SELECT encode(database_password, 'hex') FROM tenants WHERE slug = $1";
    let mut catalog = world.services.superuser("tenancy");
    let password: String = catalog.query_one(statement, &[&tenant.slug]).unwrap().get(0);
    for (change, undo) in [
        (format!("database_port = {port}"), format!("database_port = {own}")),
        (
            "database_options = 'sslmode=disable&application_name=x'".to_owned(),
            "database_options = 'sslmode=disable'".to_owned(),
        ),
        (
            format!(
                "database_password = (SELECT database_password FROM tenants WHERE id = '{}')",
                other.id
            ),
            format!("database_password = '\\x{password}'"),
        ),
    ] {
        change_row(&tenant, &change);
        upload(&tenant).expect_problem(503, "unavailable");
        let path = format!("/admin/tenants/{}", tenant.id);
        if change.contains("port") {
            let tell = |arguments: &[&str]| {
                let output = world.tenantctl(arguments);
                let told = [output.stdout, output.stderr].concat();
                let told = String::from_utf8_lossy(&told).into_owned();
                let is_named = told.contains(&tenant.slug) && !output.status.success();
                assert!(is_named, "{arguments:?} {told}");
            };
            tell(&["migrate"]);
            tell(&["doctor"]);
            let destroyed = world.admin(Method::DELETE, &format!("{path}?hard_delete=true"));
            destroyed.send().expect_problem(503, "unavailable");
            tell(&["repair", "--older-than-minutes", "0"]);
            change_row(&tenant, "status = 'active'");
        }
        assert!(!forbidden.was_called.load(Ordering::Relaxed), "{change}");
        change_row(&tenant, &undo);
        uploads(&tenant);
    }
}

#[test]
fn relocation_takes_effect_on_next_request() {
    let world = World::for_tools();
    // A concurrent repair would wait for the unreachable database.
    let _alone = world.alone();
    let tenant = world.tenant();
    let proxy = Proxy::start(&world.services.databases().postgres);
    world.relocate(&tenant.slug, &proxy.address);
    uploads(&tenant);
    proxy.close();
    upload(&tenant).expect_problem(503, "unavailable");
    // A wrong address changes nothing.
    let output = world.tenantctl(&["relocate", "--tenant", &tenant.slug, "--to", "127.0.0.1:1"]);
    assert!(!output.status.success());
    let from = ["relocate", "--from", &proxy.address, "--to", &world.services.databases().postgres];
    proxy.open();
    let output = world.tenantctl(&from);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(String::from_utf8_lossy(&output.stdout).contains(&tenant.id));
    uploads(&tenant);
    assert_eq!(tenant.audited("tenant.database_relocated").len(), 2);
    // No database has the old location any longer.
    let output = world.tenantctl(&from);
    assert!(String::from_utf8_lossy(&output.stderr).contains("no tenant has a database at"));
    assert!(!output.status.success());
    assert_eq!(world.tenantctl(&["relocate", "--to", "db:1"]).status.code(), Some(2));
    for wrong in ["db", "db:0", "db:65536", ":1", "a b:1", "a@b:1", "a/b:1", "::1:1"] {
        let output = world.tenantctl(&["relocate", "--tenant", &tenant.slug, "--to", wrong]);
        assert_eq!(output.status.code(), Some(2), "{wrong}");
    }
}

#[test]
fn password_rotation_survives_crash() {
    let world = World::for_tools();
    let _alone = world.alone();
    let tenant = world.tenant();
    let before = verifier(&tenant);
    uploads(&tenant);
    let rotate = ["rotate-passwords", "--tenant", &tenant.slug];
    assert!(world.tenantctl(&rotate).status.success());
    let after = verifier(&tenant);
    assert_ne!(before, after);
    uploads(&tenant);
    assert_eq!(tenant.audited("tenant.database_password_rotated").len(), 1);
    for (statement, cut, command) in [
        ("DO $role$", Cut::Before, &["repair", "--older-than-minutes", "600"][..]),
        ("DO $role$", Cut::After, &rotate),
        ("SET database_password = next_database_password", Cut::Before, &["reseal"]),
    ] {
        let proxy = Proxy::start(&world.services.databases().postgres);
        let mut settings = world.settings();
        let url = &settings["MASTER_DATABASE_URL"];
        let url = url.replace(&world.services.databases().postgres, &proxy.address);
        settings.insert("MASTER_DATABASE_URL", url);
        world.relocate(&tenant.slug, &proxy.address);
        proxy.watch(Watch { statement, cut, action: Box::new(|| {}) });
        assert!(!e2e::tenantctl(&settings, &rotate).status.success(), "{statement}");
        assert!(proxy.has_acted(), "{statement}");
        proxy.open();
        let doctor = String::from_utf8(world.tenantctl(&["doctor"]).stdout).unwrap();
        assert!(doctor.contains("1 unfinished password rotations"), "{statement}: {doctor}");
        // `reseal` may fail, because it also verifies trails that other tests tamper with.
        let finished = String::from_utf8(world.tenantctl(command).stdout).unwrap();
        assert!(finished.contains("rotated_password_of_tenant"), "{command:?}: {finished}");
        world.relocate(&tenant.slug, &world.services.databases().postgres);
        uploads(&tenant);
    }
    // Nothing may recreate the role of a tenant in destruction.
    change_row(&tenant, "status = 'deleting'");
    assert!(!world.tenantctl(&rotate).status.success());
    change_row(&tenant, "status = 'active'");
}
