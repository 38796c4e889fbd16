//! The versions of the measured software. They do not identify the machine.

use std::{env, process::Command, thread};

use anyhow::Result;
use serde::Serialize;

use crate::{load::wrk_version, stage::Stage};

/// The versions of the measured software.
#[derive(Serialize)]
pub(crate) struct Versions {
    /// `runner`, or `spin-` with its version.
    pub(crate) host: String,
    pub(crate) cores: usize,
    postgresql: String,
    redis: String,
    openssl: String,
    wrk: String,
}

impl Versions {
    pub(crate) fn find(stage: &Stage) -> Result<Self> {
        let host = match env::var("SPIN").ok().filter(|spin| !spin.is_empty()) {
            Some(spin) => format!("spin-{}", word(&said(&spin, "--version"), 1)),
            None => "runner".to_owned(),
        };
        let mut postgresql = stage.services.superuser("tenancy");
        let postgresql: String = postgresql.query_one("SHOW server_version", &[])?.get(0);
        let redis = said("redis-server", "--version");
        let redis = redis.split(' ').find_map(|word| word.strip_prefix("v="));
        Ok(Self {
            host,
            cores: thread::available_parallelism()?.get(),
            postgresql: word(&postgresql, 0),
            redis: redis.unwrap_or_default().to_owned(),
            openssl: word(&said("openssl", "version"), 1),
            wrk: wrk_version(),
        })
    }
}

fn said(program: &str, argument: &str) -> String {
    let output = Command::new(program).arg(argument).output();
    output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default()
}

fn word(text: &str, index: usize) -> String {
    text.split_whitespace().nth(index).unwrap_or_default().to_owned()
}
