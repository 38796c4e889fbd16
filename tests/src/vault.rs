//! A server that answers like the key-value engine of Vault (version 2), for Spin's provider of variables.

use std::{
    collections::BTreeMap,
    io::{BufRead as _, BufReader, Write as _},
    net::{TcpListener, TcpStream},
    sync::{Arc, Mutex},
    thread::spawn,
};

use serde_json::json;

/// The token that the server accepts.
pub const VAULT_TOKEN: &str = "token-of-the-test-vault";

/// The running server.
pub struct VaultServer {
    /// Its URL.
    pub url: String,
    reads: Arc<Mutex<Vec<String>>>,
}

impl VaultServer {
    /// Starts a server with secrets by their path, such as `tenancy/redis_url` in the engine `secret`. Each has the member
    /// `value`. The server runs until the process ends.
    pub fn start(secrets: BTreeMap<String, String>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let reads = Arc::<Mutex<Vec<String>>>::default();
        let (secrets, told) = (Arc::new(secrets), Arc::clone(&reads));
        spawn(move || {
            for stream in listener.incoming() {
                let (secrets, told) = (Arc::clone(&secrets), Arc::clone(&told));
                spawn(move || serve(&stream.unwrap(), &secrets, &told));
            }
        });
        Self { url, reads }
    }

    /// Returns the paths that were read so far, each as often as it was read.
    pub fn reads(&self) -> Vec<String> {
        self.reads.lock().unwrap().clone()
    }
}

/// Answers the requests of a connection until the client closes it.
fn serve(stream: &TcpStream, secrets: &BTreeMap<String, String>, reads: &Mutex<Vec<String>>) {
    let mut lines = BufReader::new(stream).lines().map_while(Result::ok);
    while let Some(request) = lines.next() {
        let header: Vec<_> = lines.by_ref().take_while(|line| !line.is_empty()).collect();
        let is_authenticated = header.iter().any(|line| {
            line.split_once(": ").is_some_and(|(name, value)| {
                name.eq_ignore_ascii_case("x-vault-token") && value == VAULT_TOKEN
            })
        });
        let target = request.split(' ').nth(1).unwrap_or_default();
        let path = target.split('?').next().unwrap().strip_prefix("/v1/secret/data/");
        let secret = path.and_then(|path| secrets.get(path));
        let (status, body) = match (is_authenticated, secret) {
            (false, _) => ("403 Forbidden", json!({ "errors": ["permission denied"] })),
            (true, None) => ("404 Not Found", json!({ "errors": [] })),
            (true, Some(value)) => ("200 OK", found(value)),
        };
        reads.lock().unwrap().extend(path.map(str::to_owned));
        let body = body.to_string();
        let response = format!(
            "HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        );
        let mut stream = stream;
        if stream.write_all(response.as_bytes()).is_err() {
            return;
        }
    }
}

/// Returns the response for a secret with this value.
fn found(value: &str) -> serde_json::Value {
    json!({
        "request_id": "", "lease_id": "", "renewable": false, "lease_duration": 0,
        "data": {
            "data": { "value": value },
            "metadata": {
                "created_time": "2026-01-01T00:00:00Z", "deletion_time": "", "destroyed": false, "version": 1,
            },
        },
    })
}
