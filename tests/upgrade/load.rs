//! Clients of a tenant that work during the whole upgrade. No request may fail.

use std::{
    collections::BTreeMap,
    sync::{
        Mutex, MutexGuard, PoisonError, RwLock,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread,
    time::Duration,
};

use e2e::{Answer, Call, StopOnDrop};
use http::Method;
use serde_json::json;

use crate::{
    api::{Api, expect, text},
    facts::{Tenant, today},
    ledger::Ledger,
};

/// The pause of a client after each request.
const PAUSE: Duration = Duration::from_millis(20);

/// The load on a tenant of its own.
pub struct Load<'a> {
    /// The instances that serve the load. A request holds a read lock, so that no instance stops during one.
    hosts: RwLock<Vec<Api>>,
    ledger: &'a Ledger,
    tenant: Tenant,
    /// The current phase, with its number of requests.
    phase: Mutex<(&'static str, u64)>,
    next: AtomicU64,
    is_over: AtomicBool,
    /// Requests without a response, or with an unexpected one, with their numbers.
    failures: Mutex<BTreeMap<String, u32>>,
    files: Mutex<BTreeMap<String, Option<String>>>,
    users: Mutex<Vec<String>>,
    entries: Mutex<BTreeMap<String, String>>,
    reported: AtomicU64,
    refresh_token: Mutex<String>,
}

impl<'a> Load<'a> {
    /// Creates the tenant of the load.
    pub fn new(api: &Api, ledger: &'a Ledger) -> Self {
        let tenant = Tenant::create(api, ledger, "busy");
        Self {
            hosts: RwLock::new(vec![api.clone()]),
            ledger,
            phase: Mutex::new(("the previous release", 0)),
            next: AtomicU64::default(),
            is_over: AtomicBool::default(),
            failures: Mutex::default(),
            files: Mutex::default(),
            users: Mutex::default(),
            entries: Mutex::default(),
            reported: AtomicU64::default(),
            refresh_token: Mutex::new(tenant.refresh_token.clone()),
            tenant,
        }
    }

    /// Runs the load during a function.
    pub fn run<T>(&self, during: impl FnOnce() -> T) -> T {
        let clients: [fn(&Self, u64); 6] = [
            Self::write_file,
            Self::create_user,
            Self::report_usage,
            Self::verify,
            Self::refresh,
            Self::cache,
        ];
        thread::scope(|scope| {
            let _stop = StopOnDrop(&self.is_over);
            for client in clients {
                scope.spawn(move || {
                    let mut number = 0;
                    while !self.is_over.load(Ordering::SeqCst) {
                        client(self, number);
                        number += 1;
                        thread::sleep(PAUSE);
                    }
                });
            }
            let result = during();
            self.begin("the end");
            result
        })
    }

    /// Begins a phase, and prints the number of requests of the former one.
    pub fn begin(&self, phase: &'static str) {
        let (former, count) = std::mem::replace(&mut *lock(&self.phase), (phase, 0));
        eprintln!("load: {former}: {count} requests");
    }

    /// Sets the instances that serve the load, and waits for requests to the former ones. Without any, requests wait.
    pub fn set_hosts(&self, hosts: &[&Api]) {
        let hosts = hosts.iter().map(|api| (*api).clone()).collect();
        *self.hosts.write().unwrap_or_else(PoisonError::into_inner) = hosts;
    }

    /// Sends a request to the next instance. Returns the response if its status is one of these.
    fn send(&self, statuses: &[u16], call: impl FnOnce(&Api) -> Call) -> Option<Answer> {
        let hosts = loop {
            let hosts = self.hosts.read().unwrap_or_else(PoisonError::into_inner);
            if !hosts.is_empty() {
                break hosts;
            }
            if self.is_over.load(Ordering::SeqCst) {
                return None;
            }
            drop(hosts);
            thread::sleep(PAUSE);
        };
        let next = usize::try_from(self.next.fetch_add(1, Ordering::Relaxed)).unwrap();
        let index = next % hosts.len();
        let answer = call(&hosts[index]).try_send();
        let mut phase = lock(&self.phase);
        phase.1 += 1;
        let failure = match answer {
            Ok(answer) if statuses.contains(&answer.status) => return Some(answer),
            Ok(answer) => {
                // Without the identifier of the request, equal failures are counted.
                let text = answer.text.replace(answer.header("x-request-id"), "");
                format!("{} {text}", answer.status)
            }
            Err(error) => error.to_string(),
        };
        let failure = format!("{}, host {index}: {failure}", phase.0);
        *lock(&self.failures).entry(failure).or_default() += 1;
        None
    }

    fn write_file(&self, number: u64) {
        let name = format!("load/{number}.txt");
        let path = format!("/api/v1/files/{name}");
        let content = format!("file {number}");
        let put = |content: &str| {
            let content = content.to_owned();
            let answer = self.send(&[200, 201], |api| {
                let call = api.call(Method::PUT, &path).token(&self.tenant.key);
                call.body("text/plain", content.clone())
            });
            if answer.is_some() {
                self.ledger.add(&self.tenant.id, "file.uploaded", &name);
                lock(&self.files).insert(path.clone(), Some(content));
            }
        };
        put(&content);
        if number % 3 == 1 {
            put(&format!("file {number}, replaced"));
        }
        if number % 3 == 2 {
            let delete = |api: &Api| api.call(Method::DELETE, &path).token(&self.tenant.key);
            if self.send(&[204], delete).is_some() {
                self.ledger.add(&self.tenant.id, "file.deleted", &name);
                lock(&self.files).insert(path.clone(), None);
            }
        }
    }

    fn create_user(&self, number: u64) {
        let body = json!({ "email": format!("user{number}@busy.example") });
        let post = |api: &Api| api.post("/api/v1/users", &body).token(&self.tenant.key);
        if let Some(answer) = self.send(&[201], post) {
            let id = text(&answer.json(), "id");
            self.ledger.add(&self.tenant.id, "user.created", &id);
            lock(&self.users).push(id);
        }
    }

    fn report_usage(&self, number: u64) {
        let body = json!({ "resource_type": "ai_requests", "amount": 1,
                           "idempotency_key": format!("load-{number}") });
        let post = |api: &Api| api.post("/api/v1/tenant/usage", &body).token(&self.tenant.key);
        if self.send(&[200], post).is_some() {
            self.reported.fetch_add(1, Ordering::SeqCst);
        }
    }

    fn verify(&self, _number: u64) {
        let get = |api: &Api| api.get("/api/v1/auth/verify").token(&self.tenant.key);
        self.send(&[200], get);
    }

    /// Continues the session of the administrator, and uses its new access token on another instance.
    fn refresh(&self, _number: u64) {
        let body = json!({ "refresh_token": *lock(&self.refresh_token) });
        let post = |api: &Api| api.post("/api/v1/auth/refresh", &body).slug("busy");
        let Some(answer) = self.send(&[200], post) else { return };
        let signed_in = answer.json();
        *lock(&self.refresh_token) = text(&signed_in, "refresh_token");
        let token = text(&signed_in, "access_token");
        self.send(&[200], |api| api.get("/api/v1/profile").token(&token));
    }

    /// Overwrites an entry of the cache, and reads it. Instances of different releases may have different caches.
    fn cache(&self, number: u64) {
        let path = format!("/api/v1/cache/load-{}", number % 5);
        let value = number.to_string();
        let put = |api: &Api| {
            let call = api.call(Method::PUT, &format!("{path}?ttl=86400")).token(&self.tenant.key);
            call.body("text/plain", value.clone())
        };
        if self.send(&[200, 201, 204], put).is_some() {
            lock(&self.entries).insert(path.clone(), value.clone());
        }
        self.send(&[200, 404], |api| api.get(&path).token(&self.tenant.key));
    }

    /// Asserts that no request failed, and that every acknowledged change is in effect at an instance.
    pub fn check(&self, api: &Api) {
        let failures = lock(&self.failures);
        assert!(failures.is_empty(), "{failures:#?}");
        let key = &self.tenant.key;
        for (path, content) in &*lock(&self.files) {
            let answer = api.get(path).token(key).try_send().unwrap();
            match content {
                Some(content) => {
                    assert_eq!((answer.status, &answer.text), (200, content), "{path}")
                }
                None => assert_eq!(answer.status, 404, "{path}"),
            }
        }
        for id in &*lock(&self.users) {
            expect(api.get(&format!("/api/v1/users/{id}")).token(key), 200);
        }
        let stats = expect(api.get("/api/v1/tenant/stats").token(key), 200);
        // With the administrator.
        assert_eq!(stats["user_count"], lock(&self.users).len() + 1, "{stats}");
        for (path, value) in &*lock(&self.entries) {
            let answer = api.get(path).token(key).try_send().unwrap();
            let is_current = answer.status == 404 || answer.text == *value;
            assert!(is_current, "{path}: {} instead of {value}", answer.text);
        }
        let reported = self.reported.load(Ordering::SeqCst);
        let path = format!(
            "/api/v1/tenant/usage/history?resource_type=ai_requests&from={}&to={}",
            self.tenant.created_on,
            today()
        );
        let history = expect(api.get(&path).token(key), 200);
        let items = history["items"].as_array().unwrap().iter();
        let recorded: u64 = items.filter_map(|item| item["amount"].as_u64()).sum();
        assert_eq!(recorded, reported, "{history}");
        let body = json!({ "refresh_token": *lock(&self.refresh_token) });
        expect(api.post("/api/v1/auth/refresh", &body).slug("busy"), 200);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
