//! What the command line prints.

#![expect(clippy::print_stdout, reason = "printing is what a command line is for")]

/// A line of the result.
pub fn line(text: &str) {
    println!("{text}");
}

/// Why the command failed, in one line, on standard error.
pub fn failure(error: &anyhow::Error) {
    eprintln!("tenantctl: {error:#}");
}
