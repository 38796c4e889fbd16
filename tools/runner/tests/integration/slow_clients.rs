//! Clients that send or read slowly: each wait has a bound.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::support::{App, Config};

const MIB: usize = 1 << 20;

fn start() -> App {
    Config::one("").arguments(&["--header-timeout", "500ms"]).start()
}

fn connect(app: &App) -> TcpStream {
    let stream = TcpStream::connect(app.address).unwrap();
    stream.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
    stream
}

/// Sends `pieces`, one every 50 ms and the last one again and again, until the runner closes the connection.
fn dribble(app: &App, pieces: &[&str]) -> Duration {
    let mut stream = connect(app);
    let begin = Instant::now();
    let last = pieces.last().unwrap();
    let mut pieces = pieces.iter();
    loop {
        assert!(begin.elapsed() < Duration::from_secs(10), "the connection stays open");
        let piece = pieces.next().unwrap_or(last);
        let is_sent = stream.write_all(piece.as_bytes()).is_ok();
        // The read waits for 50 ms, unless the connection is closed.
        match stream.read(&mut [0; 512]) {
            Ok(0) => return begin.elapsed(),
            Ok(_) => {}
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock && is_sent => {}
            Err(_) => return begin.elapsed(),
        }
    }
}

#[test]
fn slow_header_closes_the_connection() {
    let app = start();
    for pieces in [
        &["GET /a HTTP/1.1\r\n", "x"][..],
        &["GET /a HTTP/1.1\r\nhost: x\r\n", "a: b\r\n"],
        // The first bytes of HTTP/2, one at a time.
        &["P", "R", "I", " ", "*", ""],
        &[""],
    ] {
        let closed_after = dribble(&app, pieces);
        assert!(closed_after >= Duration::from_millis(400), "{pieces:?}: {closed_after:?}");
        assert!(closed_after < Duration::from_secs(5), "{pieces:?}: {closed_after:?}");
    }
    assert_eq!(app.get("/a?do=environment").status, 200);
}

#[test]
fn idle_connection_is_closed_after_a_response() {
    let app = start();
    let mut stream = connect(&app);
    stream.write_all(b"GET /a?do=environment HTTP/1.1\r\nhost: x\r\n\r\n").unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    let begin = Instant::now();
    let mut response = String::new();
    stream.read_to_string(&mut response).unwrap();
    assert!(response.starts_with("HTTP/1.1 200"), "{response}");
    assert!(begin.elapsed() < Duration::from_secs(5), "{:?}", begin.elapsed());
}

#[test]
fn reader_that_stands_still_is_ended() {
    let app = start();
    let mut stream = connect(&app);
    let body = "x".repeat(24 * MIB);
    let head = format!(
        "POST /a?do=request HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).unwrap();
    stream.write_all(body.as_bytes()).unwrap();
    // The runner waits for 30 s.
    sleep(Duration::from_secs(35));
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    let mut read = Vec::new();
    // The connection may be reset.
    let _ = stream.read_to_end(&mut read);
    assert!(read.len() > MIB && read.len() < body.len(), "{} bytes came", read.len());
    assert!(app.stderr().contains("error writing a body"), "{}", app.stderr());
}
