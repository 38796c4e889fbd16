//! An acknowledged credential, and the requests that were accepted after its end.

use std::{
    sync::{Arc, Mutex},
    time::Instant,
};

use super::{End, Standing, Tenant, locked};
use crate::{client::Sent, timeline::Timeline};

/// The kind of a credential.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// An API key.
    ApiKey,
    /// An access token.
    AccessToken,
    /// A refresh token. It is tried only after its end.
    RefreshToken,
}

/// A credential.
pub struct Credential {
    pub kind: Kind,
    /// The id of the API key or of the user.
    pub id: String,
    pub secret: String,
    pub tenant: Arc<Tenant>,
    /// A path that accepts the credential before its end and rejects it afterwards.
    pub path: &'static str,
    pub standing: Standing,
    violation: Mutex<Option<Accepted>>,
}

/// Requests that were accepted after the end.
struct Accepted {
    end: End,
    first: Sent,
    last: Instant,
    count: u32,
}

impl Credential {
    /// Creates a valid credential.
    pub fn new(
        kind: Kind,
        id: &str,
        secret: &str,
        tenant: &Arc<Tenant>,
        path: &'static str,
    ) -> Arc<Self> {
        Arc::new(Self {
            kind,
            id: id.to_owned(),
            secret: secret.to_owned(),
            tenant: Arc::clone(tenant),
            path,
            standing: Standing::default(),
            violation: Mutex::default(),
        })
    }

    /// Records that a request was accepted although the right had ended.
    pub fn accepted_after(&self, end: &End, sent: &Sent) {
        let mut violation = locked(&self.violation);
        let accepted = violation.get_or_insert_with(|| Accepted {
            end: end.clone(),
            first: sent.clone(),
            last: sent.started,
            count: 0,
        });
        accepted.count += 1;
        accepted.last = accepted.last.max(sent.started);
    }

    /// Returns the evidence of requests that were accepted after the end, if any.
    pub fn violation(&self, timeline: &Timeline) -> Option<String> {
        let violation = locked(&self.violation);
        let Accepted { end, first, last, count } = violation.as_ref()?;
        let request = first.answer.as_ref().map_or("", |answer| answer.header("x-request-id"));
        Some(format!(
            "{:?} {} of the tenant {}: {} (arrived at {}); accepted {count} times on {} from {} to {}, \
             first at host {} (request {request}){}",
            self.kind,
            self.id,
            self.tenant.slug,
            end.how,
            timeline.at(end.acknowledged),
            self.path,
            timeline.at(first.started),
            timeline.at(*last),
            first.host,
            timeline.before(first.started)
        ))
    }
}
