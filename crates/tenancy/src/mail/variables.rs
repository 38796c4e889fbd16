//! The variables of a message, which are stored sealed.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::error::{Error, Result};

/// The variables of a message. They contain secrets, so they have no `Debug`.
#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Variables {
    /// The token in the link.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) token: Option<String>,
    /// The code of a sign-in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) code: Option<String>,
    /// When the event of a notice happened.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) at: Option<DateTime<Utc>>,
    /// The browser and the system of the request.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) device: Option<String>,
    /// The address of the client.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) network: Option<String>,
}

impl Variables {
    /// Returns the variables of a message that has only a token.
    pub(crate) fn of_token(token: String) -> Self {
        Self { token: Some(token), ..Self::default() }
    }

    /// Returns the stored form: the token, or an object if there is more. No token begins like an object.
    pub(super) fn to_bytes(&self) -> Result<Zeroizing<Vec<u8>>> {
        let bytes = match self {
            Self { token: Some(token), code: None, at: None, device: None, network: None } => {
                token.clone().into_bytes()
            }
            more => serde_json::to_vec(more).map_err(Error::internal)?,
        };
        Ok(Zeroizing::new(bytes))
    }

    /// Reads the stored form.
    ///
    /// # Errors
    /// [`Error::Internal`] if it is damaged.
    pub(super) fn parse(bytes: &[u8]) -> Result<Self> {
        if bytes.starts_with(b"{") {
            return serde_json::from_slice(bytes).map_err(|_| Error::internal("invalid variables"));
        }
        let token = std::str::from_utf8(bytes).map_err(Error::internal)?;
        Ok(Self::of_token(token.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_are_read_as_they_were_written() {
        let read =
            |variables: &Variables| Variables::parse(&variables.to_bytes().unwrap()).unwrap();
        let token = Variables::of_token("lds_x".to_owned());
        assert_eq!(&**token.to_bytes().unwrap(), b"lds_x");
        assert_eq!((read(&token).token.as_deref(), read(&token).code), (Some("lds_x"), None));
        let code = Some("12345678".to_owned());
        let both = read(&Variables { code, ..token });
        assert_eq!(
            (both.token.as_deref(), both.code.as_deref()),
            (Some("lds_x"), Some("12345678"))
        );
        let device = Some("Firefox, Windows".to_owned());
        let at = Some(DateTime::UNIX_EPOCH);
        let notice = read(&Variables { at, device: device.clone(), ..Variables::default() });
        assert_eq!((notice.token, notice.at, notice.device), (None, at, device));
        assert!(Variables::parse(b"{").is_err() && Variables::parse(&[0xff]).is_err());
    }
}
