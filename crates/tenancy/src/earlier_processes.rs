//! Garbage collection of the keys of earlier Redis processes.
//!
//! No request reads such a key ([`platform::redis`]). Its time to live removes it eventually, but a cache entry
//! of a tenant may live for a month. So the first instance that meets a new process removes the keys of the earlier
//! ones. `tenantctl repair` removes them as well.

use std::{cell::Cell, time::Duration};

use platform::redis::{Argument, ProcessId, Scan};

use crate::{claim::claim, context::Context, error::Result, log, redis_key};

/// The time for which one instance has the exclusive right to collect.
const COLLECTING: Duration = Duration::from_mins(2);
/// Seconds after a collection during which no instance repeats it.
const COLLECTED_SECONDS: i64 = 7 * 24 * 60 * 60;
/// The pause after each page of keys.
const PAUSE: Duration = Duration::from_millis(5);

/// The process whose predecessors this instance last checked.
#[derive(Default)]
pub(crate) struct Collected(Cell<Option<ProcessId>>);

/// Removes the keys of earlier processes if the current process is new to this instance and no other instance is doing
/// it.
pub(crate) async fn collect_once(context: &Context) {
    let process = context.platform.redis.process();
    if process.is_none() || context.state::<Collected>().0.replace(process) == process {
        return;
    }
    let collected = async {
        if claim(context, redis_key::COLLECTED, COLLECTING).await? {
            collect(context).await
        } else {
            Ok(0)
        }
    };
    if let Err(error) = collected.await {
        log::warning(context, "could not remove the keys of earlier Redis processes", &error);
    }
}

/// Removes the keys of every process except the current one, and returns how many were removed.
pub async fn collect(context: &Context) -> Result<u64> {
    let redis = &*context.platform.redis;
    let mut removed = 0;
    let mut keys = Scan::new(redis_key::OF_ANY_PROCESS.to_owned());
    while let Some(names) = keys.next_page(redis).await? {
        let Some(current) = redis.process() else { return Ok(removed) };
        let outdated = names.iter().filter(|name| is_outdated(name, current));
        let outdated: Vec<_> = outdated.map(|name| Argument::Bytes(name)).collect();
        if !outdated.is_empty() {
            redis.execute("UNLINK", &outdated).await?;
            removed += u64::try_from(outdated.len()).unwrap_or(u64::MAX);
        }
        context.platform.executor.sleep(PAUSE).await;
    }
    let marker: [Argument<'_>; 4] = [
        Argument::Key(redis_key::COLLECTED),
        "1".into(),
        "EX".into(),
        Argument::Int(COLLECTED_SECONDS),
    ];
    redis.execute("SET", &marker).await?;
    Ok(removed)
}

/// Returns whether a name is one of the service's keys and belongs to another process.
fn is_outdated(name: &[u8], current: ProcessId) -> bool {
    let Some((process, key)) = name.split_at_checked(ProcessId::LENGTH) else { return false };
    process != current.digits()
        && process.iter().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
        && redis_key::is_own(key)
}

#[cfg(test)]
mod tests {
    use platform::redis::Reply;

    use super::*;

    #[test]
    fn only_own_keys_of_other_processes_are_outdated() {
        let process = |run_id: &str| {
            let info = Reply::Bytes(format!("run_id:{run_id}\n").into_bytes());
            ProcessId::of_info(&[info]).unwrap()
        };
        let (current, earlier) = (process("b"), process("a"));
        assert!(is_outdated(&earlier.name("t:{1}:tenant"), current));
        assert!(is_outdated(&earlier.name("platform:counters"), current));
        assert!(!is_outdated(&current.name("t:{1}:tenant"), current));
        assert!(!is_outdated(&earlier.name("session:1"), current));
        assert!(!is_outdated(b"t:{1}:tenant", current));
        assert!(!is_outdated(b"0123456789ABCDEF:t:{1}:tenant", current));
    }
}
