//! A headless browser, controlled with `WebDriver` (W3C Recommendation).

use std::{
    fmt::Debug,
    fs,
    path::PathBuf,
    thread::sleep,
    time::{Duration, Instant},
};

use http::Method;
use serde_json::{Value, json};

use crate::{Call, Process, free_port, unique};

/// The longest time that a test waits for a page.
const PATIENCE: Duration = Duration::from_mins(1);

/// The arguments of Chromium. It runs as root in containers, and makes no requests except those of its pages: names
/// other than localhost do not resolve.
const ARGUMENTS: [&str; 15] = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-default-apps",
    "--disable-domain-reliability",
    "--disable-sync",
    "--no-first-run",
    "--no-pings",
    "--no-proxy-server",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1",
    "--window-size=1400,2000",
];

/// A browser with a profile of its own. It stops when this value is dropped or when the process ends.
pub struct Browser {
    address: String,
    session: String,
    profile: PathBuf,
    driver: Process,
}

impl Browser {
    /// Starts a browser.
    pub fn start() -> Self {
        let address = format!("127.0.0.1:{}", free_port());
        let folder = std::env::temp_dir();
        let profile = folder.join(unique(&format!("tenancy-browser-{}", std::process::id())));
        fs::create_dir(&profile).expect("the folder of the profile is new");
        let mut command = Process::command("chromedriver");
        // The driver creates the profile in its temporary folder.
        command.arg(format!("--port={}", &address["127.0.0.1:".len()..])).env("TMPDIR", &profile);
        let mut driver = Process::start(&mut command, &profile.join("driver.log"));
        driver.wait_until_listening(&address);
        let options = json!({ "capabilities": { "alwaysMatch": {
            "browserName": "chrome",
            "goog:loggingPrefs": { "performance": "ALL", "browser": "ALL" },
            "goog:chromeOptions": { "args": ARGUMENTS } } } });
        let created = Call::new(Method::POST, &address, "/session").json(&options).send();
        assert_eq!(created.status, 200, "{}", created.text);
        let session = created.json()["value"]["sessionId"].as_str().unwrap().to_owned();
        Self { address, session, profile, driver }
    }

    /// Sends a command, and returns its value. An error is a value with a member `error`.
    fn try_command(&self, method: Method, path: &str, body: Option<&Value>) -> Value {
        let call = Call::new(method, &self.address, &format!("/session/{}{path}", self.session));
        let call = body.into_iter().fold(call, Call::json);
        call.send().json()["value"].take()
    }

    /// Sends a command, and returns its value.
    #[track_caller]
    pub fn command(&self, method: Method, path: &str, body: Option<&Value>) -> Value {
        let value = self.try_command(method, path, body);
        assert!(value["error"].is_null(), "{path}: {value}");
        value
    }

    #[track_caller]
    fn post(&self, path: &str, body: &Value) -> Value {
        self.command(Method::POST, path, Some(body))
    }

    /// Adds a virtual authenticator for passkeys, whose user is present and verified (WebAuthn, section 11).
    #[track_caller]
    pub fn add_passkey_authenticator(&self) -> String {
        let options = json!({ "protocol": "ctap2", "transport": "internal", "hasResidentKey": true,
                              "hasUserVerification": true, "isUserVerified": true, "isUserConsenting": true });
        let id = self.post("/webauthn/authenticator", &options);
        id.as_str().expect("an authenticator has an id").to_owned()
    }

    /// Sets whether the authenticator verifies its user.
    #[track_caller]
    pub fn set_user_verified(&self, authenticator: &str, is_verified: bool) {
        let path = format!("/webauthn/authenticator/{authenticator}/uv");
        self.post(&path, &json!({ "isUserVerified": is_verified }));
    }

    /// Returns the passkeys of a virtual authenticator.
    #[track_caller]
    pub fn passkeys(&self, authenticator: &str) -> Vec<Value> {
        let path = format!("/webauthn/authenticator/{authenticator}/credentials");
        let passkeys = self.command(Method::GET, &path, None);
        passkeys.as_array().expect("the passkeys are a list").clone()
    }

    /// Opens an address.
    #[track_caller]
    pub fn open(&self, url: &str) {
        self.post("/url", &json!({ "url": url }));
    }

    /// Goes back to the previous page of the history.
    #[track_caller]
    pub fn back(&self) {
        self.post("/back", &json!({}));
    }

    /// Loads the page again.
    #[track_caller]
    pub fn reload(&self) {
        self.post("/refresh", &json!({}));
    }

    /// Runs a script, and returns its value.
    #[track_caller]
    pub fn run(&self, script: &str) -> Value {
        self.post("/execute/sync", &json!({ "script": script, "args": [] }))
    }

    /// Waits until a script returns a value other than null and false, and returns it.
    #[track_caller]
    pub fn wait_for(&self, script: &str) -> Value {
        let body = json!({ "script": script, "args": [] });
        self.wait(&script, || {
            let value = self.try_command(Method::POST, "/execute/sync", Some(&body));
            let is_found = !value.is_null() && value != json!(false) && value["error"].is_null();
            if is_found { Ok(value) } else { Err(value) }
        })
    }

    /// Repeats an attempt until it succeeds.
    #[track_caller]
    fn wait<T>(&self, what: &dyn Debug, attempt: impl Fn() -> Result<T, Value>) -> T {
        let begin = Instant::now();
        loop {
            match attempt() {
                Ok(found) => return found,
                Err(refused) if begin.elapsed() > PATIENCE => {
                    let page = self.try_command(Method::GET, "/source", None);
                    panic!("{what:?}: {refused}\n{}", page.as_str().unwrap_or_default());
                }
                Err(_) => sleep(Duration::from_millis(50)),
            }
        }
    }

    fn element(&self, path: &str) -> Result<String, Value> {
        let find = json!({ "using": "xpath", "value": path });
        let element = self.try_command(Method::POST, "/element", Some(&find));
        let id = element.as_object().filter(|element| !element.contains_key("error"));
        let id = id.and_then(|element| element.values().next()?.as_str());
        id.map(str::to_owned).ok_or_else(|| element.clone())
    }

    /// Waits for the element at an `XPath`, and returns it.
    #[track_caller]
    pub fn find(&self, path: &str) -> String {
        self.wait(&path, || self.element(path))
    }

    /// Returns whether there is an element at an `XPath` now.
    pub fn has(&self, path: &str) -> bool {
        self.element(path).is_ok()
    }

    /// Waits for the element at an `XPath`, and returns its visible text.
    #[track_caller]
    pub fn text(&self, path: &str) -> String {
        let text = self.wait(&path, || {
            let element = self.element(path)?;
            let text = self.try_command(Method::GET, &format!("/element/{element}/text"), None);
            // The page may have changed since.
            if text.is_string() { Ok(text) } else { Err(text) }
        });
        text.as_str().unwrap_or_default().to_owned()
    }

    /// Waits until the element at an `XPath` can do this, such as `click`.
    #[track_caller]
    fn on_element(&self, path: &str, action: &str, body: &Value) {
        self.wait(&(path, action), || {
            let element = self.element(path)?;
            let path = format!("/element/{element}/{action}");
            let done = self.try_command(Method::POST, &path, Some(body));
            if done["error"].is_null() { Ok(()) } else { Err(done) }
        });
    }

    /// Clicks an element.
    #[track_caller]
    pub fn click(&self, path: &str) {
        self.on_element(path, "click", &json!({}));
    }

    /// Replaces the text of a field.
    #[track_caller]
    pub fn type_into(&self, path: &str, text: &str) {
        self.on_element(path, "clear", &json!({}));
        self.on_element(path, "value", &json!({ "text": text }));
    }

    /// Replaces the text of the field with this label.
    #[track_caller]
    pub fn fill(&self, label: &str, text: &str) {
        self.type_into(&format!("//input[@id=//label[normalize-space()='{label}']/@for]"), text);
    }

    /// Removes the alerts, which the next page may repeat, and clicks the button with this text.
    #[track_caller]
    pub fn press(&self, button: &str) {
        self.run("document.querySelectorAll('[role=alert]').forEach(alert => alert.remove())");
        self.click(&format!("//button[normalize-space()='{button}']"));
    }

    /// Waits until the page shows this text.
    #[track_caller]
    pub fn wait_for_text(&self, text: &str) {
        self.text(&format!("//main//*[text()[contains(., '{text}')]]"));
    }

    /// Waits until an alert contains this text, and returns the whole alert.
    #[track_caller]
    pub fn alert(&self, text: &str) -> String {
        self.text(&format!("//*[@role='alert'][contains(., '{text}')]"))
    }

    /// Returns the new entries of a log: `browser` is the console, `performance` has the network events.
    #[track_caller]
    pub fn log(&self, kind: &str) -> Vec<Value> {
        let entries = self.post("/se/log", &json!({ "type": kind }));
        entries.as_array().expect("a log is a list").clone()
    }

    /// Returns the parameters of the requests since the last call, and of their additional headers.
    #[track_caller]
    pub fn requests(&self) -> Vec<Value> {
        let entries = self.log("performance").into_iter();
        let messages = entries
            .filter_map(|entry| serde_json::from_str::<Value>(entry["message"].as_str()?).ok());
        messages
            .map(|mut entry| entry["message"].take())
            .filter(|message| {
                message["method"] == "Network.requestWillBeSent"
                    || message["method"] == "Network.requestWillBeSentExtraInfo"
            })
            .map(|mut message| message["params"].take())
            .collect()
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        let path = format!("/session/{}", self.session);
        // The browser may already have ended, which is fine.
        let _ = Call::new(Method::DELETE, &self.address, &path).try_send();
        self.driver.end();
        let _ = fs::remove_dir_all(&self.profile);
    }
}
