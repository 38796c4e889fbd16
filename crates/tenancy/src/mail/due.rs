//! The tenants whose messages are due soon, in Redis. The delivery visits them instead of all tenants.
//!
//! Under a crash: an entry is a hint only. It is lost with Redis, or with a process that took it, so the delivery also
//! visits all tenants regularly.

use std::{rc::Rc, sync::LazyLock};

use chrono::TimeDelta;
use platform::redis::{Argument, RedisError, Script};
use uuid::Uuid;

use crate::{context::Context, later, redis_key, tenant::Tenant};

static ADD: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("add.lua")));
static TAKE: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("take.lua")));

/// The maximum number of tenants that one call takes.
const MOST: i64 = 100;
/// How long the entries are kept after the last addition.
const KEPT: TimeDelta = TimeDelta::days(1);

/// Adds a tenant that is due after `delay`, unless it is due earlier anyway.
///
/// # Errors
/// [`RedisError`]: the next visit of all tenants finds the message.
pub async fn add(context: &Context, tenant: Uuid, delay: TimeDelta) -> Result<(), RedisError> {
    let mut buffer = Uuid::encode_buffer();
    let id: &str = tenant.hyphenated().encode_lower(&mut buffer);
    let delay = delay.num_milliseconds().max(0);
    let arguments = [id.into(), Argument::Int(delay), Argument::Int(KEPT.num_milliseconds())];
    ADD.run(&*context.platform.redis, &[redis_key::MAIL_DUE], &arguments).await.map(drop)
}

/// Takes the tenants that are due. No other process receives them.
///
/// # Errors
/// [`RedisError`].
pub async fn take(context: &Context) -> Result<Vec<Uuid>, RedisError> {
    let arguments = [Argument::Int(MOST)];
    let replies = TAKE.run(&*context.platform.redis, &[redis_key::MAIL_DUE], &arguments).await?;
    let ids = replies.iter().filter_map(|reply| Uuid::try_parse_ascii(reply.as_bytes()?).ok());
    Ok(ids.collect())
}

/// Adds a tenant whose outbox has a new message, after the statement that wrote it. The request does not wait.
pub(crate) fn add_later(context: &Rc<Context>, tenant: &Tenant) {
    let id = tenant.id;
    let failure = "Redis unavailable; a message is sent when the delivery visits all tenants";
    later::run(context, failure, async move |context: &Rc<Context>| {
        Ok(add(context, id, TimeDelta::zero()).await?)
    });
}
