//! The parts of the table.

mod beside;
mod files;
mod latency;
mod login;
mod memory;
mod provisioning;
mod throughput;
mod turns;

use clap::ValueEnum;

pub(crate) use beside::beside;
pub(crate) use files::files;
pub(crate) use latency::latency;
pub(crate) use login::login;
pub(crate) use memory::memory;
pub(crate) use provisioning::provisioning;
pub(crate) use throughput::{Peaks, peaks, throughput};
pub(crate) use turns::turns;

/// A part of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Part {
    /// Requests as fast as they go, beside the floor and the native service.
    Throughput,
    /// Latencies at half of that.
    Latency,
    /// A sign-in, beside the bare hash.
    Login,
    /// Requests beside sign-ins.
    Beside,
    /// Large files, beside bare AES-256-GCM.
    Files,
    /// New tenants.
    Provisioning,
    /// Many tenants that take turns.
    Turns,
    /// What a tenant takes of memory.
    Memory,
}

impl Part {
    /// All, in the order in which they are measured.
    pub(crate) const ALL: [Self; 8] = [
        Self::Throughput,
        Self::Latency,
        Self::Login,
        Self::Beside,
        Self::Files,
        Self::Provisioning,
        Self::Turns,
        Self::Memory,
    ];

    /// Its name on the command line.
    pub(crate) fn name(self) -> String {
        format!("{self:?}").to_lowercase()
    }
}
