//! The middleware for axum: `clients/axum/examples/notes.rs`, which `docs/clients.md` shows.

use std::{
    io::{Read as _, Write as _},
    net::TcpListener,
    thread::{sleep, spawn},
    time::{Duration, Instant},
};

use e2e::{Process, World, root};

use crate::middleware::{Notes, assert_problem, check};

const VERIFIED: &str = "{\"tenant_id\":\"ID\",\"tenant_slug\":\"a\",\"user_id\":null,\"user_role\":null,\
                        \"api_key_id\":null,\"scopes\":[\"SCOPE\"]}";

fn start(tenancy: &str) -> Notes {
    Notes::start(&mut Process::command(root().join("target/tools/examples/notes")), tenancy)
}

/// Starts a server that responds to every request with this text after a delay, and returns its address.
fn responding(response: String, delay: Duration) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    spawn(move || {
        for stream in listener.incoming() {
            let (mut stream, response) = (stream.unwrap(), response.clone());
            spawn(move || {
                let read = stream.read(&mut [0; 4096]);
                sleep(delay);
                // The caller may have left.
                let _ = read.and_then(|_| stream.write_all(response.as_bytes()));
            });
        }
    });
    address
}

fn response(status: &str, body: &str) -> String {
    let length = body.len();
    format!("HTTP/1.1 {status}\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{body}")
}

#[test]
fn axum_middleware_verifies_callers() {
    check(&start(World::get().address()));
}

#[test]
fn axum_middleware_fails_closed() {
    let verified = |id: &str, scope: &str| VERIFIED.replace("ID", id).replace("SCOPE", scope);
    let credential = [("authorization", "Bearer any")];
    let accepted =
        start(&responding(response("200 OK", &verified("1", "tenant:read")), Duration::ZERO));
    assert_eq!(accepted.read(&credential).text, "notes of 1");
    let redirect =
        "HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:1\r\ncontent-length: 0\r\n\r\n";
    let long = " ".repeat(65 * 1024) + &verified("1", "tenant:read");
    let unclear = [
        response("500 Internal Server Error", ""),
        response("404 Not Found", "not the service"),
        response("204 No Content", ""),
        response("206 Partial Content", &verified("1", "tenant:read")),
        response("200 OK", "<html>"),
        response("200 OK", "null"),
        response("200 OK", &verified("", "tenant:read")),
        response("200 OK", &verified("1", "files:read")),
        response("200 OK", &long),
        response("200 OK", &verified("1", "tenant:read"))
            .replace("content-length: ", "content-length: 9"),
        redirect.to_owned(),
        String::new(),
    ];
    for answer in unclear {
        let notes = start(&responding(answer.clone(), Duration::ZERO));
        let refused = notes.read(&credential);
        assert_eq!(refused.status, 503, "{answer}");
        assert_problem(&refused, 503, "unavailable");
        assert_ne!(refused.header("retry-after"), "");
    }
    assert_problem(&start("127.0.0.1:1").read(&credential), 503, "unavailable");
    let slow = start(&responding(
        response("200 OK", &verified("1", "tenant:read")),
        Duration::from_secs(9),
    ));
    let begin = Instant::now();
    assert_problem(&slow.read(&credential), 503, "unavailable");
    assert!(begin.elapsed() < Duration::from_secs(6), "{:?}", begin.elapsed());
}
