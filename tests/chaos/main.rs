//! Runs a seeded load with faults. Hosts, Redis and PostgreSQL are killed, stopped and restarted while actors work.
//! Every acknowledged response is checked against the promises in README.md of this folder.

#![expect(clippy::expect_used, reason = "a harness that fails fails the run")]

mod actors;
mod checks;
mod client;
mod context;
mod faults;
mod ledger;
mod options;
mod plan;
mod random;
mod report;
mod request;
mod run;
mod stores;
mod timeline;
mod violations;

use std::process::ExitCode;

use crate::options::Options;

fn main() -> ExitCode {
    let options = match Options::read() {
        Ok(options) => options,
        Err(error) => {
            report::say(&format!("chaos: {error}"));
            return ExitCode::from(2);
        }
    };
    if options.plan {
        for line in plan::plan(&options) {
            report::say(&format!("{}:", line.name));
            for step in line.steps {
                report::say(&format!("  {:8.3} s {}", step.at.as_secs_f64(), step.fault));
            }
        }
        return ExitCode::SUCCESS;
    }
    if run::run(&options) { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
