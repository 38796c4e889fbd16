//! The message in the format of RFC 5322.

use std::time::SystemTime;

use anyhow::{Context as _, Result};
use lettre::{
    Message,
    address::{Address, Envelope},
    message::{
        Mailbox, MultiPart,
        header::{Header, HeaderName, HeaderValue},
    },
};
use tenancy::mail::delivery::Outgoing;

/// `Auto-Submitted: auto-generated` (RFC 3834): no absence notice returns.
#[derive(Clone)]
struct AutoSubmitted;

impl Header for AutoSubmitted {
    fn name() -> HeaderName {
        HeaderName::new_from_ascii_str("Auto-Submitted")
    }

    fn parse(_: &str) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        Ok(Self)
    }

    fn display(&self) -> HeaderValue {
        HeaderValue::new(Self::name(), "auto-generated".to_owned())
    }
}

/// A message that is ready to send.
pub struct Composed {
    /// The addresses of the sender and the recipient.
    pub envelope: Envelope,
    /// The headers and the bodies.
    pub bytes: Vec<u8>,
}

/// Writes the message. The date is that of the attempt, and the `Message-ID` is the same for each attempt, so that mail
/// programs show a message once that arrives twice.
pub fn compose(outgoing: &Outgoing, from: &str, now: SystemTime) -> Result<Composed> {
    let from: Address = from.parse().context("MAIL_FROM is no address")?;
    let to: Address = outgoing.address().parse().context("the recipient has no valid address")?;
    let id = format!("<{}@{}>", outgoing.id(), from.domain());
    let envelope = Envelope::new(Some(from.clone()), vec![to.clone()])?;
    let rendered = &outgoing.rendered;
    let body = MultiPart::alternative_plain_html(rendered.text.clone(), rendered.html.clone());
    let message = Message::builder()
        .from(Mailbox::new(Some(outgoing.sender.clone()), from))
        .to(Mailbox::new(None, to))
        .subject(rendered.subject.clone())
        .message_id(Some(id))
        .date(now)
        .header(AutoSubmitted)
        .multipart(body)?;
    Ok(Composed { envelope, bytes: message.formatted() })
}
