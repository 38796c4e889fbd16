//! The output of the command line.

use std::io::Write as _;

/// Prints a line of the result. A closed output (`| head`) does not stop the work.
pub fn line(text: &str) {
    let _ = writeln!(std::io::stdout(), "{text}");
}

/// Prints the error of the command to standard error, on one line.
pub fn failure(error: &anyhow::Error) {
    let _ = writeln!(std::io::stderr(), "tenantctl: {error:#}");
}

/// Prints a note for the operator to standard error, so that it does not mix with the result.
pub fn note(text: &str) {
    let _ = writeln!(std::io::stderr(), "note: {text}");
}
