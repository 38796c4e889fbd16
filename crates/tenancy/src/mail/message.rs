//! A message as it is shown.

use chrono::{DateTime, Utc};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

/// A message, without its token.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = MailMessage)]
pub struct Message {
    /// The id, which is also the `Message-ID`.
    pub id: Uuid,
    /// The recipient.
    pub user_id: Uuid,
    /// The reason, such as `invitation` or `sign_in`.
    pub purpose: String,
    /// The address.
    pub address: String,
    /// The language: `en` or `de`.
    pub language: String,
    /// `waiting`, `sending`, `sent` or `dead`.
    pub state: String,
    /// The number of attempts.
    pub attempts: i64,
    /// The number of attempts without an answer: the message may have been sent.
    pub unanswered: i64,
    /// The reason why a dead message was not sent.
    pub failure: Option<String>,
    /// When the message was written.
    pub created_at: DateTime<Utc>,
    /// When its token expires.
    pub expires_at: DateTime<Utc>,
    /// When it was sent or became dead.
    pub ended_at: Option<DateTime<Utc>>,
}

/// The result of a request to send a dead message again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retry {
    /// The message waits for its delivery.
    Waiting,
    /// The tenant has no dead message with this id.
    NotDead,
    /// The message may have been sent, so the caller must permit a duplicate.
    MayDuplicate,
    /// The token in the message is no longer valid.
    Unusable,
}
