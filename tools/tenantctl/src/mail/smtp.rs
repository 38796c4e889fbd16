//! A connection to the mail server.
//!
//! The commands are sent one by one, because the outcome depends on the command that fails: until the message itself is
//! sent, the server certainly did not accept it.

use std::{env, net::IpAddr, time::Duration};

use anyhow::{Context as _, Result};
use lettre::transport::smtp::{
    Error,
    authentication::{Credentials, Mechanism},
    client::{SmtpConnection, TlsParameters},
    commands::{Data, Mail, Rcpt, Rset},
    extension::{ClientId, Extension, MailBodyParameter, MailParameter},
};
use percent_encoding::percent_decode_str;
use tenancy::mail::attempt::Outcome;
use url::Url;

use super::compose::Composed;
use crate::exit::Exit;

/// The deadline of each read and write. An attempt takes a few of them, and less time than its claim.
const DEADLINE: Duration = Duration::from_secs(10);

/// The mail server, from the environment variable `SMTP_URL`.
#[derive(Clone)]
pub struct Server {
    host: String,
    port: u16,
    tls: Tls,
    credentials: Option<Credentials>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Tls {
    None,
    Required,
    Implicit,
}

impl Server {
    /// Reads `SMTP_URL`. Errors do not contain it, because it has the password.
    pub fn from_environment() -> Result<Self> {
        let text = env::var("SMTP_URL").or_else(|_| env::var("SPIN_VARIABLE_SMTP_URL"));
        let text = text.ok().filter(|text| !text.trim().is_empty());
        let text = text.ok_or_else(|| Exit::Usage.error("SMTP_URL is required"))?;
        Self::parse(&text).map_err(|problem| Exit::Usage.error(format!("SMTP_URL {problem}")))
    }

    fn parse(text: &str) -> Result<Self, &'static str> {
        const FORM: &str = "must have the form smtps://user:password@host or smtp://user:password@host:587?tls=required";
        let url = Url::parse(text.trim()).map_err(|_| FORM)?;
        let (tls, port) = match (url.scheme(), url.query()) {
            ("smtps", None) => (Tls::Implicit, 465),
            ("smtp", Some("tls=required")) => (Tls::Required, 587),
            ("smtp", None) => (Tls::None, 25),
            _ => return Err(FORM),
        };
        let host = url.host_str().filter(|host| !host.is_empty()).ok_or(FORM)?;
        let decode = |text: &str| percent_decode_str(text).decode_utf8().map(String::from);
        let credentials = match url.password() {
            Some(password) => {
                let user = decode(url.username()).map_err(|_| FORM)?;
                Some(Credentials::new(user, decode(password).map_err(|_| FORM)?))
            }
            None if url.username().is_empty() => None,
            None => return Err("must have a password after the user"),
        };
        // Tokens and passwords cross a network only with TLS.
        if tls == Tls::None && credentials.is_some() && !is_loopback(&url) {
            return Err("must not send a password without TLS: use smtps:// or ?tls=required");
        }
        let host = host.trim_matches(['[', ']']).to_owned();
        Ok(Self { host, port: url.port().unwrap_or(port), tls, credentials })
    }
}

fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// An open connection that is signed in.
pub struct Connection(SmtpConnection);

impl Connection {
    /// Connects and signs in. No message has been claimed yet, so a failure has no effect on messages.
    pub fn open(server: &Server) -> Result<Self> {
        let hello = ClientId::default();
        let parameters = match server.tls {
            Tls::None => None,
            Tls::Required | Tls::Implicit => Some(TlsParameters::new(server.host.clone())?),
        };
        let implicit = parameters.as_ref().filter(|_| server.tls == Tls::Implicit);
        let address = (server.host.as_str(), server.port);
        let connection = SmtpConnection::connect(address, Some(DEADLINE), &hello, implicit, None);
        let mut connection = connection.context("the mail server is unreachable")?;
        if server.tls == Tls::Required
            && let Some(parameters) = &parameters
        {
            connection.starttls(parameters, &hello).context("the mail server refuses TLS")?;
        }
        if let Some(credentials) = &server.credentials {
            let mechanisms = [Mechanism::Plain, Mechanism::Login];
            let signed_in = connection.auth(&mechanisms, credentials);
            signed_in.context("the mail server refuses the user or the password")?;
        }
        Ok(Self(connection))
    }

    /// Sends a message. Returns the outcome, and whether the connection can send another one.
    pub fn send(&mut self, message: &Composed) -> (Outcome, bool) {
        if let Err(outcome) = self.begin(message) {
            // The server keeps the state of a refused message until it is reset.
            return (outcome, self.0.command(Rset).is_ok());
        }
        match self.0.message(&message.bytes) {
            Ok(_) => (Outcome::Accepted, true),
            Err(error) => match error.status() {
                Some(_) => (refusal(&error, Outcome::Rejected), !error.is_transient()),
                None => (Outcome::Unanswered, false),
            },
        }
    }

    /// Sends the commands before the message.
    fn begin(&mut self, message: &Composed) -> Result<(), Outcome> {
        const LATER: Outcome = Outcome::Refused { retry_after: None };
        let mut options = Vec::new();
        let mut addresses = message.envelope.to().iter().chain(message.envelope.from());
        if addresses.any(|address| !address.to_string().is_ascii()) {
            if !self.0.server_info().supports_feature(Extension::SmtpUtfEight) {
                return Err(Outcome::Rejected);
            }
            options.push(MailParameter::SmtpUtfEight);
        }
        if !message.bytes.is_ascii() {
            options.push(MailParameter::Body(MailBodyParameter::EightBitMime));
        }
        // A refusal of the sender is a fault of the settings and not of the message.
        let from = Mail::new(message.envelope.from().cloned(), options);
        self.0.command(from).map_err(|error| refusal(&error, LATER))?;
        for to in message.envelope.to() {
            let to = Rcpt::new(to.clone(), Vec::new());
            self.0.command(to).map_err(|error| refusal(&error, Outcome::Rejected))?;
        }
        self.0.command(Data).map_err(|error| refusal(&error, Outcome::Rejected))?;
        Ok(())
    }
}

/// Returns the outcome of a command that failed: `permanent` for a permanent refusal, or another attempt.
fn refusal(error: &Error, permanent: Outcome) -> Outcome {
    if error.is_permanent() { permanent } else { Outcome::Refused { retry_after: None } }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_of_servers_are_checked() {
        for (text, host, port) in [
            ("smtps://user:pass@mail.example.com", "mail.example.com", 465),
            ("smtp://user:pass@mail.example.com?tls=required", "mail.example.com", 587),
            ("smtp://mail.internal", "mail.internal", 25),
            ("smtp://user:pass@127.0.0.1:2525", "127.0.0.1", 2525),
            ("smtp://user:pass@[::1]:2525", "::1", 2525),
        ] {
            let server = Server::parse(text)
                .map_err(ToOwned::to_owned)
                .unwrap_or_else(|problem| panic!("{text}: {problem}"));
            assert_eq!((server.host.as_str(), server.port), (host, port), "{text}");
        }
        for text in [
            "",
            "mail.example.com",
            "http://mail.example.com",
            "smtp://mail.example.com?tls=opportunistic",
            "smtp://user:pass@mail.example.com",
            "smtps://user@mail.example.com",
            "smtps://",
        ] {
            let problem = Server::parse(text).err().unwrap_or_default();
            assert!(!problem.is_empty() && !problem.contains("pass@mail.example"), "{text}");
        }
    }
}
