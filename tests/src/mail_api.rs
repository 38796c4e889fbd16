//! The HTTP API of a mail service for tests.

use std::{
    collections::HashMap,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{TcpListener, TcpStream},
    sync::{Arc, Mutex},
    thread::{sleep, spawn},
    time::{Duration, Instant},
};

use serde_json::Value;

/// The longest time that a test waits for a request.
const PATIENCE: Duration = Duration::from_mins(1);

/// How the service treats the messages to a recipient.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// It responds with a status.
    Status(u16),
    /// It asks to wait for a number of seconds (429).
    Busy(u32),
    /// It redirects to another path of the same server.
    Redirect,
    /// It accepts the message, and sends no response.
    Stall,
    /// It accepts the message, and closes the connection without a response.
    Drop,
    /// It accepts the message, and its response does not end.
    Flood,
}

/// A request that the service has received.
#[derive(Debug, Clone)]
pub struct Received {
    /// The path.
    pub path: String,
    /// The headers, with names in lower case.
    pub headers: HashMap<String, String>,
    /// The body.
    pub body: Value,
}

#[derive(Default)]
struct State {
    modes: HashMap<String, Mode>,
    received: Vec<Received>,
}

/// A mail service on the loopback interface. It runs until the process ends.
pub struct MailApi {
    /// The value for `MAIL_API_URL`.
    pub url: String,
    state: Arc<Mutex<State>>,
}

impl MailApi {
    /// Starts a service that accepts all messages (202).
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let state = Arc::<Mutex<State>>::default();
        let shared = Arc::clone(&state);
        spawn(move || {
            for stream in listener.incoming() {
                let shared = Arc::clone(&shared);
                // A client that gives up closes its connection.
                spawn(move || serve(&stream.unwrap(), &shared));
            }
        });
        Self { url, state }
    }

    /// Sets the mode for messages to an address.
    pub fn set(&self, to: &str, mode: Mode) {
        self.state.lock().unwrap().modes.insert(to.to_owned(), mode);
    }

    /// Returns the requests with an address.
    pub fn received(&self, to: &str) -> Vec<Received> {
        let state = self.state.lock().unwrap();
        let received = state.received.iter();
        received.filter(|request| request.body.to_string().contains(to)).cloned().collect()
    }

    /// Returns whether the service has received a request for a path.
    pub fn has_received(&self, path: &str) -> bool {
        self.state.lock().unwrap().received.iter().any(|request| request.path == path)
    }

    /// Waits until the service has received this number of requests with an address.
    #[track_caller]
    pub fn wait_for(&self, to: &str, count: usize) -> Vec<Received> {
        let begin = Instant::now();
        loop {
            let received = self.received(to);
            if received.len() >= count {
                return received;
            }
            assert!(begin.elapsed() < PATIENCE, "{} of {count} messages to {to}", received.len());
            sleep(Duration::from_millis(20));
        }
    }
}

/// Serves the requests of a connection until it ends.
fn serve(stream: &TcpStream, state: &Mutex<State>) -> Option<()> {
    let mut reader = BufReader::new(stream);
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok().filter(|size| *size > 0)?;
        let path = line.split(' ').nth(1)?.to_owned();
        let mut headers = HashMap::new();
        loop {
            let mut line = String::new();
            reader.read_line(&mut line).ok().filter(|size| *size > 0)?;
            let Some((name, value)) = line.trim_end().split_once(": ") else { break };
            headers.insert(name.to_ascii_lowercase(), value.to_owned());
        }
        let length = headers.get("content-length")?.parse().ok()?;
        let mut body = vec![0; length];
        reader.read_exact(&mut body).ok()?;
        let body: Value = serde_json::from_slice(&body).unwrap_or_default();
        let mode = {
            let mut state = state.lock().unwrap();
            let text = body.to_string();
            let mode = state.modes.iter().find(|(to, _)| text.contains(to.as_str()));
            let mode = mode.map_or(Mode::Status(202), |(_, mode)| *mode);
            state.received.push(Received { path, headers, body });
            mode
        };
        let mut stream = stream;
        let mut reply = |status: &str| {
            let response = format!("HTTP/1.1 {status}\r\ncontent-length: 2\r\n\r\n{{}}");
            stream.write_all(response.as_bytes()).ok()
        };
        match mode {
            Mode::Status(status) => reply(&format!("{status} Status"))?,
            Mode::Busy(seconds) => reply(&format!("429 Busy\r\nretry-after: {seconds}"))?,
            Mode::Redirect => reply("307 Moved\r\nlocation: /elsewhere")?,
            Mode::Stall => {
                sleep(PATIENCE);
                return None;
            }
            Mode::Drop => return None,
            Mode::Flood => {
                stream
                    .write_all(b"HTTP/1.1 202 Accepted\r\ntransfer-encoding: chunked\r\n\r\n")
                    .ok()?;
                loop {
                    let piece = "x".repeat(4096);
                    stream.write_all(format!("1000\r\n{piece}\r\n").as_bytes()).ok()?;
                }
            }
        }
    }
}
