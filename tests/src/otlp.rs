//! A receiver of OpenTelemetry traces (OTLP over HTTP with protobuf).

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{TcpListener, TcpStream},
    sync::{Arc, Mutex},
    thread::{sleep, spawn},
    time::{Duration, Instant},
};

use prost::Message;

/// `ExportTraceServiceRequest` of the protocol, with the fields that the tests read. So are the following messages.
#[derive(Clone, PartialEq, Message)]
struct Export {
    #[prost(message, repeated, tag = "1")]
    resources: Vec<ResourceSpans>,
}

#[derive(Clone, PartialEq, Message)]
struct ResourceSpans {
    #[prost(message, repeated, tag = "2")]
    scopes: Vec<ScopeSpans>,
}

#[derive(Clone, PartialEq, Message)]
struct ScopeSpans {
    #[prost(message, repeated, tag = "2")]
    spans: Vec<Span>,
}

/// A span.
#[derive(Clone, PartialEq, Message)]
pub struct Span {
    /// 16 bytes.
    #[prost(bytes = "vec", tag = "1")]
    pub trace_id: Vec<u8>,
    /// 8 bytes.
    #[prost(bytes = "vec", tag = "2")]
    pub span_id: Vec<u8>,
    /// 8 bytes, or none.
    #[prost(bytes = "vec", tag = "4")]
    pub parent_span_id: Vec<u8>,
    /// The name.
    #[prost(string, tag = "5")]
    pub name: String,
    /// Nanoseconds since 1970.
    #[prost(fixed64, tag = "7")]
    pub start: u64,
    /// Nanoseconds since 1970.
    #[prost(fixed64, tag = "8")]
    pub end: u64,
}

/// A server that keeps everything that it receives.
pub struct OtlpReceiver {
    /// The URL for `OTEL_EXPORTER_OTLP_ENDPOINT`.
    pub url: String,
    bodies: Arc<Mutex<Vec<Vec<u8>>>>,
}

impl OtlpReceiver {
    /// Starts a receiver. It runs until the process ends.
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let bodies = Arc::<Mutex<Vec<Vec<u8>>>>::default();
        let received = Arc::clone(&bodies);
        spawn(move || {
            for stream in listener.incoming() {
                let received = Arc::clone(&received);
                spawn(move || serve(&stream.unwrap(), &received));
            }
        });
        Self { url, bodies }
    }

    /// Returns whether a text is in anything that was received, as it is or as Spin prints binary values: `97, 98`.
    pub fn has_received(&self, text: &str) -> bool {
        let numbers = format!("{:?}", text.as_bytes());
        let bodies = self.bodies.lock().unwrap();
        [text, numbers.trim_matches(['[', ']'])].iter().any(|text| {
            let text = text.as_bytes();
            bodies.iter().any(|body| body.windows(text.len()).any(|part| part == text))
        })
    }

    /// Waits for a span with this name in a trace, and returns all spans of the trace by their start.
    #[track_caller]
    pub fn trace(&self, id: u128, name: &str) -> Vec<Span> {
        let begin = Instant::now();
        loop {
            let mut spans = self.spans();
            spans.retain(|span| span.trace_id == id.to_be_bytes());
            spans.sort_by_key(|span| span.start);
            if spans.iter().any(|span| span.name == name) {
                return spans;
            }
            assert!(begin.elapsed() < Duration::from_secs(20), "no span {name} in {spans:#?}");
            sleep(Duration::from_millis(50));
        }
    }

    /// Returns all spans.
    pub fn spans(&self) -> Vec<Span> {
        let bodies = self.bodies.lock().unwrap();
        let exports = bodies.iter().map(|body| Export::decode(body.as_slice()).unwrap());
        let scopes = exports.flat_map(|export| export.resources).flat_map(|spans| spans.scopes);
        scopes.flat_map(|scope| scope.spans).collect()
    }
}

/// Accepts the requests of a connection, and keeps the traces.
fn serve(stream: &TcpStream, received: &Mutex<Vec<Vec<u8>>>) {
    let mut reader = BufReader::new(stream);
    loop {
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            if reader.read_line(&mut head).unwrap_or(0) == 0 {
                return;
            }
        }
        let length = head.lines().find_map(|line| {
            let (name, value) = line.split_once(": ")?;
            name.eq_ignore_ascii_case("content-length").then(|| value.parse().unwrap())
        });
        let mut body = vec![0; length.expect("the exporter sends a length")];
        reader.read_exact(&mut body).unwrap();
        if head.starts_with("POST /v1/traces ") {
            received.lock().unwrap().push(body);
        }
        let response =
            "HTTP/1.1 200 OK\r\nContent-Type: application/x-protobuf\r\nContent-Length: 0\r\n\r\n";
        let mut stream = stream;
        stream.write_all(response.as_bytes()).unwrap();
    }
}
