//! `deploy/pgbouncer`: applications reach their databases through PgBouncer.

use std::{fs, process::Command, thread::sleep, time::Duration};

use e2e::{
    Application, Call, Process, TestTenant, World, database::DATABASE_CREDENTIALS, free_port, root,
    unique,
};
use http::Method;
use postgres::{Client, NoTls};
use serde_json::{Value, json};

/// PgBouncer with the configuration of `deploy/pgbouncer`. It stops when this value is dropped.
struct PgBouncer {
    port: u16,
    _process: Process,
}

impl PgBouncer {
    fn start() -> Self {
        let services = &World::get().services;
        let password = unique("password");
        let mut superuser = services.superuser("postgres");
        superuser
            .batch_execute(&format!("CREATE ROLE pgbouncer LOGIN PASSWORD '{password}'"))
            .unwrap();
        let folder = services.folder().join(unique("pgbouncer"));
        fs::create_dir(&folder).unwrap();
        let users = folder.join("userlist.txt");
        fs::write(&users, format!("\"pgbouncer\" \"{password}\"\n")).unwrap();
        let port = free_port();
        let configuration =
            fs::read_to_string(root().join("deploy/pgbouncer/pgbouncer.ini")).unwrap();
        let mut changed = configuration;
        for (from, to) in [
            (
                "host=db.internal port=5432",
                format!("host=127.0.0.1 port={}", services.value("POSTGRES_PORT")),
            ),
            ("listen_addr = 0.0.0.0", "listen_addr = 127.0.0.1".to_owned()),
            ("listen_port = 6432", format!("listen_port = {port}")),
            ("/etc/pgbouncer/userlist.txt", users.display().to_string()),
        ] {
            assert!(changed.contains(from), "{from}");
            changed = changed.replace(from, &to);
        }
        let file = folder.join("pgbouncer.ini");
        fs::write(&file, changed).unwrap();
        let mut command = Process::command("pgbouncer");
        // PgBouncer refuses to run as root.
        let user = Command::new("id").arg("-u").output().unwrap();
        if user.stdout == b"0\n" {
            command.args(["-u", "nobody"]);
        }
        command.arg(&file);
        let mut process = Process::start(&mut command, &folder.join("log"));
        process.wait_until_listening(&format!("127.0.0.1:{port}"));
        Self { port, _process: process }
    }

    /// Connects with a credential whose URL names PgBouncer.
    fn connect(&self, credential: &Value) -> Result<Client, postgres::Error> {
        let url = credential["url"].as_str().unwrap();
        let postgres = format!("127.0.0.1:{}/", World::get().services.value("POSTGRES_PORT"));
        assert!(url.contains(&postgres), "{url}");
        Client::connect(&url.replace(&postgres, &format!("127.0.0.1:{}/", self.port)), NoTls)
    }
}

fn server_connections(role: &Value) -> i64 {
    let count = "SELECT count(*) FROM pg_stat_activity WHERE usename = $1";
    let mut superuser = World::get().services.superuser("tenancy");
    superuser.query_one(count, &[&role.as_str().unwrap()]).unwrap().get(0)
}

/// Lets PgBouncer check the passwords of the roles of a database that was created before its function.
fn allow_pgbouncer(tenant: &TestTenant) {
    let auth = fs::read_to_string(root().join("deploy/pgbouncer/auth.sql")).unwrap();
    World::get().services.superuser(&tenant.database()).batch_execute(&auth).unwrap();
}

fn credential(application: &Application, tenant: &TestTenant, access: &str) -> Value {
    let call = Call::new(Method::POST, &application.address, DATABASE_CREDENTIALS);
    let call = call.token(&tenant.admin.access_token).json(&json!({ "access": access }));
    call.send().expect(201)
}

#[test]
fn clients_share_connections_to_the_server() {
    let world = World::get();
    let pgbouncer = PgBouncer::start();
    let application = world.application_with(&[("TENANT_DATABASE_PROXY_ROLE", "pgbouncer")]);
    let tenants: Vec<_> = (0..3).map(|_| world.tenant()).collect();
    let mut credentials = Vec::new();
    for (number, tenant) in tenants.iter().enumerate() {
        allow_pgbouncer(tenant);
        let mut owner = pgbouncer.connect(&credential(&application, tenant, "owner")).unwrap();
        owner.batch_execute("CREATE TABLE notes (body text)").unwrap();
        let credential = credential(&application, tenant, "write");
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
    for (number, client) in &mut clients {
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
    for credential in &credentials {
        let open = server_connections(&credential["role"]);
        assert!((1..=5).contains(&open), "{open}");
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
    let account = settings["MASTER_DATABASE_URL"]
        .replace("/tenancy?", &format!("/{}?", tenants[1].database()));
    service["url"] = json!(account);
    assert!(pgbouncer.connect(&service).is_err());
}
