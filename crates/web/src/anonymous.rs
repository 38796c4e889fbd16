//! Rate limits for callers without a valid credential. Each network (an IPv4 address, or a /64 prefix of IPv6) has a
//! bucket.
//!
//! A look-up of an API key or operator key that does not exist is a miss. Misses have a separate bucket, which is
//! checked before the next look-up. API keys that the instance has recently verified bypass this check. A sign-in at a
//! tenant that does not exist looks like any other sign-in and is not a miss. Login throttling and the limit on
//! password hashing apply to it.

use tenancy::{
    Context, Error, Result,
    bucket::{self, Bucket, Rate},
    error::Unauthenticated,
    login_throttling,
};

use super::Call;

/// The number of misses that a network may cause.
const MISSES: Rate = Rate::per_minute(300);

/// Admits a call of a public route.
///
/// # Errors
/// [`Error::RateLimited`] if the caller's network has sent too many requests.
pub(super) async fn admit(call: &Call, path: &str) -> Result<()> {
    // Without settings there are no stores to protect.
    let Ok(context) = call.try_context() else { return Ok(()) };
    let rate = Rate::per_minute(context.settings.anonymous_requests_per_minute);
    let network = network(call);
    let bucket = Bucket::of_platform(&format!("anonymous:{network}"), rate);
    // The liveness probe must not depend on a store.
    if path == "/health" {
        bucket::take_own(context, &bucket)
    } else {
        bucket::take(context, &[bucket]).await
    }
}

/// Checks the limit on misses before an API key or operator key is looked up.
///
/// # Errors
/// [`Error::RateLimited`] if the network has sent too many invalid keys.
pub(super) fn check_key(context: &Context, call: &Call, is_known: bool) -> Result<()> {
    if is_known { Ok(()) } else { bucket::check(context, &misses(call)) }
}

/// Records a miss if an API key or operator key is invalid, and returns the error to respond with.
///
/// # Errors
/// Returns [`Error::RateLimited`] instead of `error` if the network has sent too many invalid keys.
pub(super) async fn count_key(context: &Context, call: &Call, error: Error) -> Error {
    use Unauthenticated::{InvalidApiKey, InvalidOperatorKey};
    if !matches!(error, Error::Unauthenticated(InvalidApiKey | InvalidOperatorKey)) {
        return error;
    }
    match bucket::take(context, &[misses(call)]).await {
        Ok(()) => error,
        Err(refused) => refused,
    }
}

fn misses(call: &Call) -> Bucket {
    Bucket::of_platform(&format!("misses:{}", network(call)), MISSES)
}

fn network(call: &Call) -> String {
    let address = call.origin().address;
    address.map_or_else(|| "unknown".to_owned(), login_throttling::network_text)
}
