//! Who calls.

use std::rc::Rc;

use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use super::{
    Request,
    call::{Call, Member, Operator, Principal},
};
use crate::{
    access::Access,
    admission,
    api_key::ApiKey,
    error::{Error, Result, Unauthenticated},
    resolve,
    settings::Secret,
    tenancy::Tenancy,
    tenant::Tenant,
};

/// The header that carries an API key as it stands, besides `Authorization: Bearer`.
const API_KEY_HEADER: &str = "x-api-key";
/// The headers that carry the platform's key as it stands, besides `Authorization: Bearer`.
const ADMIN_KEY_HEADERS: [&str; 3] = ["x-admin-key", "x-admin-api-key", API_KEY_HEADER];

/// Finds that the caller is the platform's administration.
pub(super) fn operator(tenancy: Rc<Tenancy>, call: Call) -> Result<Operator> {
    check_admin_key(&tenancy, &call.request)?;
    Ok(Operator { tenancy, call })
}

/// Whether a request has the platform's key. Each key that it has must be right.
pub(super) fn check_admin_key(tenancy: &Tenancy, request: &Request) -> Result<()> {
    let mut given = false;
    let bearer = bearer_token(request)?;
    let headers = ADMIN_KEY_HEADERS.into_iter().map(|name| request.header(name));
    for key in std::iter::once(Ok(bearer)).chain(headers) {
        let Some(key) = key? else { continue };
        given = true;
        if !is_admin_key(&tenancy.settings.admin_api_keys, key) {
            return Err(Error::Unauthenticated(Unauthenticated::InvalidAdminKey));
        }
    }
    if given { Ok(()) } else { Err(Error::Unauthenticated(Unauthenticated::Missing)) }
}

/// Compares with every key, and in constant time: digests are of one length, so that not even the
/// length of a key shows.
fn is_admin_key(keys: &[Secret], given: &str) -> bool {
    let given = Sha256::digest(given.as_bytes());
    keys.iter()
        .fold(subtle::Choice::from(0), |found, key| {
            found | Sha256::digest(key.expose().as_bytes()).ct_eq(&given)
        })
        .into()
}

/// Finds who of a tenant the caller is, and that they may do what a route of this access does.
pub(super) async fn member(tenancy: Rc<Tenancy>, call: Call, access: Access) -> Result<Member> {
    let bearer = bearer_token(&call.request)?;
    let credentials = bearer.into_iter().chain(call.request.header(API_KEY_HEADER)?);
    let mut callers = Vec::new();
    for credential in credentials {
        callers.push(authenticate(&tenancy, credential).await?);
    }
    let mut callers = callers.into_iter();
    let (tenant, principal) =
        callers.next().ok_or(Error::Unauthenticated(Unauthenticated::Missing))?;
    // A second credential adds nothing: it must be of the same tenant, and allow it as well.
    let mut second = None;
    for (other_tenant, other) in callers {
        if other_tenant.id != tenant.id {
            return Err(Error::TenantMismatch);
        }
        second = Some(other);
    }
    resolve::agree(&tenancy, &call.addressing()?, &tenant).await?;
    let member = Member { tenancy, tenant, principal, second, call };
    match access {
        Access::Authenticated => {}
        Access::Member(scope) => member.require(scope)?,
        Access::User(scope) => {
            member.user()?;
            member.require(scope)?;
        }
        Access::Public | Access::Operator => return Err(Error::RouteNotFound),
    }
    Ok(member)
}

async fn authenticate(tenancy: &Tenancy, credential: &str) -> Result<(Tenant, Principal)> {
    if ApiKey::is_meant(credential) {
        let key = ApiKey::parse(credential)
            .ok_or(Error::Unauthenticated(Unauthenticated::InvalidApiKey))?;
        let (tenant, record) = admission::admit_api_key(tenancy, &key).await?;
        return Ok((tenant, Principal::ApiKey(record)));
    }
    let claims = tenancy
        .access_tokens
        .verify(credential, tenancy.platform.clock.now())
        .map_err(Error::Unauthenticated)?;
    let tenant = admission::admit_user(tenancy, &claims).await?;
    Ok((tenant, Principal::User(Box::new(claims))))
}

/// The token of `Authorization: Bearer` (RFC 6750, section 2.1); `None` without the header.
fn bearer_token(request: &Request) -> Result<Option<&str>> {
    let Some(value) = request.header("authorization")? else {
        return Ok(None);
    };
    match value.split_once(' ') {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => Ok(Some(token.trim())),
        _ => Err(Error::Unauthenticated(Unauthenticated::InvalidToken)),
    }
}
