//! What one call does while all others that need it wait for its end.

use std::cell::RefCell;

use spin_sdk::{
    wasip3::wit_stream,
    wit_bindgen::{StreamReader, StreamWriter},
};

/// Something that one call does at a time, for all that need it. One request cannot wake another
/// without the host: each that waits hears that a stream of its own ends.
#[derive(Default)]
pub(super) struct Flight(RefCell<Option<Vec<StreamWriter<u8>>>>);

impl Flight {
    /// What ends when the flight that is under way does; `None` where none is.
    pub(super) fn join(&self) -> Option<StreamReader<u8>> {
        let mut waiting = self.0.borrow_mut();
        let waiting = waiting.as_mut()?;
        let (ends, end) = wit_stream::new();
        waiting.push(ends);
        Some(end)
    }

    /// Begins a flight, which ends with what this returns. Whatever becomes of the call, those who wait
    /// go on.
    pub(super) fn begin(&self) -> Underway<'_> {
        *self.0.borrow_mut() = Some(Vec::new());
        Underway(self)
    }
}

/// A flight, until this is dropped.
pub(super) struct Underway<'a>(&'a Flight);

impl Drop for Underway<'_> {
    fn drop(&mut self) {
        let waiting = self.0.0.borrow_mut().take();
        drop(waiting);
    }
}
