//! The measured programs: the application, the floor and the native service, on private servers.

use std::{collections::BTreeMap, env};

use anyhow::{Context as _, Result, ensure};
use e2e::{Application, Process, Services, free_port, root, tenantctl};
use serde_json::{Map, Value, json};

use crate::load::Request;

/// A limit that is never reached.
const PLENTY: i64 = 1_000_000_000_000;
const PASSWORD: &str = "a password for the bench";
/// The number of users that sign in concurrently.
pub(crate) const USERS: usize = 8;

/// The measured programs. They stop when this value is dropped, or with the process.
pub(crate) struct Stage {
    pub(crate) application: Application,
    /// The application with `LEASE_MILLISECONDS=0`.
    without_leases: Application,
    pub(crate) floor: Application,
    _native: Process,
    native_address: String,
    pub(crate) services: Services,
    pub(crate) admin_key: String,
    /// The tenant of single requests.
    pub(crate) tenant: Tenant,
}

/// A tenant with users.
pub(crate) struct Tenant {
    pub(crate) slug: String,
    pub(crate) api_key: String,
    pub(crate) access_token: String,
    /// The e-mail addresses of its users.
    pub(crate) users: Vec<String>,
}

impl Stage {
    /// Starts all programs. The host of the application and the floor ends an instance after `instance_reuse` requests.
    pub(crate) fn start(instance_reuse: u32) -> Result<Self> {
        let services = Services::start();
        let folder = services.folder();
        let mut settings = services.settings(&services.databases());
        // The token must outlive the benchmark.
        settings.insert("ACCESS_TOKEN_EXPIRE_MINUTES", "1440".to_owned());
        if let Ok(level) = env::var("LOG_LEVEL") {
            settings.insert("LOG_LEVEL", level);
        }
        let migrated = tenantctl(&settings, &["migrate"]);
        ensure!(migrated.status.success(), "{}", String::from_utf8_lossy(&migrated.stderr));
        let reuse = instance_reuse.to_string();
        let arguments = ["--max-instance-reuse-count", &reuse];
        let started = |manifest: &str, settings| {
            Application::start_manifest(&root().join(manifest), settings, &folder, &arguments)
        };
        let application = started("spin.toml", &settings);
        let mut no_leases = settings.clone();
        no_leases.insert("LEASE_MILLISECONDS", "0".to_owned());
        let without_leases = started("spin.toml", &no_leases);
        let floor_settings = BTreeMap::from([
            ("REDIS_URL", settings["REDIS_URL"].clone()),
            ("DATABASE_URL", settings["MASTER_DATABASE_URL"].clone()),
        ]);
        let floor = started("bench/floor/spin.toml", &floor_settings);
        let admin_key = settings["ADMIN_API_KEY"].clone();
        let (tenant, id) = Tenant::create(&application.address, &admin_key)?;

        let shown = Request::get(&application.address, &format!("/admin/tenants/{id}"));
        let shown = shown.token(&admin_key).send()?.checked()?;
        let mut view: Map<String, Value> = serde_json::from_slice(&shown.body)?;
        // Users do not see it, and the native service returns the view of a user.
        view.remove("private_settings");
        let native_address = format!("127.0.0.1:{}", free_port());
        let mut command = Process::command(root().join("target/release/native"));
        command
            .env("ADDRESS", &native_address)
            .env("REDIS_URL", &settings["REDIS_URL"])
            .env("JWT_SECRET_KEY", &settings["JWT_SECRET_KEY"])
            .env("TENANT", Value::Object(view).to_string())
            .env("TENANT_VERSION", shown.header("etag").trim_matches('"'));
        let mut native = Process::start(&mut command, &folder.join("native.log"));
        native.wait_until_listening(&native_address);
        Ok(Self {
            application,
            without_leases,
            floor,
            _native: native,
            native_address,
            services,
            admin_key,
            tenant,
        })
    }

    /// Returns a request to the application.
    pub(crate) fn application(&self, path: &str) -> Request {
        Request::get(&self.application.address, path)
    }

    /// Returns the same request to the application without leases.
    pub(crate) fn without_leases(&self, request: &Request) -> Request {
        request.clone().to(&self.without_leases.address)
    }

    /// Returns a request to the application from a user of the tenant.
    pub(crate) fn as_user(&self, path: &str) -> Request {
        self.application(path).token(&self.tenant.access_token)
    }

    /// Returns a request to the floor.
    pub(crate) fn floor(&self, path: &str) -> Request {
        Request::get(&self.floor.address, path)
    }

    /// Returns the request to the native service.
    pub(crate) fn native(&self) -> Request {
        Request::get(&self.native_address, "/api/v1/tenant/info").token(&self.tenant.access_token)
    }

    /// Signs the users in until there are `count` access tokens.
    pub(crate) fn tokens(&self, count: usize) -> Result<Vec<String>> {
        let users = self.tenant.users.iter().cycle().take(count);
        let signed_in =
            |user: &String| text(&self.login(user).send()?.checked()?.json()?, "access_token");
        users.map(signed_in).collect()
    }

    /// Returns a sign-in request.
    pub(crate) fn login(&self, user: &str) -> Request {
        login(&self.application.address, &self.tenant.slug, user)
    }
}

impl Tenant {
    /// Creates the tenant and returns it with its ID. Removes the limits of all later tenants.
    fn create(address: &str, admin_key: &str) -> Result<(Self, String)> {
        let limits = ["users", "storage", "api_calls", "ai_requests", "requests_per_minute"];
        let limits: BTreeMap<_, _> = limits.into_iter().map(|name| (name, PLENTY)).collect();
        Request::new("PATCH", address, "/admin/plans/enterprise")
            .token(admin_key)
            .json(&json!({ "limits": limits }))
            .send()?
            .checked()?;
        let slug = "bench";
        let email = |number: usize| format!("user-{number}@{slug}.example");
        let created = Request::new("POST", address, "/admin/tenants")
            .token(admin_key)
            .json(&json!({ "name": "Bench", "slug": slug, "admin_email": email(0),
                           "admin_password": PASSWORD }))
            .send()?
            .checked()?
            .json()?;
        let access_token =
            text(&login(address, slug, &email(0)).send()?.checked()?.json()?, "access_token")?;
        for number in 1..USERS {
            Request::new("POST", address, "/api/v1/users")
                .token(&access_token)
                .json(&json!({ "email": email(number), "password": PASSWORD }))
                .send()?
                .checked()?;
        }
        let users = (0..USERS).map(email).collect();
        let api_key = text(&created, "api_key")?;
        Ok((Self { slug: slug.to_owned(), api_key, access_token, users }, text(&created, "id")?))
    }
}

fn login(address: &str, slug: &str, user: &str) -> Request {
    Request::new("POST", address, "/api/v1/auth/login")
        .header("x-tenant-slug", slug)
        .json(&json!({ "email": user, "password": PASSWORD }))
}

/// Returns a string member of a response.
pub(crate) fn text(answer: &Value, name: &str) -> Result<String> {
    answer[name].as_str().map(str::to_owned).with_context(|| format!("the response has no {name}"))
}
