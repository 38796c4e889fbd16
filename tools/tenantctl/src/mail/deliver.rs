//! `tenantctl mail deliver`

use std::{
    fs,
    path::{Path, PathBuf},
    rc::Rc,
    time::Duration,
};

use anyhow::{Context as _, Result, anyhow, bail};
use serde_json::json;
use tenancy::{
    Context,
    identifier::EmailAddress,
    mail::{
        attempt::{NextStep, Outcome},
        delivery::{Outbox, Outgoing},
    },
    settings::MailTransport,
    tenant::repo,
};
use tokio::{
    task::spawn_blocking,
    time::{sleep, timeout},
};

use super::{
    compose::{Composed, compose},
    smtp::{Connection, Server},
};
use crate::{environment, exit::Exit, output};

/// The pause between two rounds.
const PAUSE: Duration = Duration::from_secs(2);
/// The deadline of an attempt. It is shorter than the validity of a claim.
const DEADLINE: Duration = Duration::from_secs(90);
/// The maximum number of messages of a tenant in one round, so that all tenants get their turn.
const MOST: u32 = 50;

/// The options of `mail deliver`.
#[derive(clap::Args)]
pub struct Arguments {
    /// Continues to send messages until the process is ended.
    #[arg(long)]
    follow: bool,
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
    loop {
        let round = round(&context, &from, &mut carrier).await;
        if !arguments.follow {
            let failed = round?;
            if failed > 0 {
                bail!("{failed} tenants failed");
            }
            return Ok(());
        }
        // A store or the mail server may be away for a time. The messages wait.
        if let Err(error) = round {
            output::failure(&error);
        }
        sleep(PAUSE).await;
    }
}

/// Sends the messages of each tenant that are due. Returns the number of tenants that failed.
async fn round(context: &Context, from: &str, carrier: &mut Carrier) -> Result<u32> {
    let catalog = context.catalog().await?;
    let rows = repo::list_with_database(&*catalog).await?;
    let mut failed = 0;
    for row in rows.unreadable {
        failed += 1;
        output::failure(&anyhow!("{row}"));
    }
    for tenant in rows.items {
        let id = tenant.id;
        if let Err(error) = deliver(context, Rc::new(tenant), from, carrier).await {
            failed += 1;
            output::failure(&error.context(format!("the tenant {id}")));
        }
    }
    Ok(failed)
}

/// Sends the messages of one tenant.
async fn deliver(
    context: &Context,
    tenant: Rc<tenancy::tenant::TenantRecord>,
    from: &str,
    carrier: &mut Carrier,
) -> Result<()> {
    let id = tenant.id;
    let Some(outbox) = Outbox::open(context, tenant).await? else { return Ok(()) };
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
            line["link"] = json!(outgoing.link.as_str());
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
