//! `deploy/pgbouncer`: applications reach their databases through PgBouncer.

use std::{
    thread::sleep,
    time::{Duration, Instant},
};

use e2e::{Call, PgBouncer, TestTenant, World, database::DATABASE_CREDENTIALS};
use http::Method;
use serde_json::{Value, json};

fn server_connections(role: &Value) -> i64 {
    let count = "SELECT count(*) FROM pg_stat_activity WHERE usename = $1";
    let mut superuser = World::get().services.superuser("tenancy");
    superuser.query_one(count, &[&role.as_str().unwrap()]).unwrap().get(0)
}

fn credential(tenant: &TestTenant, access: &str) -> Value {
    let address = &PgBouncer::get().application.address;
    let call = Call::new(Method::POST, address, DATABASE_CREDENTIALS);
    let call = call.token(&tenant.admin.access_token).json(&json!({ "access": access }));
    call.send().expect(201)
}

#[test]
fn clients_share_server_connections() {
    let world = World::get();
    let pgbouncer = PgBouncer::get();
    let tenants: Vec<_> = (0..3).map(|_| world.tenant()).collect();
    let mut credentials = Vec::new();
    for (number, tenant) in tenants.iter().enumerate() {
        pgbouncer.allow(tenant);
        let mut owner = pgbouncer.connect(&credential(tenant, "owner")).unwrap();
        owner.batch_execute("CREATE TABLE notes (body text)").unwrap();
        let credential = credential(tenant, "write");
        let body = format!("of tenant {number}");
        // Without a schema: the search path is that of the role.
        pgbouncer
            .connect(&credential)
            .unwrap()
            .batch_execute(&format!("INSERT INTO notes VALUES ('{body}')"))
            .unwrap();
        credentials.push(credential);
    }
    // Thirty clients of each tenant, and five connections to the server.
    let mut clients: Vec<_> = credentials
        .iter()
        .enumerate()
        .flat_map(|(number, credential)| (0..30).map(move |_| (number, credential)))
        .map(|(number, credential)| (number, pgbouncer.connect(credential).unwrap()))
        .collect();
    for (of_tenant, credential) in clients.chunks_mut(30).zip(&credentials) {
        for (number, client) in of_tenant {
            let rows = client.simple_query("SELECT body FROM notes").unwrap();
            let bodies: Vec<_> = rows
                .iter()
                .filter_map(|row| match row {
                    postgres::SimpleQueryMessage::Row(row) => row.get(0).map(str::to_owned),
                    _ => None,
                })
                .collect();
            assert_eq!(bodies, [format!("of tenant {number}")]);
        }
        let open = server_connections(&credential["role"]);
        assert!((1..=5).contains(&open), "{open}");
    }
    // Idle clients stay connected, and hold no connection to the server.
    let begin = Instant::now();
    while credentials.iter().any(|credential| server_connections(&credential["role"]) > 0) {
        assert!(begin.elapsed() < Duration::from_mins(1), "idle connections close");
        sleep(Duration::from_millis(100));
    }

    // A credential that is revoked is refused on the next statement, also of clients that are connected.
    let path = format!("{DATABASE_CREDENTIALS}/{}", credentials[0]["id"].as_str().unwrap());
    let revoked = tenants[0].delete(&path).token(&tenants[0].admin.access_token).send();
    assert_eq!(revoked.status, 204, "{}", revoked.text);
    let mut refused = 0;
    for (number, client) in &mut clients {
        let outcome = client.simple_query("SELECT 1");
        assert_eq!(outcome.is_err(), *number == 0, "a client of tenant {number}");
        refused += u32::from(outcome.is_err());
    }
    assert_eq!(refused, 30);
    sleep(Duration::from_millis(100));
    assert!(pgbouncer.connect(&credentials[0]).is_err());

    // The role of one tenant does not open the database of another one.
    let mut foreign = credentials[1].clone();
    let url =
        foreign["url"].as_str().unwrap().replace(&tenants[1].database(), &tenants[2].database());
    foreign["url"] = json!(url);
    let outcome = pgbouncer
        .connect(&foreign)
        .and_then(|mut client| client.simple_query("SELECT 1").map(drop));
    assert!(outcome.is_err());

    // The service's own roles do not pass.
    let mut service = credentials[1].clone();
    let settings = world.settings();
    let postgres = format!("@127.0.0.1:{}/", world.services.value("POSTGRES_PORT"));
    let account = settings["MASTER_DATABASE_URL"]
        .replace("/tenancy?", &format!("/{}?", tenants[1].database()))
        .replace(&postgres, &format!("@{}/", pgbouncer.address));
    service["url"] = json!(account);
    assert!(pgbouncer.connect(&service).is_err());
}
