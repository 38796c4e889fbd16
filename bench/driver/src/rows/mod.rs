//! The parts of the table.

mod beside;
mod files;
mod latency;
mod leases;
mod login;
mod memory;
mod provisioning;
mod throughput;
mod turns;

use clap::ValueEnum;

pub(crate) use beside::beside;
pub(crate) use files::files;
pub(crate) use latency::latency;
pub(crate) use leases::leases;
pub(crate) use login::login;
pub(crate) use memory::memory;
pub(crate) use provisioning::provisioning;
pub(crate) use throughput::{Peaks, peaks, throughput};
pub(crate) use turns::turns;

/// A part of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Part {
    /// Requests at full speed, compared with the floor and the native service.
    Throughput,
    /// Latencies at half of that rate.
    Latency,
    /// Verified requests, compared with the same without leases.
    Leases,
    /// A sign-in, compared with the hash.
    Login,
    /// Requests during sign-ins.
    Beside,
    /// Large files, compared with AES-256-GCM.
    Files,
    /// The creation of tenants.
    Provisioning,
    /// Requests of many tenants in rotation.
    Turns,
    /// The memory of a tenant.
    Memory,
}

impl Part {
    /// All parts, in the order of measurement.
    pub(crate) const ALL: [Self; 9] = [
        Self::Throughput,
        Self::Latency,
        Self::Leases,
        Self::Login,
        Self::Beside,
        Self::Files,
        Self::Provisioning,
        Self::Turns,
        Self::Memory,
    ];

    /// Returns the name on the command line.
    pub(crate) fn name(self) -> String {
        format!("{self:?}").to_lowercase()
    }
}
