//! The peak usage of a day, for the history.

use std::rc::Rc;

use super::repo;
use crate::{context::Context, log, resource::Resource, tenant::Tenant};

/// Stores a tenant's peak usage of today for the history, after the response is sent.
pub(crate) fn keep_peak_later(
    context: &Rc<Context>,
    tenant: &Tenant,
    resource: Resource,
    amount: i64,
) {
    let (context, tenant) = (Rc::clone(context), tenant.id);
    let executor = Rc::clone(&context.platform.executor);
    executor.spawn(Box::pin(async move {
        let day = context.platform.clock.now().date_naive();
        let kept = async {
            let catalog = context.catalog().await?;
            repo::keep_peak(&*catalog, tenant, resource, day, amount).await
        };
        if let Err(error) = kept.await {
            log::warning(&context, "the peak usage of the day was not stored", &error);
        }
    }));
}
