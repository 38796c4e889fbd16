//! A new password for a forgotten one, without an administrator.
//!
//! A request changes nothing: passwords, sessions and earlier tokens stay valid. Its response, its statements and its
//! writes are the same whether an account exists or not.
//!
//! A stranger cannot prevent a recovery. Requests of one network count against this network only. While the user has the
//! maximum number of valid tokens, a request sends no message, but the mailbox has valid links.

use std::rc::Rc;

use chrono::TimeDelta;

use super::{
    SignedIn,
    mailed::{self, Kind},
    sign_in::{GivenPassword, set_password},
};
use crate::{
    audit,
    context::Context,
    credential::NewPassword,
    error::{AccountError, Result},
    event::{Actor, Entry, Event, Severity, name},
    identifier::EmailAddress,
    login_throttling,
    mail::{
        insertion::NewMessage,
        require_transport,
        template::{Language, Purpose},
    },
    resolve::{self, SignInTarget},
    tenant::Tenant,
    token::RecoveryToken,
    user::repo::credentials::PasswordToken,
    version_cache::Changed,
};

/// How long a token is valid.
const LIFETIME: TimeDelta = RecoveryToken::LIFETIME;
const KIND: Kind = Kind {
    name: "recovery",
    purpose: Purpose::PasswordRecovery,
    event: name::PASSWORD_RECOVERY_REQUESTED,
};

/// Sends a token for a new password to an address, if it is that of an active user. Returns the seconds for which the
/// token is valid.
///
/// # Errors
/// [`AccountError::MailNotConfigured`]; [`Error::RateLimited`] after too many requests of the network, whether a user has the
/// address or not.
pub async fn request(
    context: &Rc<Context>,
    target: SignInTarget,
    email: &EmailAddress,
    language: Option<Language>,
    actor: &Actor,
) -> Result<i64> {
    require_transport(context)?;
    let SignInTarget { tenant, refusal, subject } = target;
    mailed::limit_rate(context, subject, &KIND, email, actor).await?;
    let Some(tenant) = tenant else {
        resolve::stand_in(context).await?;
        resolve::stand_in(context).await?;
        return Ok(LIFETIME.num_seconds());
    };
    let token = RecoveryToken::generate(tenant.id, &*context.platform.random);
    let expires_at = context.platform.clock.now() + LIFETIME;
    let message = NewMessage::new(context, &tenant, language, email.as_str(), &token, expires_at)?;
    let asked = mailed::Asked { email, is_refused: refusal.is_some(), message, code: None };
    mailed::send(context, &tenant, &KIND, asked, actor).await?;
    Ok(LIFETIME.num_seconds())
}

/// Sets the password of the user that a token belongs to, ends every session and all other tokens of the user, and signs
/// the user in. The token has reached the address of the user, so the address is verified.
///
/// # Errors
/// [`AccountError::InvalidToken`] if the token is invalid, used or expired, or was sent to a former address.
/// [`SecondFactorError::Required`](crate::error::SecondFactorError::Required) if the password is set and the sign-in
/// needs a second factor.
pub async fn confirm(
    context: &Rc<Context>,
    tenant: &Tenant,
    token: &RecoveryToken,
    password: NewPassword,
    actor: &Actor,
) -> Result<Changed<SignedIn>> {
    require_transport(context)?;
    let field = "new_password";
    let password = password.accept(&context.settings, field)?;
    let given = GivenPassword { password, field, event: name::PASSWORD_RECOVERED };
    let token = PasswordToken::Recovery(token.hash());
    if let Some(changed) = set_password(context, tenant, token, given, actor).await? {
        return Ok(changed);
    }
    let event = Event::new(name::PASSWORD_RECOVERY_FAILED).severity(Severity::Warning).failed();
    let network = actor.origin().address.map(login_throttling::network_text).unwrap_or_default();
    audit::record_rarely(context, Entry::new(context, Some(tenant.id), actor, event), &network);
    Err(AccountError::InvalidToken.into())
}

#[cfg(test)]
mod tests {
    use futures::executor::block_on;
    use platform::testing::{PreparedSql, row};
    use uuid::Uuid;

    use super::*;
    use crate::{error::Error, event::Origin, input::Text as _, testing};

    const MAIL: &[(&str, &str)] = &[
        ("MAIL_TRANSPORT", "smtp"),
        ("MAIL_FROM", "no-reply@saas.example"),
        ("PUBLIC_URL", "https://app.saas.example"),
    ];

    /// Makes a request with these results of the statements. Returns the result and the number of statements that were
    /// prepared and not made.
    fn request(
        changes: &[(&'static str, &'static str)],
        refusal: Option<Error>,
        found: Option<Uuid>,
        is_issued: bool,
    ) -> (Result<i64>, usize) {
        let sql = Rc::<PreparedSql>::default();
        let context = testing::context_with(&sql, changes);
        let found = found.map(|id| row(vec![("id", id.into())]));
        sql.reply("SELECT id FROM users", found.into_iter().collect());
        let issued = row(vec![("is_issued", is_issued.into())]);
        sql.reply("INSERT INTO account_tokens", vec![issued]);
        let tenant = testing::tenant(&context);
        let target = SignInTarget { tenant: Some(tenant), refusal, subject: testing::TENANT };
        let email = EmailAddress::parse("ada@acme.example").unwrap();
        let actor = Actor::anonymous(Origin::default());
        let result = block_on(super::request(&context, target, &email, None, &actor));
        (result, sql.left())
    }

    // S52
    #[test]
    fn every_account_takes_the_same_statements() {
        let suspended = || Some(Error::TenantSuspended);
        for (refusal, found, is_issued) in [
            (None, Some(testing::USER), true),
            (None, Some(testing::USER), false),
            (None, None, false),
            (suspended(), Some(testing::USER), false),
            (suspended(), None, false),
        ] {
            let (result, left) = request(MAIL, refusal, found, is_issued);
            assert_eq!((result.unwrap(), left), (1800, 0), "{found:?} {is_issued}");
        }
    }

    #[test]
    fn service_without_mail_makes_no_statement() {
        let (result, left) = request(&[], None, Some(testing::USER), true);
        assert!(
            matches!(result, Err(Error::Account(AccountError::MailNotConfigured))),
            "{result:?}"
        );
        assert_eq!(left, 2);
    }
}
