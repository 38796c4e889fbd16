//! The command line of the runner.

use std::process::ExitCode;

use clap::Parser as _;
use runner::options::Options;

fn main() -> ExitCode {
    match runner::run(&Options::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {}", format!("{error:#}").replace('\n', " "));
            ExitCode::FAILURE
        }
    }
}
