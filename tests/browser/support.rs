//! The running example, people who use it, and their mail.

use std::{
    ops::Deref,
    process::Command,
    sync::OnceLock,
    thread::sleep,
    time::{Duration, Instant},
};

use e2e::{Authenticator, Browser, MailMode, MailServer, Process, TestTenant, World, root, unique};
use serde_json::{Value, json};

/// A person with an account.
pub struct Person {
    pub id: String,
    pub email: String,
    pub password: String,
}

pub fn world() -> &'static World {
    World::with_web_interface()
}

/// Returns the address of the web interface. The first caller starts it.
pub fn address() -> String {
    static STARTED: OnceLock<(Process, String)> = OnceLock::new();
    let start = || {
        let public_url = world().settings()["PUBLIC_URL"].clone();
        let process = start_before(public_url.rsplit(':').next().unwrap(), world().address());
        (process, public_url)
    };
    STARTED.get_or_init(start).1.clone()
}

/// Starts a web interface on a port, which uses Tenancy at an address.
pub fn start_before(port: &str, tenancy: &str) -> Process {
    let python = std::env::var("PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let mut command = Process::command(python);
    command
        .arg(root().join("examples/web-interface/web.py"))
        .env("PORT", port)
        .env("TENANCY_URL", format!("http://{tenancy}"));
    let log = world().services.folder().join(unique("web-interface")).with_extension("log");
    let mut process = Process::start(&mut command, &log);
    process.wait_until_listening(&format!("127.0.0.1:{port}"));
    process
}

/// Creates a user who has set a password.
pub fn person(tenant: &TestTenant, role: &str) -> Person {
    let email = format!("{}@people.example", unique(role));
    let created = tenant
        .post("/api/v1/users", &json!({ "email": email, "role": role, "send_mail": false }))
        .token(&tenant.admin.access_token)
        .send()
        .expect(201);
    let password = "a password of a person".to_owned();
    let setup = json!({ "setup_token": created["setup_token"], "password": password });
    tenant.post("/api/v1/auth/setup", &setup).send().expect(200);
    Person { id: created["id"].as_str().unwrap().to_owned(), email, password }
}

/// Adds an authenticator to the account of a person, over HTTP. Returns it with the recovery codes.
pub fn add_authenticator(tenant: &TestTenant, person: &Person) -> (Authenticator, Vec<String>) {
    let signed_in = tenant.login(&person.email, &person.password).expect(200);
    let token = signed_in["access_token"].as_str().unwrap();
    let path = "/api/v1/profile/second-factors";
    let begun = tenant.post(path, &json!({})).token(token).send().expect(201);
    let mut authenticator = Authenticator::new(begun["secret"].as_str().unwrap());
    let path = format!("{path}/{}/confirm", begun["id"].as_str().unwrap());
    let code = json!({ "code": authenticator.code() });
    let confirmed = tenant.post(&path, &code).token(token).send().expect(200);
    let codes = confirmed["recovery_codes"].as_array().unwrap();
    (authenticator, codes.iter().map(|code| code.as_str().unwrap().to_owned()).collect())
}

/// Runs a statement with the id of a person as its parameter.
pub fn change(tenant: &TestTenant, statement: &str, person: &str) {
    let mut superuser = world().services.superuser(&tenant.database());
    assert!(superuser.execute(statement, &[&person]).unwrap() > 0, "{statement}");
}

/// Delivers all messages, and returns the bodies of the messages with a link to an address when there are `count` of them.
/// Notices have no link.
pub fn messages(email: &str, count: usize) -> Vec<String> {
    static SERVER: OnceLock<MailServer> = OnceLock::new();
    let server = SERVER.get_or_init(|| MailServer::start(MailMode::Accept));
    let begin = Instant::now();
    let received = || -> Vec<String> {
        let bodies = server.received(email).into_iter().map(|message| message.body());
        bodies.filter(|body| body.contains("#token=")).collect()
    };
    // Another test may be delivering the message.
    while received().len() < count {
        assert!(begin.elapsed().as_secs() < 60, "{count} messages to {email}");
        let output = Command::new(root().join("target/tools/tenantctl"))
            .args(["mail", "deliver"])
            .env_clear()
            .envs(world().settings())
            .env("SMTP_URL", &server.url)
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        sleep(Duration::from_millis(100));
    }
    received()
}

/// Returns the links in the [`messages`] to an address.
pub fn links(email: &str, count: usize) -> Vec<String> {
    let address = address();
    let link = |body: String| {
        let (_, rest) = body.split_once(&address).expect("the message has a link");
        let path: String =
            rest.chars().take_while(|char| !char.is_whitespace() && *char != '"').collect();
        format!("{address}{path}")
    };
    messages(email, count).into_iter().map(link).collect()
}

/// A browser on the web interface.
pub struct Visitor(Browser);

impl Deref for Visitor {
    type Target = Browser;

    fn deref(&self) -> &Browser {
        &self.0
    }
}

impl Visitor {
    /// Starts a browser on the first page.
    pub fn start() -> Self {
        Self::start_at(&address())
    }

    /// Starts a browser on the first page of a web interface.
    pub fn start_at(address: &str) -> Self {
        let visitor = Self(Browser::start());
        visitor.open(address);
        visitor
    }

    /// Fills the form of a sign-in and sends it.
    #[track_caller]
    pub fn sign_in(&self, tenant: &TestTenant, person: &Person) {
        self.sign_in_with(&tenant.slug, &person.email, &person.password);
    }

    #[track_caller]
    pub fn sign_in_with(&self, slug: &str, email: &str, password: &str) {
        self.fill("Tenant", slug);
        self.fill("E-mail", email);
        self.fill("Password", password);
        self.press("Sign in");
    }

    /// Enters a code, a recovery code or a password as the second step.
    #[track_caller]
    pub fn continue_with(&self, label: &str, code: &str) {
        self.fill(label, code);
        self.press("Continue");
    }

    #[track_caller]
    pub fn set_password(&self, password: &str) {
        self.fill("New password", password);
        self.press("Set password");
    }

    /// Waits until the page of a signed-in person is shown.
    #[track_caller]
    pub fn wait_until_signed_in(&self, email: &str) {
        self.wait_for_text(&format!("{email}, "));
        self.find("//button[.='Sign out']");
    }

    #[track_caller]
    pub fn sign_out(&self) {
        self.press("Sign out");
        self.find("//button[.='Sign in']");
    }

    /// Asserts that the page is accessible in the ways that a script can see, and contains no credential.
    #[track_caller]
    pub fn assert_page_is_sound(&self) {
        let unnamed = "return [...document.querySelectorAll(
                'input:not([type=hidden], [hidden]), select, button, a')]
            .filter(e => !(e.labels && e.labels.length) && !e.textContent.trim())
            .map(e => e.outerHTML)";
        assert_eq!(self.run(unnamed), json!([]));
        let outline = "return [document.documentElement.lang, document.title !== '',
            document.querySelectorAll('h1').length, document.querySelectorAll('main').length,
            new Set([...document.querySelectorAll('[id]')].map(e => e.id)).size
                === document.querySelectorAll('[id]').length]";
        assert_eq!(self.run(outline), json!(["en", true, 1, 1, true]));
        // Credentials stay on the server of the web interface.
        let stored = "return [document.cookie, localStorage.length, sessionStorage.length]";
        assert_eq!(self.run(stored), json!(["", 0, 0]));
        let source = self.run("return document.documentElement.outerHTML");
        let source = source.as_str().unwrap();
        for secret in [".eyJ", "ldc_", "ldr_", "ldq_"] {
            assert!(!source.contains(secret), "{secret} in {source}");
        }
    }

    /// Asserts that all requests so far went to the web interface, without a `Referer`, and that its policy and its
    /// scripts had no errors. Returns the requests.
    #[track_caller]
    pub fn assert_stayed_here(&self) -> Vec<Value> {
        let requests = self.requests();
        let here = format!("{}/", address());
        let urls: Vec<&str> =
            requests.iter().filter_map(|request| request["request"]["url"].as_str()).collect();
        assert!(!urls.is_empty(), "{requests:?}");
        for url in urls {
            // The browser draws its own pages from data.
            let is_here = url.starts_with(&here) || url.starts_with("data:");
            assert!(is_here && !url.contains("token="), "{url}");
        }
        for request in &requests {
            let headers = request["headers"].as_object();
            let headers = headers.or(request["request"]["headers"].as_object()).unwrap();
            let referer = headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("referer"));
            assert!(referer.is_none_or(|(_, value)| value == ""), "{request}");
        }
        let console = self.log("browser");
        let errors: Vec<_> = console
            .iter()
            // Each response of 400 and above, and advice on the names of fields.
            .filter(|entry| entry["source"] != "network" && entry["source"] != "recommendation")
            .collect();
        assert!(errors.is_empty(), "{errors:?}");
        requests
    }
}
