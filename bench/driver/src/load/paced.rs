//! Requests at a pace, whatever the answers do (an open loop).
//!
//! The time of a request that is held up because no connection is free begins when it was to be sent, as it does
//! for its user (no coordinated omission). That of any other begins when it is sent: it is not the host's doing
//! that the thread which sends gets a processor a millisecond late.
//!
//! One thread sends and one receives, so that the host has the processors for itself as far as can be.

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

/// How many requests may be under way at one time.
const CONNECTIONS: usize = 32;
/// How often who receives looks whether anything is still to come.
const LOOK: Duration = Duration::from_millis(100);
/// The bytes that one call reads at the most: more than an answer has.
const PIECE: usize = 16 * 1024;

/// How many requests, and how fast.
#[derive(Clone, Copy)]
pub(crate) struct Pace {
    /// Requests a second.
    pub(crate) rate: f64,
    pub(crate) duration: Duration,
}

impl Pace {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a count, and far from the ends"
    )]
    fn requests(self) -> usize {
        (self.rate * self.duration.as_secs_f64()).max(1.0) as usize
    }

    /// When a request is to be sent, from the first on.
    #[expect(clippy::cast_precision_loss, reason = "a count, and far from the end")]
    fn due(self, number: usize) -> Duration {
        Duration::from_secs_f64(number as f64 / self.rate)
    }
}

/// A connection, and the nanoseconds from the start on at which the time of its request began.
struct Connection {
    stream: TcpStream,
    begun: AtomicU64,
}

/// What both threads know.
struct Run {
    connections: Vec<Connection>,
    start: Instant,
    /// How many answers there will be, once that is known.
    to_come: AtomicUsize,
}

/// Sends a request again and again at a pace.
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
        // If that has failed, who sends ends for want of a connection.
        drop(rest);
        sending.join().map_err(|_| anyhow!("a thread has panicked"))??;
        Ok(Latencies::of(latencies?))
    })
}

impl Run {
    fn send(&self, bytes: &[u8], pace: Pace, idle: &Receiver<usize>) -> Result<()> {
        let mut sent = 0;
        let mut waited_until = self.start;
        let result = (|| {
            // Where the pace is too much, that shows long before all requests were made.
            while sent < pace.requests() && self.start.elapsed() < pace.duration * 3 {
                let due = self.start + pace.due(sent);
                thread::sleep(due.saturating_duration_since(Instant::now()));
                let found = idle.try_recv().or_else(|_| {
                    let found = idle.recv();
                    waited_until = Instant::now();
                    found
                });
                // Who receives has failed.
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
                // Nobody wants it any more when all is sent.
                let _ = rest.send(index);
            }
            ensure!(last.elapsed() < PATIENCE, "no answer has come for a minute");
        }
        Ok(latencies)
    }
}

/// Reads all that is there.
fn read(mut stream: &TcpStream, received: &mut Vec<u8>) -> Result<()> {
    loop {
        let length = received.len();
        received.resize(length + PIECE, 0);
        let read = stream.read(&mut received[length..]);
        received.truncate(length + *read.as_ref().unwrap_or(&0));
        match read {
            Ok(0) => return Err(anyhow!("the connection was closed before the answer")),
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

    /// Answers each request after a while, and each connection for itself, until the test ends.
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
    fn who_waits_for_a_connection_is_slow() {
        let request = Request::get(&server(Duration::from_millis(20)), "/");
        let median = |rate| {
            let pace = Pace { rate, duration: Duration::from_millis(200) };
            paced(&request, pace).unwrap().percentile(50)
        };
        // The connections do 1,600 a second.
        assert!(median(100.0) < 150.0);
        assert!(median(8_000.0) > 150.0);
    }
}
