//! `/docs`: the API documentation as a page that can send requests, without third-party content.

use std::{
    process::{Child, Command, Stdio},
    thread::sleep,
    time::{Duration, Instant},
};

use e2e::{Call, World, free_port};
use http::Method;
use serde_json::{Value, json};

#[test]
fn page_loads_no_third_party_content() {
    let world = World::get();
    let page = world.get_path("/docs").send();
    assert_eq!((page.status, page.header("content-type")), (200, "text/html; charset=utf-8"));
    // S32
    let policy = page.header("content-security-policy");
    assert!(
        policy.contains("default-src 'none'") && policy.contains("connect-src 'self'"),
        "{policy}"
    );
    assert!(!policy.contains("unsafe-eval") && !policy.contains("http"), "{policy}");
    for line in page.text.lines() {
        for attribute in ["src=\"", "href=\""] {
            if let Some((_, rest)) = line.split_once(attribute) {
                let path = rest.split('"').next().unwrap();
                assert!(path.starts_with('/') && !path.starts_with("//"), "{path}");
                let asset = world.get_path(path).send();
                assert_eq!(asset.status, 200, "{path}");
                assert!(!asset.bytes.is_empty());
            }
        }
    }
    world.get_path("/docs/other.js").send().expect_problem(404, "route_not_found");
}

#[test]
fn assets_are_compressed_on_request() {
    let world = World::get();
    let get = |coding: &str| {
        world.get_path("/docs/swagger-ui.css").header("accept-encoding", coding).send()
    };
    let (plain, packed) = (get("identity"), get("gzip"));
    assert_eq!((plain.header("content-encoding"), packed.header("content-encoding")), ("", "gzip"));
    assert!(packed.bytes.starts_with(&[0x1f, 0x8b]) && packed.bytes.len() * 3 < plain.bytes.len());
    assert!(plain.text.contains(".swagger-ui"));
}

/// A headless browser, controlled with `WebDriver` (W3C Recommendation).
struct Browser {
    driver: Child,
    address: String,
    session: String,
}

impl Browser {
    fn start() -> Self {
        let port = free_port();
        let driver = Command::new("chromedriver")
            .arg(format!("--port={port}"))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("chromedriver is installed by ./dev test");
        let address = format!("127.0.0.1:{port}");
        let begin = Instant::now();
        while std::net::TcpStream::connect(&address).is_err() {
            assert!(begin.elapsed().as_secs() < 60, "chromedriver listens");
            sleep(Duration::from_millis(50));
        }
        let options = json!({ "capabilities": { "alwaysMatch": {
            "browserName": "chrome",
            "goog:loggingPrefs": { "performance": "ALL", "browser": "ALL" },
            "goog:chromeOptions": { "args": [
                "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
                "--disable-background-networking", "--disable-component-update", "--disable-sync",
                "--disable-dev-shm-usage", "--window-size=1400,2000"
            ] } } } });
        let created =
            Call::new(Method::POST, &address, "/session").json(&options).send().expect(200);
        let session = created["value"]["sessionId"].as_str().unwrap().to_owned();
        Self { driver, address, session }
    }

    fn command(&self, method: Method, path: &str, body: Option<&Value>) -> Value {
        let call = Call::new(method, &self.address, &format!("/session/{}{path}", self.session));
        let call = body.into_iter().fold(call, Call::json);
        let answer = call.send().json();
        answer["value"].clone()
    }

    fn open(&self, url: &str) {
        self.command(Method::POST, "/url", Some(&json!({ "url": url })));
    }

    /// Waits until a script returns a value other than null and false, and returns it.
    #[track_caller]
    fn wait_for(&self, script: &str) -> Value {
        let begin = Instant::now();
        loop {
            let body = json!({ "script": script, "args": [] });
            let value = self.command(Method::POST, "/execute/sync", Some(&body));
            if !value.is_null() && value != json!(false) && value["error"].is_null() {
                return value;
            }
            assert!(begin.elapsed().as_secs() < 60, "{script}: {value}");
            sleep(Duration::from_millis(100));
        }
    }

    /// Waits for the element at an `XPath`, and returns it.
    #[track_caller]
    fn find(&self, path: &str) -> String {
        let begin = Instant::now();
        loop {
            let find = json!({ "using": "xpath", "value": path });
            let element = self.command(Method::POST, "/element", Some(&find));
            let id = element.as_object().filter(|element| !element.contains_key("error"));
            if let Some(id) = id.and_then(|element| element.values().next()?.as_str()) {
                return id.to_owned();
            }
            assert!(begin.elapsed().as_secs() < 60, "{path}: {element}");
            sleep(Duration::from_millis(100));
        }
    }

    /// Clicks an element.
    #[track_caller]
    fn click(&self, path: &str) {
        let element = self.find(path);
        self.command(Method::POST, &format!("/element/{element}/click"), Some(&json!({})));
    }

    /// Types text into a field.
    #[track_caller]
    fn type_into(&self, path: &str, text: &str) {
        let element = self.find(path);
        let keys = json!({ "text": text });
        self.command(Method::POST, &format!("/element/{element}/value"), Some(&keys));
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        let path = format!("/session/{}", self.session);
        let _ = Call::new(Method::DELETE, &self.address, &path).try_send();
        let _ = self.driver.kill();
        let _ = self.driver.wait();
    }
}

#[test]
fn page_sends_authorized_request() {
    let world = World::get();
    let tenant = world.tenant();
    let browser = Browser::start();
    browser.open(&format!("http://{}/docs", world.address()));
    browser.click("//button[contains(@class, 'btn authorize')]");
    // The field for the credential of a tenant gets its API key.
    let of_credential = "//div[contains(@class, 'auth-container')][.//code='credential']";
    let key = tenant.created["api_key"].as_str().unwrap();
    browser.type_into(&format!("{of_credential}//input"), key);
    browser.click(&format!("{of_credential}//button[@type='submit']"));
    browser.click("//div[contains(@class, 'modal-ux-header')]//button");
    let operation = "//div[@id='operations-Tenant-getTenantInfo']";
    browser.click(&format!("{operation}//button[contains(@class, 'opblock-summary-control')]"));
    browser.click(&format!("{operation}//button[contains(@class, 'execute')]"));
    let shown = browser.wait_for(
        "let e = document.querySelector('#operations-Tenant-getTenantInfo \
             .live-responses-table tr.response .response-col_description');
         return e && e.innerText",
    );
    assert!(shown.as_str().unwrap().contains(&tenant.slug), "{shown}");
    // The page loaded everything from this service, and its policy blocked nothing.
    let log = browser.command(Method::POST, "/se/log", Some(&json!({ "type": "performance" })));
    let requests: Vec<String> = log
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|entry| serde_json::from_str::<Value>(entry["message"].as_str()?).ok())
        .filter(|entry| entry["message"]["method"] == "Network.requestWillBeSent")
        .filter_map(|entry| {
            entry["message"]["params"]["request"]["url"].as_str().map(str::to_owned)
        })
        .collect();
    assert!(requests.len() > 4, "{requests:?}");
    let here = format!("http://{}/", world.address());
    assert!(
        requests.iter().all(|url| url.starts_with(&here) || url.starts_with("data:")),
        "{requests:?}"
    );
    let console = browser.command(Method::POST, "/se/log", Some(&json!({ "type": "browser" })));
    assert!(!console.to_string().contains("Content Security Policy"), "{console}");
}
