//! The delivery by the HTTP API of a mail service. The service sends the messages itself, through the component
//! `outbound`, the only one with the token of the account and access to the Internet.
//!
//! Under a crash: see [`super::repo`] and [`due`].

use std::{rc::Rc, time::Duration};

use chrono::TimeDelta;
use platform::{BackgroundTask, HttpError, HttpRequest, Running};

use super::{
    api::{Message, PATH, Reply},
    attempt::Outcome,
    delivery::{Outbox, Outgoing},
    due::{self, Taken},
};
use crate::{
    context::Context,
    error::{Error, Result},
    log,
    settings::MailTransport,
    tenant::{TenantRecord, repo},
};

/// The origin of the component `outbound`. The host calls it without a network.
const OUTBOUND: &str = "http://outbound.spin.internal";
/// The deadline of an attempt, which exceeds that of the component and is shorter than the validity of a claim.
const DEADLINE: Duration = Duration::from_secs(9);
/// The delay before the work after a response.
const INTERVAL: Duration = Duration::from_secs(1);
/// The time after which the work after a response sends no further message.
const BUDGET: Duration = Duration::from_mins(1);
/// The maximum number of tenants that the work after a response visits.
const MOST_TENANTS: u32 = 10;
/// The maximum number of messages of a tenant in one visit, so that all tenants get their turn.
const MOST: u32 = 20;
/// The maximum length of a reply of the component.
const LONGEST_REPLY: usize = 4 * 1024;
/// The delay before a tenant is visited again whose visit failed or did not take place.
const AGAIN: TimeDelta = TimeDelta::seconds(10);

/// The delay of the work after a response. The work itself may overlap with the next delay.
#[derive(Default)]
struct Sending {
    delay: BackgroundTask,
}

/// Schedules the delivery of messages that are due, unless it is scheduled already or another transport sends them.
pub fn schedule(context: &Rc<Context>) {
    if context.settings.mail_transport != MailTransport::Http {
        return;
    }
    if let Some(delay) = context.state::<Sending>().delay.begin() {
        context.platform.executor.spawn(Box::pin(work(Rc::clone(context), delay)));
    }
}

/// Visits the tenants that are due.
async fn work(context: Rc<Context>, delay: Running) {
    context.platform.executor.sleep(INTERVAL).await;
    drop(delay);
    let clock = &context.platform.clock;
    let end = clock.monotonic_micros() + u64::try_from(BUDGET.as_micros()).unwrap_or(u64::MAX);
    let is_over = || clock.monotonic_micros() > end;
    let taken = match due::take(&context, MOST_TENANTS).await {
        Ok(taken) => taken,
        Err(error) => {
            let message = "Redis unavailable; maintenance sends the messages to users";
            return log::warning(&context, message, &error.into());
        }
    };
    for taken in taken {
        let id = taken.tenant;
        let visited =
            if is_over() { Ok(false) } else { visit_taken(&context, taken, is_over).await };
        let again = match visited {
            Ok(is_done) => !is_done,
            Err(error) => {
                log::warning(&context, "the messages of a tenant were not sent", &error);
                true
            }
        };
        if again && let Err(error) = due::add(&context, id, AGAIN).await {
            let message = "Redis unavailable; maintenance sends the messages to users";
            log::warning(&context, message, &error.into());
        }
    }
}

async fn visit_taken(context: &Context, taken: Taken, is_over: impl Fn() -> bool) -> Result<bool> {
    match repo::find(&*context.catalog().await?, taken.tenant).await? {
        Some(tenant) => visit(context, Rc::new(tenant), Some(taken), is_over).await,
        // The tenant was destroyed.
        None => Ok(taken.release(context).await.map(|()| true)?),
    }
}

/// Sends the messages of a tenant that are due, if the transport is HTTP. Returns whether none is left.
///
/// # Errors
/// [`Error::Unavailable`] while the tenant's database is unavailable.
pub async fn visit(
    context: &Context,
    tenant: Rc<TenantRecord>,
    taken: Option<Taken>,
    is_over: impl Fn() -> bool,
) -> Result<bool> {
    if context.settings.mail_transport != MailTransport::Http {
        return Ok(true);
    }
    let Some(outbox) = Outbox::open(context, tenant, taken).await? else { return Ok(true) };
    let mut is_done = false;
    for _ in 0..MOST {
        if is_over() {
            break;
        }
        let Some(outgoing) = outbox.next(context).await? else {
            is_done = true;
            break;
        };
        let outcome = send(context, &outgoing).await?;
        outbox.finish(context, &outgoing, outcome).await?;
    }
    outbox.close(context).await?;
    Ok(is_done)
}

/// Has the component send a message, and returns how the attempt ended.
async fn send(context: &Context, outgoing: &Outgoing) -> Result<Outcome> {
    let from = context.settings.mail_from.as_ref();
    let from = from.ok_or_else(|| Error::internal("MAIL_FROM is required by MAIL_TRANSPORT"))?;
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
    let request = HttpRequest {
        origin: OUTBOUND.to_owned(),
        target: PATH.to_owned(),
        headers: vec![("content-type", "application/json".to_owned())],
        body: serde_json::to_vec(&message).map_err(Error::internal)?,
        deadline: DEADLINE,
        most: LONGEST_REPLY,
    };
    let reply = match context.platform.http.send(request).await {
        Ok(response) => {
            let reply = response.body.filter(|_| response.status == 200);
            let reply = reply.and_then(|body| serde_json::from_slice(&body).ok());
            match reply {
                Some(reply) => reply,
                // The component refuses a message before it sends it.
                None if (400..500).contains(&response.status) => {
                    let problem = format!("the component outbound responds {}", response.status);
                    log::warning(context, "a message is invalid", &Error::internal(problem));
                    return Ok(Outcome::Rejected);
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
    Ok(outcome)
}
