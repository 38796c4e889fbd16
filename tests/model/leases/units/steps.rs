//! The steps of all processes.

use super::{
    Action, Flaw, State, Units,
    instance::{Call, Instance, Reply},
    redis::{Caller, LIMITS, Lease, Redis},
};

/// Lists the steps that may be possible.
pub fn possible(state: &State, actions: &mut Vec<Action>) {
    actions.extend([Action::RedisRestarts, Action::Checkpoint, Action::LimitIsSet]);
    actions.extend((0..LIMITS).map(Action::WindowEnds));
    for place in 0..state.instances.len() {
        for caller in Caller::ALL {
            actions.extend([Action::UnitIsUsed(place, caller), Action::CallStarts(place, caller)]);
            actions
                .extend([Action::RenewalStarts(place, caller), Action::LeaseEnds(place, caller)]);
        }
        actions.extend([Action::RedisReceives(place), Action::ReplyArrives(place)]);
        actions.extend([Action::ReplyIsLost(place), Action::InstanceCrashes(place)]);
        actions.extend([Action::ReportArrives(place), Action::ReportArrivesTwice(place)]);
        actions.push(Action::ReportIsLost(place));
    }
}

/// Takes a step; `None` if it is not possible.
pub fn take(model: &Units, state: &mut State, action: Action) -> Option<()> {
    let flaw = model.flaw;
    let State { redis, instances, left, .. } = state;
    match action {
        Action::UnitIsUsed(place, caller) => {
            use_unit(redis, &mut instances[place], caller, flaw)?;
            state.has_used_unit = true;
        }
        Action::CallStarts(place, caller) => {
            left.calls = left.calls.checked_sub(1)?;
            start_call(&mut instances[place], caller, false, flaw)?;
        }
        Action::RenewalStarts(place, caller) => {
            let mut current = instances[place].current.iter();
            current.find(|lease| lease.caller == caller)?;
            left.calls = left.calls.checked_sub(1)?;
            start_call(&mut instances[place], caller, true, flaw)?;
        }
        Action::RedisReceives(place) => receive(redis, &mut instances[place], flaw)?,
        Action::ReplyArrives(place) => {
            let call = instances[place].call?;
            let lease = call.reply?.lease;
            instances[place].call = None;
            if lease.is_some() {
                instances[place].finish(call.caller);
            }
            instances[place].current.extend(lease);
        }
        Action::ReplyIsLost(place) => {
            let reply = instances[place].call.as_mut()?.reply.take()?;
            left.losses = left.losses.checked_sub(1)?;
            forfeit_reply(redis, reply);
        }
        Action::LeaseEnds(place, caller) => instances[place].finish(caller).then_some(())?,
        Action::ReportArrives(place) => {
            let lease = take_finished(&mut instances[place], flaw)?;
            redis.settle(&lease, flaw);
        }
        Action::ReportArrivesTwice(place) => {
            left.losses = left.losses.checked_sub(1)?;
            let lease = take_finished(&mut instances[place], flaw)?;
            redis.settle(&lease, flaw);
            redis.settle(&lease, flaw);
        }
        Action::ReportIsLost(place) => {
            left.losses = left.losses.checked_sub(1)?;
            let lease = take_finished(&mut instances[place], flaw)?;
            forfeit(redis, &lease);
        }
        Action::InstanceCrashes(place) => {
            left.crashes = left.crashes.checked_sub(1)?;
            let crashed = std::mem::take(&mut instances[place]);
            crashed.open(redis.process).copied().for_each(|lease| forfeit(redis, &lease));
            if let Some(call) = crashed.call.and_then(|call| call.reply?.call) {
                forfeit_call(redis, &call);
            }
        }
        Action::WindowEnds(limit) => {
            redis.counters[limit]?;
            left.window_ends = left.window_ends.checked_sub(1)?;
            redis.start_window(limit);
            if limit == 0 {
                state.checkpoint = 0;
            }
        }
        Action::LimitIsSet => {
            left.new_limits = left.new_limits.checked_sub(1)?;
            redis.start_window(1);
        }
        Action::RedisRestarts => {
            left.redis_restarts = left.redis_restarts.checked_sub(1)?;
            let has_limit = redis.counters.map(|counter| counter.is_some());
            *redis = Redis::start(redis.process + 1, has_limit, redis.next_window);
            state.checkpoint = 0;
        }
        Action::Checkpoint => {
            left.checkpoints = left.checkpoints.checked_sub(1)?;
            checkpoint(state, flaw);
        }
    }
    Some(())
}

/// Admits a call with a unit.
fn use_unit(
    redis: &mut Redis,
    instance: &mut Instance,
    caller: Caller,
    flaw: Option<Flaw>,
) -> Option<()> {
    let ignores_end = flaw == Some(Flaw::HolderIgnoresEnd);
    let mut current = instance.current.iter_mut();
    let lease = current.find(|lease| lease.caller == caller && lease.left > 0)?;
    (ignores_end || redis.is_current(lease)).then_some(())?;
    lease.left -= 1;
    let is_forfeited = i8::from(lease.is_forfeited);
    if redis.is_current(lease) {
        redis.explain(lease, |counter| {
            counter.admitted += 1;
            counter.forfeited -= is_forfeited;
        });
    } else {
        // The call belongs to the windows of its time.
        for counter in redis.counters.iter_mut().take(caller.limits()).flatten() {
            counter.admitted += 1;
        }
    }
    Some(())
}

/// Sends a call to Redis.
fn start_call(
    instance: &mut Instance,
    caller: Caller,
    is_renewal: bool,
    flaw: Option<Flaw>,
) -> Option<()> {
    instance.call.is_none().then_some(())?;
    let report = take_finished(instance, flaw);
    instance.call = Some(Call { caller, is_renewal, report, is_reported: false, reply: None });
    Some(())
}

/// Takes a lease to report it.
fn take_finished(instance: &mut Instance, flaw: Option<Flaw>) -> Option<Lease> {
    let lease = instance.finished.pop()?;
    if flaw == Some(Flaw::HolderUsesReportedUnits) {
        instance.current.push(lease);
    }
    Some(lease)
}

/// Runs the script of a call.
fn receive(redis: &mut Redis, instance: &mut Instance, flaw: Option<Flaw>) -> Option<()> {
    let call = instance.call.as_mut().filter(|call| call.reply.is_none())?;
    if let Some(report) = &call.report {
        redis.settle(report, flaw);
        call.is_reported = true;
    }
    let windows = redis.counters.map(|counter| counter.map(|counter| counter.window));
    let windows = match call.caller {
        Caller::User => [windows[0], None],
        Caller::ApiKey => windows,
    };
    let (is_admitted, lease) = if call.is_renewal {
        (false, redis.renew(call.caller, flaw))
    } else {
        redis.admit(call.caller, flaw)
    };
    let (process, caller) = (redis.process, call.caller);
    let used = Lease { process, number: 0, caller, windows, left: 1, is_forfeited: false };
    call.reply = Some(Reply { call: is_admitted.then_some(used), lease });
    Some(())
}

/// Forfeits the units of a lost reply, and the call itself.
fn forfeit_reply(redis: &mut Redis, reply: Reply) {
    if let Some(call) = reply.call {
        forfeit_call(redis, &call);
    }
    if let Some(lease) = reply.lease.filter(|lease| !lease.is_forfeited) {
        forfeit(redis, &lease);
    }
}

/// Forfeits a call that was counted and not admitted.
fn forfeit_call(redis: &mut Redis, call: &Lease) {
    redis.explain(call, |counter| {
        counter.admitted -= 1;
        counter.forfeited += 1;
    });
}

/// Forfeits the units of a lease.
fn forfeit(redis: &mut Redis, lease: &Lease) {
    if !lease.is_forfeited {
        redis.explain(lease, |counter| counter.forfeited += lease.left);
    }
}

/// Stores a checkpoint. Leases without a report that the previous one has found are forfeited.
fn checkpoint(state: &mut State, flaw: Option<Flaw>) {
    let State { redis, instances, .. } = state;
    let process = redis.process;
    let last = state.last.filter(|last| last.0 == process).map_or(0, |last| last.1);
    let found: Vec<_> = redis.unreported.keys().copied().filter(|lease| *lease <= last).collect();
    for number in found {
        redis.unreported.remove(&number);
        for lease in instances.iter_mut().flat_map(Instance::leases_mut) {
            if lease.process == process && lease.number == number {
                forfeit(redis, lease);
                lease.is_forfeited = true;
                state.has_early_checkpoint = true;
            }
        }
    }
    state.checkpoint = state.checkpoint.max(redis.settled(flaw));
    state.last = Some((process, redis.granted));
    state.checkpoints_at_rest = (state.checkpoints_at_rest + 1).min(2);
}
