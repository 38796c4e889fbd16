//! Creates tenants, suspends, activates, deletes and destroys them.

use crate::{
    actors::{files, keys, tenants},
    context::Context,
    random::Random,
};

/// Creates and ends tenants until the load ends.
pub fn run(context: &Context, mut random: Random) {
    while context.is_running() {
        live(context, &mut random);
        context.pause(&mut random, 0, 500);
    }
}

fn live(context: &Context, random: &mut Random) {
    let Some(tenant) = tenants::create(context, random, "life") else { return };
    let key = keys::create(context, random, &tenant);
    if random.one_in(2) {
        files::write_once(context, random, &tenant);
    }
    for _ in 0..random.below(3) {
        context.pause(random, 300, 1_500);
        if !tenants::suspend(context, random, &tenant) {
            break;
        }
        context.pause(random, 300, 1_500);
        if !tenants::activate(context, random, &tenant) {
            break;
        }
    }
    context.pause(random, 300, 1_500);
    if random.one_in(3) {
        tenants::delete(context, random, &tenant);
        context.pause(random, 0, 800);
    }
    tenants::destroy(context, random, &tenant);
    if let Some(key) = key {
        for host in 0..context.client.hosts() {
            super::probes::probe(context, host, &key);
        }
    }
}
