//! The facts about a request that its response, its log line and the metrics contain.

use std::cell::{Cell, RefCell};

use tenancy::{log::Caller, quota::Meter, resource::Resource};
use uuid::Uuid;

/// How a request identified its tenant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Means {
    /// By an access token.
    AccessToken,
    /// By an API key.
    ApiKey,
    /// By a refresh token.
    RefreshToken,
    /// By a setup token.
    SetupToken,
    /// By a token that was sent by mail.
    MailedToken,
    /// By the challenge of a sign-in.
    Challenge,
    /// By the address, without a credential.
    Address,
    /// By the address, in a sign-in with a passkey.
    AddressForPasskey,
    /// By the id in an operator's request.
    Operator,
}

/// The record of one request.
#[derive(Default)]
pub struct Record {
    /// The path of the endpoint, with its parameters in braces.
    pub(super) route: Cell<Option<&'static str>>,
    /// The caller's tenant.
    pub(super) tenant: Cell<Option<Uuid>>,
    /// The tenant that the request needs, and how the request identified it.
    pub(super) concerned: Cell<Option<(Uuid, Means)>>,
    /// The principal.
    pub(super) principal: Cell<Option<Caller>>,
    /// The state of the caller's limits.
    pub(super) meter: RefCell<Meter>,
    /// The resources near their limits, with usage and limit.
    pub(super) near: RefCell<Vec<(Resource, i64, i64)>>,
}

impl Record {
    /// Records the tenant that the request needs, because its state may explain a failure.
    pub fn concerns(&self, tenant: Uuid, means: Means) {
        self.concerned.set(Some((tenant, means)));
    }

    /// Records the user of a new or refreshed session, for the log line.
    pub fn signed_in(&self, tenant: Uuid, user: Uuid) {
        self.tenant.set(Some(tenant));
        self.principal.set(Some(Caller::User(user)));
    }

    /// Records the usage of a resource. The response reports it if it is near the limit.
    pub(crate) fn used(&self, resource: Resource, usage: i64, limit: i64) {
        if tenancy::quota::is_near(usage, limit) {
            self.near.borrow_mut().push((resource, usage, limit));
        }
    }

    /// Returns the value of `Quota-Warning`, a list of structured fields (RFC 9651). The value is empty if no resource
    /// is near its limit.
    pub(super) fn warning(&self) -> String {
        let near = self.near.borrow();
        let items = near.iter().map(|(resource, usage, limit)| {
            format!("{};usage={usage};limit={limit}", resource.as_str())
        });
        items.collect::<Vec<_>>().join(", ")
    }
}
