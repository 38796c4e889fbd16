//! The HTTP API of a mail service: the message that the component `outbound` receives, the request that it sends, and
//! the reply that it returns.

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use uuid::Uuid;

use super::attempt::Outcome;
use crate::{
    identifier::EmailAddress,
    input::Text as _,
    settings::{MailApi, MailApiFormat},
};

/// The path of the component that receives messages.
pub const PATH: &str = "/mail";
/// The maximum length of a message in bytes, as JSON.
pub const LONGEST: usize = 256 * 1024;
/// The maximum length of the name of the sender and of the subject, in bytes.
const LONGEST_LINE: usize = 1000;
/// The maximum length of each body in bytes.
const LONGEST_BODY: usize = 100 * 1024;

/// A message that is ready to send.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Message {
    /// The id, which is the same for each attempt.
    pub id: Uuid,
    /// The name of the sender.
    pub sender: String,
    /// The address of the sender.
    pub from: String,
    /// The address of the recipient.
    pub to: String,
    /// The subject.
    pub subject: String,
    /// The body as text.
    pub text: String,
    /// The body as HTML.
    pub html: String,
}

/// The reply of the component.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Reply {
    /// The mail service responded.
    Answered {
        /// The status.
        status: u16,
        /// The header `Retry-After`.
        retry_after: Option<String>,
    },
    /// The mail service certainly did not receive the message.
    NotSent(String),
    /// The mail service may have received the message.
    NoAnswer(String),
}

/// A request to the mail service.
#[derive(Debug)]
pub struct Request {
    /// The path.
    pub target: &'static str,
    /// The headers, with names in lower case.
    pub headers: Vec<(&'static str, String)>,
    /// The body.
    pub body: Vec<u8>,
}

impl Message {
    /// Reads a message.
    ///
    /// # Errors
    /// The problem, without a part of the message.
    pub fn parse(bytes: &[u8]) -> Result<Self, &'static str> {
        if bytes.len() > LONGEST {
            return Err("the message is too long");
        }
        let message: Self = serde_json::from_slice(bytes).map_err(|_| "not a message")?;
        let is_address = |text: &String| EmailAddress::parse(text).is_ok();
        if ![&message.from, &message.to].into_iter().all(is_address) {
            return Err("an address is invalid");
        }
        let is_line =
            |text: &String| text.len() <= LONGEST_LINE && !text.chars().any(char::is_control);
        if ![&message.sender, &message.subject].into_iter().all(is_line) {
            return Err("the sender or the subject is invalid");
        }
        if [&message.text, &message.html].iter().any(|body| body.len() > LONGEST_BODY) {
            return Err("a body is too long");
        }
        Ok(message)
    }

    /// Returns the request that sends the message.
    pub fn request(&self, api: &MailApi) -> Request {
        let token = api.token.expose();
        let (target, authorization, body) = match api.format {
            MailApiFormat::Json => {
                ("/messages", ("authorization", format!("Bearer {token}")), self.plain())
            }
            MailApiFormat::Resend => {
                ("/emails", ("authorization", format!("Bearer {token}")), self.resend())
            }
            MailApiFormat::Postmark => {
                ("/email", ("x-postmark-server-token", token.to_owned()), self.postmark())
            }
        };
        let headers = vec![
            authorization,
            ("accept", "application/json".to_owned()),
            ("content-type", "application/json".to_owned()),
            // A service that knows the key does not send a message again.
            ("idempotency-key", self.id.to_string()),
            ("user-agent", "tenancy".to_owned()),
        ];
        Request { target, headers, body: body.to_string().into_bytes() }
    }

    fn plain(&self) -> Value {
        json!({
            "id": self.id,
            "from": { "name": self.sender, "address": self.from },
            "to": self.to,
            "subject": self.subject,
            "text": self.text,
            "html": self.html,
            "headers": { "Message-ID": self.message_id(), "Auto-Submitted": "auto-generated" },
        })
    }

    // https://resend.com/docs/api-reference/emails/send-email
    fn resend(&self) -> Value {
        json!({
            "from": self.mailbox(),
            "to": [self.to],
            "subject": self.subject,
            "text": self.text,
            "html": self.html,
            "headers": { "Message-ID": self.message_id(), "Auto-Submitted": "auto-generated" },
        })
    }

    // https://postmarkapp.com/developer/api/email-api
    fn postmark(&self) -> Value {
        json!({
            "From": self.mailbox(),
            "To": self.to,
            "Subject": self.subject,
            "TextBody": self.text,
            "HtmlBody": self.html,
            "Headers": [
                { "Name": "Message-ID", "Value": self.message_id() },
                // Postmark replaces the `Message-ID` without this header.
                { "Name": "X-PM-KeepID", "Value": "true" },
                { "Name": "Auto-Submitted", "Value": "auto-generated" },
            ],
        })
    }

    /// Returns the `Message-ID`, which is the same for each attempt, so that mail programs show a message once that
    /// arrives twice.
    fn message_id(&self) -> String {
        let domain = self.from.rsplit('@').next().unwrap_or_default();
        format!("<{}@{domain}>", self.id)
    }

    /// Returns the sender with its name as a quoted string (RFC 5322).
    fn mailbox(&self) -> String {
        let name = self.sender.replace('\\', "\\\\").replace('"', "\\\"");
        format!("\"{name}\" <{}>", self.from)
    }
}

impl Reply {
    /// Returns how the attempt ended.
    pub fn outcome(&self, now: DateTime<Utc>) -> Outcome {
        match self {
            Self::Answered { status, retry_after } => {
                let delay = retry_after.as_deref().and_then(|text| delay(text, now));
                Outcome::of_response(*status, delay)
            }
            Self::NotSent(_) => Outcome::Refused { retry_after: None },
            Self::NoAnswer(_) => Outcome::Unanswered,
        }
    }
}

/// Reads `Retry-After`: seconds or a date (RFC 9110).
fn delay(text: &str, now: DateTime<Utc>) -> Option<TimeDelta> {
    match text.parse::<u32>() {
        Ok(seconds) => Some(TimeDelta::seconds(seconds.into())),
        Err(_) => DateTime::parse_from_rfc2822(text).ok().map(|at| at.with_timezone(&Utc) - now),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message() -> Value {
        json!({
            "id": "0197c5f0-6b1c-7a53-9d7c-0a3e4f5b6c7d",
            "sender": "Acme \"A\\B\"",
            "from": "no-reply@saas.example",
            "to": "ada@acme.example",
            "subject": "Hello",
            "text": "text",
            "html": "<p>html</p>",
        })
    }

    fn parse(message: &Value) -> Result<Message, &'static str> {
        Message::parse(message.to_string().as_bytes())
    }

    fn request(format: &str) -> (Request, Value) {
        let api = MailApi::parse("https://api.example.com", format, "s3cret").unwrap();
        let request = parse(&message()).unwrap().request(&api);
        let body = serde_json::from_slice(&request.body).unwrap();
        (request, body)
    }

    fn header<'a>(request: &'a Request, name: &str) -> Option<&'a str> {
        request.headers.iter().find(|(own, _)| *own == name).map(|(_, value)| value.as_str())
    }

    #[test]
    fn formats_have_path_token_and_key() {
        let id = "0197c5f0-6b1c-7a53-9d7c-0a3e4f5b6c7d";
        for (format, target, token) in [
            ("json", "/messages", ("authorization", "Bearer s3cret")),
            ("resend", "/emails", ("authorization", "Bearer s3cret")),
            ("postmark", "/email", ("x-postmark-server-token", "s3cret")),
        ] {
            let (request, body) = request(format);
            assert_eq!(request.target, target);
            assert_eq!(header(&request, token.0), Some(token.1), "{format}");
            assert_eq!(header(&request, "idempotency-key"), Some(id), "{format}");
            assert!(!body.to_string().contains("s3cret"), "{format}");
            assert!(body.to_string().contains(&format!("<{id}@saas.example>")), "{format}");
        }
        let sender = r#""Acme \"A\\B\"" <no-reply@saas.example>"#;
        assert_eq!(request("resend").1["from"], sender);
        assert_eq!(request("resend").1["to"], json!(["ada@acme.example"]));
        assert_eq!(request("postmark").1["From"], sender);
        assert_eq!(request("postmark").1["HtmlBody"], "<p>html</p>");
        assert_eq!(request("json").1["from"]["name"], "Acme \"A\\B\"");
    }

    #[test]
    fn invalid_message_is_refused() {
        let with = |name: &str, value: Value| {
            let mut message = message();
            message[name] = value;
            parse(&message).err()
        };
        assert_eq!(with("subject", json!("Hello")), None);
        let long = "a".repeat(LONGEST_BODY + 1);
        for (name, value) in [
            ("to", json!("ada")),
            ("to", json!("ada@acme.example, bob@acme.example")),
            ("to", json!("ada@acme.example\r\nBcc: bob@acme.example")),
            ("from", json!("")),
            ("sender", json!("A\r\nBcc: b@c.example")),
            ("subject", json!("a\nb")),
            ("subject", json!("a".repeat(LONGEST_LINE + 1))),
            ("text", json!(long)),
            ("html", json!(long)),
            ("id", json!("1")),
            ("bcc", json!("bob@acme.example")),
            ("html", Value::Null),
        ] {
            assert!(with(name, value.clone()).is_some(), "{name}");
        }
        assert!(Message::parse(b"").is_err());
        assert!(Message::parse(&vec![b' '; LONGEST + 1]).is_err());
    }

    #[test]
    fn replies_have_outcomes() {
        let now = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        let answered = |status, retry_after: Option<&str>| {
            Reply::Answered { status, retry_after: retry_after.map(str::to_owned) }.outcome(now)
        };
        let refused = |seconds: Option<i64>| Outcome::Refused {
            retry_after: seconds.map(TimeDelta::seconds),
        };
        assert_eq!(answered(202, None), Outcome::Accepted);
        assert_eq!(answered(429, Some("30")), refused(Some(30)));
        let date = (now + TimeDelta::seconds(90)).format("%a, %d %b %Y %H:%M:%S GMT").to_string();
        assert_eq!(answered(503, Some(&date)), refused(Some(90)));
        for text in ["", "-1", "soon", "99999999999999999999"] {
            assert_eq!(answered(429, Some(text)), refused(None), "{text}");
        }
        assert_eq!(Reply::NotSent(String::new()).outcome(now), refused(None));
        assert_eq!(Reply::NoAnswer(String::new()).outcome(now), Outcome::Unanswered);
    }
}
