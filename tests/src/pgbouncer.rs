//! PgBouncer with the configuration of `deploy/pgbouncer`, in front of the server of [`World::get`].

use std::{fs, process::Command, sync::LazyLock};

use postgres::{Client, NoTls};
use serde_json::Value;

use crate::{Application, Process, Services, TestTenant, World, free_port, root, unique};

/// PgBouncer, and an application whose database credentials name it.
pub struct PgBouncer {
    /// The address of PgBouncer.
    pub address: String,
    /// The application.
    pub application: Application,
    process: Process,
}

impl PgBouncer {
    /// Returns the PgBouncer of all tests.
    pub fn get() -> &'static Self {
        static SHARED: LazyLock<PgBouncer> = LazyLock::new(|| {
            let world = World::get();
            PgBouncer::start(&world.services, |changed| world.application_with(changed))
        });
        &SHARED
    }

    /// Starts PgBouncer in front of a server, then an application with the settings that name it.
    pub fn start(
        services: &Services,
        application: impl FnOnce(&[(&'static str, &str)]) -> Application,
    ) -> Self {
        let password = unique("password");
        let create = format!(
            "DO $$ BEGIN CREATE ROLE pgbouncer; EXCEPTION WHEN duplicate_object THEN NULL; END $$;
             ALTER ROLE pgbouncer LOGIN PASSWORD '{password}'"
        );
        services.superuser("postgres").batch_execute(&create).unwrap();
        let folder = services.folder().join(unique("pgbouncer"));
        fs::create_dir(&folder).unwrap();
        let users = folder.join("userlist.txt");
        fs::write(&users, format!("\"pgbouncer\" \"{password}\"\n")).unwrap();
        let port = free_port();
        let mut configuration =
            fs::read_to_string(root().join("deploy/pgbouncer/pgbouncer.ini")).unwrap();
        let server = format!("host=127.0.0.1 port={}", services.value("POSTGRES_PORT"));
        for (from, to) in [
            ("host=db.internal port=5432", server.as_str()),
            ("listen_addr = 0.0.0.0", "listen_addr = 127.0.0.1"),
            ("listen_port = 6432", &format!("listen_port = {port}")),
            ("/etc/pgbouncer/userlist.txt", &users.display().to_string()),
        ] {
            assert!(configuration.contains(from), "{from}");
            configuration = configuration.replace(from, to);
        }
        let file = folder.join("pgbouncer.ini");
        fs::write(&file, configuration).unwrap();
        let mut command = Process::command("pgbouncer");
        // PgBouncer refuses to run as root.
        let user = Command::new("id").arg("-u").output().unwrap();
        if user.stdout == b"0\n" {
            command.args(["-u", "nobody"]);
        }
        command.arg(&file);
        let mut process = Process::start(&mut command, &folder.join("log"));
        let address = format!("127.0.0.1:{port}");
        process.wait_until_listening(&address);
        let application = application(&[
            ("TENANT_DATABASE_PROXY_ROLE", "pgbouncer"),
            ("TENANT_DATABASE_PUBLIC_HOST", &address),
        ]);
        Self { address, application, process }
    }

    /// Returns the resident memory of PgBouncer, in KiB.
    pub fn resident_kib(&self) -> u64 {
        self.process.resident_kib()
    }

    /// Lets PgBouncer check the passwords of the roles of a database that was created before its function.
    pub fn allow(&self, tenant: &TestTenant) {
        let auth = fs::read_to_string(root().join("deploy/pgbouncer/auth.sql")).unwrap();
        World::get().services.superuser(&tenant.database()).batch_execute(&auth).unwrap();
    }

    /// Connects with the URL of a credential, which must name PgBouncer.
    pub fn connect(&self, credential: &Value) -> Result<Client, postgres::Error> {
        let url = credential["url"].as_str().unwrap();
        assert!(url.contains(&format!("@{}/", self.address)), "{url}");
        Client::connect(url, NoTls)
    }
}
