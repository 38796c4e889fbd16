//! Login throttling: a limit on failed sign-ins, per account and per address.
//!
//! A few failures cost nothing. After them each one doubles the time until the next attempt, up to a
//! bound; after a quarter of an hour without any they are forgotten. So nobody is locked out for
//! good. And no stranger can keep the owner of an account out: failures from one address count
//! against that address there, and those of all addresses together only slow down addresses from
//! which nobody has signed in to the account before. One address, and one network, has a share of those: a stranger
//! at one network reaches no limit that others meet, even after hours. A device that shows a refresh token of an earlier session
//! of the account is throttled by itself only.
//!
//! An attempt that is under way may fail: only as many are made at once as may still fail, and the
//! others wait for them. So guessing many at once gains nothing.
//!
//! Redis decides. Every failure is also recorded in a table of the catalog, which decides while Redis is away, and
//! together with Redis during the first quarter of an hour of a Redis process: a restart clears no failures.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    sync::LazyLock,
    time::Duration,
};

use uuid::Uuid;

use crate::{
    error::{Error, Result},
    hex, log,
    platform::redis::{Argument, Reply, Script},
    tenancy::Tenancy,
};

static ATTEMPT: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("attempt.lua")));

/// How much is let pass.
#[derive(Clone, Copy)]
struct Bound {
    /// Failures without a delay.
    failures: i64,
    /// The longest delay, in seconds.
    longest: i64,
    /// Whether failures are forgotten a quarter of an hour after the first of them, since many people
    /// share an address and each of them mistypes now and then. Else that is after the last.
    is_windowed: bool,
    /// How many of its failures the gated subjects after it count.
    share: i64,
    /// Whether it counts a failure only while the subjects before it have shares left.
    is_gated: bool,
}

/// A share that never ends.
const ALL: i64 = i64::MAX >> 16;

/// One account, from one address.
const PAIR: Bound =
    Bound { failures: 5, longest: 60, is_windowed: false, share: 5, is_gated: false };
/// One account, from a device of its own.
const DEVICE: Bound = PAIR;
/// One account, from a network whose addresses are new to it.
const NETWORK: Bound =
    Bound { failures: 20, longest: 60, is_windowed: false, share: 10, is_gated: false };
/// One account, from every address that is new to it.
const ACCOUNT: Bound =
    Bound { failures: 20, longest: 60, is_windowed: false, share: ALL, is_gated: true };
/// One address, in one tenant.
const ADDRESS_IN_TENANT: Bound =
    Bound { failures: 50, longest: 60, is_windowed: true, share: ALL, is_gated: false };
/// One address, in all tenants.
const ADDRESS: Bound =
    Bound { failures: 500, longest: 60, is_windowed: true, share: ALL, is_gated: false };

/// How long an attempt waits for others that are under way, before it is sent away.
const PATIENCE: Duration = Duration::from_secs(10);
const LOOK: Duration = Duration::from_millis(50);
/// What a store answers where as many are under way as may still fail.
const OTHERS_PENDING: i64 = -1;

/// Who is guessed at, and from where.
pub struct Target<'a> {
    /// The tenant, or an id that stands for an unknown one.
    pub tenant: Uuid,
    /// Whether there is such a tenant.
    pub is_tenant: bool,
    /// What names the account, there or not.
    pub account: &'a str,
    /// The address.
    pub address: Option<IpAddr>,
    /// Whether somebody has signed in to the account from there before.
    pub is_known_address: bool,
    /// The session of the account that this device has had before.
    pub device: Option<Uuid>,
}

/// An attempt that is under way. It must be ended.
#[must_use]
pub struct Attempt {
    /// The prefix of the Redis keys of `in_tenant`.
    prefix: String,
    in_tenant: Vec<(String, Bound)>,
    everywhere: Vec<(String, Bound)>,
    in_redis: bool,
    in_catalog: bool,
}

/// What a store says of a step.
struct Decision {
    /// The milliseconds to wait; 0 to go on, [`OTHERS_PENDING`] to ask again soon.
    wait: i64,
    /// Whether the catalog has to take part: it may know more failures, or has some to forget.
    needs_catalog: bool,
}

/// How an attempt ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The password was wrong.
    Failed,
    /// It was right.
    Succeeded,
    /// It was not compared.
    Abandoned,
}

impl Outcome {
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
/// [`Error::TooManyAttempts`] when it comes too early.
pub async fn begin(tenancy: &Tenancy, target: &Target<'_>) -> Result<Attempt> {
    let mut attempt = attempt(tenancy, target)?;
    let mut waited = Duration::ZERO;
    loop {
        match attempt.begin(tenancy).await? {
            0 => return Ok(attempt),
            OTHERS_PENDING if waited < PATIENCE => {
                tenancy.platform.executor.sleep(LOOK).await;
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
    /// Begins the attempt in each store that decides. Returns the milliseconds to wait.
    async fn begin(&mut self, tenancy: &Tenancy) -> Result<i64> {
        (self.in_redis, self.in_catalog) = (false, false);
        match self.redis_step(tenancy, "begin").await {
            Ok(Decision { wait, .. }) if wait != 0 => return Ok(wait),
            Ok(Decision { needs_catalog: false, .. }) => {
                self.in_redis = true;
                return Ok(0);
            }
            Ok(Decision { needs_catalog: true, .. }) => self.in_redis = true,
            Err(error @ Error::Unavailable { .. }) => {
                log::warning(tenancy, "Redis unavailable; throttling with PostgreSQL", &error);
            }
            Err(error) => return Err(error),
        }
        let wait = match self.catalog_step(tenancy, "begin").await {
            Ok(wait) => wait,
            Err(error) if self.in_redis => {
                log::warning(tenancy, "PostgreSQL unavailable; throttling with Redis only", &error);
                return Ok(0);
            }
            Err(error) => return Err(error),
        };
        self.in_catalog = wait == 0;
        if wait != 0 && self.in_redis {
            self.redis_step(tenancy, "abandoned").await?;
        }
        Ok(wait)
    }

    /// Ends the attempt. If it cannot be counted, that is logged: it was admitted by counters that worked a moment
    /// ago.
    pub async fn end(self, tenancy: &Tenancy, outcome: Outcome) {
        let step = outcome.step();
        let mut needs_catalog = self.in_catalog || outcome == Outcome::Failed;
        if self.in_redis {
            match self.redis_step(tenancy, step).await {
                Ok(decision) => needs_catalog |= decision.needs_catalog,
                Err(error) => log::warning(
                    tenancy,
                    "Redis unavailable; the end of an attempt was not counted",
                    &error,
                ),
            }
        }
        if !needs_catalog {
            return;
        }
        // The catalog knows of no attempt that began in Redis only.
        let step = match outcome {
            Outcome::Failed if !self.in_catalog => "record_failure",
            Outcome::Succeeded if !self.in_catalog => "clear_failures",
            _ => step,
        };
        if let Err(error) = self.catalog_step(tenancy, step).await {
            log::warning(
                tenancy,
                "PostgreSQL unavailable; the end of an attempt was not counted",
                &error,
            );
        }
    }

    async fn redis_step(&self, tenancy: &Tenancy, step: &str) -> Result<Decision> {
        let in_tenant = redis_step(tenancy, &self.prefix, &self.in_tenant, step).await?;
        if in_tenant.wait != 0 || self.everywhere.is_empty() {
            return Ok(in_tenant);
        }
        let everywhere = redis_step(tenancy, PLATFORM, &self.everywhere, step).await?;
        if everywhere.wait != 0 && step == "begin" {
            // The attempt that began in the tenant is not made.
            redis_step(tenancy, &self.prefix, &self.in_tenant, "abandoned").await?;
        }
        // A success clears failures of the account only.
        let needs_catalog =
            in_tenant.needs_catalog || (step == "begin" && everywhere.needs_catalog);
        Ok(Decision { needs_catalog, ..everywhere })
    }

    async fn catalog_step(&self, tenancy: &Tenancy, step: &str) -> Result<i64> {
        let all = || self.in_tenant.iter().chain(&self.everywhere);
        let texts = |of: fn(&(String, Bound)) -> String| all().map(of).collect::<Vec<_>>();
        let catalog = tenancy.catalog().await?;
        let statement = "SELECT sign_in_attempt($1, $2, $3::text[]::bigint[],
                                                $4::text[]::bigint[], $5::text[]::boolean[],
                                                $6::text[]::bigint[], $7::text[]::boolean[]) AS wait";
        let parameters = [
            step.into(),
            texts(|subject| subject.0.clone()).into(),
            texts(|subject| subject.1.failures.to_string()).into(),
            texts(|subject| subject.1.longest.to_string()).into(),
            texts(|subject| subject.1.is_windowed.to_string()).into(),
            texts(|subject| subject.1.share.to_string()).into(),
            texts(|subject| subject.1.is_gated.to_string()).into(),
        ];
        let row = catalog.query_first(statement, &parameters).await?;
        let row = row.ok_or_else(|| Error::internal("a sign-in attempt got no decision"))?;
        Ok(row.get("wait")?)
    }
}

fn attempt(tenancy: &Tenancy, target: &Target<'_>) -> Result<Attempt> {
    let address = target.address.map(network);
    // Strangers name unknown tenants at will: these leave no key behind that lasts.
    let prefix =
        if target.is_tenant { format!("t:{{{}}}:", target.tenant) } else { PLATFORM.to_owned() };
    let tenant = target.tenant.as_bytes();
    let account = target.account.as_bytes();
    let subject = |parts: &[&[u8]]| -> Result<String> {
        Ok(hex::encode(&tenancy.master_key.guessing_subject(parts)?))
    };
    if let Some(device) = target.device {
        let device = subject(&[b"device", tenant, device.as_bytes(), account])?;
        let in_tenant = vec![(device, DEVICE)];
        return Ok(Attempt {
            prefix,
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
    Ok(Attempt { prefix, in_tenant, everywhere, in_redis: false, in_catalog: false })
}

async fn redis_step(
    tenancy: &Tenancy,
    prefix: &str,
    subjects: &[(String, Bound)],
    step: &str,
) -> Result<Decision> {
    let mut keys: Vec<_> =
        subjects.iter().map(|subject| format!("{prefix}guess:{}", subject.0)).collect();
    keys.push(format!("{prefix}guess_began"));
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
    let redis = &*tenancy.platform.redis;
    let replies = ATTEMPT.run_with_retry(redis, &keys, &arguments).await;
    // A Redis that refuses (it loads, or is a replica) is as good as none.
    let replies = replies.map_err(Error::unavailable)?;
    let mut numbers = replies.iter().filter_map(Reply::as_int);
    match (numbers.next(), numbers.next()) {
        (Some(wait), Some(flag)) => Ok(Decision { wait, needs_catalog: flag == 1 }),
        _ => Err(Error::internal("a sign-in attempt got no decision")),
    }
}

/// The prefix of the Redis keys that belong to no tenant.
const PLATFORM: &str = "platform:";

/// The network that one provider assigns to one customer at most: 24 bits of IPv4, 48 bits of IPv6.
fn wide_network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => {
            let kept = u128::MAX << 80;
            IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & kept))
        }
        IpAddr::V4(address) => IpAddr::V4(Ipv4Addr::from_bits(address.to_bits() & (u32::MAX << 8))),
    }
}

/// The network of one party, as PostgreSQL writes it.
pub(crate) fn network_text(address: IpAddr) -> String {
    let network = network(address);
    format!("{network}/{}", if network.is_ipv4() { 32 } else { 64 })
}

/// What one party has of addresses: of IPv6 a network of 64 bits.
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
    fn a_party_has_one_address() {
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
