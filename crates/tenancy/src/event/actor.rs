//! Actors, and the origins of their requests.

use std::net::IpAddr;

use serde_json::{Value as Json, json};
use uuid::Uuid;

/// The origin of a request.
#[derive(Debug, Clone, Default)]
pub struct Origin {
    /// The address of the client.
    pub address: Option<IpAddr>,
    /// The `User-Agent` of the client.
    pub user_agent: Option<String>,
    /// The id of the request.
    pub request_id: Option<String>,
}

/// The actor of an event and the origin of the request.
#[derive(Debug, Clone)]
pub struct Actor {
    pub(crate) kind: &'static str,
    pub(crate) id: Option<String>,
    /// The credential of an operator, which `detail.operator` of the event contains.
    pub(crate) operator: Option<Json>,
    pub(crate) origin: Origin,
}

impl Actor {
    /// The kinds that the table of the trail accepts.
    pub(crate) const KINDS: [&'static str; 6] =
        ["platform", "operator_key", "user", "api_key", "system", "anonymous"];

    /// Returns an operator with `ADMIN_API_KEY`, which is the break-glass credential.
    pub fn platform(origin: Origin) -> Self {
        let operator = json!({ "credential": "break_glass" });
        Self { operator: Some(operator), ..Self::of_kind("platform", origin) }
    }

    /// Returns an operator with a named key.
    pub fn operator_key(id: Uuid, name: &str, origin: Origin) -> Self {
        let operator = json!({ "credential": "operator_key", "name": name });
        let id = Some(id.to_string());
        Self { id, operator: Some(operator), ..Self::of_kind("operator_key", origin) }
    }

    /// Returns a user of the tenant.
    pub fn user(id: Uuid, origin: Origin) -> Self {
        Self { id: Some(id.to_string()), ..Self::of_kind("user", origin) }
    }

    /// Returns an API key of the tenant.
    pub fn api_key(id: Uuid, origin: Origin) -> Self {
        Self { id: Some(id.to_string()), ..Self::of_kind("api_key", origin) }
    }

    /// Returns an unauthenticated caller.
    pub fn anonymous(origin: Origin) -> Self {
        Self::of_kind("anonymous", origin)
    }

    /// Returns an operator on the command line, which holds the settings of the installation. `name` is the name of the
    /// account on the operator's machine, which the machine and not this service has verified.
    pub fn command_line(name: Option<&str>) -> Self {
        let operator = json!({ "credential": "command_line", "name": name });
        Self { operator: Some(operator), ..Self::of_kind("platform", Origin::default()) }
    }

    /// Returns the service itself, or a repair by its operator's command line.
    pub fn system() -> Self {
        Self::of_kind("system", Origin::default())
    }

    fn of_kind(kind: &'static str, origin: Origin) -> Self {
        Self { kind, id: None, operator: None, origin }
    }

    /// Returns the details of an event by this actor, which include the credential of an operator.
    /// Statements that add to the details keep the existing members.
    pub(crate) fn complete(&self, mut detail: Json) -> Json {
        if let (Some(operator), Some(members)) = (&self.operator, detail.as_object_mut()) {
            members.insert("operator".to_owned(), operator.clone());
        }
        detail
    }

    /// Returns whether the actor is this user.
    pub(crate) fn is_user(&self, id: Uuid) -> bool {
        self.kind == "user" && self.id.as_deref() == Some(&id.to_string())
    }

    /// Returns the origin of the request.
    pub fn origin(&self) -> &Origin {
        &self.origin
    }
}
