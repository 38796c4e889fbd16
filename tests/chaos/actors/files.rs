//! Writes files, reads them back at every host, replaces and deletes them. One actor writes a path.

use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering},
};

use crate::{
    actors::tenants,
    client::shown,
    context::Context,
    ledger::{Content, FileFacts, Tenant},
    random::{self, Random},
    request::Request,
    violations::Promise,
};

/// The maximum file size in bytes: more than two chunks.
const LONGEST: u64 = 600_000;

/// Works with files until the load ends.
pub fn run(context: &Context, mut random: Random) {
    while context.is_running() {
        let homes = context.ledger.homes();
        if let Some(tenant) = random.pick(&homes) {
            let file = new_file(context, &tenant);
            for _ in 0..=random.below(3) {
                let is_certain = write(context, &mut random, &file);
                read_everywhere(context, &file);
                context.pause(&mut random, 0, 300);
                // An attempt without a response may be executed after the next write.
                if !is_certain {
                    break;
                }
            }
            if random.one_in(2) {
                delete(context, &mut random, &file);
                read_everywhere(context, &file);
            }
        }
        if let Some(file) = random.pick(&context.ledger.files()) {
            read_everywhere(context, &file);
        }
        context.pause(&mut random, 50, 500);
    }
}

/// Writes a new file to a tenant, once.
pub fn write_once(context: &Context, random: &mut Random, tenant: &Arc<Tenant>) {
    let file = new_file(context, tenant);
    write(context, random, &file);
}

fn new_file(context: &Context, tenant: &Arc<Tenant>) -> Arc<FileFacts> {
    static LAST: AtomicU32 = AtomicU32::new(0);
    let path = format!("/api/v1/files/chaos/{}.bin", LAST.fetch_add(1, Ordering::Relaxed));
    let file = FileFacts::new(tenant, path);
    context.ledger.add_file(&file);
    file
}

/// Writes new content. Returns whether the first attempt was acknowledged.
fn write(context: &Context, random: &mut Random, file: &FileFacts) -> bool {
    let (seed, length) = (random.number(), 1 + random.below(LONGEST));
    let length = usize::try_from(length).unwrap_or(1);
    let request = Request::put(&file.path, random::bytes(seed, length));
    let request = request.credential(&file.tenant.key);
    file.set(Content::Changing);
    let Some(settled) = context.settle(random, Promise::NothingLost, &request) else {
        return false;
    };
    if !matches!(settled.answer.status, 200 | 201) {
        tenants::violate(context, "the upload of a file", &settled);
        return false;
    }
    let name = file.path.trim_start_matches("/api/v1/files/");
    context.ledger.add_event(&file.tenant, "file.uploaded", name);
    file.set(Content::Bytes(seed, length));
    settled.attempts == 1
}

fn delete(context: &Context, random: &mut Random, file: &FileFacts) {
    let request = Request::delete(&file.path).credential(&file.tenant.key);
    file.set(Content::Changing);
    let Some(settled) = context.settle(random, Promise::NothingLost, &request) else { return };
    let is_repeated = settled.attempts > 1 && settled.answer.status == 404;
    if !is_repeated && settled.answer.status != 204 {
        return tenants::violate(context, "the deletion of a file", &settled);
    }
    let name = file.path.trim_start_matches("/api/v1/files/");
    context.ledger.add_event(&file.tenant, "file.deleted", name);
    file.set(Content::Deleted);
}

/// Reads a file at every host, and compares it.
pub fn read_everywhere(context: &Context, file: &FileFacts) {
    for host in 0..context.client.hosts() {
        let (content, standing) = (file.content(), file.tenant.standing.now().0);
        let request = Request::get(&file.path).credential(&file.tenant.key);
        let sent = context.send(host, &request);
        let is_unchanged = file.content() == content && file.tenant.standing.now().0 == standing;
        let Some(answer) = sent.answer.filter(|_| is_unchanged) else { continue };
        // A suspended, deleted or destroyed tenant shows no file.
        if file.tenant.is_in_destruction(sent.ended) || answer.status == 404 && standing > 0 {
            continue;
        }
        if let Some(problem) = content.problem(answer.status, &answer.bytes) {
            let response = if answer.status == 200 { String::new() } else { shown(&answer) };
            let evidence = format!(
                "{} of {} at host {host}, sent at {}: {problem} {response}",
                file.path,
                file.tenant.slug,
                context.timeline.at(sent.started)
            );
            context.violate(Promise::NothingLost, sent.ended, evidence);
        }
    }
}
