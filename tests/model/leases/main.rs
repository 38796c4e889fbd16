//! Model checks of the lease protocol (`docs/decisions/0015-leases.md`). Each check explores every order of events
//! within bounds. The names are those of the decision.
//!
//! [`changes`] has time, in ticks: a holder uses a lease for two, all others wait for three, and one clock may gain a
//! tick on another one meanwhile. [`units`] has no time.
//!
//! Each broken variant of the protocol must break a promise. To print its counterexample, run a test with
//! `--nocapture`.

#![expect(clippy::print_stdout, reason = "a test reports its counterexample")]

mod changes;
mod check;
mod time;
mod units;
