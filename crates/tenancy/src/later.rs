//! Work after the response.

use std::rc::Rc;

use crate::{context::Context, error::Result, log};

/// Runs `work` concurrently with the request, even after its response has been sent, and logs `failure` if it fails.
/// The work may be lost with the instance, so correctness must not depend on it.
///
/// See [`BackgroundTask`](platform::BackgroundTask) for a task that several requests share.
pub(crate) fn run(
    context: &Rc<Context>,
    failure: &'static str,
    work: impl AsyncFnOnce(&Rc<Context>) -> Result<()> + 'static,
) {
    if context.is_dry_run() {
        return;
    }
    let context = Rc::clone(context);
    let executor = Rc::clone(&context.platform.executor);
    executor.spawn(Box::pin(async move {
        if let Err(error) = work(&context).await {
            log::warning(&context, failure, &error);
        }
    }));
}
