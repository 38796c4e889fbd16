//! The variables of a message, which are stored sealed.

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::error::{Error, Result};

/// The variables of a message. They contain secrets, so they have no `Debug`.
#[derive(Default, Serialize, Deserialize)]
pub(crate) struct Variables {
    /// The token in the link.
    pub(crate) token: String,
    /// The code of a sign-in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) code: Option<String>,
}

impl Variables {
    /// Returns the variables of a message that has only a token.
    pub(crate) fn of_token(token: String) -> Self {
        Self { token, ..Self::default() }
    }

    /// Returns the stored form: the token, or an object if there is more. No token begins like an object.
    pub(super) fn to_bytes(&self) -> Result<Zeroizing<Vec<u8>>> {
        let bytes = match self {
            Self { token, code: None } => token.clone().into_bytes(),
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
        let read = |variables: &Variables| Variables::parse(&variables.to_bytes().unwrap()).unwrap();
        let token = Variables::of_token("lds_x".to_owned());
        assert_eq!(&**token.to_bytes().unwrap(), b"lds_x");
        assert_eq!((read(&token).token.as_str(), read(&token).code), ("lds_x", None));
        let both = Variables { code: Some("12345678".to_owned()), ..token };
        let both = read(&both);
        assert_eq!((both.token.as_str(), both.code.as_deref()), ("lds_x", Some("12345678")));
        assert!(Variables::parse(b"{").is_err() && Variables::parse(&[0xff]).is_err());
    }
}
