//! What a component may reach, and how many connections at once.

pub mod allowed_hosts;
pub mod blocked;
mod destination;
mod host_pattern;
pub mod permits;

use std::sync::Arc;

use allowed_hosts::AllowedHosts;
use destination::Destination;

/// The domain under which Spin lets components call one another.
pub(crate) const CHAINING_SUFFIX: &str = ".spin.internal";

/// Decides for one component which destinations it can reach.
#[derive(Clone, Debug)]
pub struct Gate(Arc<GateState>);

#[derive(Debug)]
struct GateState {
    component: String,
    /// An error of resolving the variables in it is the guest's to see, at its
    /// first call.
    allowed: Result<AllowedHosts, String>,
}

impl Gate {
    /// The gate of the component `component`.
    pub fn new(component: &str, allowed: anyhow::Result<AllowedHosts>) -> Self {
        let component = component.to_owned();
        let allowed = allowed.map_err(|error| error.to_string());
        Self(Arc::new(GateState { component, allowed }))
    }

    /// Whether `url` can be reached; a `url` without a scheme has `scheme`.
    ///
    /// Fails if the allowed hosts could not be resolved.
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

    /// Whether the component can call its own application.
    ///
    /// Fails if the allowed hosts could not be resolved.
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
            "component {:?} may not reach {destination}: `allowed_outbound_hosts` does not name it",
            self.0.component
        );
    }
}
