//! The promises of the protocol, and events that show that the model is not empty.

use stateright::Property;

use super::{
    State, Units,
    instance::Instance,
    redis::{Caller, Counter, LIMITS, MOST},
};

/// A limit is never exceeded.
pub const LIMIT: &str = "the admitted calls of a window never exceed the limit";
/// No unit is lost or invented.
pub const CONSERVATION: &str =
    "a counter is the sum of admitted calls, outstanding and forfeited units";
/// A checkpoint is not too high.
pub const CHECKPOINT: &str = "a checkpoint has admitted calls and forfeited units only";

/// Returns all properties.
pub fn all() -> Vec<Property<Units>> {
    vec![
        Property::always(LIMIT, |_, state: &State| {
            counters(state).all(|(limit, counter)| counter.admitted <= MOST[limit])
        }),
        Property::always(CONSERVATION, |_, state: &State| {
            counters(state).all(|(limit, counter)| {
                let all = counter.admitted + counter.forfeited + outstanding(state, limit, counter);
                counter.used == all
            })
        }),
        Property::always(CHECKPOINT, |_, state: &State| {
            counters(state)
                .take(1)
                .all(|(_, counter)| state.checkpoint <= counter.admitted + counter.forfeited)
        }),
        Property::always(
            "at rest, without a fault, a counter equals the admitted calls",
            |model: &Units, state: &State| {
                !is_at_rest(state)
                    || has_fault(model, state)
                    || counters(state).all(|(_, counter)| counter.used == counter.admitted)
            },
        ),
        Property::always(
            "at rest, without a fault, each lease is reported",
            |model: &Units, state: &State| {
                !is_at_rest(state) || has_fault(model, state) || state.redis.unreported.is_empty()
            },
        ),
        Property::always("at rest, the second checkpoint finds all units", |_, state: &State| {
            !is_at_rest(state) || state.checkpoints_at_rest < 2 || state.redis.unreported.is_empty()
        }),
        Property::sometimes("a unit is used", |_, state: &State| state.has_used_unit),
        Property::sometimes("a unit returns", |_, state: &State| {
            is_at_rest(state)
                && state.redis.granted > 0
                && counters(state).all(|(_, counter)| counter.used == counter.admitted)
        }),
        Property::sometimes("a limit is reached exactly", |_, state: &State| {
            counters(state).any(|(limit, counter)| counter.admitted == MOST[limit])
        }),
        Property::sometimes("the API key has a lease", |_, state: &State| {
            let mut leases = state.instances.iter().flat_map(|instance| &instance.current);
            leases.any(|lease| lease.caller == Caller::ApiKey)
        }),
    ]
}

fn counters(state: &State) -> impl Iterator<Item = (usize, Counter)> {
    let counters = (0..LIMITS).zip(&state.redis.counters);
    counters.filter_map(|(limit, counter)| Some((limit, (*counter)?)))
}

fn outstanding(state: &State, limit: usize, counter: Counter) -> i8 {
    let process = state.redis.process;
    let leases = state.instances.iter().flat_map(|instance| instance.open(process));
    leases
        .filter(|lease| lease.windows[limit] == Some(counter.window))
        .map(|lease| lease.left)
        .sum()
}

fn is_at_rest(state: &State) -> bool {
    state.instances.iter().all(Instance::is_at_rest)
}

fn has_fault(model: &Units, state: &State) -> bool {
    state.left.faults() < model.bounds.faults() || state.has_early_checkpoint
}
