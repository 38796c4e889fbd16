//! Tasks that run in the background of an instance, at most once at a time.

use std::{cell::Cell, rc::Rc};

/// A task that an instance runs in the background until nothing is due, and that is not running twice.
///
/// The host may drop a task together with the request that started it. [`Running`] then marks the task as stopped, and
/// the next request starts it again. So add the work before [`begin`](Self::begin), and keep it until it is done:
///
/// ```
/// # use std::{cell::RefCell, rc::Rc, time::Duration};
/// # use platform::{BackgroundTask, Executor, Running};
/// # #[derive(Default)] struct Letters { task: BackgroundTask, due: RefCell<Vec<String>> }
/// fn send_later(executor: &Rc<dyn Executor>, letters: &Rc<Letters>, letter: String) {
///     letters.due.borrow_mut().push(letter);
///     if let Some(running) = letters.task.begin() {
///         executor.spawn(Box::pin(send(Rc::clone(executor), Rc::clone(letters), running)));
///     }
/// }
///
/// async fn send(executor: Rc<dyn Executor>, letters: Rc<Letters>, _running: Running) {
///     while !letters.due.borrow().is_empty() {
///         executor.sleep(Duration::from_secs(1)).await;
///         letters.due.borrow_mut().clear();
///     }
/// }
/// ```
///
/// No work is forgotten between the last check and the end of the task, because the task does not wait in between and
/// an instance has only one thread.
#[derive(Debug, Default)]
pub struct BackgroundTask {
    is_running: Rc<Cell<bool>>,
}

impl BackgroundTask {
    /// Marks the task as running, and returns the value that the task holds until it ends. Returns `None` if the task
    /// is running already.
    #[must_use = "the task is running while this value exists"]
    pub fn begin(&self) -> Option<Running> {
        let was_running = self.is_running.replace(true);
        (!was_running).then(|| Running(Rc::clone(&self.is_running)))
    }
}

/// A run of a [`BackgroundTask`], which ends when this value is dropped.
#[derive(Debug)]
pub struct Running(Rc<Cell<bool>>);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.set(false);
    }
}

#[cfg(test)]
mod tests {
    use futures::{FutureExt as _, future::pending};

    use super::*;

    async fn wait_forever(_running: Running) {
        pending::<()>().await;
    }

    #[test]
    fn task_runs_once_at_a_time() {
        let task = BackgroundTask::default();
        let running = task.begin();
        assert!(running.is_some());
        assert!(task.begin().is_none() && task.begin().is_none());
        drop(running);
        assert!(task.begin().is_some());
    }

    #[test]
    fn lost_task_starts_again() {
        let task = BackgroundTask::default();
        let mut is_polled = Box::pin(wait_forever(task.begin().unwrap()));
        assert!(is_polled.as_mut().now_or_never().is_none());
        assert!(task.begin().is_none());
        drop(is_polled);
        let is_never_polled = wait_forever(task.begin().unwrap());
        assert!(task.begin().is_none());
        drop(is_never_polled);
        assert!(task.begin().is_some());
    }
}
