//! Checks the settings of the servers that the service calls. Their form is checked with all settings. No server is
//! called.

use anyhow::{Result, bail};
use tenancy::settings::{MailTransport, Settings};

use super::Finding;

/// Checks the settings of mail.
pub(super) fn check_mail(settings: &Settings) -> Result<Finding> {
    Ok(Finding::Good(match settings.mail_transport {
        MailTransport::None => "no transport, so responses contain the setup tokens".to_owned(),
        MailTransport::Smtp => "SMTP, by tenantctl mail deliver".to_owned(),
        MailTransport::Http => {
            let missing = [
                ("MAIL_API_URL", settings.mail_api_url.is_none()),
                ("MAIL_API_TOKEN", settings.mail_api_token.is_none()),
            ];
            let missing =
                missing.into_iter().filter_map(|(name, is_missing)| is_missing.then_some(name));
            let missing: Vec<_> = missing.collect();
            if !missing.is_empty() {
                bail!(
                    "MAIL_TRANSPORT=http requires {}: set it for the service and for tenantctl. Until then, messages \
                     wait",
                    missing.join(" and ")
                );
            }
            "HTTP API of a mail service".to_owned()
        }
    }))
}

/// Checks the list of breached passwords.
pub(super) fn check_breached_passwords(settings: &Settings) -> Finding {
    Finding::Good(match &settings.breached_passwords_url {
        Some(url) => format!("listed by {}", url.origin().ascii_serialization()),
        None => "no list, so tenants cannot refuse them (BREACHED_PASSWORDS_URL)".to_owned(),
    })
}
