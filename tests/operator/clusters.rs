//! `tenantctl cluster`: tenants on several PostgreSQL clusters.

use e2e::{
    TestTenant, World,
    clusters::{Clusters, last_line},
    database::connect,
    unique,
};
use http::Method;
use serde_json::json;

fn uploads(tenant: &TestTenant) {
    let answer = tenant.put("/api/v1/files/f", "x").token(&tenant.admin.access_token).send();
    assert!([200, 201].contains(&answer.status), "{}", answer.text);
}

fn destroy(world: &World, tenant: &TestTenant) {
    let path = format!("/admin/tenants/{}?hard_delete=true", tenant.id);
    assert_eq!(world.admin(Method::DELETE, &path).send().status, 204);
}

#[test]
fn new_tenants_follow_weights_and_drains() {
    let clusters = Clusters::alone();
    let world = clusters.world;
    clusters.add_second();
    // Adding it again replaces the template.
    clusters.add_second();
    clusters.run(&["cluster", "drain", "default"]);
    let tenant = world.tenant();
    assert!(clusters.has_on_second(&tenant) && !clusters.has_on_default(&tenant));
    uploads(&tenant);
    let credential = tenant.database_credential("owner");
    let port: u16 = clusters.second.value("POSTGRES_PORT").parse().unwrap();
    assert_eq!(credential["port"], port);
    connect(&credential).unwrap().batch_execute("CREATE TABLE notes (body text)").unwrap();

    let doctor = String::from_utf8(world.tenantctl(&["doctor"]).stdout).unwrap();
    assert!(doctor.contains("ok    cluster second"), "{doctor}");
    clusters.run(&["migrate"]);
    let listed = clusters.run(&["cluster", "list", "--json"]);
    let line = last_line(&listed);
    assert_eq!((&line["cluster"], &line["draining"]), (&json!("second"), &json!(false)));
    assert!(line["tenants"].as_i64() >= Some(1), "{line}");

    // A cluster with weight 0 gets no tenants either.
    clusters.run(&["cluster", "undrain", "default"]);
    clusters.run(&["cluster", "weigh", "second", "0"]);
    let other = world.tenant();
    assert!(clusters.has_on_default(&other) && !clusters.has_on_second(&other));

    clusters.run(&["cluster", "drain", "default"]);
    let body =
        json!({ "name": "Nowhere", "admin_email": "a@b.example", "slug": unique("nowhere") });
    world.admin_post("/admin/tenants", &body).send().expect_problem(503, "misconfigured");
    clusters.run(&["cluster", "undrain", "default"]);
    world.admin_post("/admin/tenants", &body).send().expect(201);

    // Only an empty cluster can be removed.
    clusters.run(&["cluster", "drain", "second"]);
    assert!(!world.tenantctl(&["cluster", "remove", "second"]).status.success());
    destroy(world, &tenant);
    assert!(!clusters.has_on_second(&tenant));
    clusters.run(&["cluster", "remove", "second", "--dry-run"]);
    clusters.run(&["cluster", "remove", "second"]);
    assert!(!world.tenantctl(&["cluster", "remove", "default"]).status.success());
    assert!(!clusters.run(&["cluster", "list"]).contains("second"));
    destroy(world, &other);
}

#[test]
fn unusable_cluster_is_not_added() {
    let clusters = Clusters::alone();
    let own = clusters.world.services.databases().postgres;
    let second = clusters.second.databases().postgres;
    for (template, reason) in [
        (clusters.template(&own), "called default"),
        (clusters.template("127.0.0.1:1"), "unavailable"),
        (clusters.template(&second).replace("tenancy:", "postgres:"), "authentication"),
        ("postgres://a:b@host/same_for_all".to_owned(), "must have {tenant_id}"),
        (String::new(), "CLUSTER_DATABASE_TEMPLATE"),
    ] {
        let mut settings = clusters.world.settings();
        settings.insert("CLUSTER_DATABASE_TEMPLATE", template);
        let output = e2e::tenantctl(&settings, &["cluster", "add", "wrong"]);
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success() && told.contains(reason), "{reason}: {told}");
        assert!(!told.contains(clusters.second.value("ACCOUNT_PASSWORD")), "{told}");
    }
    assert!(!clusters.run(&["cluster", "list"]).contains("wrong"));
}

#[test]
fn failures_have_distinct_exit_codes() {
    let clusters = Clusters::alone();
    let tenant = clusters.world.tenant();
    for (arguments, code) in [
        (&["cluster", "add", "new"][..], 2),
        (&["cluster", "drain", "nowhere"], 3),
        (&["cluster", "remove", "default"], 4),
        (&["tenant", "move", "nobody", "--to", "default"], 3),
        (&["tenant", "move", &tenant.slug, "--to", "nowhere"], 3),
        (&["tenant", "move", &tenant.slug, "--cancel"], 3),
        (&["tenant", "rename", "nobody", "somebody"], 3),
        (&["tenant", "release-slug", "nobody"], 3),
    ] {
        let output = clusters.world.tenantctl(arguments);
        assert_eq!(output.status.code(), Some(code), "{arguments:?} {output:?}");
    }
    // A tenant has a slug and an id.
    let line =
        last_line(&clusters.run(&["tenant", "move", &tenant.id, "--to", "default", "--dry-run"]));
    assert_eq!(line["expected_pause_seconds"], 0, "{line}");
    let line = last_line(&clusters.run(&["tenant", "rename", &tenant.id, &tenant.slug]));
    assert_eq!((&line["slug"], &line["reserved_slug"]), (&json!(tenant.slug), &json!(null)));
}

// S39
#[test]
fn changed_cluster_row_redirects_no_credentials() {
    let clusters = Clusters::alone();
    let world = clusters.world;
    clusters.add("third", &clusters.second.databases().postgres);
    clusters.run(&["cluster", "drain", "default"]);
    let mut catalog = world.services.superuser("tenancy");
    let stored = "SELECT encode(template, 'escape') FROM database_clusters WHERE name = 'third'";
    let stored: String = catalog.query_one(stored, &[]).unwrap().get(0);
    assert!(!stored.contains(clusters.second.value("ACCOUNT_PASSWORD")));
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let port = i32::from(listener.local_addr().unwrap().port());
    let redirect = "UPDATE database_clusters SET port = $1 WHERE name = 'third'";
    catalog.execute(redirect, &[&port]).unwrap();
    let body = json!({ "name": "Led", "admin_email": "a@b.example", "slug": unique("led") });
    world.admin_post("/admin/tenants", &body).send().expect_problem(500, "internal_error");
    assert!(listener.accept().is_err(), "no connection arrives");
    let own: i32 = clusters.second.value("POSTGRES_PORT").parse().unwrap();
    catalog.execute(redirect, &[&own]).unwrap();
    clusters.run(&["cluster", "undrain", "default"]);
    clusters.run(&["cluster", "drain", "third"]);
    clusters.run(&["cluster", "remove", "third"]);
}
