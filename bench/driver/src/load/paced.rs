//! Requests at a fixed pace, independent of the responses (an open loop).
//!
//! If a request waits because no connection is free, its time begins when it was due, as it does for a user (no
//! coordinated omission). The time of other requests begins when they are sent, because a late start of the sending
//! thread is not caused by the host.
//!
//! One thread sends and one receives, to leave the processors to the host.

use std::{
    io::{ErrorKind, Read as _, Write as _},
    sync::{
        atomic::{AtomicU64, AtomicUsize, Ordering},
        mpsc::{Receiver, Sender, channel},
    },
    thread,
    time::{Duration, Instant},
};

use anyhow::{Result, anyhow, ensure};
use mio::{Events, Interest, Poll, Token, net::TcpStream};

use super::{
    Client, Request,
    client::{Answer, PATIENCE},
};
use crate::statistics::Latencies;

/// The maximum number of concurrent requests.
const CONNECTIONS: usize = 32;
/// The interval at which the receiver checks whether responses are still expected.
const LOOK: Duration = Duration::from_millis(100);
/// The maximum bytes of one read: more than a response has.
const PIECE: usize = 16 * 1024;

/// The rate and duration of requests.
#[derive(Clone, Copy)]
pub(crate) struct Pace {
    /// Requests per second.
    pub(crate) rate: f64,
    pub(crate) duration: Duration,
}

impl Pace {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a count, far from the limits"
    )]
    fn requests(self) -> usize {
        (self.rate * self.duration.as_secs_f64()).max(1.0) as usize
    }

    /// Returns the time at which a request is due, relative to the first.
    #[expect(clippy::cast_precision_loss, reason = "a count, far from the limit")]
    fn due(self, number: usize) -> Duration {
        Duration::from_secs_f64(number as f64 / self.rate)
    }
}

/// A connection, and the start time of its request in nanoseconds since the start of the run.
struct Connection {
    stream: TcpStream,
    begun: AtomicU64,
}

/// The state that both threads share.
struct Run {
    connections: Vec<Connection>,
    start: Instant,
    /// The number of expected responses, once it is known.
    to_come: AtomicUsize,
}

/// Sends a request repeatedly at a fixed pace.
pub(crate) fn paced(request: &Request, pace: Pace) -> Result<Latencies> {
    let bytes = request.bytes();
    let poll = Poll::new()?;
    let (rest, idle) = channel();
    let mut connections = Vec::new();
    for index in 0..CONNECTIONS {
        let mut client = Client::connect(&request.address)?;
        client.send(&bytes)?.checked()?;
        let mut stream = client.into_nonblocking()?;
        poll.registry().register(&mut stream, Token(index), Interest::READABLE)?;
        connections.push(Connection { stream, begun: AtomicU64::default() });
        rest.send(index)?;
    }
    let start = Instant::now() + Duration::from_millis(20);
    let run = Run { connections, start, to_come: AtomicUsize::new(usize::MAX) };
    thread::scope(|scope| {
        let (run, bytes) = (&run, &bytes);
        let sending = scope.spawn(move || run.send(bytes, pace, &idle));
        let latencies = run.receive(poll, &rest);
        // After a failure, the sender stops because it gets no connection.
        drop(rest);
        sending.join().map_err(|_| anyhow!("a thread panicked"))??;
        Ok(Latencies::of(latencies?))
    })
}

impl Run {
    fn send(&self, bytes: &[u8], pace: Pace, idle: &Receiver<usize>) -> Result<()> {
        let mut sent = 0;
        let mut waited_until = self.start;
        let result = (|| {
            // An excessive pace is detected long before all requests are sent.
            while sent < pace.requests() && self.start.elapsed() < pace.duration * 3 {
                let due = self.start + pace.due(sent);
                thread::sleep(due.saturating_duration_since(Instant::now()));
                let found = idle.try_recv().or_else(|_| {
                    let found = idle.recv();
                    waited_until = Instant::now();
                    found
                });
                // The receiver failed.
                let Ok(index) = found else { break };
                let begin = if due < waited_until { due } else { Instant::now() };
                let Connection { stream, begun } = &self.connections[index];
                let begin = begin.saturating_duration_since(self.start);
                begun.store(u64::try_from(begin.as_nanos())?, Ordering::Release);
                let mut stream = stream;
                stream.write_all(bytes)?;
                sent += 1;
            }
            Ok(())
        })();
        self.to_come.store(sent, Ordering::Release);
        result
    }

    fn receive(&self, mut poll: Poll, rest: &Sender<usize>) -> Result<Vec<Duration>> {
        let mut events = Events::with_capacity(CONNECTIONS);
        let mut received = vec![Vec::new(); CONNECTIONS];
        let mut latencies = Vec::new();
        let mut last = Instant::now();
        while latencies.len() < self.to_come.load(Ordering::Acquire) {
            poll.poll(&mut events, Some(LOOK))?;
            for Token(index) in events.iter().map(mio::event::Event::token) {
                let Connection { stream, begun } = &self.connections[index];
                let bytes = &mut received[index];
                read(stream, bytes)?;
                let Some(answer) = Answer::parse(bytes)? else { continue };
                last = Instant::now();
                answer.checked()?;
                let begun = Duration::from_nanos(begun.load(Ordering::Acquire));
                latencies.push(last.saturating_duration_since(self.start + begun));
                bytes.clear();
                // The sender may have finished.
                let _ = rest.send(index);
            }
            ensure!(last.elapsed() < PATIENCE, "no response for a minute");
        }
        Ok(latencies)
    }
}

/// Reads all available bytes.
fn read(mut stream: &TcpStream, received: &mut Vec<u8>) -> Result<()> {
    loop {
        let length = received.len();
        received.resize(length + PIECE, 0);
        let read = stream.read(&mut received[length..]);
        received.truncate(length + *read.as_ref().unwrap_or(&0));
        match read {
            Ok(0) => return Err(anyhow!("the connection was closed before the response")),
            Ok(_) => (),
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
            Err(error) => return Err(error.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{
        io::{BufRead as _, BufReader},
        net::TcpListener,
    };

    use super::*;

    /// Responds to each request after a pause, on each connection independently, until the test ends.
    fn server(pause: Duration) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                thread::spawn(move || {
                    let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
                    while let Some(Ok(line)) = lines.next() {
                        if line.is_empty() {
                            thread::sleep(pause);
                            stream
                                .write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi")
                                .unwrap();
                        }
                    }
                });
            }
        });
        address
    }

    #[test]
    fn wait_for_connection_counts_as_latency() {
        let request = Request::get(&server(Duration::from_millis(20)), "/");
        let median = |rate| {
            let pace = Pace { rate, duration: Duration::from_millis(200) };
            paced(&request, pace).unwrap().percentile(50)
        };
        // The connections can serve 1,600 requests per second.
        assert!(median(100.0) < 150.0);
        assert!(median(8_000.0) > 150.0);
    }
}
