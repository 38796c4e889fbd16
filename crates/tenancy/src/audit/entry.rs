//! What an event is, and who is behind it.

use std::fmt::Display;

use serde::Serialize;
use serde_json::{Value as Json, json};
use utoipa::ToSchema;
use uuid::Uuid;

use super::seal;
use crate::{http::Origin, log, tenancy::Tenancy};

/// Who does something, and from where.
#[derive(Debug, Clone)]
pub struct Actor {
    kind: &'static str,
    id: Option<String>,
    /// The credential of an operator, which `detail.operator` of the event names.
    operator: Option<Json>,
    origin: Origin,
}

impl Actor {
    /// The kinds that the table of the trail takes.
    pub(super) const KINDS: [&'static str; 6] =
        ["platform", "operator_key", "user", "api_key", "system", "anonymous"];

    /// An operator with `ADMIN_API_KEY`, which is the break-glass credential.
    pub fn platform(origin: Origin) -> Self {
        let operator = json!({ "credential": "break_glass" });
        Self { operator: Some(operator), ..Self::of_kind("platform", origin) }
    }

    /// An operator with a named key.
    pub fn operator_key(id: Uuid, name: &str, origin: Origin) -> Self {
        let operator = json!({ "credential": "operator_key", "name": name });
        let id = Some(id.to_string());
        Self { id, operator: Some(operator), ..Self::of_kind("operator_key", origin) }
    }

    /// A user of the tenant.
    pub fn user(id: Uuid, origin: Origin) -> Self {
        Self { id: Some(id.to_string()), ..Self::of_kind("user", origin) }
    }

    /// An API key of the tenant.
    pub fn api_key(id: Uuid, origin: Origin) -> Self {
        Self { id: Some(id.to_string()), ..Self::of_kind("api_key", origin) }
    }

    /// Somebody who has not shown who they are.
    pub fn anonymous(origin: Origin) -> Self {
        Self::of_kind("anonymous", origin)
    }

    /// The service itself, or its operator's command line.
    pub fn system() -> Self {
        Self::of_kind("system", Origin::default())
    }

    fn of_kind(kind: &'static str, origin: Origin) -> Self {
        Self { kind, id: None, operator: None, origin }
    }

    /// Returns the details of an event by this actor: those of the event, with the credential of an operator. Statements
    /// that add to the details keep the members that are there.
    fn complete(&self, mut detail: Json) -> Json {
        if let (Some(operator), Some(members)) = (&self.operator, detail.as_object_mut()) {
            members.insert("operator".to_owned(), operator.clone());
        }
        detail
    }

    /// From where.
    pub fn origin(&self) -> &Origin {
        &self.origin
    }
}

/// How much an event asks for somebody's attention.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// The course of things.
    Info,
    /// Worth a look.
    Warning,
    /// Somebody may have got in.
    Critical,
}

impl Severity {
    /// Its name in the trail.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Critical => "critical",
        }
    }
}

/// What happens.
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
    /// An event by its name, such as `user.created`.
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

    /// What was tried did not come to be.
    #[must_use]
    pub fn failed(self) -> Self {
        Self { failed: true, ..self }
    }

    /// With another severity than the course of things has.
    #[must_use]
    pub fn severity(self, severity: Severity) -> Self {
        Self { severity, ..self }
    }

    /// What it happens to.
    #[must_use]
    pub fn about(self, kind: &'static str, id: impl Display) -> Self {
        Self { resource: Some((kind, id.to_string())), ..self }
    }

    /// More on it: a JSON object, and never a secret.
    #[must_use]
    pub fn detail(self, detail: Json) -> Self {
        Self { detail, ..self }
    }
}

impl Event {
    /// The statement of the change fills in the actor and the resource.
    #[must_use]
    pub(crate) fn with_actor_from_statement(self) -> Self {
        Self { open: &seal::ACTOR, ..self }
    }
}

/// An event of a moment, as it is kept.
#[derive(Debug, Clone)]
pub struct Entry {
    pub(super) id: Uuid,
    pub(super) tenant: Option<Uuid>,
    pub(super) json: Json,
}

impl Entry {
    /// What `actor` does now, in a tenant or, with `None`, to the platform.
    pub fn new(tenancy: &Tenancy, tenant: Option<Uuid>, actor: &Actor, event: Event) -> Self {
        let now = tenancy.platform.clock.now();
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
            "created_at": seal::timestamp(now),
        });
        let id = tenancy.platform.random.uuid(now);
        if let Err(error) = seal::seal(&tenancy.master_key, tenant, id, &mut json, event.open) {
            // HMAC takes keys of any length. Without a seal the event is reported as forged.
            log::warning(tenancy, "an audit event has no seal", &error);
        }
        Self { id, tenant, json }
    }

    /// The name of its event.
    pub(super) fn event(&self) -> &str {
        self.json["event"].as_str().unwrap_or_default()
    }
}

fn clip(text: &str, longest: usize) -> String {
    text.chars().filter(|char| *char != '\0').take(longest).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    // S37
    #[test]
    fn event_of_an_operator_names_the_credential() {
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
