//! The delivery of a tenant's messages: claim, send, settle. The caller sends.
//!
//! Under a crash: see [`super::repo`].

use std::rc::Rc;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::json;
use url::Url;
use uuid::Uuid;

use super::{
    VariablesCipher,
    attempt::{Attempts, Failure, NextStep, Outcome},
    due::{self, Taken},
    messages, repo,
    settings::{self, MailSettings},
    template::{self, Content, Language, Purpose, Rendered},
    variables::Variables,
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

/// The delay before a tenant is visited again that is not active. It may be reactivated.
const INACTIVE: TimeDelta = TimeDelta::minutes(1);

/// The outbox of one active tenant.
pub struct Outbox {
    tenant: Tenant,
    database: TenantDb,
    taken: Option<Taken>,
}

/// A message that only this process may send now.
pub struct Outgoing {
    claimed: repo::Claimed,
    /// The name of the sender on one line.
    pub sender: String,
    /// The subject and the bodies.
    pub rendered: Rendered,
    /// The link in the message, if it has one. It contains the token.
    pub link: Option<Url>,
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
    /// due or the tenant is not active. A tenant with messages for later is visited again. `taken` is released.
    pub async fn open(
        context: &Context,
        record: Rc<TenantRecord>,
        taken: Option<Taken>,
    ) -> Result<Option<Self>> {
        if record.status != Status::Active {
            // A visit of all tenants does not add the inactive ones.
            let delay = taken.as_ref().map(|_| INACTIVE);
            release(context, record.id, taken.as_ref(), delay).await;
            return Ok(None);
        }
        let tenant = Tenant::of_operator(record)?;
        let database = TenantDb::connect(context, &tenant).await?;
        messages::end_overdue(context, &tenant, &database).await?;
        let outbox = Self { tenant, database, taken };
        let next = repo::next_due(&outbox.database).await?;
        if next.is_some_and(|at| at <= context.platform.clock.now()) {
            return Ok(Some(outbox));
        }
        outbox.release(context, next).await;
        Ok(None)
    }

    /// Claims the next message, if one is due. A message that the service cannot unseal is dead.
    pub async fn next(&self, context: &Context) -> Result<Option<Outgoing>> {
        loop {
            // A failure after the claim would count as an attempt without an answer.
            let settings = settings::read_from(&self.database).await?;
            let now = context.platform.clock.now();
            let Some(claimed) = repo::claim(&self.database, now).await? else { return Ok(None) };
            match self.unseal(context, &settings, &claimed) {
                Ok((sender, rendered, link)) => {
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
    ) -> Result<(String, Rendered, Option<Url>)> {
        let cipher = VariablesCipher::new(self.tenant.data_keys(context)?);
        let variables = cipher.open(claimed.id, &claimed.address, &claimed.variables)?;
        let Variables { token, code, at, device, network } = Variables::parse(&variables)?;
        let language = Language::parse(&claimed.language).map_err(Error::internal)?;
        let purpose = Purpose::parse(&claimed.purpose)
            .ok_or_else(|| Error::internal("a message has an unknown purpose"))?;
        let link = match (purpose.page(), token) {
            (Some(name), Some(token)) => {
                Some(settings.page(context, &self.tenant, purpose, name)?.with_token(&token))
            }
            (None, None) => None,
            (Some(_), None) | (None, Some(_)) => {
                return Err(Error::internal("the variables of a message do not fit its purpose"));
            }
        };
        let brand = settings.brand(context, &self.tenant, purpose);
        let sender = super::escape::single_line(&brand.name);
        let content = Content { link, code, at, device, network };
        Ok((sender, template::render(&brand, purpose, language, &content), content.link))
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

    /// Moves the events of the delivery to the audit trail of the tenant, and has it visited again for the messages that
    /// wait.
    pub async fn close(self, context: &Context) -> Result<()> {
        let next = repo::next_due(&self.database).await?;
        self.release(context, next).await;
        audit::flush(context, &self.tenant).await.map(drop)
    }

    /// Ends the visit. The tenant is visited again when a message is due.
    async fn release(&self, context: &Context, next: Option<DateTime<Utc>>) {
        let delay = next.map(|next| next - context.platform.clock.now());
        release(context, self.tenant.id, self.taken.as_ref(), delay).await;
    }
}

/// Ends the visit of a tenant. Without Redis, the visit of all tenants finds messages for later.
async fn release(context: &Context, tenant: Uuid, taken: Option<&Taken>, delay: Option<TimeDelta>) {
    if taken.is_none() && delay.is_none() {
        return;
    }
    if let Err(error) = due::release(context, tenant, taken, delay).await {
        let effect = "Redis unavailable; a message is sent when the delivery visits all tenants";
        log::warning(context, effect, &Error::from(error));
    }
}
