//! Single flight: one call does the work while all others that need it wait for its end.

use std::cell::RefCell;

use spin_sdk::{
    wasip3::wit_stream,
    wit_bindgen::{StreamReader, StreamWriter},
};

/// Work that one call at a time does for all calls that need it. One request can wake another only through the host, so
/// each waiting call has a stream, which closes at the end.
#[derive(Default)]
pub(super) struct Flight(RefCell<Option<Vec<StreamWriter<u8>>>>);

impl Flight {
    /// Returns a stream that closes when the flight in progress ends, or `None` if there is none.
    pub(super) fn join(&self) -> Option<StreamReader<u8>> {
        let mut waiting = self.0.borrow_mut();
        let waiting = waiting.as_mut()?;
        let (ends, end) = wit_stream::new();
        waiting.push(ends);
        Some(end)
    }

    /// Begins a flight, which ends when the returned value is dropped. The waiting calls resume even if this call is
    /// aborted.
    pub(super) fn begin(&self) -> Underway<'_> {
        *self.0.borrow_mut() = Some(Vec::new());
        Underway(self)
    }
}

/// A flight in progress, until this value is dropped.
pub(super) struct Underway<'a>(&'a Flight);

impl Drop for Underway<'_> {
    fn drop(&mut self) {
        let waiting = self.0.0.borrow_mut().take();
        drop(waiting);
    }
}
