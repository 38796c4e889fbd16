//! Creates the tenants in which every actor works, some of them while the load runs.

use crate::{actors::tenants, context::Context, random::Random};

/// The number of tenants before the load starts.
const FIRST: usize = 3;
/// The number of tenants at the end.
const ALL: usize = 6;

/// Creates the first tenants.
pub fn found(context: &Context, random: &mut Random) {
    for _ in 0..FIRST {
        create(context, random);
    }
}

/// Creates the other tenants.
pub fn run(context: &Context, mut random: Random) {
    while context.is_running() && context.ledger.homes().len() < ALL {
        context.pause(&mut random, 1_000, 6_000);
        create(context, &mut random);
    }
}

fn create(context: &Context, random: &mut Random) {
    if let Some(tenant) = tenants::create(context, random, "home") {
        context.ledger.add_home(&tenant);
    }
}
