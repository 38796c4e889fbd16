//! A mail server for tests (RFC 5321).

use std::{
    io::{BufRead as _, BufReader, Write as _},
    net::{TcpListener, TcpStream},
    sync::{Arc, Mutex},
    thread::{sleep, spawn},
    time::{Duration, Instant},
};

/// The longest time that a test waits for a message.
const PATIENCE: Duration = Duration::from_secs(20);

/// The user and the password of [`MailServer::with_sign_in`], for `AUTH PLAIN` (RFC 4616).
const SIGN_IN: &str = "AG1haWxlcgBzM2NyZXQgd29yZA==";

/// How the server treats messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// It accepts them.
    Accept,
    /// It refuses recipients for the time being (450).
    Refuse,
    /// It rejects recipients (550).
    Reject,
    /// It accepts messages, and sends no reply.
    Stall,
    /// It accepts messages, and closes the connection without a reply.
    Drop,
}

/// A message that the server has received completely.
#[derive(Debug, Clone)]
pub struct Received {
    /// The sender of the envelope.
    pub from: String,
    /// The recipients of the envelope.
    pub to: Vec<String>,
    /// The headers, unfolded, and the decoded bodies.
    pub text: String,
}

impl Received {
    /// Returns the headers, one on each line.
    pub fn headers(&self) -> Vec<String> {
        let (headers, _) = self.text.split_once("\r\n\r\n").unwrap();
        headers.replace("\r\n ", " ").split("\r\n").map(str::to_owned).collect()
    }

    /// Returns the body of all parts without the soft line breaks of quoted-printable.
    pub fn body(&self) -> String {
        let (_, body) = self.text.split_once("\r\n\r\n").unwrap();
        body.replace("=\r\n", "").replace("=3D", "=")
    }
}

/// A mail server on the loopback interface. It runs until the process ends.
pub struct MailServer {
    /// The URL for `SMTP_URL`.
    pub url: String,
    state: Arc<Mutex<(Mode, Vec<Received>)>>,
}

impl MailServer {
    /// Starts a server.
    pub fn start(mode: Mode) -> Self {
        Self::start_with(mode, false)
    }

    /// Starts a server that accepts messages of the user in its URL only.
    pub fn with_sign_in() -> Self {
        let server = Self::start_with(Mode::Accept, true);
        let url = server.url.replace("smtp://", "smtp://mailer:s3cret%20word@");
        Self { url, ..server }
    }

    fn start_with(mode: Mode, needs_sign_in: bool) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("smtp://{}", listener.local_addr().unwrap());
        let state = Arc::new(Mutex::new((mode, Vec::new())));
        let shared = Arc::clone(&state);
        spawn(move || {
            for stream in listener.incoming() {
                let shared = Arc::clone(&shared);
                // A client that is killed closes its connection.
                spawn(move || serve(&stream.unwrap(), &shared, needs_sign_in));
            }
        });
        Self { url, state }
    }

    /// Changes the mode.
    pub fn set(&self, mode: Mode) {
        self.state.lock().unwrap().0 = mode;
    }

    /// Returns the messages to an address.
    pub fn received(&self, to: &str) -> Vec<Received> {
        let state = self.state.lock().unwrap();
        state
            .1
            .iter()
            .filter(|received| received.to.iter().any(|other| other == to))
            .cloned()
            .collect()
    }

    /// Waits until the server has received this number of messages to an address.
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

/// Serves a connection until it ends.
fn serve(
    stream: &TcpStream,
    state: &Mutex<(Mode, Vec<Received>)>,
    needs_sign_in: bool,
) -> Option<()> {
    let reply = |text: &str| (&*stream).write_all(format!("{text}\r\n").as_bytes()).ok();
    let mut lines = BufReader::new(stream);
    let mut next = move || {
        let mut line = String::new();
        let size = lines.read_line(&mut line).ok()?;
        (size > 0).then(|| line.trim_end_matches(['\r', '\n']).to_owned())
    };
    let (mut from, mut to) = (String::new(), Vec::new());
    let mut is_signed_in = !needs_sign_in;
    reply("220 mail.test ESMTP")?;
    loop {
        let line = next()?;
        let mode = state.lock().unwrap().0;
        let path = |line: &str| line.split(['<', '>']).nth(1).unwrap_or_default().to_owned();
        let command = line.to_ascii_uppercase();
        if command.starts_with("EHLO") {
            reply("250-mail.test\r\n250-8BITMIME\r\n250-AUTH PLAIN\r\n250 SMTPUTF8")?;
        } else if let Some(sent) = line.strip_prefix("AUTH PLAIN ") {
            is_signed_in = sent == SIGN_IN;
            reply(if is_signed_in { "235 signed in" } else { "535 wrong user or password" })?;
        } else if command.starts_with("MAIL FROM:") && !is_signed_in {
            reply("530 sign in first")?;
        } else if command.starts_with("MAIL FROM:") {
            from = path(&line);
            reply("250 ok")?;
        } else if command.starts_with("RCPT TO:") {
            match mode {
                Mode::Refuse => reply("450 busy")?,
                Mode::Reject => reply("550 no such user")?,
                Mode::Accept | Mode::Stall | Mode::Drop => {
                    to.push(path(&line));
                    reply("250 ok")?;
                }
            }
        } else if command == "DATA" {
            reply("354 go ahead")?;
            let mut text = String::new();
            loop {
                let line = next()?;
                if line == "." {
                    break;
                }
                text.push_str(line.strip_prefix('.').unwrap_or(&line));
                text.push_str("\r\n");
            }
            let received = Received { from: from.clone(), to: std::mem::take(&mut to), text };
            state.lock().unwrap().1.push(received);
            match mode {
                Mode::Stall => {
                    // Waits until the client gives up.
                    next()?;
                }
                Mode::Drop => return None,
                Mode::Accept | Mode::Refuse | Mode::Reject => reply("250 queued")?,
            }
        } else if command == "RSET" || command == "NOOP" {
            to.clear();
            reply("250 ok")?;
        } else if command == "QUIT" {
            return reply("221 bye");
        } else {
            reply("502 unknown")?;
        }
    }
}
