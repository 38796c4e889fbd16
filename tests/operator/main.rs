//! The commands of operators for tenants, bundles and clusters. A program of its own: these tests start servers, and tests with
//! deadlines must not run beside them.

#![expect(clippy::expect_used, clippy::unwrap_used, reason = "a test that fails panics")]

mod bundle;
mod clusters;
mod command_line;
mod documented;
mod move_crash;
mod move_tenant;
mod rename;
