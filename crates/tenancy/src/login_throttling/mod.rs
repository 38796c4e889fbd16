//! Login throttling: a limit on failed sign-ins, per account and per address.
//!
//! The first few failures cause no delay. Each further failure doubles the time until the next attempt, up to a limit.
//! Failures expire after a quarter of an hour without a new one, so an account is never locked permanently.
//!
//! A stranger cannot lock out the owner of an account. Failures from one address count only against this address for
//! the account. The failures from all addresses together only delay addresses from which the account has never signed
//! in. One address and one network can contribute only a share to these limits. So a stranger in one network reaches no
//! limit that applies to others, even after hours. A device with a refresh token of an earlier session of the account
//! is throttled separately.
//!
//! An attempt in progress may fail. So the number of concurrent attempts is limited to the number that may still fail,
//! and the others wait. Guessing many passwords concurrently has no advantage.
//!
//! Redis makes the decision. Every failure is also recorded in a table of the catalog. The catalog decides while Redis
//! is unavailable, and together with Redis during the first quarter of an hour of a Redis process, so that a restart
//! clears no failures.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    sync::LazyLock,
    time::Duration,
};

use platform::{
    redis::{Argument, Reply, Script},
    sql::Statement,
};
use uuid::Uuid;

use crate::{
    context::Context,
    error::{Error, Result},
    log, redis_key,
};

static ATTEMPT: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("attempt.lua")));

/// The limit of a subject.
#[derive(Clone, Copy)]
struct Bound {
    /// The number of failures without a delay.
    failures: i64,
    /// The longest delay, in seconds.
    longest: i64,
    /// Whether failures expire a quarter of an hour after the first failure instead of the last one. An address needs
    /// this, because many people share it and each of them mistypes occasionally.
    is_windowed: bool,
    /// The number of its failures that the gated subjects after it count.
    share: i64,
    /// Whether it counts a failure only while the subjects before it have not used up their shares.
    is_gated: bool,
}

/// An unlimited share.
const ALL: i64 = i64::MAX >> 16;

/// One account and one address.
const PAIR: Bound =
    Bound { failures: 5, longest: 60, is_windowed: false, share: 5, is_gated: false };
/// One account and one known device.
const DEVICE: Bound = PAIR;
/// One account and one network whose addresses are new to the account.
const NETWORK: Bound =
    Bound { failures: 20, longest: 60, is_windowed: false, share: 10, is_gated: false };
/// One account and all addresses that are new to it.
const ACCOUNT: Bound =
    Bound { failures: 20, longest: 60, is_windowed: false, share: ALL, is_gated: true };
/// One address in one tenant.
const ADDRESS_IN_TENANT: Bound =
    Bound { failures: 50, longest: 60, is_windowed: true, share: ALL, is_gated: false };
/// One address in all tenants.
const ADDRESS: Bound =
    Bound { failures: 500, longest: 60, is_windowed: true, share: ALL, is_gated: false };

/// How long an attempt waits for others in progress before it is refused.
const PATIENCE: Duration = Duration::from_secs(10);
const LOOK: Duration = Duration::from_millis(50);
/// The response of a store if the number of attempts in progress equals the number that may still fail.
const OTHERS_PENDING: i64 = -1;

/// The target and the origin of an attempt.
pub struct Target<'a> {
    /// The tenant, or an id that represents an unknown tenant.
    pub tenant: Uuid,
    /// Whether the tenant exists.
    pub is_tenant: bool,
    /// The name of the account, which need not exist.
    pub account: &'a str,
    /// The address.
    pub address: Option<IpAddr>,
    /// Whether the account has signed in from this address before.
    pub is_known_address: bool,
    /// The earlier session of this device with the account.
    pub device: Option<Uuid>,
}

/// An attempt in progress. It must be ended.
#[must_use]
pub struct Attempt {
    /// The tenant of the Redis keys of `in_tenant`, or `None` if they are keys of the platform.
    tenant: Option<Uuid>,
    in_tenant: Vec<(String, Bound)>,
    everywhere: Vec<(String, Bound)>,
    in_redis: bool,
    in_catalog: bool,
}

/// The decision of a store on a step.
struct Decision {
    /// The milliseconds to wait: 0 to proceed, [`OTHERS_PENDING`] to retry soon.
    wait: i64,
    /// Whether the catalog must take part, because it may have more failures or must clear some.
    needs_catalog: bool,
}

/// The outcome of an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The password was wrong.
    Failed,
    /// The password was correct.
    Succeeded,
    /// The password was not verified.
    Abandoned,
}

impl Outcome {
    /// Returns the outcome of a verification that returns nothing if the password or the code is wrong.
    pub(crate) fn of<T>(result: &Result<Option<T>>) -> Self {
        match result {
            Ok(Some(_)) => Self::Succeeded,
            Ok(None) => Self::Failed,
            Err(_) => Self::Abandoned,
        }
    }

    fn step(self) -> &'static str {
        match self {
            Self::Failed => "failed",
            Self::Succeeded => "succeeded",
            Self::Abandoned => "abandoned",
        }
    }
}

/// Begins an attempt.
///
/// # Errors
/// [`Error::TooManyAttempts`] if the attempt is too early.
pub async fn begin(context: &Context, target: &Target<'_>) -> Result<Attempt> {
    let mut attempt = attempt(context, target)?;
    let mut waited = Duration::ZERO;
    loop {
        match attempt.begin(context).await? {
            0 => return Ok(attempt),
            OTHERS_PENDING if waited < PATIENCE => {
                context.platform.executor.sleep(LOOK).await;
                waited += LOOK;
            }
            wait => {
                let seconds = (wait + 999) / 1_000;
                let retry_after = u32::try_from(seconds).unwrap_or(u32::MAX).max(1);
                return Err(Error::TooManyAttempts { retry_after });
            }
        }
    }
}

impl Attempt {
    /// Begins the attempt in each store that decides. Returns the number of milliseconds to wait.
    async fn begin(&mut self, context: &Context) -> Result<i64> {
        (self.in_redis, self.in_catalog) = (false, false);
        match self.redis_step(context, "begin").await {
            Ok(Decision { wait, .. }) if wait != 0 => return Ok(wait),
            Ok(Decision { needs_catalog: false, .. }) => {
                self.in_redis = true;
                return Ok(0);
            }
            Ok(Decision { needs_catalog: true, .. }) => self.in_redis = true,
            Err(error @ Error::Unavailable { .. }) => {
                log::warning(context, "Redis unavailable; throttling with PostgreSQL", &error);
            }
            Err(error) => return Err(error),
        }
        let wait = match self.catalog_step(context, "begin").await {
            Ok(wait) => wait,
            Err(error) if self.in_redis => {
                log::warning(context, "PostgreSQL unavailable; throttling with Redis only", &error);
                return Ok(0);
            }
            Err(error) => return Err(error),
        };
        self.in_catalog = wait == 0;
        if wait != 0 && self.in_redis {
            self.redis_step(context, "abandoned").await?;
        }
        Ok(wait)
    }

    /// Ends the attempt. A failure to count the outcome is only logged, because the counters admitted the attempt a
    /// moment ago.
    pub async fn end(self, context: &Context, outcome: Outcome) {
        let step = outcome.step();
        let mut needs_catalog = self.in_catalog || outcome == Outcome::Failed;
        if self.in_redis {
            match self.redis_step(context, step).await {
                Ok(decision) => needs_catalog |= decision.needs_catalog,
                Err(error) => log::warning(
                    context,
                    "Redis unavailable; the outcome of a sign-in attempt was not counted",
                    &error,
                ),
            }
        }
        if !needs_catalog {
            return;
        }
        // The catalog does not have attempts that began only in Redis.
        let step = match outcome {
            Outcome::Failed if !self.in_catalog => "record_failure",
            Outcome::Succeeded if !self.in_catalog => "clear_failures",
            _ => step,
        };
        if let Err(error) = self.catalog_step(context, step).await {
            log::warning(
                context,
                "PostgreSQL unavailable; the outcome of a sign-in attempt was not counted",
                &error,
            );
        }
    }

    async fn redis_step(&self, context: &Context, step: &str) -> Result<Decision> {
        let in_tenant = redis_step(context, self.tenant, &self.in_tenant, step).await?;
        if in_tenant.wait != 0 || self.everywhere.is_empty() {
            return Ok(in_tenant);
        }
        let everywhere = redis_step(context, None, &self.everywhere, step).await?;
        if everywhere.wait != 0 && step == "begin" {
            // The attempt that began in the tenant must be abandoned.
            redis_step(context, self.tenant, &self.in_tenant, "abandoned").await?;
        }
        // A success clears only the failures of the account.
        let needs_catalog =
            in_tenant.needs_catalog || (step == "begin" && everywhere.needs_catalog);
        Ok(Decision { needs_catalog, ..everywhere })
    }

    async fn catalog_step(&self, context: &Context, step: &str) -> Result<i64> {
        let all = || self.in_tenant.iter().chain(&self.everywhere);
        let texts = |of: fn(&(String, Bound)) -> String| all().map(of).collect::<Vec<_>>();
        let catalog = context.catalog().await?;
        let statement = "SELECT sign_in_attempt(
                             :step, :subjects, :failures::text[]::bigint[],
                             :longest::text[]::bigint[], :windowed::text[]::boolean[],
                             :shares::text[]::bigint[], :gated::text[]::boolean[]) AS wait";
        let statement = Statement::new(statement)
            .bind("step", step)
            .bind("subjects", texts(|subject| subject.0.clone()))
            .bind("failures", texts(|subject| subject.1.failures.to_string()))
            .bind("longest", texts(|subject| subject.1.longest.to_string()))
            .bind("windowed", texts(|subject| subject.1.is_windowed.to_string()))
            .bind("shares", texts(|subject| subject.1.share.to_string()))
            .bind("gated", texts(|subject| subject.1.is_gated.to_string()));
        let row = statement.query_first(&*catalog).await?;
        let row = row.ok_or_else(|| Error::internal("a sign-in attempt got no decision"))?;
        Ok(row.get("wait")?)
    }
}

fn attempt(context: &Context, target: &Target<'_>) -> Result<Attempt> {
    let address = target.address.map(network);
    // Callers can invent any number of unknown tenants, which must not leave persistent keys.
    let owner = target.is_tenant.then_some(target.tenant);
    let tenant = target.tenant.as_bytes();
    let account = target.account.as_bytes();
    let subject = |parts: &[&[u8]]| -> Result<String> {
        Ok(base16ct::lower::encode_string(&context.master_key.throttling_subject(parts)?))
    };
    if let Some(device) = target.device {
        let device = subject(&[b"device", tenant, device.as_bytes(), account])?;
        let in_tenant = vec![(device, DEVICE)];
        return Ok(Attempt {
            tenant: owner,
            in_tenant,
            everywhere: Vec::new(),
            in_redis: false,
            in_catalog: false,
        });
    }
    let address_text = address.map(|address| address.to_string()).unwrap_or_default();
    let from = address_text.as_bytes();
    let pair = subject(&[b"pair", tenant, from, account])?;
    let mut in_tenant = vec![(pair, PAIR)];
    if !target.is_known_address {
        if let Some(address) = target.address {
            let wide = wide_network(address).to_string();
            in_tenant.push((subject(&[b"network", tenant, wide.as_bytes(), account])?, NETWORK));
        }
        in_tenant.push((subject(&[b"account", tenant, account])?, ACCOUNT));
    }
    let mut everywhere = Vec::new();
    if address.is_some() {
        in_tenant.push((subject(&[b"address", tenant, from])?, ADDRESS_IN_TENANT));
        everywhere.push((subject(&[b"address", from])?, ADDRESS));
    }
    Ok(Attempt { tenant: owner, in_tenant, everywhere, in_redis: false, in_catalog: false })
}

/// An account whose failures are forgotten.
pub struct Account<'a> {
    /// The tenant.
    pub tenant: Uuid,
    /// The name of the account.
    pub name: &'a str,
    /// The addresses from which it has signed in.
    pub addresses: &'a [String],
    /// The sessions of its devices.
    pub devices: &'a [Uuid],
}

/// Forgets the failures of an account. Failures from addresses that it never signed in from have other names. They
/// expire within minutes, like all failures. If Redis is unavailable, only the catalog forgets them now.
pub(crate) async fn forget(context: &Context, account: &Account<'_>) -> Result<()> {
    if context.is_dry_run() {
        return Ok(());
    }
    let (tenant, name) = (account.tenant.as_bytes(), account.name.as_bytes());
    let mut subjects = Vec::new();
    let mut add = |parts: &[&[u8]]| -> Result<()> {
        let subject = context.master_key.throttling_subject(parts)?;
        subjects.push(base16ct::lower::encode_string(&subject));
        Ok(())
    };
    add(&[b"account", tenant, name])?;
    add(&[b"pair", tenant, b"", name])?;
    for address in account.addresses.iter().filter_map(|text| text.parse::<IpAddr>().ok()) {
        add(&[b"pair", tenant, network(address).to_string().as_bytes(), name])?;
        add(&[b"network", tenant, wide_network(address).to_string().as_bytes(), name])?;
    }
    for device in account.devices {
        add(&[b"device", tenant, device.as_bytes(), name])?;
    }
    let keys: Vec<_> = subjects
        .iter()
        .map(|subject| redis_key::sign_in_failures(Some(account.tenant), subject))
        .collect();
    let keys: Vec<_> = keys.iter().map(|key| Argument::Key(key)).collect();
    if let Err(error) = context.platform.redis.execute("UNLINK", &keys).await {
        let effect = "Redis unavailable; failed sign-ins of an erased user expire within minutes";
        log::warning(context, effect, &error.into());
    }
    let statement = "DELETE FROM sign_in_attempts
                     WHERE subject IN (SELECT decode(s, 'hex') FROM unnest($1::text[]) s)";
    context.catalog().await?.execute(statement, &[subjects.into()]).await?;
    Ok(())
}

async fn redis_step(
    context: &Context,
    tenant: Option<Uuid>,
    subjects: &[(String, Bound)],
    step: &str,
) -> Result<Decision> {
    let of_subject = |subject: &(String, Bound)| redis_key::sign_in_failures(tenant, &subject.0);
    let mut keys: Vec<_> = subjects.iter().map(of_subject).collect();
    keys.push(redis_key::sign_in_failures_began(tenant));
    let keys: Vec<_> = keys.iter().map(String::as_str).collect();
    let mut arguments = vec![Argument::from(step)];
    for (_, bound) in subjects {
        arguments.extend([
            Argument::Int(bound.failures),
            Argument::Int(bound.longest),
            Argument::Int(i64::from(bound.is_windowed)),
            Argument::Int(bound.share),
            Argument::Int(i64::from(bound.is_gated)),
        ]);
    }
    let redis = &*context.platform.redis;
    let replies = ATTEMPT.run_with_retry(redis, &keys, &arguments).await;
    // A Redis that refuses commands (it is loading or a replica) is treated as unavailable.
    let replies = replies.map_err(Error::unavailable)?;
    let mut numbers = replies.iter().filter_map(Reply::as_int);
    match (numbers.next(), numbers.next()) {
        (Some(wait), Some(flag)) => Ok(Decision { wait, needs_catalog: flag == 1 }),
        _ => Err(Error::internal("a sign-in attempt got no decision")),
    }
}

/// The largest network that a provider usually assigns to one customer: an IPv4 /24 or an IPv6 /48.
pub(crate) fn wide_network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => {
            let kept = u128::MAX << 80;
            IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & kept))
        }
        IpAddr::V4(address) => IpAddr::V4(Ipv4Addr::from_bits(address.to_bits() & (u32::MAX << 8))),
    }
}

/// Returns the network of one party in the notation of PostgreSQL.
pub fn network_text(address: IpAddr) -> String {
    let network = network(address);
    format!("{network}/{}", if network.is_ipv4() { 32 } else { 64 })
}

/// Returns the network of one party: an IPv4 address or an IPv6 /64.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => {
            let network = address.to_bits() & !u128::from(u64::MAX);
            IpAddr::V6(Ipv6Addr::from_bits(network))
        }
        address @ IpAddr::V4(_) => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // S35
    #[test]
    fn wide_network_contains_its_neighbours() {
        for (one, other, same) in [
            ("192.0.2.1", "192.0.2.254", true),
            ("192.0.2.1", "::ffff:192.0.2.7", true),
            ("192.0.2.1", "192.0.3.1", false),
            ("2001:db8:1:2::1", "2001:db8:1:ffff::1", true),
            ("2001:db8:1::1", "2001:db8:2::1", false),
        ] {
            let [one, other] = [one, other].map(|text| wide_network(text.parse().unwrap()));
            assert_eq!(one == other, same, "{one} {other}");
        }
    }

    // S35
    #[test]
    fn party_has_one_network() {
        for (one, other, same) in [
            ("192.0.2.1", "::ffff:192.0.2.1", true),
            ("192.0.2.1", "192.0.2.2", false),
            ("2001:db8::1", "2001:db8::ffff:1", true),
            ("2001:db8::1", "2001:db8:0:1::1", false),
        ] {
            let [one, other] = [one, other].map(|text| network(text.parse().unwrap()));
            assert_eq!(one == other, same, "{one} {other}");
        }
    }
}
