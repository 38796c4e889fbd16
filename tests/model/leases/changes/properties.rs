//! The promises of the protocol, and events that show that the model is not empty.

use stateright::Property;

use super::{Changes, State, revoker::Progress};
use crate::time::VALIDITY;

/// No request that begins after the acknowledgement is admitted.
pub const ACKNOWLEDGED: &str = "no admission on an old version after the acknowledgement";
/// No request that begins after a refusal is admitted.
pub const REFUSED: &str = "no admission on an old version after a refusal";

/// Returns all properties.
pub fn all() -> Vec<Property<Changes>> {
    vec![
        Property::always(ACKNOWLEDGED, |_, state: &State| !state.admitted.after_acknowledgement),
        Property::always(REFUSED, |_, state: &State| !state.admitted.after_refusal),
        // The round trip is before the wait.
        Property::always("a change waits for T at most", |_, state: &State| {
            match state.revoker.progress {
                Progress::Waiting { timer, .. } => timer.left() <= VALIDITY,
                _ => true,
            }
        }),
        Property::sometimes("a lease is granted", |_, state: &State| {
            state.instances.iter().any(|instance| instance.lease.is_some())
        }),
        Property::sometimes("a lease covers a request", |_, state: &State| {
            state.instances.iter().any(|instance| instance.covered(None).is_some())
        }),
        Property::sometimes("a change waits", |_, state: &State| {
            matches!(state.revoker.progress, Progress::Waiting { .. })
        }),
        Property::sometimes("a change of an idle tenant does not wait", |_, state: &State| {
            state.revoker.progress == Progress::Acknowledged { has_waited: false }
                && state.redis.granted == 0
        }),
        Property::sometimes(
            "a change after the end of all leases does not wait",
            |_, state: &State| {
                state.revoker.progress == Progress::Acknowledged { has_waited: false }
                    && state.redis.granted > 0
                    && state.redis.process == 0
            },
        ),
        // Without a crash in the bounds, the first change counts.
        Property::sometimes(
            "a repeated change is acknowledged",
            |model: &Changes, state: &State| {
                (state.revoker.has_crashed || model.bounds.revoker_crashes == 0)
                    && matches!(state.revoker.progress, Progress::Acknowledged { .. })
            },
        ),
        Property::sometimes(
            "a credential is refused before the acknowledgement",
            |_, state: &State| {
                state.is_refused && !matches!(state.revoker.progress, Progress::Acknowledged { .. })
            },
        ),
    ]
}
