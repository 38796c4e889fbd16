//! The transport of mail.

/// How messages to users are sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MailTransport {
    /// The service sends no messages. Callers pass setup tokens on.
    None,
    /// `tenantctl mail deliver` sends them by SMTP.
    Smtp,
}

impl MailTransport {
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        match text {
            "none" => Ok(Self::None),
            "smtp" => Ok(Self::Smtp),
            _ => Err("must be none or smtp".to_owned()),
        }
    }
}
