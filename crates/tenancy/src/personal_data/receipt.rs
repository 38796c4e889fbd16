//! The receipt of an erasure: an event of the tenant's audit trail with the numbers of removed objects and a checksum.
//!
//! The receipt contains the opaque id of the user, and nothing else about the person.

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{
    audit::LoggedEvent,
    context::Context,
    error::{Error, Result},
    event::{Actor, Entry, Event, Severity, content::timestamp, name, receipt},
};

/// The numbers of objects that an erasure removed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default)]
pub struct Removed {
    /// The sessions.
    pub sessions: u64,
    /// The messages to the user.
    pub mail_messages: u64,
    /// The database credentials that the user had requested.
    pub database_credentials: u64,
    /// The API keys whose name contained a name of the person. They have another name.
    pub api_key_names: u64,
    /// 1 if the person was the contact of the tenant. Another administrator is the contact now.
    pub tenant_contacts: u64,
    /// The events of the audit trail that have lost their address, user agent or name.
    pub audit_events: u64,
}

/// The receipt of an erasure.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = ErasureReceipt)]
pub struct Receipt {
    /// The tenant.
    pub tenant: Uuid,
    /// The user. Events of the audit trail keep this id.
    pub user: Uuid,
    /// When the erasure was complete.
    #[schema(value_type = String, format = DateTime)]
    pub erased_at: String,
    /// The numbers of removed objects.
    pub removed: Removed,
}

/// A complete erasure.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Erasure {
    /// The id of the event `user.erased` in the audit trail.
    pub event_id: Uuid,
    /// The receipt, which the event contains.
    pub receipt: Receipt,
    /// The SHA-256 checksum of the receipt as JSON without spaces, with members in alphabetical order, in hexadecimal.
    pub sha256: String,
}

impl Erasure {
    /// Creates the receipt, and the event that records it.
    pub(super) fn new(
        context: &Context,
        tenant: Uuid,
        user: Uuid,
        removed: Removed,
        actor: &Actor,
    ) -> Result<(Self, Entry)> {
        let erased_at = timestamp(context.platform.clock.now());
        let receipt = Receipt { tenant, user, erased_at, removed };
        let json = serde_json::to_value(&receipt).map_err(Error::internal)?;
        let (detail, sha256) = receipt::detail(&json);
        let event = Event::new(name::USER_ERASED)
            .severity(Severity::Warning)
            .about("user", user)
            .detail(detail);
        let entry = Entry::new(context, Some(tenant), actor, event);
        Ok((Self { event_id: entry.id, receipt, sha256 }, entry))
    }

    /// Reads the receipt of an earlier erasure from its event.
    pub(super) fn read(event: &LoggedEvent) -> Result<Self> {
        let Json::String(sha256) = &event.detail["sha256"] else {
            return Err(Error::internal("a receipt has no checksum"));
        };
        Ok(Self {
            event_id: event.id,
            receipt: serde_json::from_value(event.detail["receipt"].clone())
                .map_err(Error::internal)?,
            sha256: sha256.clone(),
        })
    }
}
