//! The delivery by the HTTP API of a mail service. The service sends the messages itself, through the component
//! `outbound`, the only one with the token of the account and access to the Internet.
//!
//! Under a crash: see [`super::repo`] and [`due`].

use std::{cell::Cell, rc::Rc, time::Duration};

use chrono::TimeDelta;
use platform::{BackgroundTask, HttpError, Running, redis::RedisError};

use super::{
    api::{Message, PATH, Reply},
    attempt::Outcome,
    delivery::{Outbox, Outgoing},
    due::{self, Taken},
    repo as messages,
};
use crate::{
    context::Context,
    error::{Error, Result},
    identifier::EmailAddress,
    log, outbound,
    settings::MailTransport,
    tenant::{Status, TenantDb, TenantRecord, repo},
};

/// The deadline of an attempt, which exceeds that of the component and is shorter than the validity of a claim.
const DEADLINE: Duration = Duration::from_secs(9);
/// The delay before the work after a response, and between two rounds of it.
const INTERVAL: Duration = Duration::from_secs(1);
/// The shortest time between two looks for messages that no request of the instance has written.
const PAUSE: Duration = Duration::from_secs(10);
/// The time after which a round of the work sends no further message.
const BUDGET: Duration = Duration::from_mins(1);
/// The maximum number of tenants that are taken at once.
const MOST_TENANTS: u32 = 10;
/// How often a round of the work takes tenants.
const MOST_LOOKS: u32 = 10;
/// The maximum number of messages of a tenant in one visit, so that all tenants get their turn.
const MOST: u32 = 20;
/// The maximum length of a reply of the component.
const LONGEST_REPLY: usize = 4 * 1024;
/// The delay before a tenant is visited again whose visit failed or did not take place.
const AGAIN: TimeDelta = TimeDelta::seconds(10);

/// The work after a response, which an instance does once at a time.
#[derive(Default)]
struct Sending {
    task: BackgroundTask,
    /// Set if a request asked for the work since the last round began.
    is_requested: Cell<bool>,
    /// The monotonic time of the last request, in microseconds.
    looked_at: Cell<u64>,
}

/// Schedules the delivery of messages that are due, unless another transport sends them. If it is running already, it
/// looks for messages once more.
///
/// This is work after a request with a credential. A request that failed causes none.
pub fn schedule(context: &Rc<Context>, is_success: bool) {
    if is_success && context.settings.mail_transport == MailTransport::Http {
        begin(context);
    }
}

/// Schedules the delivery if a request of the instance has written a message, unless another transport sends them. After
/// other requests it looks for messages that wait for another attempt, every ten seconds at most.
///
/// This is work after a request that a stranger can make. The rates of the use cases limit the messages.
pub fn schedule_if_written(context: &Rc<Context>, is_success: bool) {
    if context.settings.mail_transport != MailTransport::Http {
        return;
    }
    let pause = u64::try_from(PAUSE.as_micros()).unwrap_or(u64::MAX);
    let since = context.platform.clock.monotonic_micros();
    let since = since.saturating_sub(context.state::<Sending>().looked_at.get());
    if due::take_written(context) || is_success && since >= pause {
        begin(context);
    }
}

fn begin(context: &Rc<Context>) {
    let sending = context.state::<Sending>();
    sending.looked_at.set(context.platform.clock.monotonic_micros());
    sending.is_requested.set(true);
    if let Some(running) = sending.task.begin() {
        context.platform.executor.spawn(Box::pin(work(Rc::clone(context), running)));
    }
}

async fn work(context: Rc<Context>, _running: Running) {
    let sending = context.state::<Sending>();
    // Nothing waits between this condition and the end of the task, so no request is missed.
    while sending.is_requested.get() {
        context.platform.executor.sleep(INTERVAL).await;
        sending.is_requested.set(false);
        round(&context).await;
    }
}

/// Visits the tenants that are due.
async fn round(context: &Context) {
    let clock = &context.platform.clock;
    let end = clock.monotonic_micros() + u64::try_from(BUDGET.as_micros()).unwrap_or(u64::MAX);
    let is_over = || clock.monotonic_micros() > end;
    for _ in 0..MOST_LOOKS {
        let taken = match due::take(context, MOST_TENANTS).await {
            Ok(taken) => taken,
            Err(error) => return without_redis(context, error),
        };
        if taken.is_empty() {
            return;
        }
        for taken in taken {
            let id = taken.tenant;
            let visited =
                if is_over() { Ok(false) } else { visit_taken(context, taken, is_over).await };
            let again = match visited {
                Ok(is_done) => !is_done,
                Err(error) => {
                    log::warning(context, "the messages of a tenant were not sent", &error);
                    true
                }
            };
            if again && let Err(error) = due::add(context, id, AGAIN).await {
                without_redis(context, error);
            }
        }
        if is_over() {
            return;
        }
    }
}

fn without_redis(context: &Context, error: RedisError) {
    let message = "Redis unavailable; messages to users wait until maintenance finds them";
    log::warning(context, message, &error.into());
}

/// Has a tenant with waiting messages visited, whose entry Redis may have lost.
///
/// # Errors
/// [`Error::Unavailable`] while Redis or the tenant's database is unavailable.
pub async fn restore_entry(context: &Context, tenant: &TenantRecord) -> Result<()> {
    if context.settings.mail_transport != MailTransport::Http || tenant.status != Status::Active {
        return Ok(());
    }
    let database = TenantDb::connect_to(context, tenant).await?;
    if let Some(at) = messages::next_due(&database).await? {
        due::add(context, tenant.id, at - context.platform.clock.now()).await?;
    }
    Ok(())
}

async fn visit_taken(context: &Context, taken: Taken, is_over: impl Fn() -> bool) -> Result<bool> {
    match repo::find(&*context.catalog().await?, taken.tenant).await? {
        Some(tenant) => visit(context, Rc::new(tenant), taken, is_over).await,
        // The tenant was destroyed.
        None => Ok(taken.release(context).await.map(|()| true)?),
    }
}

/// Sends the messages of a tenant that are due. Returns whether none is left.
async fn visit(
    context: &Context,
    tenant: Rc<TenantRecord>,
    taken: Taken,
    is_over: impl Fn() -> bool,
) -> Result<bool> {
    let from = context.settings.mail_from.as_ref();
    let from = from.ok_or_else(|| Error::internal("MAIL_FROM is required by MAIL_TRANSPORT"))?;
    let Some(outbox) = Outbox::open(context, tenant, Some(taken)).await? else { return Ok(true) };
    let mut is_done = false;
    for _ in 0..MOST {
        if is_over() {
            break;
        }
        let Some(outgoing) = outbox.next(context).await? else {
            is_done = true;
            break;
        };
        let outcome = send(context, &outgoing, from).await;
        outbox.finish(context, &outgoing, outcome).await?;
        if outcome == Outcome::NotSent {
            // The next messages would not be sent either.
            break;
        }
    }
    outbox.close(context).await?;
    Ok(is_done)
}

/// Has the component send a message, and returns how the attempt ended.
async fn send(context: &Context, outgoing: &Outgoing, from: &EmailAddress) -> Outcome {
    let rendered = &outgoing.rendered;
    let message = Message {
        id: outgoing.id(),
        sender: outgoing.sender.clone(),
        from: from.as_str().to_owned(),
        to: outgoing.address().to_owned(),
        subject: rendered.subject.clone(),
        text: rendered.text.clone(),
        html: rendered.html.clone(),
    };
    let body = match serde_json::to_vec(&message) {
        Ok(body) => body,
        Err(error) => {
            log::warning(context, "a message is invalid", &Error::internal(error));
            return Outcome::Rejected;
        }
    };
    let body = ("application/json", body);
    let reply = match outbound::post(context, PATH, body, DEADLINE, LONGEST_REPLY).await {
        Ok(response) => {
            let reply = response.body.filter(|_| response.status == 200);
            let reply = reply.and_then(|body| serde_json::from_slice(&body).ok());
            match reply {
                Some(reply) => reply,
                // The component refuses a message before it sends it.
                None if (400..500).contains(&response.status) => {
                    let problem = format!("the component outbound responds {}", response.status);
                    log::warning(context, "a message is invalid", &Error::internal(problem));
                    return Outcome::Rejected;
                }
                None => Reply::NoAnswer(format!("outbound responds {}", response.status)),
            }
        }
        Err(HttpError::NotSent(reason)) => Reply::NotSent(reason),
        Err(HttpError::NoAnswer(reason)) => Reply::NoAnswer(reason),
    };
    let outcome = reply.outcome(context.platform.clock.now());
    if outcome != Outcome::Accepted {
        let problem = match reply {
            Reply::Answered { status, .. } => format!("the mail service responds {status}"),
            Reply::NotSent(reason) | Reply::NoAnswer(reason) => reason,
        };
        let message =
            "the mail service did not accept a message; check MAIL_API_URL and MAIL_API_TOKEN";
        log::warning(context, message, &Error::internal(problem));
    }
    outcome
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, Utc};
    use platform::{Clock, Platform, testing::PreparedSql};

    use super::*;
    use crate::testing;

    /// A clock that the test moves, in microseconds.
    #[derive(Default)]
    struct Manual(Cell<u64>);

    impl Clock for Manual {
        fn now(&self) -> DateTime<Utc> {
            DateTime::UNIX_EPOCH
        }

        fn monotonic_micros(&self) -> u64 {
            self.0.get()
        }
    }

    fn context(transport: &'static str) -> (Rc<Context>, Rc<Manual>) {
        let clock = Rc::new(Manual(Cell::new(60_000_000)));
        let platform = platform::testing::platform(&Rc::<PreparedSql>::default());
        let platform = Platform { clock: Rc::clone(&clock) as Rc<dyn Clock>, ..platform };
        let settings = [
            ("MAIL_TRANSPORT", transport),
            ("MAIL_FROM", "no-reply@saas.example"),
            ("PUBLIC_URL", "https://app.saas.example"),
        ];
        (testing::context_on(platform, &settings), clock)
    }

    /// Returns whether the work is requested, and forgets the request.
    fn is_requested(context: &Context) -> bool {
        context.state::<Sending>().is_requested.take()
    }

    #[test]
    fn requests_of_strangers_cause_few_looks() {
        let (context, clock) = context("http");
        let mut looks = 0;
        for _ in 0..600 {
            schedule_if_written(&context, true);
            looks += u32::from(is_requested(&context));
            clock.0.set(clock.0.get() + 100_000);
        }
        assert_eq!(looks, 6, "in a minute");
        clock.0.set(clock.0.get() + 60_000_000);
        schedule_if_written(&context, false);
        assert!(!is_requested(&context));
    }

    #[test]
    fn written_message_is_sent_after_its_request() {
        let (context, _) = context("http");
        let tenant = testing::tenant(&context);
        schedule_if_written(&context, true);
        assert!(is_requested(&context));
        for is_success in [true, false] {
            due::add_later(&context, &tenant);
            schedule_if_written(&context, is_success);
            assert!(is_requested(&context), "{is_success}");
            schedule_if_written(&context, is_success);
            assert!(!is_requested(&context), "{is_success}");
        }
    }

    #[test]
    fn other_transport_sends_nothing() {
        let (context, _) = context("smtp");
        due::add_later(&context, &testing::tenant(&context));
        schedule_if_written(&context, true);
        schedule(&context, true);
        assert!(!is_requested(&context));
    }
}
