//! The steps of all processes.

use super::{
    Action, Changes, Flaw, State,
    instance::{Ending, Instance},
    redis::{Process, Redis, Version},
    request,
    revoker::Progress,
    serving::learn,
};
use crate::time::Timer;

/// Lists the steps that may be possible.
pub fn possible(state: &State, actions: &mut Vec<Action>) {
    actions.extend([Action::Tick, Action::ChangeProceeds, Action::RevokerConnects]);
    actions.extend([Action::RevokerCrashes, Action::RevokerGains, Action::RedisRestarts]);
    actions.extend([Action::EntryExpires, Action::OtherInstanceStores, Action::RedisGains]);
    actions.extend(state.stores.iter().map(|process| Action::StoreArrives(*process)));
    for (place, instance) in state.instances.iter().enumerate() {
        actions.extend([Action::RequestArrives(place), Action::LeaseIsDue(place)]);
        actions.extend([Action::InstanceCrashes(place), Action::InstanceGains(place)]);
        actions.extend((0..instance.calls.len()).map(|call| Action::CallProceeds(place, call)));
        let endings = 0..instance.endings.len();
        actions.extend(endings.map(|ending| Action::InstanceReports(place, ending)));
    }
}

/// Takes a step; `None` if it is not possible.
pub fn take(model: &Changes, state: &mut State, action: Action) -> Option<()> {
    match action {
        Action::Tick => {
            state.instances.iter_mut().for_each(Instance::tick);
            state.revoker.tick();
            state.redis.serving.iter_mut().for_each(Timer::tick);
        }
        Action::InstanceGains(place) => {
            state.left.gains = state.left.gains.checked_sub(1)?;
            state.instances[place].tick();
        }
        Action::RevokerGains => {
            state.left.gains = state.left.gains.checked_sub(1)?;
            state.revoker.tick();
        }
        Action::RedisGains => {
            state.left.gains = state.left.gains.checked_sub(1)?;
            state.redis.serving.as_mut()?.tick();
        }
        Action::RedisRestarts => {
            state.left.redis_restarts = state.left.redis_restarts.checked_sub(1)?;
            state.redis = Redis::start(state.redis.process + 1);
        }
        Action::EntryExpires => {
            (state.redis.entry? == Version::Old && !state.redis.is_stale).then_some(())?;
            state.left.expiries = state.left.expiries.checked_sub(1)?;
            state.redis.is_stale = true;
        }
        Action::InstanceCrashes(place) => {
            state.left.instance_crashes = state.left.instance_crashes.checked_sub(1)?;
            state.instances[place] = Instance::default();
        }
        Action::RequestArrives(place) => request::arrives(model, state, place, false)?,
        Action::LeaseIsDue(place) => request::arrives(model, state, place, true)?,
        Action::CallProceeds(place, call) => request::proceeds(model, state, place, call)?,
        Action::InstanceReports(place, ending) => instance_reports(model, state, place, ending)?,
        Action::StoreArrives(process) => {
            state.stores.remove(&process);
            if process == state.redis.process {
                state.redis.publish(Version::Old);
            }
        }
        Action::OtherInstanceStores => {
            (state.postgres == Version::Old && state.redis.entry.is_none()).then_some(())?;
            state.redis.publish(Version::Old);
        }
        Action::RevokerConnects => learn(&mut state.revoker.known, state.redis.process, model.flaw),
        Action::ChangeProceeds => change_proceeds(model, state)?,
        Action::RevokerCrashes => {
            let is_crash =
                !matches!(state.revoker.progress, Progress::Idle | Progress::Acknowledged { .. });
            is_crash.then_some(())?;
            state.left.revoker_crashes = state.left.revoker_crashes.checked_sub(1)?;
            state.revoker.has_crashed = true;
            state.revoker.known = None;
            state.revoker.progress = Progress::Idle;
        }
    }
    Some(())
}

/// Reports that a lease of an instance has ended, with all earlier ones.
fn instance_reports(model: &Changes, state: &mut State, place: usize, ending: usize) -> Option<()> {
    let ending = *state.instances[place].endings.get(ending)?;
    ending.timer.has_ended().then_some(())?;
    let is_later = |other: &Ending| (other.process, other.number) > (ending.process, ending.number);
    state.instances[place].endings.retain(is_later);
    report(model, &mut state.redis, ending.process, ending.number);
    Some(())
}

/// Reports leases as ended to the process that granted them.
fn report(model: &Changes, redis: &mut Redis, process: Process, number: u8) {
    if redis.process == process || model.flaw == Some(Flaw::ReportReachesOtherProcess) {
        redis.end(number);
    }
}

/// Takes the next step of the change.
fn change_proceeds(model: &Changes, state: &mut State) -> Option<()> {
    let State { postgres, redis, revoker, .. } = state;
    revoker.progress = match revoker.progress {
        Progress::Idle => {
            *postgres = Version::New;
            Progress::Publishing { observed: revoker.known.map(|known| known.process) }
        }
        // If the observed process has ended, the revoker sends the version to the current one.
        Progress::Publishing { observed } => {
            let reply = redis.publish(Version::New);
            Progress::Published { observed, process: redis.process, reply }
        }
        Progress::Published { observed, process, reply } => {
            revoker.receive(observed, process, reply, redis, model.flaw);
            return Some(());
        }
        Progress::Waiting { process, granted, timer } => {
            timer.has_ended().then_some(())?;
            report(model, redis, process, granted);
            Progress::Acknowledged { has_waited: true }
        }
        Progress::Acknowledged { .. } => return None,
    };
    Some(())
}
