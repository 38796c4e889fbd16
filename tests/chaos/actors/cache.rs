//! Writes cache entries, reads them back at every host, overwrites and deletes them.

use std::{
    collections::VecDeque,
    sync::atomic::{AtomicU32, Ordering},
};

use crate::{
    client::shown, context::Context, ledger::CacheEntry, random::Random, request::Request,
    violations::Promise,
};

/// The number of entries that an actor reads repeatedly.
const KEPT: usize = 24;

/// Works with cache entries until the load ends.
pub fn run(context: &Context, mut random: Random) {
    // Entries that may be written, and entries with a write that has no response.
    let (mut entries, mut settled) = (Vec::new(), VecDeque::new());
    while context.is_running() {
        if entries.len() < KEPT
            && let Some(entry) = new_entry(context, &mut random)
        {
            entries.push(entry);
        }
        if !entries.is_empty() {
            let index = random.index(entries.len());
            // A write without a response may be executed after the next one.
            if !write(context, &mut random, &mut entries[index]) {
                settled.push_back(entries.swap_remove(index));
                settled.truncate(KEPT);
            }
        }
        for _ in 0..4 {
            let (one, other) = (random.index(entries.len()), random.index(settled.len()));
            for entry in entries.get(one).into_iter().chain(settled.get(other)) {
                read(context, &mut random, entry);
            }
        }
        context.pause(&mut random, 5, 100);
    }
}

fn new_entry(context: &Context, random: &mut Random) -> Option<CacheEntry> {
    static LAST: AtomicU32 = AtomicU32::new(0);
    let tenant = random.pick(&context.ledger.homes())?;
    let path = format!("/api/v1/cache/chaos-{}", LAST.fetch_add(1, Ordering::Relaxed));
    Some(CacheEntry::new(&tenant, path))
}

/// Overwrites or deletes an entry. Returns whether the response was definitive.
fn write(context: &Context, random: &mut Random, entry: &mut CacheEntry) -> bool {
    let (number, is_deletion) = (entry.next(), random.one_in(4));
    let request = if is_deletion {
        Request::delete(&entry.path)
    } else {
        Request::put(format!("{}?ttl=86400", entry.path), number.to_string().into_bytes())
    };
    let sent = context.send(context.host(random), &request.credential(&entry.tenant.key));
    let is_done = sent.is_accepted() || is_deletion && sent.status() == 404;
    if is_done {
        entry.acknowledged = (number, is_deletion);
    }
    is_done
}

fn read(context: &Context, random: &mut Random, entry: &CacheEntry) {
    let request = Request::get(&entry.path).credential(&entry.tenant.key);
    let sent = context.send(context.host(random), &request);
    let Some(answer) = sent.answer.filter(|answer| answer.status == 200) else { return };
    if let Some(problem) = entry.problem(&answer.text) {
        let evidence = format!(
            "{} of {} at host {}, sent at {}: {problem} {}",
            entry.path,
            entry.tenant.slug,
            sent.host,
            context.timeline.at(sent.started),
            shown(&answer)
        );
        context.violate(Promise::Cache, sent.ended, evidence);
    }
}
