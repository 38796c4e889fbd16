//! A buffer of log lines that are written together, because each write is a host call and costs more than formatting
//! the line.

use std::{
    cell::{Cell, RefCell},
    io::Write as _,
    mem,
};

use platform::BackgroundTask;

use super::line::{Line, SecondText};

/// The buffer size in bytes from which lines are written at once.
const MOST: usize = 16 * 1024;

/// The log lines of an instance that are not written yet.
#[derive(Default)]
pub(crate) struct Buffer {
    lines: RefCell<Vec<u8>>,
    seconds: RefCell<SecondText>,
    pub(super) writing: BackgroundTask,
    /// Whether the lines go to standard error instead of standard output.
    pub(super) is_on_standard_error: Cell<bool>,
}

impl Buffer {
    /// Adds a line with the members that `write` adds.
    pub(super) fn add_line(&self, write: impl FnOnce(&mut Line<'_>, &mut SecondText)) {
        let mut lines = self.lines.borrow_mut();
        let mut line = Line::begin(&mut lines);
        write(&mut line, &mut self.seconds.borrow_mut());
        line.end();
    }

    /// Returns whether the lines are so long that they are written at once.
    pub(super) fn is_full(&self) -> bool {
        self.lines.borrow().len() >= MOST
    }

    /// Writes all lines now, in one call, so that lines of two instances do not mix. A failure to write the log does
    /// not fail a request.
    pub(super) fn write(&self) {
        let lines = mem::take(&mut *self.lines.borrow_mut());
        if lines.is_empty() {
            return;
        }
        let _ = if self.is_on_standard_error.get() {
            std::io::stderr().write_all(&lines)
        } else {
            std::io::stdout().write_all(&lines)
        };
    }
}
