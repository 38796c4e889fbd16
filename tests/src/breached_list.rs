//! A service that lists breached passwords, with the range API of Have I Been Pwned, for tests.

use std::{
    io::{BufRead as _, BufReader, Write as _},
    net::{TcpListener, TcpStream},
    sync::{Arc, Mutex},
    thread::{sleep, spawn},
    time::Duration,
};

/// The time for which the service stalls, which is longer than any deadline.
const STALL: Duration = Duration::from_secs(20);

/// How the service responds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// It lists the hashes, with padding.
    List,
    /// It lists the hashes as padding only.
    Padding,
    /// It sends no response.
    Stall,
    /// It sends the header and the beginning of the body.
    StallInBody,
    /// It closes the connection.
    Drop,
    /// It sends a page.
    Page,
    /// It sends bytes that are no HTTP.
    Noise,
    /// Its response does not end.
    Flood,
    /// It redirects to another path, which has the list.
    Redirect,
    /// It responds with a status.
    Status(u16),
}

#[derive(Debug)]
struct State {
    mode: Mode,
    /// The SHA-1 of each breached password, in upper case.
    hashes: Vec<String>,
    received: Vec<String>,
}

/// A service on the loopback interface. It runs until the process ends.
pub struct BreachedList {
    /// The value for `BREACHED_PASSWORDS_URL`.
    pub url: String,
    state: Arc<Mutex<State>>,
}

impl BreachedList {
    /// Starts a service that lists passwords with these SHA-1 hashes in upper case.
    pub fn start(hashes: &[&str]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let hashes = hashes.iter().map(|hash| (*hash).to_owned()).collect();
        let state = State { mode: Mode::List, hashes, received: Vec::new() };
        let state = Arc::new(Mutex::new(state));
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

    /// Changes the mode.
    pub fn set(&self, mode: Mode) {
        self.state.lock().unwrap().mode = mode;
    }

    /// Returns the requests, with their headers in lower case.
    pub fn received(&self) -> Vec<String> {
        self.state.lock().unwrap().received.clone()
    }
}

/// Serves the requests of a connection until it ends.
fn serve(stream: &TcpStream, state: &Mutex<State>) -> Option<()> {
    let mut reader = BufReader::new(stream);
    loop {
        let mut request = String::new();
        while !request.ends_with("\r\n\r\n") {
            let mut line = String::new();
            reader.read_line(&mut line).ok().filter(|size| *size > 0)?;
            // The path keeps its case.
            request += &if request.is_empty() { line } else { line.to_ascii_lowercase() };
        }
        let path = request.split(' ').nth(1)?.to_owned();
        let prefix = path.rsplit('/').next()?;
        let (mode, suffixes) = {
            let mut state = state.lock().unwrap();
            state.received.push(request);
            let hashes = state.hashes.iter();
            let suffixes = hashes.filter_map(|hash| hash.strip_prefix(prefix)).map(str::to_owned);
            (state.mode, suffixes.collect::<Vec<_>>())
        };
        let mut stream = stream;
        let mut reply = |status: &str, body: &str| {
            let head = format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\n\r\n", body.len());
            stream.write_all(format!("{head}{body}").as_bytes()).ok()
        };
        let listed = |count: u32| {
            let lines = suffixes.iter().map(|suffix| format!("{suffix}:{count}"));
            let padding = (0..800).map(|number| format!("{number:035X}:0"));
            lines.chain(padding).collect::<Vec<_>>().join("\r\n")
        };
        match mode {
            Mode::Redirect if !path.starts_with("/elsewhere/") => {
                reply(&format!("302 Found\r\nlocation: /elsewhere/{prefix}"), "")?;
            }
            Mode::List | Mode::Redirect => reply("200 OK", &listed(7))?,
            Mode::Padding => reply("200 OK", &listed(0))?,
            Mode::Status(status) => reply(&format!("{status} Status"), &listed(7))?,
            Mode::Page => reply("200 OK", "<!doctype html><title>Welcome</title>")?,
            Mode::Drop => return None,
            Mode::Noise => return stream.write_all(b"\x16\x03\x01 no HTTP\r\n\r\n").ok(),
            Mode::Stall => {
                sleep(STALL);
                return None;
            }
            Mode::StallInBody => {
                let body = listed(7);
                let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", body.len() + 1);
                stream.write_all(format!("{head}{body}").as_bytes()).ok()?;
                sleep(STALL);
                return None;
            }
            Mode::Flood => {
                let head = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";
                stream.write_all(head.as_bytes()).ok()?;
                let line = format!("{}:7\r\n", "0".repeat(35));
                let piece = line.repeat(1000);
                loop {
                    let piece = format!("{:x}\r\n{piece}\r\n", piece.len());
                    stream.write_all(piece.as_bytes()).ok()?;
                }
            }
        }
    }
}
