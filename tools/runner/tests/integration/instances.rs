//! The creation, use and end of instances.

use std::collections::{HashMap, HashSet};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::{App, Config};

/// An instance as seen by the guest: its ID, its number of requests, and its maximum number of concurrent requests.
#[derive(Debug)]
struct Instance {
    id: String,
    total: usize,
    most: usize,
}

fn parse(text: &str) -> Instance {
    let mut parts = text.split(' ');
    let mut next = || parts.next().unwrap().to_owned();
    Instance { id: next(), total: next().parse().unwrap(), most: next().parse().unwrap() }
}

fn instance(app: &App) -> Instance {
    parse(&app.call("instance", &Value::Null))
}

/// Returns the responses to `count` concurrent requests that sleep for `ms` milliseconds.
fn sleep_at_once(app: &App, count: usize, ms: u64) -> Vec<Instance> {
    thread::scope(|scope| {
        let threads: Vec<_> =
            (0..count).map(|_| scope.spawn(|| app.call("sleep", &json!({ "ms": ms })))).collect();
        threads.into_iter().map(|thread| parse(&thread.join().unwrap())).collect()
    })
}

#[test]
fn instance_serves_128_requests() {
    let app = Config::one("").start();
    let mut totals: HashMap<String, usize> = HashMap::new();
    for _ in 0..130 {
        let instance = instance(&app);
        totals.insert(instance.id, instance.total);
    }
    let mut totals: Vec<usize> = totals.into_values().collect();
    totals.sort_unstable();
    assert_eq!(totals, [2, 128]);
}

#[test]
fn request_limit_can_be_set() {
    let app = Config::one("").arguments(&["--max-instance-reuse-count", "1"]).start();
    let ids: HashSet<String> = (0..5).map(|_| instance(&app).id).collect();
    assert_eq!(ids.len(), 5);
}

#[test]
fn instance_serves_16_concurrent_requests() {
    let app = Config::one("").start();
    // One after the other, because some of several simultaneous requests get a new instance.
    let instances: Vec<Instance> = thread::scope(|scope| {
        let threads: Vec<_> = (0..20)
            .map(|_| {
                thread::sleep(Duration::from_millis(20));
                scope.spawn(|| app.call("sleep", &json!({ "ms": 4000 })))
            })
            .collect();
        threads.into_iter().map(|thread| parse(&thread.join().unwrap())).collect()
    });
    let most = instances.iter().map(|instance| instance.most).max().unwrap();
    assert_eq!(most, 16, "{instances:?}");
    let ids: HashSet<&String> = instances.iter().map(|instance| &instance.id).collect();
    assert!(ids.len() >= 2, "{ids:?}");
}

#[test]
fn concurrency_limit_can_be_set() {
    let arguments = ["--max-instance-concurrent-reuse-count", "2"];
    let app = Config::one("").arguments(&arguments).start();
    let instances = sleep_at_once(&app, 6, 200);
    assert!(instances.iter().all(|instance| instance.most <= 2), "{instances:?}");
}

#[test]
fn idle_instance_ends() {
    let app = Config::one("").arguments(&["--idle-instance-timeout", "100ms"]).start();
    let first = instance(&app).id;
    assert_eq!(instance(&app).id, first);
    thread::sleep(Duration::from_millis(400));
    assert_ne!(instance(&app).id, first);
}

#[test]
fn trap_ends_instance_with_all_requests() {
    let app = Config::one("").start();
    let before = instance(&app).id;
    let in_flight = thread::scope(|scope| {
        let sleeping = scope.spawn(|| app.post("/a?do=sleep", &json!({ "ms": 5000 }).to_string()));
        thread::sleep(Duration::from_millis(200));
        let trapped = app.post("/a?do=trap", "");
        assert_eq!((trapped.status, trapped.body.as_str()), (500, ""));
        sleeping.join().unwrap()
    });
    assert_eq!((in_flight.status, in_flight.body.as_str()), (500, ""));
    assert_ne!(instance(&app).id, before);
    assert!(app.stderr().contains("unreachable"), "{}", app.stderr());
}

#[test]
fn guest_exit_is_an_error() {
    let app = Config::one("").start();
    let response = app.post("/a?do=exit", "");
    assert_eq!((response.status, response.body.as_str()), (500, ""));
    instance(&app);
}

#[test]
fn trap_after_head_truncates_body() {
    let app = Config::one("").start();
    let response = app.get("/a?do=stream");
    assert_eq!((response.status, response.body.as_str()), (200, "first part"));
    instance(&app);
}

#[test]
fn memory_can_be_limited() {
    let grow = |app: &App| app.call("grow", &json!({ "bytes": 200 << 20 }));
    assert_eq!(grow(&Config::one("").start()), "grown");
    let limit = (64 << 20).to_string();
    assert_eq!(
        grow(&Config::one("").arguments(&["--max-instance-memory", &limit]).start()),
        "refused"
    );
    let config = Config::one("").runtime_config(&format!("max_instance_memory = {limit}"));
    assert_eq!(grow(&config.start()), "refused");
}

#[test]
fn request_time_can_be_limited() {
    let app = Config::one("").arguments(&["--request-timeout", "100ms"]).start();
    let response = app.post("/a?do=sleep", &json!({ "ms": 5000 }).to_string());
    assert_eq!((response.status, response.body.as_str()), (500, ""));
}

#[test]
fn guest_output_is_line_buffered() {
    let app = Config::one("").start();
    thread::scope(|scope| {
        for number in 0..8 {
            let app = &app;
            scope.spawn(move || app.call("print", &json!({ "text": format!("line {number}") })));
        }
    });
    let (stdout, stderr) = (app.stdout(), app.stderr());
    for number in 0..8 {
        let ends = format!("line {number}");
        assert!(stdout.lines().any(|line| line == format!("out: {ends}")), "{stdout}");
        assert!(stderr.lines().any(|line| line == format!("err: {ends}")), "{stderr}");
    }
}

#[test]
fn signal_ends_runner_immediately() {
    for signal in ["INT", "TERM"] {
        let mut app = Config::one("").start();
        let address = app.address;
        let request =
            b"POST /a?do=sleep HTTP/1.1\r\nhost: x\r\ncontent-length: 12\r\n\r\n{\"ms\": 9000}";
        let mut stream = std::net::TcpStream::connect(address).unwrap();
        std::io::Write::write_all(&mut stream, request).unwrap();
        thread::sleep(Duration::from_millis(100));

        let start = Instant::now();
        assert_eq!(app.signal(signal).code(), Some(0), "{signal}");
        assert!(start.elapsed() < Duration::from_secs(2));
        assert_eq!(app.stderr(), "");
    }
}
