//! The transport of mail.

/// How messages to users are sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MailTransport {
    /// The service sends no messages. Callers pass setup tokens on.
    None,
    /// `tenantctl mail deliver` sends them by SMTP.
    Smtp,
    /// The service calls the HTTP API of a mail service.
    Http,
}

impl MailTransport {
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        match text {
            "none" => Ok(Self::None),
            "smtp" => Ok(Self::Smtp),
            "http" => Ok(Self::Http),
            _ => Err("must be none, smtp or http".to_owned()),
        }
    }
}
