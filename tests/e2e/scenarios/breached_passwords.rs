//! New passwords that are known from data breaches.

use std::{
    fs,
    thread::sleep,
    time::{Duration, Instant},
};

use e2e::{
    Answer, Application, BreachedList, BreachedListMode as Mode, Call, TestTenant, World,
    free_port, unique,
};
use http::Method;
use serde_json::{Value, json};

const POLICY: &str = "/api/v1/tenant/security-policy";
const BREACHED: &str = "a password that was breached";
/// The SHA-1 of [`BREACHED`].
const HASH: &str = "C45B522B468882B92DC9BB08D73D5D079F411F97";
const OTHER: &str = "a password that nobody knows";

/// A service whose tenants can refuse breached passwords.
struct Site {
    world: &'static World,
    application: Application,
}

impl Site {
    fn start(world: &'static World, url: &str) -> Self {
        Self { world, application: world.application_with(&[("BREACHED_PASSWORDS_URL", url)]) }
    }

    fn call(&self, tenant: &TestTenant, method: Method, path: &str) -> Call {
        Call::new(method, &self.application.address, path).slug(&tenant.slug)
    }

    fn post(&self, tenant: &TestTenant, path: &str, body: &Value) -> Call {
        self.call(tenant, Method::POST, path).json(body)
    }

    /// Returns a tenant that refuses breached passwords.
    fn tenant(&self) -> TestTenant {
        let tenant = self.world.tenant();
        let call = self.call(&tenant, Method::PATCH, POLICY).token(&tenant.admin.access_token);
        let policy = call.json(&json!({ "reject_breached_passwords": true })).send().expect(200);
        assert_eq!(policy["reject_breached_passwords"], true);
        tenant
    }

    fn create_user(&self, tenant: &TestTenant, password: Option<&str>) -> Answer {
        let email = format!("{}@people.example", unique("breached"));
        let body = json!({ "email": email, "password": password, "send_mail": false });
        self.post(tenant, "/api/v1/users", &body).token(&tenant.admin.access_token).send()
    }

    fn log(&self) -> String {
        fs::read_to_string(self.application.log()).unwrap()
    }

    /// Returns the number of checks with a result, once the instances have published at least `least`.
    #[track_caller]
    fn checks(&self, result: &str, least: u32) -> u32 {
        let series = format!("tenancy_breached_password_checks_total{{result=\"{result}\"}} ");
        let begin = Instant::now();
        loop {
            let call = Call::new(Method::GET, &self.application.address, "/metrics");
            let text = call.send().text;
            let line = text.lines().find_map(|line| line.strip_prefix(&series)).unwrap();
            let number: u32 = line.parse().unwrap();
            if number >= least {
                return number;
            }
            assert!(begin.elapsed().as_secs() < 60, "{number} of {least} checks are {result}");
            sleep(Duration::from_millis(100));
        }
    }
}

// S61
#[test]
fn breached_password_is_refused_wherever_one_is_chosen() {
    let (world, mail, _alone) = World::alone_with_mail_api();
    let list = BreachedList::start(&[HASH]);
    let site = Site::start(world, &list.url);
    let tenant = site.tenant();
    let before = site.checks("breached", 0);

    // An administrator chooses it.
    assert_eq!(site.create_user(&tenant, Some(BREACHED)).expect_invalid(), ["password"]);
    let created = site.create_user(&tenant, Some(OTHER)).expect(201);
    let email = created["email"].as_str().unwrap();

    // A setup token. It stays valid.
    let invited = site.create_user(&tenant, None).expect(201);
    let set_up = |password: &str| {
        let body = json!({ "setup_token": invited["setup_token"], "password": password });
        site.post(&tenant, "/api/v1/auth/setup", &body).send()
    };
    assert_eq!(set_up(BREACHED).expect_invalid(), ["password"]);
    set_up(OTHER).expect(200);

    // The own password. A wrong current password has no effect on the list.
    let login = json!({ "email": email, "password": OTHER });
    let signed_in = site.post(&tenant, "/api/v1/auth/login", &login).send().expect(200);
    let change = |current: &str, new: &str| {
        let body = json!({ "current_password": current, "new_password": new });
        let call = site.post(&tenant, "/api/v1/profile/password", &body);
        call.token(signed_in["access_token"].as_str().unwrap()).send()
    };
    let received = list.received().len();
    assert_eq!(change("not my password", BREACHED).expect_invalid(), ["current_password"]);
    assert_eq!(list.received().len(), received);
    assert_eq!(change(OTHER, BREACHED).expect_invalid(), ["new_password"]);

    // A forgotten password.
    let request = site.post(&tenant, "/api/v1/account/password-reset", &json!({ "email": email }));
    assert_eq!(request.send().status, 202);
    let message = mail.wait_for(email, 1).remove(0);
    let token = super::mail::token(message.body["text"].as_str().unwrap());
    let confirm = |password: &str| {
        let body = json!({ "token": token, "new_password": password });
        site.post(&tenant, "/api/v1/account/password-reset/confirm", &body).send()
    };
    assert_eq!(confirm(BREACHED).expect_invalid(), ["new_password"]);
    confirm("another password that nobody knows").expect(200);
    assert_eq!(site.checks("breached", before + 4), before + 4);

    // The list gets the first five digits only, and asks for padding.
    let received = list.received();
    assert_eq!(received.len(), 7);
    for request in &received {
        let (line, headers) = request.split_once("\r\n").unwrap();
        let path = line.strip_prefix("GET ").unwrap().strip_suffix(" HTTP/1.1").unwrap();
        assert_eq!(path.strip_prefix("/range/").unwrap().len(), 5, "{path}");
        assert!(headers.contains("add-padding: true\r\n"), "{headers}");
        for secret in ["content-length", "authorization", "cookie", &HASH[5..].to_lowercase()] {
            assert!(!headers.contains(secret), "{secret}: {headers}");
        }
    }
    assert!(received.iter().any(|request| request.contains(&HASH[..5])));
    let log = site.log();
    for secret in [BREACHED, OTHER, &HASH[5..], HASH[5..].to_lowercase().as_str()] {
        assert!(!log.contains(secret), "{secret}");
    }

    // The rule of one tenant has no effect on another one, which has no use of the list.
    let other = world.tenant();
    site.create_user(&other, Some(BREACHED)).expect(201);
    assert_eq!(list.received().len(), received.len());
}

/// Creates a user with a breached password in each mode, which must be accepted with one line in the log.
fn accepts_in(site: &Site, tenant: &TestTenant, list: &BreachedList, modes: &[Mode]) {
    for (mode, line) in modes.iter().zip(1..) {
        list.set(*mode);
        let received = list.received().len();
        site.create_user(tenant, Some(BREACHED)).expect(201);
        assert!(list.received().len() > received, "{mode:?}");
        wait_for_lines(site, line);
    }
}

#[track_caller]
fn wait_for_lines(site: &Site, count: usize) {
    let begin = Instant::now();
    loop {
        let log = site.log();
        let lines = log.lines().filter(|line| line.contains("list of breached passwords"));
        let lines: Vec<_> = lines.collect();
        if lines.len() == count {
            return;
        }
        assert!(lines.len() < count && begin.elapsed().as_secs() < 60, "{count}: {lines:#?}");
        sleep(Duration::from_millis(50));
    }
}

// S61
#[test]
fn faulty_list_accepts_the_password() {
    let world = World::get();
    let list = BreachedList::start(&[HASH]);
    let site = Site::start(world, &list.url);
    let tenant = site.tenant();
    assert_eq!(site.create_user(&tenant, Some(BREACHED)).expect_invalid(), ["password"]);
    // Padding is no password.
    list.set(Mode::Padding);
    site.create_user(&tenant, Some(BREACHED)).expect(201);
    let before = site.checks("failed", 0);
    let modes = [
        Mode::Stall,
        Mode::StallInBody,
        Mode::Drop,
        Mode::Page,
        Mode::Noise,
        Mode::Flood,
        Mode::Redirect,
        Mode::Status(404),
        Mode::Status(429),
        Mode::Status(500),
    ];
    accepts_in(&site, &tenant, &list, &modes);
    let failed = before + u32::try_from(modes.len()).unwrap();
    assert_eq!(site.checks("failed", failed), failed);
    assert!(!list.received().iter().any(|request| request.contains("/elsewhere")));
    list.set(Mode::List);
    assert_eq!(site.create_user(&tenant, Some(BREACHED)).expect_invalid(), ["password"]);
    drop(site);
    // A closed port, and a setting that the operator has removed.
    let closed = format!("http://127.0.0.1:{}", free_port());
    for url in [closed.as_str(), ""] {
        let site = Site::start(world, url);
        site.create_user(&tenant, Some(BREACHED)).expect(201);
        wait_for_lines(&site, 1);
    }
}

// S61
#[test]
fn stalled_list_delays_a_password_by_300_milliseconds_at_most() {
    let list = BreachedList::start(&[HASH]);
    // The other world counts the failures of another test.
    let (world, _, _alone) = World::alone_with_mail_api();
    let site = Site::start(world, &list.url);
    let tenant = site.tenant();
    // The least of several durations, because other tests use the processors.
    let least = |mode| {
        list.set(mode);
        let durations = (0..5).map(|_| {
            let begin = Instant::now();
            site.create_user(&tenant, Some(OTHER)).expect(201);
            begin.elapsed()
        });
        durations.min().unwrap()
    };
    let listed = least(Mode::List);
    for mode in [Mode::Stall, Mode::StallInBody] {
        let delay = least(mode).saturating_sub(listed);
        // The list does not respond at all. The tolerance is for other tests, which use the processors.
        assert!(delay < Duration::from_secs(1), "{mode:?}: {delay:?}");
    }
}
