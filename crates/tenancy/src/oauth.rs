//! Token introspection (RFC 7662) and revocation (RFC 7009) for services.
//!
//! A service can only query the tokens of its own tenant. Any other token is reported as inactive.

use std::rc::Rc;

use serde::Serialize;
use utoipa::{
    ToSchema,
    openapi::{Object, ObjectBuilder, Type},
};
use uuid::Uuid;

use crate::{
    access::{Grants, Role},
    admission::{self, Arrival, Metering},
    api_key::{self, ApiKey},
    context::Context,
    error::{Error, Result},
    event::Actor,
    session,
    tenant::{Tenant, TenantDb},
    token::{AccessTokens, RefreshToken},
    version_cache::Effect,
};

/// The result of an introspection (RFC 7662, section 2.2).
#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
pub enum Introspection {
    /// A valid token.
    Active(Box<ActiveToken>),
    /// An invalid token.
    Inactive(InactiveToken),
}

impl From<Option<ActiveToken>> for Introspection {
    fn from(token: Option<ActiveToken>) -> Self {
        match token {
            Some(token) => Self::Active(Box::new(ActiveToken { active: true, ..token })),
            None => Self::Inactive(InactiveToken::default()),
        }
    }
}

/// Returns the schema of a boolean with only one value, which distinguishes the two results.
fn only<const VALUE: bool>() -> Object {
    ObjectBuilder::new().schema_type(Type::Boolean).enum_values(Some([VALUE])).build()
}

/// The result for an invalid token, without details.
#[derive(Debug, Default, Serialize, ToSchema)]
pub struct InactiveToken {
    /// Always false.
    #[schema(schema_with = only::<false>)]
    active: bool,
}

/// The properties of a valid token.
#[derive(Debug, Default, Serialize, ToSchema)]
pub struct ActiveToken {
    /// Always true.
    #[schema(schema_with = only::<true>)]
    active: bool,
    /// The type of the token (RFC 6749, section 5.1).
    token_type: &'static str,
    /// `access_token`, `refresh_token` or `api_key`.
    kind: &'static str,
    /// The scopes and the permissions of the application, separated by spaces.
    scope: String,
    /// The id of the user, or of the API key.
    sub: Uuid,
    /// The id of the API key.
    #[serde(skip_serializing_if = "Option::is_none")]
    client_id: Option<Uuid>,
    /// The user's e-mail address.
    #[serde(skip_serializing_if = "Option::is_none")]
    username: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    role: Option<Role>,
    /// The id of the tenant.
    tid: Uuid,
    /// The tenant's slug.
    slug: String,
    /// The id of the session.
    #[serde(skip_serializing_if = "Option::is_none")]
    sid: Option<Uuid>,
    #[serde(skip_serializing_if = "Option::is_none")]
    iss: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    aud: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    jti: Option<Uuid>,
    #[serde(skip_serializing_if = "Option::is_none")]
    iat: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    nbf: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    exp: Option<i64>,
    /// How the user of an access token proved the identity (RFC 9470, section 6.2): `urn:tenancy:acr:one-factor` or
    /// `urn:tenancy:acr:two-factors`. Absent while the tenant's database is unavailable.
    #[serde(skip_serializing_if = "Option::is_none")]
    acr: Option<&'static str>,
    /// When the user of an access token last proved the identity, in seconds since 1970.
    #[serde(skip_serializing_if = "Option::is_none")]
    auth_time: Option<i64>,
}

/// Introspects a token of the tenant.
pub async fn introspect(
    context: &Rc<Context>,
    tenant: &Tenant,
    text: &str,
) -> Result<Introspection> {
    let token = if let Some(token) = RefreshToken::parse(&context.master_key, text)? {
        of_refresh_token(context, tenant, &token).await?
    } else if let Some(key) = ApiKey::parse(text) {
        of_api_key(context, tenant, &key).await?
    } else {
        of_access_token(context, tenant, text).await?
    };
    Ok(token.into())
}

async fn of_access_token(
    context: &Rc<Context>,
    tenant: &Tenant,
    text: &str,
) -> Result<Option<ActiveToken>> {
    let now = context.platform.clock.now();
    let claims = match AccessTokens::of(context).verify(text, now) {
        Ok(claims) if claims.tid == tenant.id => claims,
        _ => return Ok(None),
    };
    let admitted = admission::admit_user(context, &claims, Metering::None, Arrival::now(context));
    let admitted = match admitted.await {
        Ok(admitted) => admitted,
        Err(error @ (Error::Unavailable { .. } | Error::Internal(_))) => return Err(error),
        Err(_) => return Ok(None),
    };
    let proof = match session::find_proof(context, tenant, (claims.sub, claims.sid)).await {
        // The token is valid without it, and a service that needs a recent proof refuses it.
        Err(Error::Unavailable { .. }) => None,
        proof => proof?,
    };
    Ok(Some(ActiveToken {
        acr: proof.as_ref().map(session::Proven::acr),
        auth_time: proof.map(|proof| proof.at.timestamp()),
        token_type: "Bearer",
        kind: "access_token",
        scope: names(&claims.grants(&admitted.tenant.definitions)),
        sub: claims.sub,
        role: Some(claims.role),
        tid: claims.tid,
        // The tenant may have been renamed since the token was issued.
        slug: tenant.slug.to_string(),
        sid: Some(claims.sid),
        iss: Some(claims.iss.clone()),
        aud: Some(claims.aud.clone()),
        jti: Some(claims.jti),
        iat: Some(claims.iat),
        nbf: Some(claims.nbf),
        exp: Some(claims.exp),
        ..ActiveToken::default()
    }))
}

async fn of_refresh_token(
    context: &Context,
    tenant: &Tenant,
    token: &RefreshToken,
) -> Result<Option<ActiveToken>> {
    if token.tenant() != tenant.id {
        return Ok(None);
    }
    let now = context.platform.clock.now();
    let database = TenantDb::connect(context, tenant).await?;
    let found = session::find_by_token(&database, token, now).await?;
    Ok(found.map(|(user, expires_at)| ActiveToken {
        token_type: "Bearer",
        kind: "refresh_token",
        scope: names(&tenant.definitions.of_user(user.role, &user.custom_roles, &user.groups)),
        sub: user.id,
        username: Some(user.email),
        role: Some(user.role),
        tid: tenant.id,
        slug: tenant.slug.to_string(),
        sid: Some(token.session()),
        exp: Some(expires_at.timestamp()),
        ..ActiveToken::default()
    }))
}

async fn of_api_key(
    context: &Context,
    tenant: &Tenant,
    key: &ApiKey,
) -> Result<Option<ActiveToken>> {
    if key.tenant() != tenant.id {
        return Ok(None);
    }
    let hash = key.hash();
    let catalog = context.catalog().await?;
    let found = api_key::repo::find_by_hash(&*catalog, tenant.id, &hash).await?;
    let now = context.platform.clock.now();
    Ok(found.filter(|record| record.is_valid(&hash, now)).map(|record| ActiveToken {
        token_type: "Bearer",
        kind: "api_key",
        scope: names(&record.grants(&tenant.definitions)),
        sub: record.id,
        client_id: Some(record.id),
        tid: tenant.id,
        slug: tenant.slug.to_string(),
        iat: Some(record.created_at.timestamp()),
        exp: record.expires_at.map(|end| end.timestamp()),
        ..ActiveToken::default()
    }))
}

/// Ends the session of a token of the tenant. An unknown or invalid token is not an error (RFC 7009, section 2.2).
///
/// # Errors
/// [`Error::UnsupportedTokenType`] for an API key of the tenant, which must be revoked as an API key;
/// [`Error::Unavailable`] if the revocation is recorded but not yet in effect. The client then retries (RFC 7009,
/// section 2.2.1).
pub async fn revoke(
    context: &Rc<Context>,
    tenant: &Tenant,
    text: &str,
    actor: &Actor,
) -> Result<()> {
    if let Some(key) = ApiKey::parse(text) {
        return match of_api_key(context, tenant, &key).await? {
            Some(_) => Err(Error::UnsupportedTokenType),
            None => Ok(()),
        };
    }
    let session = match RefreshToken::parse(&context.master_key, text)? {
        Some(token) => (token.tenant() == tenant.id).then(|| token.session()),
        None => match AccessTokens::of(context).verify(text, context.platform.clock.now()) {
            Ok(claims) => (claims.tid == tenant.id).then_some(claims.sid),
            Err(_) => None,
        },
    };
    let Some(session) = session else { return Ok(()) };
    match session::log_out(context, tenant, None, session, session::End::Admin, actor).await {
        Ok(Effect::Now) | Err(Error::SessionNotFound) => Ok(()),
        Ok(Effect::By(_)) => Err(Error::unavailable("the revocation has not reached Redis yet")),
        Err(error) => Err(error),
    }
}

fn names(grants: &Grants) -> String {
    grants.names().collect::<Vec<_>>().join(" ")
}
