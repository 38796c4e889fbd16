//! The way of a request through an instance, Redis and PostgreSQL.

use super::{
    Changes, Flaw, State,
    instance::{Began, Cached, Call, Instance, Step},
    redis::{Process, Redis, Token, Version},
    revoker::Progress,
    serving::{is_serving, learn},
};
use crate::time::{Timer, USABLE, VALIDITY};

/// The number of calls that an instance makes at once.
const CALLS_AT_ONCE: usize = 2;

/// Admits or refuses a request that a lease covers. For another one, or to renew the lease, sends a call.
pub fn arrives(
    model: &Changes,
    state: &mut State,
    place: usize,
    requests_lease: bool,
) -> Option<()> {
    let began = Began {
        after_acknowledgement: matches!(state.revoker.progress, Progress::Acknowledged { .. }),
        after_refusal: state.is_refused,
    };
    match state.instances[place].covered(model.flaw) {
        Some(Version::Old) if !requests_lease => admit(state, began),
        Some(Version::New) => state.is_refused = true,
        _ => {
            (state.instances[place].calls.len() < CALLS_AT_ONCE).then_some(())?;
            state.left.calls = state.left.calls.checked_sub(1)?;
            let is_whole = model.flaw == Some(Flaw::WholeLeaseIsUsed);
            let usable = Timer::start(match (requests_lease, is_whole) {
                (false, _) => 0,
                (true, false) => USABLE,
                (true, true) => VALIDITY,
            });
            let step = Step::Asking { requests_lease };
            state.instances[place].calls.push(Call { began, usable, step });
        }
    }
    Some(())
}

/// Takes the next step of a call.
pub fn proceeds(model: &Changes, state: &mut State, place: usize, index: usize) -> Option<()> {
    let State { postgres, redis, instances, stores, .. } = state;
    let instance = &mut instances[place];
    let call = instance.calls[index];
    let next = match call.step {
        // If the process has ended to which the call was sent, the instance sends it again. The use of the lease does
        // not start again.
        Step::Asking { requests_lease } => {
            let first_token = first_token(model, redis.process);
            Some(Step::Answered(redis.process, redis.admit(requests_lease, first_token)))
        }
        Step::Answered(process, reply) => {
            learn(&mut instance.known, process, model.flaw);
            instance.receive_lease(process, reply, call.usable, model.flaw);
            let waits = reply.has_earlier_leases;
            match reply.version {
                Some(Version::Old) => {
                    instance.cached = Some(Cached { version: Version::Old, token: reply.token });
                    None
                }
                Some(Version::New) => {
                    if model.flaw == Some(Flaw::RefusalIsCachedEarly) {
                        instance.cached =
                            Some(Cached { version: Version::New, token: reply.token });
                    }
                    Some(refusal(model, instance, redis, process, waits))
                }
                None => Some(Step::Querying { process, waits }),
            }
        }
        Step::Querying { process, .. } if *postgres == Version::Old => {
            stores.insert(process);
            None
        }
        Step::Querying { process, .. } if model.flaw == Some(Flaw::RefusalDoesNotStore) => {
            Some(refusal(model, instance, redis, process, true))
        }
        Step::Querying { process, waits } => Some(Step::Storing { process, waits }),
        Step::Storing { process, waits } => {
            let waits = store(model, redis, process, waits);
            Some(refusal(model, instance, redis, process, waits))
        }
        Step::Refusing(timer) => {
            timer.has_ended().then_some(())?;
            instance.calls.remove(index);
            state.is_refused = true;
            return Some(());
        }
    };
    match next {
        Some(step @ Step::Answered(..)) => instance.calls[index].step = step,
        Some(step @ Step::Querying { .. }) => {
            instance.calls[index] = Call { usable: Timer::start(0), step, ..call };
        }
        // The request is refused, so the time of its begin has no meaning.
        Some(step) => {
            instance.calls[index] = Call { began: Began::default(), usable: Timer::start(0), step };
        }
        None => {
            instance.calls.remove(index);
            admit(state, call.began);
        }
    }
    Some(())
}

/// Stores the new version in the observed process, or in the current one if that has ended. Returns whether the refusal
/// waits.
fn store(model: &Changes, redis: &mut Redis, observed: Process, waits: bool) -> bool {
    if redis.process != observed {
        if model.flaw != Some(Flaw::FailedStoreIsNotRepeated) {
            redis.publish(Version::New);
        }
        return waits || model.flaw != Some(Flaw::FailedStoreDoesNotWait);
    }
    let reply = redis.publish(Version::New);
    match model.flaw {
        Some(Flaw::RefusalIgnoresOtherChange) => waits || reply.is_change && reply.has_leases,
        _ => reply.has_earlier_leases,
    }
}

/// Begins a refusal. It waits if a lease from before the change may be valid.
fn refusal(
    model: &Changes,
    instance: &Instance,
    redis: &mut Redis,
    process: Process,
    has_earlier_leases: bool,
) -> Step {
    let is_certain = model.flaw == Some(Flaw::RefusalTrustsNewProcess)
        || is_serving(instance.known, redis, process, model.flaw);
    let waits = has_earlier_leases || !is_certain;
    let is_due = !waits || model.flaw == Some(Flaw::RefusalDoesNotWait);
    Step::Refusing(Timer::start(if is_due { 0 } else { VALIDITY }))
}

/// Returns the first token of a process.
fn first_token(model: &Changes, process: Process) -> Token {
    let is_shared = model.flaw == Some(Flaw::FirstTokenIsShared);
    Token { process: (!is_shared).then_some(process), changes: 0 }
}

/// Records that the credential admitted a request.
fn admit(state: &mut State, began: Began) {
    state.admitted.after_acknowledgement |= began.after_acknowledgement;
    state.admitted.after_refusal |= began.after_refusal;
}
