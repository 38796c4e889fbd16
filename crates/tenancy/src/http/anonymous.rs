//! Bounds on callers without a valid credential: a bucket for each network (an IPv4 address, or 64 bits of
//! IPv6).
//!
//! A lookup of an API key or operator key that does not exist is a miss: misses have a bucket of their own, and it is checked before the
//! next lookup. API keys that the instance has seen valid pass. A sign-in at a tenant that does not exist looks like any
//! other, so it is no miss: login throttling and the share of password hashing bound it.

use super::Call;
use crate::{
    bucket::{self, Bucket, Rate},
    error::{Error, Result, Unauthenticated},
    guessing,
    tenancy::Tenancy,
};

/// The misses of a network.
const MISSES: Rate = Rate::per_minute(300);

/// Admits a call of a public route.
///
/// # Errors
/// [`Error::RateLimited`] when the network of the caller has sent too many.
pub(super) async fn admit(call: &Call, path: &str) -> Result<()> {
    // Without settings there are no stores to protect.
    let Ok(tenancy) = call.try_tenancy() else { return Ok(()) };
    let rate = Rate::per_minute(tenancy.settings.anonymous_requests_per_minute);
    let network = network(call);
    let bucket = Bucket::of_platform(&format!("anonymous:{network}"), rate);
    // It says that this instance is alive, so it asks no store.
    if path == "/health" {
        bucket::take_own(tenancy, &bucket)
    } else {
        bucket::take(tenancy, &[bucket]).await
    }
}

/// Checks an API key or operator key before it is looked up.
///
/// # Errors
/// [`Error::RateLimited`] when the network has shown too many invalid keys.
pub(super) fn check_key(tenancy: &Tenancy, call: &Call, is_known: bool) -> Result<()> {
    if is_known { Ok(()) } else { bucket::check(tenancy, &misses(call).key) }
}

/// Counts an API key or operator key that turned out to be invalid.
///
/// # Errors
/// [`Error::RateLimited`] in place of `error` when the network has shown too many.
pub(super) async fn count_key(tenancy: &Tenancy, call: &Call, error: Error) -> Error {
    use Unauthenticated::{InvalidApiKey, InvalidOperatorKey};
    if !matches!(error, Error::Unauthenticated(InvalidApiKey | InvalidOperatorKey)) {
        return error;
    }
    match bucket::take(tenancy, &[misses(call)]).await {
        Ok(()) => error,
        Err(refused) => refused,
    }
}

fn misses(call: &Call) -> Bucket {
    Bucket::of_platform(&format!("misses:{}", network(call)), MISSES)
}

fn network(call: &Call) -> String {
    let address = call.origin().address;
    address.map_or_else(|| "unknown".to_owned(), guessing::network_text)
}
