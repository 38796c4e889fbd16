//! The upgrade of the previous release with its data: `./dev test upgrade [REF]` builds that release and runs this test.
//!
//! The test follows docs/upgrade.md while a load continues: `tenantctl migrate`, instances of both releases side by side,
//! only the new release, and the final commands. Then it compares every acknowledged fact.

#![expect(clippy::expect_used, clippy::unwrap_used, reason = "a test that fails panics")]

mod api;
mod facts;
mod ledger;
mod load;
mod release;

use std::{thread::sleep, time::Duration};

use crate::{
    api::Api,
    facts::Facts,
    ledger::Ledger,
    load::Load,
    release::{Installation, Release},
};

/// The time for which only instances of one release serve the load.
const ALONE: Duration = Duration::from_secs(3);
/// The time after which an instance without requests has stored its counters.
const STORED: Duration = Duration::from_secs(6);
/// The time for which instances of both releases serve the load.
const SIDE_BY_SIDE: Duration = Duration::from_secs(8);

#[test]
fn previous_release_upgrades_with_its_data() {
    let (previous, current) = (Release::previous(), Release::current());
    let installation = Installation::start();
    previous.tenantctl(&installation, &["migrate"]);
    let old = previous.serve(&installation);
    let old_api = installation.api(&old);
    let ledger = Ledger::default();
    let facts = Facts::create(&old_api, &ledger);
    let load = Load::new(&old_api, &ledger);
    let has_same_counters = !installation.counts_under_former_names();

    let (_new, new_api, late) = load.run(|| {
        sleep(ALONE);
        load.begin("the migration");
        current.tenantctl(&installation, &["migrate"]);
        load.begin("the previous release on the new schema");
        sleep(ALONE);
        let late = facts::create_late(&old_api, &ledger);
        let (new, new_api) = if has_same_counters {
            load.begin("both releases");
            let new = current.serve(&installation);
            let new_api = installation.api(&new);
            load.set_hosts(&[&old_api, &new_api]);
            sleep(SIDE_BY_SIDE);
            // Waits for the requests of the old instance.
            load.set_hosts(&[&new_api]);
            drop(old);
            (new, new_api)
        } else {
            load.begin("no release");
            load.set_hosts(&[]);
            sleep(STORED);
            drop(old);
            let new = current.serve(&installation);
            let new_api = installation.api(&new);
            (new, new_api)
        };
        load.begin("the new release");
        load.set_hosts(&[&new_api]);
        // For tenants that instances of the previous release created after the first migration.
        current.tenantctl(&installation, &["migrate"]);
        sleep(ALONE);
        (new, new_api, late)
    });
    load.check(&new_api);

    for arguments in [&["reseal"][..], &["repair"], &["doctor"], &["audit", "verify"]] {
        current.tenantctl(&installation, arguments);
    }
    facts.check(&new_api, has_same_counters);
    facts::check_late(&new_api, &late);
    ledger.check(&installation);
    // The checks have changed tenants once more.
    current.tenantctl(&installation, &["doctor"]);
    current.tenantctl(&installation, &["audit", "verify"]);
}
