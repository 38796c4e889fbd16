//! The delivery of a tenant's messages: claim, send, settle. The caller sends.
//!
//! Under a crash: see [`super::repo`].

use std::rc::Rc;

use chrono::{DateTime, Utc};
use serde_json::json;
use url::Url;
use uuid::Uuid;

use super::{
    VariablesCipher,
    attempt::{Attempts, Failure, NextStep, Outcome},
    invitation::{self, Language, Purpose, Rendered},
    messages, repo,
    settings::{self, MailSettings},
};
use crate::{
    audit,
    context::Context,
    error::{Error, Result},
    event::{Actor, Entry, Event, name},
    field::Text as _,
    log,
    tenant::{Status, Tenant, TenantDb, TenantRecord},
};

/// The outbox of one active tenant.
pub struct Outbox {
    tenant: Tenant,
    database: TenantDb,
}

/// A message that only this process may send now.
pub struct Outgoing {
    claimed: repo::Claimed,
    /// The name of the tenant on one line, which is the name of the sender.
    pub sender: String,
    /// The subject and the bodies.
    pub rendered: Rendered,
    /// The link in the message. It contains the token.
    pub link: Url,
}

impl Outgoing {
    /// Returns the id of the message.
    pub fn id(&self) -> Uuid {
        self.claimed.id
    }

    /// Returns the address of the recipient.
    pub fn address(&self) -> &str {
        &self.claimed.address
    }
}

impl Outbox {
    /// Opens the outbox of a tenant, and ends the messages that must no longer be sent. Returns `None` if no message is
    /// due or the tenant is not active.
    pub async fn open(context: &Context, record: Rc<TenantRecord>) -> Result<Option<Self>> {
        if record.status != Status::Active {
            return Ok(None);
        }
        let tenant = Tenant::of_operator(record)?;
        let database = TenantDb::connect(context, &tenant).await?;
        messages::end_overdue(context, &tenant, &database).await?;
        let is_due = repo::has_due(&database, context.platform.clock.now()).await?;
        Ok(is_due.then_some(Self { tenant, database }))
    }

    /// Claims the next message, if one is due. A message that the service cannot unseal is dead.
    pub async fn next(&self, context: &Context) -> Result<Option<Outgoing>> {
        loop {
            let now = context.platform.clock.now();
            let Some(claimed) = repo::claim(&self.database, now).await? else { return Ok(None) };
            let settings = settings::read_from(&self.database).await?;
            match self.unseal(context, &settings, &claimed) {
                Ok((rendered, link)) => {
                    let sender = super::escape::single_line(&self.tenant.name);
                    return Ok(Some(Outgoing { claimed, sender, rendered, link }));
                }
                Err(error) => {
                    log::warning(context, "a message is damaged and is not sent", &error);
                    let step = NextStep::Dead(Failure::Damaged);
                    self.settle(context, &claimed, Outcome::Rejected, step, now).await?;
                }
            }
        }
    }

    fn unseal(
        &self,
        context: &Context,
        settings: &MailSettings,
        claimed: &repo::Claimed,
    ) -> Result<(Rendered, Url)> {
        let cipher = VariablesCipher::new(self.tenant.data_keys(context)?);
        let token = cipher.open(claimed.id, &claimed.address, &claimed.variables)?;
        let token = std::str::from_utf8(&token).map_err(Error::internal)?;
        let language = Language::parse(&claimed.language).map_err(Error::internal)?;
        let purpose = Purpose::parse(&claimed.purpose)
            .ok_or_else(|| Error::internal("a message has an unknown purpose"))?;
        let link = settings.page(context, &self.tenant, purpose)?.with_token(token);
        let brand = settings.brand(&self.tenant);
        Ok((invitation::render(&brand, purpose, language, &link), link))
    }

    /// Records how an attempt ended, and returns what follows.
    pub async fn finish(
        &self,
        context: &Context,
        outgoing: &Outgoing,
        outcome: Outcome,
    ) -> Result<NextStep> {
        let now = context.platform.clock.now();
        let claimed = &outgoing.claimed;
        // The counts are bounded by the maximum number of attempts and an operator's repetitions.
        let count = |number: i64| u32::try_from(number).unwrap_or(u32::MAX);
        let attempts = Attempts {
            all: count(claimed.attempts),
            unanswered: count(claimed.unanswered),
            expires_at: claimed.expires_at,
        };
        let step = attempts.next_step(outcome, now, &*context.platform.random);
        self.settle(context, claimed, outcome, step, now).await?;
        Ok(step)
    }

    async fn settle(
        &self,
        context: &Context,
        claimed: &repo::Claimed,
        outcome: Outcome,
        step: NextStep,
        now: DateTime<Utc>,
    ) -> Result<()> {
        let ids = (claimed.id, claimed.user);
        let entry = match step {
            NextStep::Sent => {
                let event = Event::new(name::MAIL_SENT)
                    .about("user", claimed.user)
                    .detail(json!({ "message": claimed.id, "purpose": claimed.purpose }));
                Some(Entry::new(context, Some(self.tenant.id), &Actor::system(), event))
            }
            NextStep::Dead(failure) => Some(messages::failed(context, &self.tenant, ids, failure)),
            NextStep::Retry(_) => None,
        };
        let database = &self.database;
        if !repo::settle(database, claimed, outcome, step, now, entry.as_ref()).await? {
            let error = Error::internal(format!("the claim of {} has expired", claimed.id));
            log::warning(context, "the result of an attempt to send a message came late", &error);
        }
        Ok(())
    }

    /// Moves the events of the delivery to the audit trail of the tenant.
    pub async fn close(self, context: &Context) -> Result<()> {
        audit::flush(context, &self.tenant).await.map(drop)
    }
}
