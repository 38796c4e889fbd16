//! `./dev bench`: the performance of the application, as shares of the runtime's limits.
//!
//! The application and the floor (`bench/floor`) run on the same host program in separate processes, with the same
//! servers. Only one of them is under load at a time. Compared paths are measured in interleaved rounds (A B C, A B C,
//! …), and each ratio is of one round, because a slowdown of the machine then affects both values.

mod effort;
mod fleet;
mod load;
mod report;
mod rows;
mod stage;
mod statistics;

use std::process::ExitCode;

use anyhow::Result;
use clap::Parser;

use crate::{
    effort::Effort,
    fleet::Fleet,
    report::{Report, Row},
    rows::{Part, Peaks},
    stage::Stage,
};

/// Measures the application as a share of the runtime's limits.
///
/// Uses the real Spin that SPIN names, and otherwise tools/runner. `LOG_LEVEL` applies to the application. Slow results
/// are not a failure. An error response is.
#[derive(Parser)]
#[command(name = "bench", version)]
struct Options {
    /// Uses a few seconds for each row, and 50 tenants. The figures are not meaningful.
    #[arg(long)]
    quick: bool,

    /// Measures only this part of the table.
    #[arg(long, value_name = "PART")]
    only: Option<Part>,

    /// Number of requests after which the host ends an instance. docs/operations.md recommends the default. Spin's
    /// default is 128.
    #[arg(long, value_name = "REQUESTS", default_value_t = INSTANCE_REUSE)]
    instance_reuse: u32,
}

/// The value in `./dev up` and in docs/operations.md.
const INSTANCE_REUSE: u32 = 4096;

fn main() -> ExitCode {
    match run(&Options::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say(&format!("bench: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

fn run(options: &Options) -> Result<()> {
    let effort = if options.quick { Effort::quick() } else { Effort::full() };
    say("==> starting the servers, the application, the floor and the native service");
    let stage = Stage::start(options.instance_reuse)?;
    let rows = measure(&stage, &effort, options.only)?;
    let quick = options.quick.then(|| "quick".to_owned());
    let only = options.only.map(|part| format!("only-{}", part.name()));
    let reuse = (options.instance_reuse != INSTANCE_REUSE)
        .then(|| format!("reuse-{}", options.instance_reuse));
    let part: Vec<_> = quick.into_iter().chain(only).chain(reuse).collect();
    let report = Report::new(rows, &stage, part.join("-"))?;
    say(&format!("\n{}\n", report.table()));
    for path in report.write()? {
        say(&format!("==> wrote {path}"));
    }
    Ok(())
}

/// Measures the parts in order. If a part needs results of a part that is not selected, measures those as well.
fn measure(stage: &Stage, effort: &Effort, only: Option<Part>) -> Result<Vec<Row>> {
    let is_wanted = |part: Part| only.is_none_or(|only| only == part);
    let mut rows = Vec::new();
    let mut peaks: Option<Peaks> = None;
    let mut fleet: Option<Fleet> = None;
    for part in Part::ALL.into_iter().filter(|part| is_wanted(*part)) {
        say(&format!("==> {}", part.name()));
        let mut fleet_of = || match fleet.take() {
            Some(made) => Ok(made),
            None => Fleet::create(stage, effort),
        };
        match part {
            Part::Throughput => {
                let (measured, found) = rows::throughput(stage, effort)?;
                rows.extend(measured);
                peaks = Some(found);
            }
            Part::Latency => {
                let peaks = match &peaks {
                    Some(peaks) => peaks.clone(),
                    None => rows::peaks(stage, effort)?,
                };
                rows.extend(rows::latency(stage, effort, &peaks)?);
            }
            Part::Leases => {
                let made = fleet_of()?;
                rows.extend(rows::leases(stage, effort, &made)?);
                fleet = Some(made);
            }
            Part::Login => rows.extend(rows::login(stage, effort)?),
            Part::Beside => rows.extend(rows::beside(stage, effort)?),
            Part::Files => rows.extend(rows::files(stage, effort)?),
            Part::Provisioning => {
                let made = fleet_of()?;
                rows.extend(rows::provisioning(&made));
                fleet = Some(made);
            }
            Part::Turns => {
                let made = fleet_of()?;
                rows.extend(rows::turns(stage, effort, &made)?);
                fleet = Some(made);
            }
            Part::Memory => {
                let made = fleet_of()?;
                rows.extend(rows::memory(stage, effort, &made)?);
                fleet = Some(made);
            }
        }
    }
    Ok(rows)
}

#[expect(clippy::print_stdout, reason = "a command-line program")]
fn say(text: &str) {
    println!("{text}");
}
