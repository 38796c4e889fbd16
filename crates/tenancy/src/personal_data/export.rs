//! The export of a user's personal data, as one JSON document that is written in pieces. A piece has at most one page of
//! rows, so an export of any size needs little memory.

use std::rc::Rc;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::json;
use uuid::Uuid;

use super::{
    Authority,
    sections::{self, ExportedUser},
};
use crate::{
    audit::{self, Cursor, Filter, Lease, LoggedEvent},
    body::BodyReader,
    context::Context,
    database_role::{self, DatabaseRoleView},
    error::{Error, Result},
    event::{Actor, Entry, Event, Severity, name},
    limiter::Limiter,
    log,
    tenant::{Tenant, TenantDb},
};

/// The number of rows of a page.
const PAGE: u32 = 500;
/// The number of pages that an instance writes concurrently.
const AT_ONCE: u32 = 2;

/// The exports of an instance.
struct Exports(Limiter);

impl Default for Exports {
    fn default() -> Self {
        Self(Limiter::new("exports of personal data", AT_ONCE))
    }
}

/// A running export.
pub struct Export {
    context: Rc<Context>,
    tenant: Tenant,
    id: Uuid,
    next: Next,
    /// Whether the next item of the current list is its first one.
    is_first: bool,
    lease: Lease,
}

/// The next page.
enum Next {
    Begin(Box<ExportedUser>),
    Sessions(Option<(DateTime<Utc>, Uuid)>),
    DatabaseCredentials(Uuid),
    ApiKeys(Option<Cursor>),
    Files(Option<Cursor>),
    AuditEvents(Option<Cursor>),
    End,
}

impl Export {
    /// Begins an export and records it. A user has one export at a time.
    ///
    /// # Errors
    /// [`Error::Forbidden`], [`Error::UserNotFound`], and [`Error::RateLimited`] while another export of the user is
    /// running.
    pub async fn begin(
        context: &Rc<Context>,
        tenant: &Tenant,
        id: Uuid,
        authority: &Authority,
        actor: &Actor,
    ) -> Result<Self> {
        authority.check(id)?;
        let database = TenantDb::connect(context, tenant).await?;
        let user = sections::user(&database, id).await?.ok_or(Error::UserNotFound)?;
        let lease = Lease::take(context, Some(tenant.id), &format!("user_export:{id}")).await?;
        let severity = if authority.is_self(id) { Severity::Info } else { Severity::Warning };
        let event =
            Event::new(name::USER_EXPORTED).severity(severity).about("user", id).detail(json!({}));
        audit::record(context, &Entry::new(context, Some(tenant.id), actor, event)).await?;
        // The export includes the most recent events.
        audit::flush(context, tenant).await?;
        let next = Next::Begin(Box::new(user));
        let (context, tenant) = (Rc::clone(context), tenant.clone());
        Ok(Self { context, tenant, id, next, is_first: true, lease })
    }

    /// Returns the next piece, which is empty for a page without rows of this user.
    async fn piece(&mut self) -> Result<String> {
        self.lease.renew().await?;
        // A slot of the instance is held only for one page, so a slow reader does not block others.
        let context = Rc::clone(&self.context);
        let _slot = context.state::<Exports>().0.enter(&*context.platform.executor).await?;
        match std::mem::replace(&mut self.next, Next::End) {
            Next::Begin(user) => self.begin_document(&user),
            Next::Sessions(before) => self.sessions(before).await,
            Next::DatabaseCredentials(after) => self.database_credentials(after).await,
            Next::ApiKeys(after) => self.api_keys(after).await,
            Next::Files(after) => self.files(after).await,
            Next::AuditEvents(after) => self.audit_events(after).await,
            Next::End => Ok(String::new()),
        }
    }

    fn begin_document(&mut self, user: &ExportedUser) -> Result<String> {
        let mut head = serde_json::to_string(&json!({
            "generated_at": self.context.platform.clock.now(),
            "user": user,
            "is_tenant_contact": self.tenant.admin_email == user.email(),
        }))
        .map_err(Error::internal)?;
        // The lists follow as further members.
        head.pop();
        self.next = Next::Sessions(None);
        Ok(head + ",\"sessions\":[")
    }

    async fn sessions(&mut self, before: Option<(DateTime<Utc>, Uuid)>) -> Result<String> {
        let database = TenantDb::connect(&self.context, &self.tenant).await?;
        let page = sections::sessions(&database, self.id, before, PAGE).await?;
        let is_last = page.len() < PAGE as usize;
        let sessions = log::readable(&self.context, page);
        let mut text = self.items(&sessions)?;
        let last = sessions.last().map(|session| (session.created_at, session.id));
        match last.filter(|_| !is_last) {
            Some(last) => self.next = Next::Sessions(Some(last)),
            None => self.begin_list(
                &mut text,
                "database_credentials",
                Next::DatabaseCredentials(Uuid::nil()),
            ),
        }
        Ok(text)
    }

    async fn database_credentials(&mut self, after: Uuid) -> Result<String> {
        let catalog = self.context.catalog().await?;
        let tenant = self.tenant.id;
        let page = database_role::list_of_user(&*catalog, tenant, self.id, after, PAGE).await?;
        let views: Vec<_> = page.iter().map(DatabaseRoleView::from).collect();
        let mut text = self.items(&views)?;
        match page.last().filter(|_| page.len() == PAGE as usize) {
            Some(last) => self.next = Next::DatabaseCredentials(last.id),
            None => self.begin_list(&mut text, "api_keys", Next::ApiKeys(None)),
        }
        Ok(text)
    }

    async fn api_keys(&mut self, after: Option<Cursor>) -> Result<String> {
        let (events, next) = self.caused(name::API_KEY_CREATED, after).await?;
        let ids: Vec<_> = events.into_iter().filter_map(|event| event.resource_id).collect();
        let catalog = self.context.catalog().await?;
        let keys = sections::api_keys(&*catalog, self.tenant.id, &ids).await?;
        let keys = log::readable(&self.context, keys);
        let mut text = self.items(&keys)?;
        match next {
            Some(next) => self.next = Next::ApiKeys(Some(next)),
            None => self.begin_list(&mut text, "files", Next::Files(None)),
        }
        Ok(text)
    }

    async fn files(&mut self, after: Option<Cursor>) -> Result<String> {
        let (events, next) = self.caused(name::FILE_UPLOADED, after).await?;
        // A replaced file has another id, so each existing file has one event.
        let id = |event: &LoggedEvent| -> Option<String> {
            let id: Uuid = event.detail["after"]["file"].as_str()?.parse().ok()?;
            Some(id.to_string())
        };
        let ids: Vec<_> = events.iter().filter_map(id).collect();
        let database = TenantDb::connect(&self.context, &self.tenant).await?;
        let files = log::readable(&self.context, sections::files(&database, &ids).await?);
        let mut text = self.items(&files)?;
        match next {
            Some(next) => self.next = Next::Files(Some(next)),
            None => self.begin_list(&mut text, "audit_events", Next::AuditEvents(None)),
        }
        Ok(text)
    }

    async fn audit_events(&mut self, after: Option<Cursor>) -> Result<String> {
        let catalog = self.context.catalog().await?;
        let (events, next) =
            audit::list_of_user(&*catalog, self.tenant.id, self.id, after, PAGE).await?;
        let events = log::readable(&self.context, events);
        let mut text = self.items(&events)?;
        match next {
            Some(next) => self.next = Next::AuditEvents(Some(next)),
            None => text.push_str("]}\n"),
        }
        Ok(text)
    }

    /// Returns a page of the events with a name that the user caused, the newest first.
    async fn caused(
        &self,
        event: &str,
        after: Option<Cursor>,
    ) -> Result<(Vec<LoggedEvent>, Option<Cursor>)> {
        let filter = Filter {
            tenant: Some(self.tenant.id),
            event: Some(event.to_owned()),
            actor: Some(self.id.to_string()),
            ..Filter::default()
        };
        let catalog = self.context.catalog().await?;
        let (events, next) = audit::list(&*catalog, &filter, after, PAGE).await?;
        Ok((log::readable(&self.context, events), next))
    }

    /// Returns items of the current list.
    fn items(&mut self, items: &[impl Serialize]) -> Result<String> {
        let mut text = String::new();
        for item in items {
            if !std::mem::take(&mut self.is_first) {
                text.push(',');
            }
            text.push_str(&serde_json::to_string(item).map_err(Error::internal)?);
        }
        Ok(text)
    }

    /// Ends the current list and begins another one.
    fn begin_list(&mut self, text: &mut String, member: &str, next: Next) {
        for part in ["],\"", member, "\":["] {
            text.push_str(part);
        }
        self.is_first = true;
        self.next = next;
    }
}

#[async_trait(?Send)]
impl BodyReader for Export {
    async fn read(&mut self) -> Result<Option<Vec<u8>>> {
        loop {
            if matches!(self.next, Next::End) {
                return Ok(None);
            }
            match self.piece().await {
                Ok(piece) if piece.is_empty() => {}
                Ok(piece) => return Ok(Some(piece.into_bytes())),
                Err(error) => {
                    log::warning(
                        &self.context,
                        "an export of personal data was interrupted",
                        &error,
                    );
                    return Err(error);
                }
            }
        }
    }
}
