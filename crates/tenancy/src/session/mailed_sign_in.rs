//! Sign-in with a link or a code that is sent by mail, if the rules of the tenant allow it.
//!
//! A request changes nothing, and its response is the same whether an account exists or not. It returns a random request
//! token, and the code in the message is valid only with it. So nobody can guess the code of a message that another
//! browser has asked for. The link is valid in every browser: its token has 256 random bits.
//!
//! Both are one factor. They verify the address that received them.

use std::rc::Rc;

use chrono::TimeDelta;

use super::{
    Proof, SignedIn, challenge,
    mailed::{self, Kind},
    sign_in::begin_session,
};
use crate::{
    audit,
    context::Context,
    error::{AccountError, Error, Result},
    event::{Actor, Entry, Event, Severity, name},
    identifier::EmailAddress,
    login_throttling::{self, Outcome, Target},
    mail::{
        insertion::NewMessage,
        require_transport,
        template::{Language, Purpose},
    },
    metrics::Login,
    resolve::{self, SignInTarget},
    security_policy::{self, SecurityPolicy},
    tenant::{Tenant, TenantDb},
    token::{SignInCode, SignInRequest, SignInToken},
    user::{
        User,
        repo::{
            account_tokens::{self, CodeHashes, SignInProof},
            credentials::NeededFactor,
        },
    },
    verified_address,
};

/// How long the link and the code are valid.
const LIFETIME: TimeDelta = TimeDelta::minutes(10);
const KIND: Kind =
    Kind { name: "sign-in", purpose: Purpose::SignIn, event: name::AUTH_MAILED_SIGN_IN_REQUESTED };

/// The result of a request for a sign-in by mail.
pub struct Requested {
    /// The token of the request, with which the code is valid. It exists for unknown accounts, too.
    pub request: SignInRequest,
    /// The seconds for which the link and the code are valid.
    pub expires_in: i64,
}

/// The proof of control of an address.
pub enum MailedProof {
    /// The token in the link.
    Link(SignInToken),
    /// The code, and the request for it.
    Code(SignInRequest, SignInCode),
}

/// Sends a link and a code to an address, if it is that of an active user.
///
/// # Errors
/// [`AccountError::MailNotConfigured`]; [`AccountError::MailedSignInDisabled`], also for an unknown tenant; [`Error::RateLimited`] after
/// too many requests of the network, whether a user has the address or not.
pub async fn request(
    context: &Rc<Context>,
    target: SignInTarget,
    email: &EmailAddress,
    language: Option<Language>,
    actor: &Actor,
) -> Result<Requested> {
    require_transport(context)?;
    let SignInTarget { tenant, refusal, subject } = target;
    mailed::limit_rate(context, subject, &KIND, email, actor).await?;
    let Some(tenant) = tenant else {
        // The same response and work as for a tenant with the default rules.
        resolve::stand_in(context).await?;
        return Err(AccountError::MailedSignInDisabled.into());
    };
    require_allowed(context, &tenant).await?;
    let random = &*context.platform.random;
    let token = SignInToken::generate(tenant.id, random);
    let request = SignInRequest::generate(tenant.id, random);
    let code = SignInCode::generate(random);
    let hashes = CodeHashes { request: request.hash(), code: code.hash(&request) };
    let expires_at = context.platform.clock.now() + LIFETIME;
    let secrets = (&token, &code);
    let address = email.as_str();
    let message = NewMessage::with_code(context, &tenant, language, address, secrets, expires_at)?;
    let is_refused = refusal.is_some();
    let asked = mailed::Asked { email, is_refused, message, code: Some(hashes) };
    mailed::send(context, &tenant, &KIND, asked, actor).await?;
    Ok(Requested { request, expires_in: LIFETIME.num_seconds() })
}

/// Returns the rules of a tenant if they allow sign-ins by mail.
async fn require_allowed(context: &Context, tenant: &Tenant) -> Result<SecurityPolicy> {
    let policy = security_policy::get(context, tenant).await?;
    if policy.mailed_sign_in { Ok(policy) } else { Err(AccountError::MailedSignInDisabled.into()) }
}

/// Signs in the user that a proof belongs to. Other links and codes of the user end, and the address is verified.
///
/// # Errors
/// [`AccountError::InvalidToken`] if the proof is invalid, used or expired, or was sent to a former address;
/// [`AccountError::MailedSignInDisabled`]; [`Error::NetworkNotAllowed`]; [`Error::TooManyAttempts`] after several wrong codes;
/// [`SecondFactorError::Required`](crate::error::SecondFactorError::Required) if the sign-in needs a second factor.
pub async fn confirm(
    context: &Rc<Context>,
    tenant: &Tenant,
    proof: &MailedProof,
    actor: &Actor,
) -> Result<SignedIn> {
    require_transport(context)?;
    let policy = require_allowed(context, tenant).await?;
    // A refusal afterwards would use up the proof.
    policy.check_network(actor)?;
    let Some((user, needed)) = accept(context, tenant, proof, actor).await? else {
        context.counters.login(Login::Failure);
        let event =
            Event::new(name::AUTH_MAILED_SIGN_IN_FAILED).severity(Severity::Warning).failed();
        let network =
            actor.origin().address.map(login_throttling::network_text).unwrap_or_default();
        audit::record_rarely(context, Entry::new(context, Some(tenant.id), actor, event), &network);
        return Err(AccountError::InvalidToken.into());
    };
    context.counters.login(Login::Success);
    verified_address::publish_later(context, tenant);
    audit::flush_later(context, tenant);
    let database = TenantDb::connect(context, tenant).await?;
    challenge::ask_for_second_factor(context, tenant, &database, &user, needed).await?;
    begin_session(context, tenant, &database, user, Proof::OneFactor, actor).await
}

/// Uses a proof. A code is throttled like a password.
async fn accept(
    context: &Rc<Context>,
    tenant: &Tenant,
    proof: &MailedProof,
    actor: &Actor,
) -> Result<Option<(User, NeededFactor)>> {
    let (request, code) = match proof {
        MailedProof::Link(token) => {
            return use_up(context, tenant, SignInProof::Link(token.hash()), actor).await;
        }
        MailedProof::Code(request, code) => (request, code),
    };
    let hashes = CodeHashes { request: request.hash(), code: code.hash(request) };
    let account = format!("sign-in {}", base16ct::lower::encode_string(&hashes.request));
    let target = Target {
        tenant: tenant.id,
        is_tenant: true,
        account: &account,
        address: actor.origin().address,
        is_known_address: false,
        device: None,
    };
    let attempt = login_throttling::begin(context, &target).await.inspect_err(|error| {
        if matches!(error, Error::TooManyAttempts { .. }) {
            context.counters.login(Login::Throttled);
        }
    })?;
    let outcome = use_up(context, tenant, SignInProof::Code(hashes), actor).await;
    attempt.end(context, Outcome::of(&outcome)).await;
    outcome
}

async fn use_up(
    context: &Rc<Context>,
    tenant: &Tenant,
    proof: SignInProof,
    actor: &Actor,
) -> Result<Option<(User, NeededFactor)>> {
    let event = Event::new(name::AUTH_MAILED_SIGN_IN_ACCEPTED).with_actor_from_statement();
    let entry = Entry::new(context, Some(tenant.id), actor, event);
    // No connection is held while other attempts wait for their turn.
    let database = TenantDb::connect(context, tenant).await?;
    let now = context.platform.clock.now();
    account_tokens::use_sign_in(&database, proof, now, &entry).await
}

#[cfg(test)]
mod tests {
    use futures::executor::block_on;
    use platform::{
        sql::{Row, Value},
        testing::{PreparedSql, row},
    };

    use super::*;
    use crate::{event::Origin, input::Text as _, testing};

    const MAIL: &[(&str, &str)] = &[
        ("MAIL_TRANSPORT", "smtp"),
        ("MAIL_FROM", "no-reply@saas.example"),
        ("PUBLIC_URL", "https://app.saas.example"),
    ];

    fn policy(is_allowed: bool) -> Row {
        row(vec![
            ("second_factor_roles", Vec::<String>::new().into()),
            ("second_factor_grace_days", 7_i32.into()),
            ("recent_sign_in_minutes", Value::Null),
            ("session_idle_minutes", Value::Null),
            ("session_lifetime_minutes", Value::Null),
            ("max_sessions", Value::Null),
            ("allowed_networks", Value::Null),
            ("password_min_length", Value::Null),
            ("mailed_sign_in", is_allowed.into()),
            ("reject_breached_passwords", false.into()),
            ("passkey_domain", Value::Null),
        ])
    }

    /// Makes a request to a tenant, if there is one. Returns the result and the number of statements that were prepared
    /// and not made.
    fn request(
        is_tenant: bool,
        refusal: Option<Error>,
        is_allowed: bool,
        has_user: bool,
    ) -> (Result<Requested>, usize) {
        let sql = Rc::<PreparedSql>::default();
        let context = testing::context_with(&sql, MAIL);
        if is_tenant {
            sql.reply("FROM security_policy", vec![policy(is_allowed)]);
        } else {
            sql.reply("FROM tenants", vec![]);
        }
        if is_tenant && is_allowed {
            let found = has_user.then(|| row(vec![("id", testing::USER.into())]));
            sql.reply("SELECT id FROM users", found.into_iter().collect());
            let issued = row(vec![("is_issued", has_user.into())]);
            sql.reply("INSERT INTO account_tokens", vec![issued]);
        }
        let tenant = is_tenant.then(|| testing::tenant(&context));
        let target = SignInTarget { tenant, refusal, subject: testing::TENANT };
        let email = EmailAddress::parse("ada@acme.example").unwrap();
        let actor = Actor::anonymous(Origin::default());
        let result = block_on(super::request(&context, target, &email, None, &actor));
        (result, sql.left())
    }

    // S57
    #[test]
    fn every_account_takes_the_same_statements() {
        let suspended = || Some(Error::TenantSuspended);
        for (refusal, has_user) in
            [(None, true), (None, false), (suspended(), true), (suspended(), false)]
        {
            let (result, left) = request(true, refusal, true, has_user);
            let requested = result.unwrap();
            assert_eq!((requested.expires_in, left), (600, 0));
            assert_eq!(requested.request.tenant(), testing::TENANT);
        }
    }

    // S57
    #[test]
    fn unknown_tenant_has_the_default_rules() {
        for is_tenant in [true, false] {
            let (result, left) = request(is_tenant, None, false, true);
            assert!(
                matches!(result, Err(Error::Account(AccountError::MailedSignInDisabled))),
                "{is_tenant}"
            );
            assert_eq!(left, 0);
        }
    }
}
