//! A Prometheus that scrapes two replicas, and the expressions of the dashboard.

use std::{
    fmt::Write as _,
    fs,
    thread::{scope, sleep},
    time::{Duration, Instant},
};

use e2e::{Application, Call, Process, TestTenant, World, free_port, root};
use http::Method;
use serde_json::Value;

/// The seconds over which the rates of this test are taken.
const WINDOW: &str = "10s";
const ROUTE: &str = "/api/v1/tenant/info";

struct Prometheus {
    address: String,
    _process: Process,
}

impl Prometheus {
    /// Starts a server that scrapes `targets` each second.
    fn start(targets: &[&Application]) -> Self {
        let folder = World::get().services.folder().join("prometheus");
        fs::create_dir_all(&folder).unwrap();
        let addresses: Vec<_> = targets.iter().map(|target| target.address.as_str()).collect();
        let config = format!(
            "global: {{ scrape_interval: 1s }}\nscrape_configs:\n  - job_name: tenancy\n    \
             static_configs: [{{ targets: {addresses:?} }}]\n"
        );
        fs::write(folder.join("prometheus.yaml"), config).unwrap();
        let port = free_port();
        let address = format!("127.0.0.1:{port}");
        let mut command = Process::command("prometheus");
        command.arg(format!("--config.file={}", folder.join("prometheus.yaml").display()));
        command.arg(format!("--storage.tsdb.path={}", folder.join("data").display()));
        command.arg(format!("--web.listen-address={address}"));
        let mut process = Process::start(&mut command, &folder.join("log"));
        process.wait_until_listening(&address);
        let begin = Instant::now();
        while Call::new(Method::GET, &address, "/-/ready").send().status != 200 {
            assert!(begin.elapsed().as_secs() < 60, "Prometheus is not ready");
            sleep(Duration::from_millis(100));
        }
        Self { address, _process: process }
    }

    /// Returns the samples of an expression, as of now.
    fn query(&self, expression: &str) -> Vec<f64> {
        let mut body = "query=".to_owned();
        for byte in expression.bytes() {
            let _ = write!(body, "%{byte:02X}");
        }
        let call = Call::new(Method::POST, &self.address, "/api/v1/query");
        let response = call.body("application/x-www-form-urlencoded", body).send().expect(200);
        assert_eq!(response["status"], "success", "{expression}: {response}");
        let samples = response["data"]["result"].as_array().unwrap().iter();
        samples.map(|sample| sample["value"][1].as_str().unwrap().parse().unwrap()).collect()
    }

    /// Waits until an expression has one sample of this value.
    fn wait_until(&self, expression: &str, value: f64) {
        let begin = Instant::now();
        loop {
            let samples = self.query(expression);
            if samples == [value] {
                return;
            }
            assert!(begin.elapsed().as_secs() < 60, "{expression}: {samples:?}, not {value}");
            sleep(Duration::from_millis(200));
        }
    }
}

/// Returns the expressions of the dashboard's panels.
fn expressions(of: &Value) -> Vec<String> {
    match of {
        Value::Object(members) => {
            let own = members.get("expr").and_then(Value::as_str).map(str::to_owned);
            own.into_iter().chain(members.values().flat_map(expressions)).collect()
        }
        Value::Array(items) => items.iter().flat_map(expressions).collect(),
        _ => Vec::new(),
    }
}

fn send(replica: &Application, tenant: &TestTenant, count: u32) {
    for _ in 0..count {
        let call = Call::new(Method::GET, &replica.address, ROUTE);
        call.token(&tenant.admin.access_token).send().expect(200);
        sleep(Duration::from_millis(20));
    }
}

#[test]
fn dashboard_counts_requests_of_two_replicas_once() {
    let world = World::get();
    let tenant = world.tenant();
    let mut settings = world.settings();
    // A database of Redis without counters of other tests.
    let redis = format!("{}/8", settings["REDIS_URL"]);
    settings.insert("REDIS_URL", redis);
    let folder = world.services.folder();
    let replicas = [(); 2].map(|()| Application::start(&settings, &folder));
    let prometheus = Prometheus::start(&replicas.each_ref());
    prometheus.wait_until("count(up == 1)", 2.0);
    send(&replicas[0], &tenant, 1);
    let of_route = format!("tenancy_http_requests_total{{route=\"{ROUTE}\"}}");
    let counted = format!("sum by (route) (max without (instance) ({of_route}))");
    prometheus.wait_until(&counted, 1.0);

    // A steady load on both, over the whole window of the rates.
    scope(|scope| {
        for replica in &replicas {
            scope.spawn(|| send(replica, &tenant, 500));
        }
    });
    let panels = fs::read_to_string(root().join("deploy/grafana/tenancy.json")).unwrap();
    let panels = expressions(&serde_json::from_str(&panels).unwrap());
    assert!(panels.len() > 10, "{panels:?}");
    let panels = panels.iter().map(|panel| panel.replace("$__rate_interval", WINDOW));
    let panels: Vec<_> = panels.collect();
    let of_requests = "sum by (route) (max without (instance) (rate(tenancy_http_requests_total[";
    let requests = panels.iter().find(|panel| panel.starts_with(of_requests)).unwrap();
    let shown = prometheus.query(&format!("sum({requests})"))[0];
    let of_each = prometheus.query(&format!("sum(rate({of_route}[{WINDOW}]))"))[0];
    // Each replica exports what both served.
    assert!((0.4..0.65).contains(&(shown / of_each)), "{shown} of {of_each}");
    for panel in &panels {
        prometheus.query(panel);
    }
    // Nothing is lost and nothing is counted twice.
    prometheus.wait_until(&counted, 1_001.0);
}
