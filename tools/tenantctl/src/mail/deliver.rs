//! `tenantctl mail deliver`

use std::{
    fs,
    path::{Path, PathBuf},
    rc::Rc,
    time::Duration,
};

use anyhow::{Context as _, Result, anyhow, bail};
use chrono::TimeDelta;
use serde_json::json;
use tenancy::{
    Context,
    identifier::EmailAddress,
    mail::{
        attempt::{NextStep, Outcome},
        delivery::{Outbox, Outgoing},
        due::{self, Taken},
    },
    settings::MailTransport,
    tenant::{TenantRecord, repo},
};
use tokio::{
    task::spawn_blocking,
    time::{sleep, timeout},
};
use uuid::Uuid;

use super::{
    compose::{Composed, compose},
    smtp::{Connection, Server},
};
use crate::{environment, exit::Exit, output};

/// The pause between two looks for tenants with messages.
const PAUSE: Duration = Duration::from_secs(2);
/// The delay before a tenant is visited again whose visit failed, for example without a mail server.
const AFTER_FAILURE: TimeDelta = TimeDelta::seconds(10);
/// The deadline of an attempt. It is shorter than the validity of a claim.
const DEADLINE: Duration = Duration::from_secs(90);
/// The maximum number of tenants that one look takes.
const MOST_TENANTS: u32 = 100;
/// The maximum number of messages of a tenant in one round, so that all tenants get their turn.
const MOST: u32 = 50;

/// The options of `mail deliver`.
#[derive(clap::Args)]
pub struct Arguments {
    /// Continues to send messages until the process is ended.
    #[arg(long)]
    follow: bool,
    /// The seconds between two visits of all tenants with `--follow`. Between them, only tenants with new or due messages
    /// are visited.
    #[arg(long, value_name = "SECONDS", default_value_t = 300, value_parser = clap::value_parser!(u32).range(1..=86_400))]
    full_round: u32,
    /// Writes the messages into a folder instead of sending them, and prints their links.
    #[arg(long, value_name = "DIR")]
    to_directory: Option<PathBuf>,
}

/// Sends the messages.
pub(super) async fn run(arguments: &Arguments) -> Result<()> {
    let context = environment::context()?;
    if context.settings.mail_transport == MailTransport::None {
        return Err(Exit::Usage.error("MAIL_TRANSPORT is none, so there are no messages to send"));
    }
    if context.settings.mail_transport == MailTransport::Http {
        let problem = "MAIL_TRANSPORT is http, so the service sends the messages itself";
        return Err(Exit::Usage.error(problem));
    }
    let from = context.settings.mail_from.as_ref().map(EmailAddress::as_str);
    let from = from.context("MAIL_FROM is required by MAIL_TRANSPORT")?.to_owned();
    let mut carrier = match &arguments.to_directory {
        Some(directory) => {
            fs::create_dir_all(directory)
                .with_context(|| format!("{} is no folder", directory.display()))?;
            Carrier::Directory(directory.clone())
        }
        None => Carrier::Smtp(Server::from_environment()?, None),
    };
    if arguments.follow {
        return follow(&context, &from, &mut carrier, arguments.full_round).await;
    }
    match round(&context, &from, &mut carrier).await? {
        0 => Ok(()),
        failed => bail!("{failed} tenants failed"),
    }
}

/// Sends messages until the process is ended. A store or the mail server may be away for a time: the messages wait.
async fn follow(
    context: &Context,
    from: &str,
    carrier: &mut Carrier,
    full_round: u32,
) -> Result<()> {
    let interval = u64::from(full_round) * 1_000_000;
    let mut next_round = 0;
    let mut has_redis = true;
    loop {
        let now = context.platform.clock.monotonic_micros();
        if now >= next_round {
            match round(context, from, carrier).await {
                Ok(_) => next_round = now + interval,
                // Without the catalog no tenant was visited.
                Err(error) => output::failure(&error),
            }
        } else {
            let visited = visit_due(context, from, carrier).await;
            if let Err(error) = &visited
                && has_redis
            {
                output::failure(error);
            }
            has_redis = visited.is_ok();
        }
        sleep(PAUSE).await;
    }
}

/// Sends the messages of the tenants with new or due messages.
async fn visit_due(context: &Context, from: &str, carrier: &mut Carrier) -> Result<()> {
    let due = due::take(context, MOST_TENANTS).await;
    let due = due.context("only the visits of all tenants find messages")?;
    for taken in due {
        let id = taken.tenant;
        if let Err(error) = visit(context, taken, from, carrier).await {
            failed(context, id, error).await;
        }
    }
    Ok(())
}

async fn visit(context: &Context, taken: Taken, from: &str, carrier: &mut Carrier) -> Result<()> {
    match repo::find(&*context.catalog().await?, taken.tenant).await? {
        Some(tenant) => deliver(context, Rc::new(tenant), Some(taken), from, carrier).await,
        // The tenant was destroyed.
        None => Ok(taken.release(context).await?),
    }
}

/// Reports a visit that failed, and has the tenant visited again. Without Redis, the visit of all tenants does so.
async fn failed(context: &Context, id: Uuid, error: anyhow::Error) {
    output::failure(&error.context(format!("the tenant {id}")));
    if let Err(error) = due::add(context, id, AFTER_FAILURE).await {
        output::failure(&error.into());
    }
}

/// Sends the messages of each tenant that are due. Returns the number of tenants that failed.
async fn round(context: &Context, from: &str, carrier: &mut Carrier) -> Result<u32> {
    let catalog = context.catalog().await?;
    let rows = repo::list_with_database(&*catalog).await?;
    let mut failures = 0;
    for row in rows.unreadable {
        failures += 1;
        output::failure(&anyhow!("{row}"));
    }
    for tenant in rows.items {
        let id = tenant.id;
        let delivered = deliver(context, Rc::new(tenant), None, from, carrier).await;
        if let Err(error) = repo::unless_destroyed(&*catalog, id, delivered).await {
            failures += 1;
            failed(context, id, error).await;
        }
    }
    Ok(failures)
}

/// Sends the messages of one tenant.
async fn deliver(
    context: &Context,
    tenant: Rc<TenantRecord>,
    taken: Option<Taken>,
    from: &str,
    carrier: &mut Carrier,
) -> Result<()> {
    let id = tenant.id;
    let Some(outbox) = Outbox::open(context, tenant, taken).await? else { return Ok(()) };
    for _ in 0..MOST {
        // Without a server, no message is claimed and none uses up its attempts.
        carrier.connect().await?;
        let Some(outgoing) = outbox.next(context).await? else { break };
        let outcome = match compose(&outgoing, from, context.platform.clock.now().into()) {
            Ok(message) => carrier.carry(&outgoing, message).await,
            Err(error) => {
                output::failure(&error.context(format!("the message {}", outgoing.id())));
                Outcome::Rejected
            }
        };
        let step = outbox.finish(context, &outgoing, outcome).await?;
        let mut line = json!({ "tenant": id, "message": outgoing.id() });
        match step {
            NextStep::Sent => line["state"] = json!("sent"),
            NextStep::Retry(at) => {
                line["state"] = json!("waiting");
                line["next_attempt_at"] = json!(at);
            }
            NextStep::Dead(failure) => {
                line["state"] = json!("dead");
                line["failure"] = json!(failure.code());
            }
        }
        if matches!(carrier, Carrier::Directory(_)) {
            line["address"] = json!(outgoing.address());
            if let Some(link) = &outgoing.link {
                line["link"] = json!(link.as_str());
            }
        }
        output::line(&line.to_string());
    }
    outbox.close(context).await?;
    Ok(())
}

/// The way that messages leave.
enum Carrier {
    Directory(PathBuf),
    Smtp(Server, Option<Box<Connection>>),
}

impl Carrier {
    /// Connects to the mail server, if there is no connection.
    async fn connect(&mut self) -> Result<()> {
        let Self::Smtp(server, connection) = self else { return Ok(()) };
        if connection.is_none() {
            let server = server.clone();
            let opened = timeout(DEADLINE, spawn_blocking(move || Connection::open(&server)));
            let opened = opened.await.context("the mail server does not answer")???;
            *connection = Some(Box::new(opened));
        }
        Ok(())
    }

    /// Carries a message, and returns how the attempt ended.
    async fn carry(&mut self, outgoing: &Outgoing, message: Composed) -> Outcome {
        const LATER: Outcome = Outcome::Refused { retry_after: None };
        match self {
            Self::Directory(directory) => match write(directory, outgoing, &message) {
                Ok(()) => Outcome::Accepted,
                Err(error) => {
                    output::failure(&error);
                    LATER
                }
            },
            Self::Smtp(_, connection) => {
                // `connect` has run before. Without a connection, the server certainly has not accepted the message.
                let Some(mut open) = connection.take() else { return LATER };
                let sent = spawn_blocking(move || {
                    let (outcome, is_usable) = open.send(&message);
                    (outcome, is_usable.then_some(open))
                });
                match timeout(DEADLINE, sent).await {
                    Ok(Ok((outcome, open))) => {
                        *connection = open;
                        outcome
                    }
                    Ok(Err(_)) | Err(_) => Outcome::Unanswered,
                }
            }
        }
    }
}

/// Writes a message as a file that mail programs open. Its name is the id, so an attempt that is repeated replaces it.
fn write(directory: &Path, outgoing: &Outgoing, message: &Composed) -> Result<()> {
    let path = directory.join(format!("{}.eml", outgoing.id()));
    let part = directory.join(format!("{}.part", outgoing.id()));
    fs::write(&part, &message.bytes)
        .and_then(|()| fs::rename(&part, &path))
        .with_context(|| format!("{} could not be written", path.display()))
}
