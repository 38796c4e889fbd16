//! The output of the command line.

use std::io::Write as _;

/// Prints a line of the result. A reader that has gone away (`| head`) stops neither the work nor the
/// program.
pub fn line(text: &str) {
    let _ = writeln!(std::io::stdout(), "{text}");
}

/// Prints why the command failed, in one line, on standard error.
pub fn failure(error: &anyhow::Error) {
    let _ = writeln!(std::io::stderr(), "tenantctl: {error:#}");
}
