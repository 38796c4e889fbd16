//! Verifications that take several calls.

use std::{cell::Cell, rc::Rc};

use chrono::{DateTime, Utc};
use platform::{Clock, Platform, native::NativeClock};
use tenancy::{
    Context,
    audit::{self, Extent},
    settings::Settings,
};

use super::{BEFORE, Catalog, now, trail};

/// A clock that advances by the time limit of a verification on each reading.
struct SlowClock(Cell<u64>);

impl Clock for SlowClock {
    fn now(&self) -> DateTime<Utc> {
        NativeClock.now()
    }

    fn monotonic_micros(&self) -> u64 {
        self.0.set(self.0.get() + 60_000_000);
        self.0.get()
    }
}

// S37
#[test]
fn long_verification_continues_from_checkpoint() {
    const ROWS: u32 = 10_700;
    let catalog = Catalog::new();
    let chain = trail(1);
    catalog.chain(BEFORE, chain, ROWS, &now());
    let settings = Settings::parse(&catalog.settings(BEFORE)).unwrap();
    let platform = Platform::native(settings.redis_url().expose().to_owned());
    let platform = Platform { clock: Rc::new(SlowClock(Cell::new(0))), ..platform };
    let context = Context::new(platform, settings).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let verify =
        |extent| runtime.block_on(audit::verify(&context, Some(chain), None, extent)).unwrap();
    let rows = i64::from(ROWS);
    let (mut calls, mut verified) = (0, 0);
    let last = loop {
        let found = verify(Extent::SinceCheckpoint);
        assert!(found.valid, "{found:?}");
        // Each call continues at the end of the previous call.
        let from = found.checkpoint.as_ref().map_or(0, |link| link.sequence);
        assert_eq!(from, verified);
        verified += found.verified;
        calls += 1;
        if found.complete {
            break found;
        }
        assert!(calls < 50 && found.verified > 0, "{found:?}");
    };
    assert!(calls > 10, "{calls}");
    assert_eq!((verified, last.head.unwrap().sequence), (rows, rows));
    // The trail has no new rows since the last call.
    let found = verify(Extent::SinceCheckpoint);
    assert_eq!((found.verified, found.complete), (0, true));
    assert_eq!(found.checkpoint.unwrap().sequence, rows);
    // A full verification reads the whole trail, without a time limit.
    let found = verify(Extent::Full);
    assert_eq!((found.verified, found.complete, found.checkpoint), (rows, true, None));

    // Changes the row of the checkpoint.
    let change = |mac: &str| {
        catalog.tamper(&format!(
            "UPDATE tenant_audit_logs SET mac = {mac} WHERE tenant_id = '{chain}' AND sequence = {rows}"
        ));
    };
    change("sha256(mac)");
    assert_eq!(verify(Extent::SinceCheckpoint).broken_at, Some(rows));
    // A forged checkpoint is ignored.
    catalog.tamper("UPDATE tenant_audit_checkpoints SET sequence = sequence - 1");
    let found = verify(Extent::SinceCheckpoint);
    assert_eq!((found.checkpoint, found.verified), (None, 500));
}
