//! The result of a run, as text and as files.

use std::{fs, path::PathBuf};

use crate::{
    context::Context,
    options::{self, Options},
    timeline::Effect,
};

/// Prints a line.
#[expect(clippy::print_stdout, reason = "the output of the program")]
pub fn say(text: &str) {
    println!("{text}");
}

/// Returns the summary line of a run.
pub fn summary(context: &Context, options: &Options) -> String {
    let count = |effect: Effect| context.timeline.times(effect).len();
    format!(
        "chaos: {} requests, {} kills of the host, {} of Redis, {} of PostgreSQL, {} stops of a store, \
         {} snapshots, {} tenants, {} credentials, {} violations ({})",
        context.client.requests(),
        count(Effect::HostKilled),
        count(Effect::RedisKilled),
        count(Effect::PostgresKilled),
        count(Effect::Paused),
        count(Effect::Saved),
        context.ledger.tenants().len(),
        context.ledger.credentials().len(),
        context.violations.count(),
        options.line()
    )
}

/// Prints the evidence of a failed run, and writes all of it to files.
pub fn failure(context: &Context, options: &Options, logs: &[PathBuf]) {
    say(&format!("\nfaults:\n{}", context.timeline.all()));
    say(&format!("responses: {}\n", context.client.statuses()));
    say(&format!("violations:\n{}", context.violations.summary()));
    let folder = options::folder().join(format!("seed-{}", options.seed));
    let written = fs::create_dir_all(&folder)
        .and_then(|()| options.keep())
        .and_then(|()| fs::write(folder.join("faults"), context.timeline.all()))
        .and_then(|()| fs::write(folder.join("violations"), context.violations.all()))
        .and_then(|()| {
            logs.iter().enumerate().try_for_each(|(host, log)| {
                fs::copy(log, folder.join(format!("host-{host}.log"))).map(|_| ())
            })
        });
    match written {
        Ok(()) => say(&format!("evidence: {}", folder.display())),
        Err(error) => say(&format!("the evidence could not be written: {error}")),
    }
    say(&format!("to repeat: ./dev chaos {}", options.line()));
}
