use e2e::{Certificates, Process, Services, free_port};

use super::{Ran, Settings, run_with};

/// Makes PostgreSQL accept TLS with these certificates. The server itself writes the files, because it must own them.
fn serve_tls(services: &Services, certificates: &Certificates) {
    let mut superuser = services.superuser("tenancy");
    for (file, name) in [("server.pem", "server.crt"), ("server.key", "server.key")] {
        let text = certificates.text(file);
        let lines: Vec<_> = text.lines().map(|line| format!("('{line}')")).collect();
        // PROGRAM runs in the folder of the data.
        let copy = format!(
            "COPY (VALUES {}) TO PROGRAM 'umask 077; rm -f {name}; cat > {name}'",
            lines.join(", ")
        );
        superuser.batch_execute(&copy).unwrap();
    }
    superuser.batch_execute("ALTER SYSTEM SET ssl = on").unwrap();
    superuser.batch_execute("SELECT pg_reload_conf()").unwrap();
    for _ in 0..100 {
        let on: String = superuser.query_one("SHOW ssl", &[]).unwrap().get(0);
        if on == "on" {
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    panic!("PostgreSQL has TLS");
}

struct Server {
    services: Services,
    certificates: Certificates,
}

impl Server {
    fn start(names: &str) -> Self {
        let services = Services::start();
        let certificates = Certificates::new(&services.folder().join("tls"), names);
        serve_tls(&services, &certificates);
        run_with(&services.settings(&services.databases()), &["migrate"], "").expect(0);
        Self { services, certificates }
    }

    /// Returns the settings with these options in the address of the catalog.
    fn settings(&self, options: &str) -> Settings {
        let mut settings = self.services.settings(&self.services.databases());
        let url = settings["MASTER_DATABASE_URL"].replace("sslmode=disable", options);
        settings.insert("MASTER_DATABASE_URL", url);
        settings
    }

    fn list(&self, options: &str) -> Ran {
        run_with(&self.settings(options), &["tenant", "list"], "")
    }

    fn list_trusting(&self, options: &str) -> Ran {
        self.list(&format!("{options}&sslrootcert={}", self.certificates.path("ca.pem")))
    }
}

#[test]
fn postgres_modes_verify_certificates() {
    let server = Server::start("IP:127.0.0.1");
    for mode in ["disable", "prefer", "require", "verify-ca", "verify-full"] {
        server.list_trusting(&format!("sslmode={mode}")).expect(0);
        // The authority of the test is unknown to the system.
        let ran = server.list(&format!("sslmode={mode}"));
        if mode == "disable" {
            ran.expect(0);
        } else {
            let ran = ran.expect(6);
            assert!(ran.err.contains("certificate"), "{ran:?}");
        }
    }
    let mut settings = server.settings("sslmode=require");
    settings.insert("PGSSLROOTCERT", server.certificates.path("ca.pem"));
    run_with(&settings, &["tenant", "list"], "").expect(0);
    // The whole tool works over TLS, including the tenants' databases.
    let template =
        settings["TENANT_DATABASE_TEMPLATE"].replace("sslmode=disable", "sslmode=require");
    settings.insert("TENANT_DATABASE_TEMPLATE", template);
    let create = ["tenant", "create", "Acme", "--slug", "acme", "--admin-email", "a@acme.example"];
    run_with(&settings, &create, "").expect(0);
    run_with(&settings, &["user", "create", "acme", "b@acme.example"], "").expect(0);
    run_with(&settings, &["tenant", "delete", "acme", "--hard", "--dry-run"], "").expect(0);
    run_with(&settings, &["tenant", "delete", "acme", "--hard", "--yes"], "").expect(0);
}

#[test]
fn only_verify_ca_ignores_names() {
    let server = Server::start("DNS:db.test");
    server.list_trusting("sslmode=verify-ca").expect(0);
    for mode in ["prefer", "require", "verify-full"] {
        let ran = server.list_trusting(&format!("sslmode={mode}")).expect(6);
        assert!(ran.err.contains("certificate"), "{ran:?}");
    }
    // Another authority is refused, whatever the name.
    let other = Certificates::new(&server.services.folder().join("other"), "IP:127.0.0.1");
    let options = format!("sslmode=verify-ca&sslrootcert={}", other.path("ca.pem"));
    server.list(&options).expect(6);
}

#[test]
fn server_without_tls_is_refused() {
    let services = Services::start();
    let mut settings = services.settings(&services.databases());
    run_with(&settings, &["migrate"], "").expect(0);
    for mode in ["require", "verify-ca", "verify-full", "prefer"] {
        let url = services.settings(&services.databases())["MASTER_DATABASE_URL"]
            .replace("sslmode=disable", &format!("sslmode={mode}"));
        settings.insert("MASTER_DATABASE_URL", url);
        let ran = run_with(&settings, &["tenant", "list"], "");
        ran.expect(if mode == "prefer" { 0 } else { 6 });
    }
}

#[test]
fn redis_with_tls_receives_changes() {
    let services = Services::start();
    let certificates = Certificates::new(&services.folder().join("tls"), "IP:127.0.0.1");
    let port = free_port().to_string();
    let mut redis = Process::command("redis-server");
    redis.args(["--port", "0", "--tls-port", &port, "--bind", "127.0.0.1", "--save", ""]);
    redis.args([
        "--tls-auth-clients",
        "no",
        "--requirepass",
        "secret-of-redis",
        "--maxmemory-policy",
        "noeviction",
    ]);
    redis.args(["--tls-cert-file", &certificates.path("server.pem")]);
    redis.args(["--tls-key-file", &certificates.path("server.key")]);
    let mut redis = Process::start(&mut redis, &services.folder().join("redis-tls.log"));
    redis.wait_until_listening(&format!("127.0.0.1:{port}"));

    let mut settings = services.settings(&services.databases());
    run_with(&settings, &["migrate"], "").expect(0);
    settings.insert("REDIS_URL", format!("rediss://:secret-of-redis@127.0.0.1:{port}"));
    let create = ["tenant", "create", "Acme", "--slug", "acme", "--admin-email", "a@acme.example"];
    run_with(&settings, &create, "").expect(0);
    // Without the authority, the change is made but cannot be published.
    run_with(&settings, &["tenant", "suspend", "acme"], "").expect(9);
    settings.insert("REDIS_CA_FILE", certificates.path("ca.pem"));
    run_with(&settings, &["tenant", "suspend", "acme"], "").expect(0);
    let doctor = run_with(&settings, &["doctor"], "");
    assert!(doctor.out.contains("ok    redis: Redis"), "{doctor:?}");
    let repaired = run_with(&settings, &["repair"], "").expect(0);
    assert!(repaired.out.contains(r#"{"published_changes":1}"#), "{repaired:?}");
}
