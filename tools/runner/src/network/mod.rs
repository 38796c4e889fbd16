//! The destinations and the number of connections of a component.

pub mod allowed_hosts;
pub mod blocked;
mod destination;
mod host_pattern;
pub mod permits;

use std::sync::Arc;

use allowed_hosts::AllowedHosts;
pub(crate) use allowed_hosts::CHAINING_SUFFIX;
use destination::Destination;

/// Decides which destinations one component can reach.
#[derive(Clone, Debug)]
pub struct Gate(Arc<GateState>);

#[derive(Debug)]
struct GateState {
    component: String,
    /// An error of resolving variables is returned to the guest at its first call.
    allowed: Result<AllowedHosts, String>,
}

impl Gate {
    /// Creates the gate of the component `component`.
    pub fn new(component: &str, allowed: anyhow::Result<AllowedHosts>) -> Self {
        let component = component.to_owned();
        let allowed = allowed.map_err(|error| error.to_string());
        Self(Arc::new(GateState { component, allowed }))
    }

    /// Returns whether `url` is allowed. A `url` without a scheme has `scheme`.
    ///
    /// Fails if the allowed hosts cannot be resolved.
    pub fn allows(&self, url: &str, scheme: &str) -> Result<bool, String> {
        let Ok(destination) = Destination::parse(url, scheme) else {
            return Ok(false);
        };
        let allowed = self.allowed()?.allows(&destination);
        if !allowed {
            let destination = format!("{}://{}", destination.scheme, destination.authority());
            self.report(&destination);
        }
        Ok(allowed)
    }

    /// Returns whether the component can call its own application.
    ///
    /// Fails if the allowed hosts cannot be resolved.
    pub fn allows_self(&self) -> Result<bool, String> {
        let allowed = self.allowed()?.allows_self(&["http", "https"]);
        if !allowed {
            self.report("http://self");
        }
        Ok(allowed)
    }

    fn allowed(&self) -> Result<&AllowedHosts, String> {
        self.0.allowed.as_ref().map_err(Clone::clone)
    }

    fn report(&self, destination: &str) {
        eprintln!(
            "component {:?} may not reach {destination}: add it to `allowed_outbound_hosts`",
            self.0.component
        );
    }
}
