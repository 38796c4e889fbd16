//! A TCP proxy for a server. It can cut connections, delay responses, and watch a conversation with PostgreSQL.

use std::{
    io::{Read, Write},
    net::{Shutdown, TcpListener, TcpStream},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread,
    time::Duration,
};

/// The point of a statement at which a watch acts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cut {
    /// When the statement arrives, before PostgreSQL receives it.
    Before,
    /// When PostgreSQL has completed the statement, before the application receives the result.
    After,
    /// When the statement arrives. The statement is forwarded after the action.
    Delay,
}

/// A statement to wait for, and an action.
pub struct Watch {
    /// A part of the text of the statement.
    pub statement: &'static str,
    /// The point at which to act.
    pub cut: Cut,
    /// The action, run once. Afterwards the proxy forwards nothing, unless the statement is only delayed.
    pub action: Box<dyn FnOnce() + Send>,
}

#[derive(Default)]
struct State {
    closed: AtomicBool,
    /// The delay of each response in milliseconds.
    delay: AtomicU64,
    streams: Mutex<Vec<TcpStream>>,
    watch: Mutex<Option<Watch>>,
}

/// A proxy on its own port.
pub struct Proxy {
    /// The address of the proxy.
    pub address: String,
    state: Arc<State>,
}

impl Proxy {
    /// Starts a proxy for the server at `target`.
    pub fn start(target: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let state = Arc::new(State::default());
        let (target, shared) = (target.to_owned(), Arc::clone(&state));
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                if shared.closed.load(Ordering::SeqCst) {
                    continue;
                }
                let Ok(server) = TcpStream::connect(&target) else {
                    continue;
                };
                connect(&shared, client, server);
            }
        });
        Self { address, state }
    }

    /// Delays everything that the server sends, by this time.
    pub fn delay(&self, time: Duration) {
        let milliseconds = u64::try_from(time.as_millis()).unwrap();
        self.state.delay.store(milliseconds, Ordering::SeqCst);
    }

    /// Waits for a statement.
    pub fn watch(&self, watch: Watch) {
        *self.state.watch.lock().unwrap() = Some(watch);
    }

    /// Returns whether the watch has acted.
    pub fn has_acted(&self) -> bool {
        self.state.watch.lock().unwrap().is_none()
    }

    /// Cuts all connections and rejects new ones.
    pub fn close(&self) {
        self.state.close();
    }

    /// Accepts connections again.
    pub fn open(&self) {
        self.state.closed.store(false, Ordering::SeqCst);
    }
}

impl State {
    fn close(&self) {
        for stream in self.stop() {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }

    /// Rejects new connections, and returns the existing ones.
    fn stop(&self) -> Vec<TcpStream> {
        self.closed.store(true, Ordering::SeqCst);
        std::mem::take(&mut *self.streams.lock().unwrap())
    }

    /// Runs the action if the watch is for this point. Returns whether the connection must close.
    fn act(&self, cut: Cut) -> bool {
        let mut watch = self.watch.lock().unwrap();
        let is_delay = watch.as_ref().is_some_and(|watch| watch.cut == Cut::Delay);
        if is_delay && cut == Cut::Before {
            let action = watch.take().map(|watch| watch.action);
            drop(watch);
            if let Some(action) = action {
                action();
            }
            return false;
        }
        if watch.as_ref().is_none_or(|watch| watch.cut != cut) {
            return false;
        }
        let action = watch.take().map(|watch| watch.action);
        drop(watch);
        // Stops first: the test continues after the action, and may open the proxy again.
        let streams = self.stop();
        if let Some(action) = action {
            action();
        }
        for stream in streams {
            let _ = stream.shutdown(Shutdown::Both);
        }
        true
    }

    fn statement(&self) -> Option<&'static str> {
        self.watch.lock().unwrap().as_ref().map(|watch| watch.statement)
    }
}

fn connect(state: &Arc<State>, client: TcpStream, server: TcpStream) {
    let mut streams = state.streams.lock().unwrap();
    streams.extend([client.try_clone().unwrap(), server.try_clone().unwrap()]);
    drop(streams);
    // Set while the watched statement runs on this connection.
    let running = Arc::new(AtomicBool::new(false));
    let (to_server, from_server) = (server.try_clone().unwrap(), server);
    let (to_client, from_client) = (client.try_clone().unwrap(), client);
    let (shared, is_running) = (Arc::clone(state), Arc::clone(&running));
    thread::spawn(move || {
        pass(from_client, to_server, |bytes| {
            let found = shared.statement().is_some_and(|statement| contains(bytes, statement));
            if found {
                is_running.store(true, Ordering::SeqCst);
            }
            !(found && shared.act(Cut::Before))
        });
    });
    let shared = Arc::clone(state);
    thread::spawn(move || {
        let mut messages = Messages::default();
        pass(from_server, to_client, |bytes| {
            thread::sleep(Duration::from_millis(shared.delay.load(Ordering::SeqCst)));
            let done = running.load(Ordering::SeqCst) && messages.completes_command(bytes);
            !(done && shared.act(Cut::After))
        });
    });
}

/// Forwards bytes while `may_pass` returns true.
fn pass(mut from: TcpStream, mut to: TcpStream, mut may_pass: impl FnMut(&[u8]) -> bool) {
    let mut buffer = [0; 16 * 1024];
    loop {
        match from.read(&mut buffer) {
            Ok(length @ 1..) if may_pass(&buffer[..length]) => {
                if to.write_all(&buffer[..length]).is_err() {
                    break;
                }
            }
            _ => break,
        }
    }
    let _ = from.shutdown(Shutdown::Both);
    let _ = to.shutdown(Shutdown::Both);
}

fn contains(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|window| window == text.as_bytes())
}

/// The messages of PostgreSQL (its manual, section 55.7), reassembled across reads.
#[derive(Default)]
struct Messages {
    unread: Vec<u8>,
}

impl Messages {
    /// Returns whether one of the messages that end in these bytes is `CommandComplete`.
    fn completes_command(&mut self, bytes: &[u8]) -> bool {
        self.unread.extend_from_slice(bytes);
        let mut completes = false;
        while let Some(header) = self.unread.get(..5) {
            let length = u32::from_be_bytes(header[1..].try_into().unwrap()) as usize + 1;
            if self.unread.len() < length {
                break;
            }
            completes |= header[0] == b'C';
            self.unread.drain(..length);
        }
        completes
    }
}
