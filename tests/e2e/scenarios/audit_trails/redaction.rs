//! Redactions of rows that vouchers, checkpoints and dropped months concern.

use platform::Platform;
use serde_json::{Value, json};
use tenancy::{
    Context,
    audit::{self, Extent, Person, Redacted, Verification},
    settings::Settings,
};
use tokio::runtime::Runtime;
use uuid::Uuid;

use super::{BEFORE, Catalog, LAST, NEW, OLD, Ring, line, now, trail};

const USER: Uuid = Uuid::from_u128(7);

struct Service {
    context: Context,
    runtime: Runtime,
}

impl Service {
    fn new(catalog: &Catalog, ring: Ring<'_>) -> Self {
        let settings = Settings::parse(&catalog.settings(ring)).unwrap();
        let platform = Platform::native(settings.redis_url().expose().to_owned());
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        Self { context: Context::new(platform, settings).unwrap(), runtime }
    }

    fn redact(&self, chain: Uuid, person: &Person) -> Redacted {
        self.runtime.block_on(audit::redact(&self.context, chain, person, 0)).unwrap()
    }

    fn verify(&self, chain: Uuid, extent: Extent) -> Verification {
        self.runtime.block_on(audit::verify(&self.context, Some(chain), None, extent)).unwrap()
    }
}

fn person() -> Person {
    Person { user: USER, email: Some("ursula@acme.example".to_owned()), names: Vec::new() }
}

/// Adds an event of the user and one of another user, `count` times, and chains them.
fn chain_events(catalog: &Catalog, ring: Ring<'_>, chain: Uuid, count: u32, created_at: &str) {
    catalog.tamper(&format!(
        "INSERT INTO audit_outbox (id, tenant_id, written_at, entry)
         SELECT gen_random_uuid(), '{chain}', '-infinity', jsonb_build_object(
             'event', 'test.event', 'severity', 'info', 'result', 'success', 'actor_type', 'user',
             'actor_id', CASE n % 2 WHEN 0 THEN '{USER}' ELSE '{other}' END, 'address', '192.0.2.1',
             'user_agent', 'a browser', 'detail', '{{}}'::jsonb, 'created_at', '{created_at}')
         FROM generate_series(1, {rows}) n",
        other = Uuid::from_u128(8),
        rows = 2 * count
    ));
    catalog.succeeds(ring, &["repair"]);
}

/// Returns the number of rows with an address.
fn with_address(catalog: &Catalog, user: Uuid) -> i64 {
    let statement = "SELECT count(*) FROM tenant_audit_logs
                     WHERE actor_id = $1 AND (address IS NOT NULL OR user_agent IS NOT NULL)";
    catalog.superuser().query_one(statement, &[&user.to_string()]).unwrap().get(0)
}

// S24, S37, S44
#[test]
fn redacted_trail_survives_rotation_and_pruning() {
    let catalog = Catalog::new();
    let chain = trail(1);
    catalog.add_month("2020_01", "2020_02");
    chain_events(&catalog, BEFORE, chain, 3, "2020-01-15T00:00:00.000000Z");
    chain_events(&catalog, BEFORE, chain, 4, &now());
    catalog.succeeds((NEW, OLD), &["reseal"]);
    chain_events(&catalog, (NEW, ""), chain, 2, &now());

    // The voucher covers 14 of the 18 rows. Its key is no longer known.
    let redacted = Service::new(&catalog, (NEW, "")).redact(chain, &person());
    assert_eq!((redacted.rows, redacted.changed), (9, 9));
    assert_eq!((with_address(&catalog, USER), with_address(&catalog, Uuid::from_u128(8))), (0, 9));
    let found = |ring: Ring<'_>| {
        let lines = catalog.succeeds(ring, &["audit", "verify"]);
        line(&lines, chain).clone()
    };
    let verified = found((NEW, ""));
    assert_eq!((&verified["verified"], &verified["vouched"]["sequence"]), (&json!(18), &json!(14)));
    let again = Service::new(&catalog, (NEW, "")).redact(chain, &person());
    assert_eq!((again.rows, again.changed), (9, 0));

    catalog.succeeds((NEW, ""), &["audit", "prune", "--keep-months", "24"]);
    let verified = found((NEW, ""));
    assert_eq!((&verified["verified"], &verified["anchor"]["sequence"]), (&json!(12), &json!(6)));
    catalog.succeeds((LAST, NEW), &["reseal"]);
    assert_eq!(found((LAST, ""))["vouched"]["sequence"], 18);

    // A changed row is still detected, and gets no valid seal.
    let change = |value: &str| {
        catalog.tamper(&format!(
            "UPDATE tenant_audit_logs SET request_id = {value} WHERE tenant_id = '{chain}' AND sequence = 10"
        ));
    };
    change("'forged'");
    let other = Person { user: Uuid::from_u128(8), ..Person::default() };
    let redacted = Service::new(&catalog, (LAST, "")).redact(chain, &other);
    assert_eq!(redacted.changed, 6);
    change("NULL");
    let lines = catalog.fails((LAST, ""), &["audit", "verify"]);
    assert_eq!(line(&lines, chain)["valid"], false);
}

// S37
#[test]
fn guard_allows_redactions_only() {
    let catalog = Catalog::new();
    chain_events(&catalog, BEFORE, trail(1), 1, &now());
    let mut superuser = catalog.superuser();
    for (change, is_allowed) in [
        ("address = NULL", false),
        ("address = 'another', redaction = ''", false),
        ("user_agent = 'another', redaction = ''", false),
        ("actor_id = NULL, redaction = ''", false),
        ("mac = sha256(mac), redaction = ''", false),
        ("address = NULL, user_agent = NULL, redaction = ''", true),
    ] {
        let update = format!("UPDATE tenant_audit_logs SET {change} WHERE tenant_id IS NOT NULL");
        assert_eq!(superuser.batch_execute(&update).is_ok(), is_allowed, "{change}");
    }
    // The guard is not the proof: nothing has sealed this redaction.
    let lines = catalog.fails(BEFORE, &["audit", "verify"]);
    assert_eq!(line(&lines, trail(1))["broken_at"], 1);
}

// S37
#[test]
fn checkpoint_of_former_rows_is_not_used() {
    const PAIRS: u32 = 5_300;
    let catalog = Catalog::new();
    let chain = trail(1);
    chain_events(&catalog, BEFORE, chain, PAIRS, &now());
    catalog.succeeds((NEW, OLD), &["reseal"]);
    let service = Service::new(&catalog, (NEW, ""));
    let rows = 2 * i64::from(PAIRS);
    assert!(service.verify(chain, Extent::SinceCheckpoint).valid);
    let found = service.verify(chain, Extent::SinceCheckpoint);
    assert_eq!(found.checkpoint.unwrap().sequence, rows);
    let redacted = service.redact(chain, &person());
    assert_eq!(redacted.changed, u64::from(PAIRS));
    let found = service.verify(chain, Extent::SinceCheckpoint);
    let Verification { valid, verified, checkpoint, .. } = &found;
    assert_eq!((*valid, *verified, checkpoint), (true, rows, &None), "{found:?}");
    assert_eq!(with_address(&catalog, USER), 0);
}

// S37, S44
#[test]
fn concurrent_redactions_and_verifications_succeed() {
    let catalog = Catalog::new();
    let chain = trail(1);
    chain_events(&catalog, BEFORE, chain, 900, &now());
    catalog.succeeds((NEW, OLD), &["reseal"]);
    let people = [USER, Uuid::from_u128(8)].map(|user| Person { user, ..Person::default() });
    std::thread::scope(|scope| {
        let redactions: Vec<_> = people
            .iter()
            .map(|person| scope.spawn(|| Service::new(&catalog, (NEW, "")).redact(chain, person)))
            .collect();
        let service = Service::new(&catalog, (NEW, ""));
        while redactions.iter().any(|redaction| !redaction.is_finished()) {
            let found = service.verify(chain, Extent::Full);
            assert!(found.valid, "{found:?}");
        }
        for redaction in redactions {
            assert_eq!(redaction.join().unwrap().changed, 900);
        }
    });
    let lines = catalog.succeeds((NEW, ""), &["audit", "verify"]);
    assert_eq!(line(&lines, chain)["valid"], Value::Bool(true));
}
