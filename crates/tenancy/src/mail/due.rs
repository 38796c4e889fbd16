//! The tenants whose messages are due soon, in Redis. The delivery visits them instead of all tenants.
//!
//! Under a crash: a tenant that a process took is due again three minutes later. Entries are hints only, and are lost with
//! Redis, so the delivery also visits all tenants regularly.

use std::{cell::Cell, rc::Rc, sync::LazyLock};

use chrono::TimeDelta;
use platform::redis::{Argument, RedisError, Reply, Script};
use uuid::Uuid;

use super::require_transport;
use crate::{context::Context, later, redis_key, tenant::Tenant};

static TAKE: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("take.lua")));
static RELEASE: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("release.lua")));

/// How long the entries are kept after the last addition.
const KEPT: TimeDelta = TimeDelta::days(1);
/// The time after which a tenant is due again that was taken and not released. It exceeds the validity of a claim.
const TAKEN: TimeDelta = TimeDelta::minutes(3);

/// Whether a request of the instance has written a message since [`take_written`].
#[derive(Default)]
struct Written(Cell<bool>);

/// A tenant that a process visits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Taken {
    /// The id.
    pub tenant: Uuid,
    /// The time at which the tenant is due again, which identifies the visit.
    until: String,
}

impl Taken {
    /// Ends the visit of a tenant that no longer exists.
    ///
    /// # Errors
    /// [`RedisError`].
    pub async fn release(&self, context: &Context) -> Result<(), RedisError> {
        release(context, self.tenant, Some(self), None).await
    }
}

/// Takes at most `most` tenants that are due. Other processes do not receive them for three minutes.
///
/// # Errors
/// [`RedisError`].
pub async fn take(context: &Context, most: u32) -> Result<Vec<Taken>, RedisError> {
    let arguments = [Argument::Int(most.into()), Argument::Int(TAKEN.num_milliseconds())];
    let replies = TAKE.run(&*context.platform.redis, &[redis_key::MAIL_DUE], &arguments).await?;
    let text = |reply: &Reply| String::from_utf8(reply.as_bytes()?.to_vec()).ok();
    let mut texts = replies.iter().filter_map(text);
    let Some(until) = texts.next() else { return Ok(Vec::new()) };
    let taken = texts
        .filter_map(|id| Some(Taken { tenant: Uuid::try_parse(&id).ok()?, until: until.clone() }));
    Ok(taken.collect())
}

/// Adds a tenant that is due after `delay`, unless it is due earlier anyway.
///
/// # Errors
/// [`RedisError`]: the next visit of all tenants finds the message.
pub async fn add(context: &Context, tenant: Uuid, delay: TimeDelta) -> Result<(), RedisError> {
    release(context, tenant, None, Some(delay)).await
}

/// Ends the visit of a tenant, which is due again after `delay`. A message that was written meanwhile makes it due earlier.
///
/// # Errors
/// [`RedisError`]: the tenant is due again after three minutes, unless Redis has lost it.
pub(super) async fn release(
    context: &Context,
    tenant: Uuid,
    taken: Option<&Taken>,
    delay: Option<TimeDelta>,
) -> Result<(), RedisError> {
    let id = tenant.to_string();
    let until = taken.map_or("", |taken| taken.until.as_str());
    let delay = delay.map(|delay| delay.num_milliseconds().max(0).to_string());
    let arguments = [
        Argument::from(&id),
        until.into(),
        delay.as_deref().unwrap_or_default().into(),
        Argument::Int(KEPT.num_milliseconds()),
    ];
    RELEASE.run(&*context.platform.redis, &[redis_key::MAIL_DUE], &arguments).await.map(drop)
}

/// Adds a tenant whose outbox may have a new message, after the statement that wrote it. The request does not wait. Without
/// a transport, there is no message.
pub(crate) fn add_later(context: &Rc<Context>, tenant: &Tenant) {
    if require_transport(context).is_err() {
        return;
    }
    context.state::<Written>().0.set(true);
    let id = tenant.id;
    let failure = "Redis unavailable; a message is sent when the delivery visits all tenants";
    later::run(context, failure, async move |context: &Rc<Context>| {
        Ok(add(context, id, TimeDelta::zero()).await?)
    });
}

/// Lets the instance look for due messages after the request, because work after the response may write one.
pub(crate) fn expect(context: &Context) {
    context.state::<Written>().0.set(true);
}

/// Returns whether a request of the instance has written a message since the last call.
pub(super) fn take_written(context: &Context) -> bool {
    context.state::<Written>().0.take()
}
