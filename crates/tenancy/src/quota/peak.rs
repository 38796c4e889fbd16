//! The peak usage of a day, for the history.

use std::rc::Rc;

use super::repo;
use crate::{context::Context, later, resource::Resource, tenant::Tenant};

/// Stores a tenant's peak usage of today for the history, after the response is sent.
pub(crate) fn keep_peak_later(
    context: &Rc<Context>,
    tenant: &Tenant,
    resource: Resource,
    amount: i64,
) {
    let tenant = tenant.id;
    let failure = "the peak usage of the day was not stored";
    later::run(context, failure, async move |context| {
        let day = context.platform.clock.now().date_naive();
        let catalog = context.catalog().await?;
        repo::keep_peak(&*catalog, tenant, resource, day, amount).await
    });
}
