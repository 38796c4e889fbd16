//! Events and their actors.

use std::fmt::Display;

use serde::Serialize;
use serde_json::{Value as Json, json};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{
    context::Context,
    event::{Actor, content, seal},
    log,
};

/// The severity of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Normal operation.
    Info,
    /// Should be reviewed.
    Warning,
    /// May indicate an intrusion.
    Critical,
}

impl Severity {
    /// Returns the name in the trail.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Critical => "critical",
        }
    }
}

/// The description of an event.
#[derive(Debug, Clone)]
pub struct Event {
    name: &'static str,
    severity: Severity,
    failed: bool,
    resource: Option<(&'static str, String)>,
    detail: Json,
    open: &'static [&'static str],
}

impl Event {
    /// Returns an event with one of the names in [`event::name`](crate::event::name).
    pub fn new(name: &'static str) -> Self {
        Self {
            name,
            severity: Severity::Info,
            failed: false,
            resource: None,
            detail: json!({}),
            open: &[],
        }
    }

    /// Marks the event as failed.
    #[must_use]
    pub fn failed(self) -> Self {
        Self { failed: true, ..self }
    }

    /// Sets a severity other than [`Severity::Info`].
    #[must_use]
    pub fn severity(self, severity: Severity) -> Self {
        Self { severity, ..self }
    }

    /// Sets the resource of the event.
    #[must_use]
    pub fn about(self, kind: &'static str, id: impl Display) -> Self {
        Self { resource: Some((kind, id.to_string())), ..self }
    }

    /// Sets the details: a JSON object that never contains a secret.
    #[must_use]
    pub fn detail(self, detail: Json) -> Self {
        Self { detail, ..self }
    }
}

impl Event {
    /// Lets the statement of the change set the actor and the resource.
    #[must_use]
    pub(crate) fn with_actor_from_statement(self) -> Self {
        Self { open: &seal::ACTOR, ..self }
    }
}

/// An event at a point in time, in the form in which it is stored.
#[derive(Debug, Clone)]
pub struct Entry {
    pub(crate) id: Uuid,
    pub(crate) tenant: Option<Uuid>,
    pub(crate) json: Json,
}

impl Entry {
    /// Returns the entry of an event that `actor` causes now, in a tenant or, with `None`, on the platform.
    pub fn new(context: &Context, tenant: Option<Uuid>, actor: &Actor, event: Event) -> Self {
        let now = context.platform.clock.now();
        let (resource_type, resource_id) = event.resource.unzip();
        let mut json = json!({
            "event": event.name,
            "severity": event.severity.as_str(),
            "result": if event.failed { "failure" } else { "success" },
            "actor_type": actor.kind,
            "actor_id": actor.id,
            "resource_type": resource_type,
            "resource_id": resource_id,
            "address": actor.origin.address,
            "user_agent": actor.origin.user_agent.as_deref().map(|text| clip(text, 512)),
            "request_id": actor.origin.request_id,
            "detail": actor.complete(event.detail),
            "created_at": content::timestamp(now),
        });
        let id = context.platform.random.uuid(now);
        if let Err(error) = seal::seal(&context.master_key, tenant, id, &mut json, event.open) {
            // HMAC accepts keys of any length, so this does not fail. An event without a seal is reported as forged.
            log::warning(context, "an audit event was not sealed", &error);
        }
        Self { id, tenant, json }
    }

    /// Returns the name of the event.
    pub(crate) fn event(&self) -> &str {
        self.json["event"].as_str().unwrap_or_default()
    }
}

fn clip(text: &str, longest: usize) -> String {
    text.chars().filter(|char| *char != '\0').take(longest).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Origin;

    // S37
    #[test]
    fn operator_event_names_its_credential() {
        let key = Actor::operator_key(Uuid::from_u128(7), "Deployment", Origin::default());
        let expected = json!({
            "slug": "acme", "operator": { "credential": "operator_key", "name": "Deployment" },
        });
        assert_eq!(key.complete(json!({ "slug": "acme" })), expected);
        assert_eq!((key.kind, key.id), ("operator_key", Some(Uuid::from_u128(7).to_string())));
        let break_glass = Actor::platform(Origin::default());
        let expected = json!({ "operator": { "credential": "break_glass" } });
        assert_eq!(break_glass.complete(json!({})), expected);
        assert_eq!((break_glass.kind, break_glass.id), ("platform", None));
        assert_eq!(Actor::system().complete(json!({})), json!({}));
    }
}
