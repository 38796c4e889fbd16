//! Mail to users. A message is written in the statement of its cause. `tenantctl mail deliver` sends it by SMTP, or the
//! service by the HTTP API of a mail service.
//!
//! The row of a message has its sealed variables only, such as the token. Its text and its link follow from the settings at the time of the
//! delivery, so a domain that a tenant no longer has is in no later message.

pub mod api;
pub mod attempt;
mod cipher;
pub mod delivery;
pub mod due;
pub mod escape;
pub(crate) mod insertion;
pub mod link;
pub mod message;
pub mod messages;
pub(crate) mod notice;
mod purpose;
pub(crate) mod repo;
pub mod sending;
pub mod settings;
pub mod template;
mod texts;
pub(crate) mod variables;

pub(crate) use cipher::VariablesCipher;
pub use insertion::Posting;

use crate::{
    context::Context,
    error::{AccountError, Result},
    settings::MailTransport,
};

/// Checks that the service sends mail.
///
/// # Errors
/// [`AccountError::MailNotConfigured`].
pub(crate) fn require_transport(context: &Context) -> Result<()> {
    if context.settings.mail_transport == MailTransport::None {
        return Err(AccountError::MailNotConfigured.into());
    }
    Ok(())
}
