//! The HTTP API of a mail service.

use super::origin::{origin, serialized};
use crate::{error::InvalidSetting, secret::Secret};

/// The maximum length of a token in bytes.
const LONGEST_TOKEN: usize = 1024;

/// The form of the requests of a mail service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MailApiFormat {
    /// The plain form that docs/mail.md describes, for a service of your own.
    Json,
    /// Resend.
    Resend,
    /// Postmark.
    Postmark,
}

impl MailApiFormat {
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        match text {
            "json" => Ok(Self::Json),
            "resend" => Ok(Self::Resend),
            "postmark" => Ok(Self::Postmark),
            _ => Err("must be json, resend or postmark".to_owned()),
        }
    }
}

/// The settings of the component that calls the mail service. No other component has its token.
#[derive(Debug)]
pub struct MailApi {
    /// The origin: `https://api.example.com`.
    pub origin: String,
    /// The form of the requests.
    pub format: MailApiFormat,
    /// The token of the account.
    pub token: Secret,
}

impl MailApi {
    /// Parses the settings. An absent setting is empty.
    ///
    /// # Errors
    /// The first missing or invalid setting.
    pub fn parse(url: &str, format: &str, token: &str) -> Result<Self, InvalidSetting> {
        let invalid = |name| move |message| InvalidSetting { name, message };
        let url = origin(url.trim()).map_err(invalid("MAIL_API_URL"))?;
        let format = MailApiFormat::parse(format.trim()).map_err(invalid("MAIL_API_FORMAT"))?;
        let token = mail_api_token(token.trim()).map_err(invalid("MAIL_API_TOKEN"))?;
        Ok(Self { origin: serialized(&url), format, token })
    }
}

/// Parses the token, which must be valid in an HTTP header.
pub(super) fn mail_api_token(text: &str) -> Result<Secret, String> {
    let is_token = (1..=LONGEST_TOKEN).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_graphic());
    if is_token {
        Ok(Secret::from(text.to_owned()))
    } else {
        Err(format!("must be 1 to {LONGEST_TOKEN} visible ASCII characters"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn url_is_an_origin() {
        let origin = |url| MailApi::parse(url, "json", "token").map(|api| api.origin);
        assert_eq!(origin("https://api.example.com/").unwrap(), "https://api.example.com");
        assert_eq!(origin(" http://127.0.0.1:8025 ").unwrap(), "http://127.0.0.1:8025");
        for url in [
            "",
            "api.example.com",
            "http://api.example.com",
            "https://user:secret@api.example.com",
            "https://api.example.com/v1",
            "https://api.example.com?a",
            "https://api.example.com#a",
            "ftp://api.example.com",
        ] {
            let error = origin(url).unwrap_err();
            assert_eq!(error.name, "MAIL_API_URL", "{url}");
            assert!(!error.message.contains("secret"), "{url}");
        }
    }

    #[test]
    fn token_is_valid_in_a_header() {
        for token in ["", "a b", "a\nb", "é", &"a".repeat(1025)] {
            let error = MailApi::parse("https://a.example", "resend", token).unwrap_err();
            assert_eq!(error.name, "MAIL_API_TOKEN");
        }
        let error = MailApi::parse("https://a.example", "smtp", "token").unwrap_err();
        assert_eq!(error.name, "MAIL_API_FORMAT");
        let api = MailApi::parse("https://a.example", "postmark", "token").unwrap();
        assert_eq!((api.format, api.token.expose()), (MailApiFormat::Postmark, "token"));
        assert!(!format!("{api:?}").contains("token\""));
    }
}
