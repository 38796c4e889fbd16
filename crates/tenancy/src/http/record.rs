//! What is found out about a request on its way, for its answer, its log line and the metrics.

use std::cell::{Cell, RefCell};

use uuid::Uuid;

use super::Means;
use crate::{
    log::Caller,
    quota::{Meter, Resource},
};

/// Notes on one request.
#[derive(Default)]
pub struct Record {
    /// The route's path in the table of access.
    pub(super) route: Cell<Option<&'static str>>,
    /// The tenant that the caller belongs to.
    pub(super) tenant: Cell<Option<Uuid>>,
    /// The tenant that the request needs, and how the request named it.
    pub(super) concerned: Cell<Option<(Uuid, Means)>>,
    /// Who calls.
    pub(super) principal: Cell<Option<Caller>>,
    /// Where the caller stands with its limits.
    pub(super) meter: RefCell<Meter>,
    /// The resources that are near their limits, with usage and limit.
    pub(super) near: RefCell<Vec<(Resource, i64, i64)>>,
}

impl Record {
    /// Notes the tenant that the request needs: its state may explain a failure.
    pub fn concerns(&self, tenant: Uuid, means: Means) {
        self.concerned.set(Some((tenant, means)));
    }

    /// Records who has signed in, or has gone on with a session, for the line of the log.
    pub fn signed_in(&self, tenant: Uuid, user: Uuid) {
        self.tenant.set(Some(tenant));
        self.principal.set(Some(Caller::User(user)));
    }

    /// Notes how much is used of a resource: the answer tells where that is near the limit.
    pub(crate) fn used(&self, resource: Resource, usage: i64, limit: i64) {
        if crate::quota::is_near(usage, limit) {
            self.near.borrow_mut().push((resource, usage, limit));
        }
    }

    /// The value of `Quota-Warning`, a list of structured fields (RFC 9651); empty where nothing is
    /// near its limit.
    pub(super) fn warning(&self) -> String {
        let near = self.near.borrow();
        let items = near.iter().map(|(resource, usage, limit)| {
            format!("{};usage={usage};limit={limit}", resource.as_str())
        });
        items.collect::<Vec<_>>().join(", ")
    }
}
