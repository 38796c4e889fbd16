//! Password changes by users and password resets by administrators.

use std::rc::Rc;

use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::{
    audit,
    context::Context,
    credential::{NewPassword, Password},
    database_role::{self, Ending},
    error::{Error, Result, Unauthenticated},
    event::{Actor, Entry, Event, Severity, name},
    login_throttling,
    mail::{Posting, due, insertion::NewMessage, notice::Notice},
    security_policy,
    session::{
        Proof, SignedIn,
        sign_in::{Attempted, begin_session, compare},
    },
    tenant::{Tenant, TenantDb},
    token::SetupToken,
    user::{
        self, Reach,
        repo::{
            self,
            credentials::{self, PasswordChange},
        },
    },
    version_cache::{Change, Changed},
};

/// Changes the caller's password, ends every session of the user, and starts a new session with the factors of the
/// current one.
///
/// # Errors
/// [`Error::InvalidFields`] for `current_password` if it is wrong; [`Error::TooManyAttempts`] after several wrong
/// attempts.
pub async fn change_password(
    context: &Rc<Context>,
    tenant: &Tenant,
    user: Uuid,
    session: Uuid,
    current: &Password,
    new: NewPassword,
    actor: &Actor,
) -> Result<Changed<SignedIn>> {
    let new = new.accept(&context.settings, "new_password")?;
    let address = actor.origin().address.map(login_throttling::network_text);
    let found = {
        let database = TenantDb::connect(context, tenant).await?;
        credentials::find_own_credentials(&database, user, address.as_deref()).await?
    };
    let found = found.ok_or(Error::Unauthenticated(Unauthenticated::RevokedToken))?;
    let email = found.user.email.clone();
    let attempted = Attempted {
        tenant: Some(tenant),
        subject: tenant.id,
        email: &email,
        found: Some(&found),
        device: None,
        failure: name::PASSWORD_CHANGE_FAILED,
    };
    let is_right = compare(context, &attempted, current, actor).await?.is_some();
    if !is_right {
        return Err(Error::invalid_field("current_password", "is not your password"));
    }
    let policy = security_policy::get(context, tenant).await?;
    policy.check_network(actor)?;
    let hash = policy.hash_password(context, tenant, &new, "new_password").await?;
    let event = Event::new(name::PASSWORD_CHANGED).about("user", user);
    let entry = Entry::new(context, Some(tenant.id), actor, event);
    let change = PasswordChange {
        user,
        from: found.password_hash.as_deref(),
        to: Some(&hash),
        setup_token: None,
        reach: &Reach::own(),
        message: None,
        notice: Notice::new(context, tenant, &email, Some(actor.origin()))?,
    };
    let publication = Change::begin(context);
    let database = TenantDb::connect(context, tenant).await?;
    let changed = credentials::replace_password(&database, change, &entry).await?;
    let user =
        changed.ok_or_else(|| Error::unavailable("the password was changed concurrently"))?.user;
    publication.user(tenant.id, user.id, user.version).await;
    due::add_later(context, tenant);
    let effect = publication.finish().await;
    database_role::end(context, tenant, Ending::User(user.id)).await?;
    let proof = Proof::Session(session);
    let value = begin_session(context, tenant, &database, user, proof, actor).await?;
    Ok(Changed { value, effect })
}

/// The new setup token of a user whose password was reset.
pub struct PasswordReset {
    /// The token, if the service does not send it by mail.
    pub setup_token: Option<SetupToken>,
    /// Whether the service sends the token by mail.
    pub is_mailed: bool,
    /// When the token expires.
    pub expires_at: DateTime<Utc>,
}

/// Removes the password of a user, ends every session, and creates a setup token for a new password, which is sent by
/// mail or returned.
///
/// # Errors
/// [`Error::UserNotFound`]; [`Error::AdministratorRequired`] and [`Error::ScopeNotHeld`] if the user is outside the
/// caller's authority.
pub async fn reset_password(
    context: &Rc<Context>,
    tenant: &Tenant,
    user: Uuid,
    authority: &user::Authority,
    posting: Posting,
    actor: &Actor,
) -> Result<Changed<PasswordReset>> {
    let reach = authority.resettable(&tenant.definitions)?;
    let token = SetupToken::generate(tenant.id, &*context.platform.random);
    let expires_at = context.platform.clock.now() + context.settings.setup_token_lifetime;
    let event = Event::new(name::PASSWORD_RESET).about("user", user).severity(Severity::Warning);
    let entry = Entry::new(context, Some(tenant.id), actor, event);
    let publication = Change::begin(context);
    let database = TenantDb::connect(context, tenant).await?;
    // The token is sealed for the address. The statement does not send it if the address has changed meanwhile.
    let message = if posting.is_mailed(&context.settings) {
        let found = repo::find(&database, user).await?.ok_or(Error::UserNotFound)?;
        NewMessage::with_token(context, tenant, posting, &found.email, &token, expires_at)?
    } else {
        None
    };
    let change = PasswordChange {
        user,
        from: None,
        to: None,
        setup_token: Some(credentials::SetupToken { hash: token.hash(), expires_at }),
        reach: &reach,
        message,
        notice: None,
    };
    let Some(replaced) = credentials::replace_password(&database, change, &entry).await? else {
        let user = repo::find(&database, user).await?;
        let user = user.ok_or(Error::UserNotFound)?;
        return Err(authority.refusal(&tenant.definitions, &reach, &user));
    };
    let (user, is_mailed) = (replaced.user, replaced.is_mailed);
    publication.user(tenant.id, user.id, user.version).await;
    audit::flush_later(context, tenant);
    if is_mailed {
        due::add_later(context, tenant);
    }
    let effect = publication.finish().await;
    database_role::end(context, tenant, Ending::User(user.id)).await?;
    let setup_token = (!is_mailed).then_some(token);
    Ok(Changed { value: PasswordReset { setup_token, is_mailed, expires_at }, effect })
}
