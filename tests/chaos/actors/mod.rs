//! The actors of the load. Each runs on its own thread until the load ends, and then finishes its last operation.

mod cache;
mod calls;
mod files;
mod homes;
mod keys;
mod lives;
mod people;
pub mod probes;
pub mod tenants;
mod usage;

pub use self::{files::read_everywhere as read_file, homes::found as found_homes};

use std::thread::{self, Scope, ScopedJoinHandle};

use crate::{context::Context, random::Random};

type Actor = fn(&Context, Random);

/// The actors, and the number of threads for each.
const ACTORS: &[(&str, usize, Actor)] = &[
    ("homes", 1, homes::run),
    ("lives", 3, lives::run),
    ("keys", 3, keys::run),
    ("people", 2, people::run),
    ("usage", 2, usage::run),
    ("calls", 2, calls::run),
    ("files", 2, files::run),
    ("cache", 2, cache::run),
    ("probes", 3, probes::run),
];

/// Starts the actors.
pub fn start<'scope>(
    scope: &'scope Scope<'scope, '_>,
    context: &'scope Context,
    seed: u64,
) -> Vec<ScopedJoinHandle<'scope, ()>> {
    let mut threads = Vec::new();
    for (name, count, actor) in ACTORS {
        for number in 0..*count {
            let name = format!("{name} {number}");
            let random = Random::of(seed, &name);
            let thread = thread::Builder::new().name(name);
            let started = thread.spawn_scoped(scope, move || actor(context, random));
            threads.push(started.expect("a thread starts"));
        }
    }
    threads
}
