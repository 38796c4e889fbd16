//! Signing in, and setting the first password.

use std::rc::Rc;

use serde::Serialize;

use super::{User, repo};
use crate::{
    credential::{NewPassword, Password, Verdict},
    email::EmailAddress,
    error::{Error, Result},
    http::Origin,
    log,
    tenancy::Tenancy,
    tenant::{Tenant, TenantDb},
    token::{OpaqueToken, Subject, TokenKind, session},
};

/// What somebody who has signed in goes on with.
#[derive(Serialize)]
pub struct SignedIn {
    access_token: String,
    refresh_token: String,
    token_type: &'static str,
    /// Seconds until the access token ends.
    expires_in: i64,
    user: User,
}

/// Signs a user in with address and password.
///
/// # Errors
/// [`Error::InvalidCredentials`], the same and after the same time for a wrong password, an unknown
/// address, a user without a password and one who is deactivated.
pub async fn sign_in(
    tenancy: &Rc<Tenancy>,
    tenant: &Tenant,
    email: &EmailAddress,
    password: Password,
    origin: &Origin,
) -> Result<SignedIn> {
    // A connection is not held while the password is hashed: others need it meanwhile.
    let found = {
        let database = TenantDb::connect(tenancy, tenant).await?;
        repo::find_credentials(&database, email.as_str()).await?
    };
    let kept = found.as_ref().and_then(|found| found.password_hash.as_deref());
    let verdict = tenancy.passwords.verify(tenancy, &password, kept).await?;
    let user = match found {
        Some(found) if verdict != Verdict::Wrong && found.user.is_active => {
            if let (Verdict::RightButWeak, Some(weak)) = (verdict, found.password_hash) {
                rehash_later(tenancy, tenant, found.user.id, password, weak);
            }
            found.user
        }
        _ => return Err(Error::InvalidCredentials),
    };
    let database = TenantDb::connect(tenancy, tenant).await?;
    begin_session(tenancy, tenant, &database, user, origin).await
}

/// Sets the password of the user that a setup token is for, and signs the user in.
///
/// # Errors
/// [`Error::InvalidSetupToken`] when the token does not count, or not any more.
pub async fn set_up(
    tenancy: &Tenancy,
    tenant: &Tenant,
    token: &OpaqueToken,
    password: NewPassword,
    origin: &Origin,
) -> Result<SignedIn> {
    let password = password.accept(&tenancy.settings, "password")?;
    let now = tenancy.platform.clock.now();
    // Hashing is the costly part, and not to be had with a token that is made up.
    let counts = {
        let database = TenantDb::connect(tenancy, tenant).await?;
        repo::has_setup_token(&database, &token.hash(), now).await?
    };
    if !counts {
        return Err(Error::InvalidSetupToken);
    }
    let hash = tenancy.passwords.hash(tenancy, &password).await?;
    let database = TenantDb::connect(tenancy, tenant).await?;
    let user = repo::use_setup_token(&database, &token.hash(), &hash, now)
        .await?
        .ok_or(Error::InvalidSetupToken)?;
    begin_session(tenancy, tenant, &database, user, origin).await
}

async fn begin_session(
    tenancy: &Tenancy,
    tenant: &Tenant,
    database: &TenantDb,
    mut user: User,
    origin: &Origin,
) -> Result<SignedIn> {
    let random = &*tenancy.platform.random;
    let now = tenancy.platform.clock.now();
    let refresh_token = OpaqueToken::generate(TokenKind::Refresh, tenant.id, random);
    let new = session::NewSession {
        id: random.uuid(now),
        user: user.id,
        token: &refresh_token,
        user_agent: origin.user_agent.as_deref(),
        address: origin.address.as_deref(),
        now,
        expires_at: now + tenancy.settings.refresh_token_lifetime,
    };
    if !session::begin(database, &new).await? {
        return Err(Error::InvalidCredentials);
    }
    user.last_login = Some(now);
    let subject = Subject {
        user: user.id,
        user_version: user.version,
        role: user.role,
        tenant: tenant.id,
        slug: tenant.slug.as_str(),
    };
    Ok(SignedIn {
        access_token: tenancy.access_tokens.issue(&subject, now, random)?,
        refresh_token: refresh_token.expose(),
        token_type: "bearer",
        expires_in: tenancy.access_tokens.lifetime_seconds(),
        user,
    })
}

/// Keeps the password with as many rounds as the setting asks for now. Nobody waits for it: where
/// it fails, the next sign-in does it.
fn rehash_later(
    tenancy: &Rc<Tenancy>,
    tenant: &Tenant,
    user: uuid::Uuid,
    password: Password,
    weak: String,
) {
    let (tenancy, tenant) = (Rc::clone(tenancy), tenant.clone());
    let executor = Rc::clone(&tenancy.platform.executor);
    executor.spawn(Box::pin(async move {
        let rehash = async {
            let hash = tenancy.passwords.hash(&tenancy, &password).await?;
            let database = TenantDb::connect(&tenancy, &tenant).await?;
            repo::replace_hash(&database, user, &weak, &hash).await
        };
        if let Err(error) = rehash.await {
            log::warning(&tenancy, "a password keeps its weaker hash", &error);
        }
    }));
}
