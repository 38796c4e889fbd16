//! Who calls.

use std::rc::Rc;

use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use super::{
    Request,
    call::{Call, Member, Operator, addressed_slug},
};
use crate::{
    access::Scope,
    admission,
    error::{Error, Result, Unauthenticated},
    settings::Secret,
    tenancy::Tenancy,
};

/// The headers that carry the platform's key as it stands, besides `Authorization: Bearer`.
const ADMIN_KEY_HEADERS: [&str; 3] = ["x-admin-key", "x-admin-api-key", "x-api-key"];

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

/// Finds that the caller is somebody of a tenant and has `scope`.
pub(super) async fn member(tenancy: Rc<Tenancy>, call: Call, scope: Scope) -> Result<Member> {
    let token =
        bearer_token(&call.request)?.ok_or(Error::Unauthenticated(Unauthenticated::Missing))?;
    let claims = tenancy
        .access_tokens
        .verify(token, tenancy.platform.clock.now())
        .map_err(Error::Unauthenticated)?;
    // The token is the authority, the header an address: they may not disagree.
    match addressed_slug(&call.request) {
        Ok(None) => {}
        Ok(Some(slug)) if slug.as_str() == claims.slug => {}
        Ok(Some(_)) | Err(Error::TenantNotFound) => return Err(Error::TenantMismatch),
        Err(error) => return Err(error),
    }
    let tenant = admission::admit(&tenancy, &claims).await?;
    if !claims.allows(scope) {
        return Err(Error::Forbidden { scope: scope.as_str() });
    }
    Ok(Member { tenancy, tenant, claims, call })
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
