//! Audit trails across months and master keys, in separate catalogs without tenants or an application.

mod checkpoint;
mod filters;
mod redaction;

use chrono::SecondsFormat;
use e2e::{World, unique};
use platform::{Clock as _, native::NativeClock};
use postgres::Client;
use serde_json::{Value, json};
use uuid::Uuid;

const OLD: &str = "for tests only: the key that seals other keys";
const NEW: &str = "for tests only: the key that seals them after that one";
const LAST: &str = "for tests only: the key that seals them in the end";

/// The current master key, and the other keys separated by commas.
type Ring<'a> = (&'a str, &'a str);

struct Catalog(String);

impl Catalog {
    fn new() -> Self {
        let name = unique("trails").replace('-', "_");
        let mut superuser = World::get().services.superuser("postgres");
        let create = format!("CREATE DATABASE {name} OWNER tenancy ALLOW_CONNECTIONS false");
        superuser.batch_execute(&create).unwrap();
        let open = format!(
            "REVOKE ALL ON DATABASE {name} FROM PUBLIC; ALTER DATABASE {name} ALLOW_CONNECTIONS true"
        );
        superuser.batch_execute(&open).unwrap();
        let catalog = Self(name);
        catalog.succeeds((OLD, ""), &["migrate"]);
        catalog
    }

    fn settings(&self, ring: Ring<'_>) -> std::collections::BTreeMap<&'static str, String> {
        let mut settings = World::get().settings();
        let address =
            settings["MASTER_DATABASE_URL"].replace("/tenancy?", &format!("/{}?", self.0));
        settings.insert("MASTER_DATABASE_URL", address);
        settings.insert("MASTER_ENCRYPTION_KEY", ring.0.to_owned());
        settings.insert("MASTER_DECRYPTION_KEYS", ring.1.to_owned());
        settings
    }

    /// Runs a command. Returns whether it succeeded, and its output lines.
    fn run(&self, ring: Ring<'_>, arguments: &[&str]) -> (bool, Vec<Value>) {
        let output = e2e::tenantctl(&self.settings(ring), arguments);
        let errors = String::from_utf8_lossy(&output.stderr).into_owned();
        let text = String::from_utf8_lossy(&output.stdout);
        let lines = text.lines().filter_map(|line| serde_json::from_str(line).ok());
        let lines = lines.chain(errors.lines().map(Value::from)).collect();
        (output.status.success(), lines)
    }

    #[track_caller]
    fn succeeds(&self, ring: Ring<'_>, arguments: &[&str]) -> Vec<Value> {
        let (is_done, lines) = self.run(ring, arguments);
        assert!(is_done, "{arguments:?}: {lines:?}");
        lines
    }

    #[track_caller]
    fn fails(&self, ring: Ring<'_>, arguments: &[&str]) -> Vec<Value> {
        let (is_done, lines) = self.run(ring, arguments);
        assert!(!is_done, "{arguments:?}: {lines:?}");
        lines
    }

    fn superuser(&self) -> Client {
        World::get().services.superuser(&self.0)
    }

    /// Runs statements without the guards of the tables.
    fn tamper(&self, statements: &str) {
        let unguarded = format!("SET session_replication_role = replica; {statements}");
        self.superuser().batch_execute(&unguarded).unwrap();
    }

    /// Inserts unsealed events into the outbox, like the previous release.
    fn add(&self, chain: Uuid, count: u32, created_at: &str) {
        self.tamper(&format!(
            "INSERT INTO audit_outbox (id, tenant_id, written_at, entry)
             SELECT gen_random_uuid(), NULLIF('{chain}', '{nil}')::uuid, '-infinity', jsonb_build_object(
                 'event', 'test.event', 'severity', 'info', 'result', 'success',
                 'actor_type', 'system', 'detail', '{{}}'::jsonb, 'created_at', '{created_at}')
             FROM generate_series(1, {count})",
            nil = Uuid::nil()
        ));
    }

    /// Adds events, and chains them with the current key of the ring.
    fn chain(&self, ring: Ring<'_>, chain: Uuid, count: u32, created_at: &str) {
        self.add(chain, count, created_at);
        self.succeeds(ring, &["repair"]);
    }

    /// Creates the table of a month that is old enough to be dropped.
    fn add_month(&self, month: &str, next: &str) {
        let first = |month: &str| format!("{}-01 00:00:00+00", month.replace('_', "-"));
        let create = format!(
            "CREATE TABLE tenant_audit_logs_{month} PARTITION OF tenant_audit_logs
                 FOR VALUES FROM ('{}') TO ('{}');
             ALTER TABLE tenant_audit_logs_{month} OWNER TO tenancy",
            first(month),
            first(next)
        );
        self.superuser().batch_execute(&create).unwrap();
    }

    /// Returns the details of events in the platform's chain, oldest first.
    fn events(&self, event: &str) -> Vec<Value> {
        let statement = "SELECT jsonb_build_object('severity', severity, 'resource', resource_id,
                             'detail', detail)::text
                         FROM tenant_audit_logs WHERE tenant_id IS NULL AND event = $1
                         ORDER BY sequence";
        let rows = self.superuser().query(statement, &[&event]).unwrap();
        rows.iter().map(|row| serde_json::from_str(row.get(0)).unwrap()).collect()
    }

    /// Removes rows from the end of a chain, and its head with them.
    fn cut_back(&self, chain: Uuid, to: i64) {
        self.tamper(&format!(
            "DELETE FROM tenant_audit_logs WHERE tenant_id = '{chain}' AND sequence > {to};
             UPDATE tenant_audit_heads h SET sequence = l.sequence, mac = l.mac
             FROM tenant_audit_logs l
             WHERE h.chain = '{chain}' AND l.tenant_id = h.chain AND l.sequence = {to}"
        ));
    }
}

const BEFORE: Ring<'static> = (OLD, "");

/// Returns the current time in the format of events.
fn now() -> String {
    NativeClock.now().to_rfc3339_opts(SecondsFormat::Micros, true)
}

fn trail(number: u128) -> Uuid {
    Uuid::from_u128((7 << 76) | number)
}

/// Returns the line of a trail in the output of `audit verify`.
#[track_caller]
fn line(lines: &[Value], chain: Uuid) -> &Value {
    let found = lines.iter().find(|line| line["tenant_id"] == json!(chain));
    found.unwrap_or_else(|| panic!("{chain} is not in {lines:?}"))
}

// S37
#[test]
fn verification_continues_after_broken_trail() {
    let catalog = Catalog::new();
    for number in 1..=3 {
        catalog.add(trail(number), 3, &now());
    }
    catalog.succeeds(BEFORE, &["repair"]);
    let lines = catalog.succeeds(BEFORE, &["audit", "verify"]);
    assert!(lines.iter().all(|line| line["valid"] == true), "{lines:?}");
    for number in [1, 2] {
        catalog.tamper(&format!(
            "UPDATE tenant_audit_logs SET actor_id = 'somebody' WHERE tenant_id = '{}' AND sequence = 2",
            trail(number)
        ));
    }
    let lines = catalog.fails(BEFORE, &["audit", "verify"]);
    let found = [1, 2, 3].map(|number| {
        let line = line(&lines, trail(number));
        assert_eq!((&line["tenant"], &line["is_destroyed"]), (&Value::Null, &json!(true)));
        (line["valid"].clone(), line["broken_at"].clone())
    });
    let broken = (json!(false), json!(2));
    assert_eq!(found, [broken.clone(), broken, (json!(true), Value::Null)]);
    // The trail of a destroyed tenant is selected by its id.
    let id = trail(3).to_string();
    assert_eq!(catalog.succeeds(BEFORE, &["audit", "verify", "--tenant", &id]).len(), 1);
    catalog.fails(BEFORE, &["audit", "verify", "--tenant", &trail(9).to_string()]);
    // Only the anchored head of the trail remains.
    catalog.tamper(&format!(
        "DELETE FROM tenant_audit_logs WHERE tenant_id = '{id}';
         DELETE FROM tenant_audit_heads WHERE chain = '{id}'"
    ));
    let lines = catalog.fails(BEFORE, &["audit", "verify"]);
    assert_eq!(line(&lines, trail(3))["broken_at"], 3);
}

// S37
#[test]
fn dropped_month_is_recorded() {
    let catalog = Catalog::new();
    catalog.add_month("2020_01", "2020_02");
    catalog.chain(BEFORE, trail(1), 3, "2020-01-15T00:00:00.000000Z");
    catalog.chain(BEFORE, trail(1), 2, &now());
    catalog.chain(BEFORE, trail(2), 1, "2020-01-16T00:00:00.000000Z");
    catalog.succeeds(BEFORE, &["audit", "prune", "--keep-months", "24"]);
    let events = catalog.events("audit.pruned");
    let detail = json!({ "until": "2020-02-01", "events": 4, "chains": 2 });
    let event = json!({
        "severity": "warning", "resource": "tenant_audit_logs_2020_01", "detail": detail
    });
    assert_eq!(events, [event]);
    let lines = catalog.succeeds(BEFORE, &["audit", "verify"]);
    assert_eq!(line(&lines, trail(1))["anchor"]["sequence"], 3);
    // An old event that is inserted again is not chained again.
    catalog.chain(BEFORE, trail(1), 1, "2020-01-15T00:00:00.000000Z");
    assert_eq!(catalog.events("audit.events_forged").len(), 1);
    let lines = catalog.succeeds(BEFORE, &["audit", "verify"]);
    assert_eq!(line(&lines, trail(1))["head"]["sequence"], 5);
    // Without dropped months, no event is recorded.
    catalog.succeeds(BEFORE, &["audit", "prune", "--keep-months", "24"]);
    assert_eq!(catalog.events("audit.pruned").len(), 1);
}

// S37
#[test]
fn truncated_trail_does_not_match_anchor() {
    let catalog = Catalog::new();
    catalog.add(trail(1), 4, &now());
    let lines = catalog.succeeds(BEFORE, &["repair"]);
    assert!(lines.iter().any(|line| line["anchored_audit_trails"] == 1), "{lines:?}");
    let text = json!(lines).to_string();
    assert!(text.contains("audit heads anchored") && text.contains(&format!("{}:4:", trail(1))));
    // Anchors are recorded once a day.
    let lines = catalog.succeeds(BEFORE, &["repair"]);
    assert!(lines.iter().all(|line| line["anchored_audit_trails"].is_null()), "{lines:?}");
    let events = catalog.events("audit.anchored");
    assert_eq!((events.len(), &events[0]["severity"]), (1, &json!("info")));
    assert_eq!(events[0]["detail"]["chains"], 1);
    let lines = catalog.succeeds(BEFORE, &["audit", "verify"]);
    assert!(lines.iter().any(|line| line["anchors"].is_string() && line["valid"] == true));
    // A longer trail still matches its anchor.
    catalog.chain(BEFORE, trail(1), 1, &now());
    catalog.succeeds(BEFORE, &["audit", "verify"]);

    catalog.cut_back(trail(1), 3);
    let lines = catalog.fails(BEFORE, &["audit", "verify"]);
    let found = line(&lines, trail(1));
    assert_eq!((&found["valid"], &found["broken_at"]), (&json!(false), &json!(4)), "{found}");
    assert!(found["reason"].as_str().unwrap().contains("anchored"), "{found}");
    // If the trail continues from there, the anchored row differs.
    catalog.chain(BEFORE, trail(1), 4, &now());
    let lines = catalog.fails(BEFORE, &["audit", "verify"]);
    assert_eq!(line(&lines, trail(1))["broken_at"], 4);

    // The next day's anchor also reports the truncation.
    catalog.cut_back(trail(1), 2);
    catalog.tamper("UPDATE audit_anchorings SET day = day - 1");
    catalog.succeeds(BEFORE, &["repair"]);
    let events = catalog.events("audit.anchored");
    assert_eq!((events.len(), &events[1]["severity"]), (2, &json!("critical")));
    assert_eq!(events[1]["detail"]["cut_back"], json!([trail(1)]));

    // Changed or removed heads do not match the digest in the event.
    catalog.tamper(&format!("DELETE FROM audit_anchored_heads WHERE chain = '{}'", trail(1)));
    let lines = catalog.fails(BEFORE, &["audit", "verify"]);
    assert_eq!(line(&lines, trail(1))["valid"], true);
    let anchors: Vec<_> = lines.iter().filter(|line| line["anchors"].is_string()).collect();
    assert_eq!(anchors.len(), 2);
    assert!(anchors.iter().all(|line| line["valid"] == false), "{anchors:?}");
}

// S24 S37
#[test]
fn reseal_makes_former_keys_unnecessary() {
    let catalog = Catalog::new();
    let [one, two] = [trail(1), trail(2)];
    catalog.add_month("2020_01", "2020_02");
    let old = "2020-01-15T00:00:00.000000Z";
    catalog.chain(BEFORE, one, 3, old);
    catalog.chain(BEFORE, one, 2, &now());
    catalog.chain(BEFORE, two, 2, &now());
    // While instances use different current keys, rows of both keys alternate.
    catalog.chain((NEW, OLD), one, 2, &now());
    catalog.chain((OLD, NEW), one, 1, &now());
    catalog.fails((NEW, ""), &["audit", "verify"]);
    let lines = catalog.succeeds((NEW, OLD), &["reseal"]);
    let vouched = |chain: Uuid| json!({ "vouched_audit_trail": chain });
    for chain in [Uuid::nil(), one, two] {
        assert!(lines.contains(&vouched(chain)), "{lines:?}");
    }
    assert_eq!(catalog.succeeds((NEW, OLD), &["reseal"]), [json!({ "resealed": 0 })]);
    let lines = catalog.succeeds((NEW, ""), &["audit", "verify"]);
    let found = line(&lines, one);
    assert_eq!((&found["verified"], &found["vouched"]["sequence"]), (&json!(8), &json!(8)));
    // No voucher exists for this key.
    catalog.fails((LAST, ""), &["audit", "verify"]);

    // The trail continues, and its oldest month is dropped.
    catalog.chain((NEW, ""), one, 2, &now());
    catalog.succeeds((NEW, ""), &["audit", "prune", "--keep-months", "24"]);
    let lines = catalog.succeeds((NEW, ""), &["audit", "verify"]);
    let found = line(&lines, one);
    assert_eq!((&found["verified"], &found["anchor"]["sequence"]), (&json!(7), &json!(3)));
    assert_eq!(found["vouched"]["sequence"], 8);

    // A second rotation covers the rows of both keys.
    catalog.chain((LAST, NEW), one, 1, &now());
    catalog.succeeds((LAST, NEW), &["reseal"]);
    let lines = catalog.succeeds((LAST, ""), &["audit", "verify"]);
    assert_eq!(line(&lines, one)["verified"], 8);

    // A changed row is detected without the former keys, and gets no new voucher.
    let change = |actor: &str| {
        catalog.tamper(&format!(
            "UPDATE tenant_audit_logs SET actor_id = {actor} WHERE tenant_id = '{one}' AND sequence = 5"
        ));
    };
    change("'somebody'");
    for ring in [(LAST, ""), (LAST, OLD)] {
        let lines = catalog.fails(ring, &["audit", "verify"]);
        assert_eq!(
            (&line(&lines, one)["valid"], &line(&lines, two)["valid"]),
            (&json!(false), &json!(true))
        );
    }
    catalog.fails((LAST, OLD), &["reseal"]);
    change("NULL");
    catalog.succeeds((LAST, ""), &["audit", "verify"]);
    // A forged voucher is detected as well.
    catalog.tamper("UPDATE tenant_audit_vouchers SET digest = sha256('x')");
    catalog.fails((LAST, ""), &["audit", "verify"]);
    catalog.tamper("DELETE FROM tenant_audit_vouchers");
    catalog.fails((LAST, ""), &["audit", "verify"]);
}

// S24
#[test]
fn changed_trail_gets_no_voucher() {
    let catalog = Catalog::new();
    catalog.chain(BEFORE, trail(1), 3, &now());
    catalog.tamper("UPDATE tenant_audit_logs SET actor_id = 'somebody' WHERE tenant_id IS NOT NULL AND sequence = 2");
    let lines = catalog.fails((NEW, OLD), &["reseal"]);
    assert!(!lines.contains(&json!({ "vouched_audit_trail": trail(1) })), "{lines:?}");
    assert!(lines.contains(&json!({ "vouched_audit_trail": Uuid::nil() })), "{lines:?}");
}

// S37
#[test]
fn unsealed_events_are_accepted_for_week() {
    let catalog = Catalog::new();
    let until =
        "SELECT extract(epoch FROM accepts_unsealed_until - now())::float8 FROM audit_sealing";
    let seconds = || -> f64 { catalog.superuser().query_one(until, &[]).unwrap().get(0) };
    // A new catalog has no instances of the previous release.
    assert!(seconds() <= 0.0);
    let add = || {
        let entry = json!({
            "event": "test.event", "severity": "info", "result": "success", "actor_type": "system",
            "detail": {}, "created_at": now(),
        });
        let statement =
            "INSERT INTO audit_outbox (id, entry) VALUES (gen_random_uuid(), $1::text::jsonb)";
        catalog.superuser().execute(statement, &[&entry.to_string()]).unwrap();
        catalog.succeeds(BEFORE, &["repair"]);
        (catalog.events("test.event").len(), catalog.events("audit.events_forged").len())
    };
    assert_eq!(add(), (0, 1));
    // Restores the schema of the previous release.
    let older = "
        DROP TRIGGER audit_outbox_stamp ON audit_outbox;
        DROP FUNCTION stamp_waiting_event;
        ALTER TABLE audit_outbox DROP COLUMN written_at;
        DROP TABLE audit_sealing, audit_forgeries, audit_anchorings, audit_anchored_heads,
                   tenant_audit_vouchers;
        ALTER TABLE tenant_audit_checkpoints DROP COLUMN after, DROP COLUMN digest;
        DELETE FROM schema_migrations WHERE name LIKE '%\\_audit'";
    catalog.superuser().batch_execute(older).unwrap();
    catalog.succeeds(BEFORE, &["migrate"]);
    let week = 7.0 * 86_400.0;
    assert!((week - 600.0..=week).contains(&seconds()), "{}", seconds());
    assert_eq!(add(), (1, 1));
    assert_eq!(catalog.events("test.event")[0]["detail"], json!({ "unsealed": true }));
    catalog.tamper("UPDATE audit_sealing SET accepts_unsealed_until = now() - interval '1 second'");
    assert_eq!(add(), (1, 2));
    // The anchors of the previous days were dropped above.
    let (_, lines) = catalog.run(BEFORE, &["audit", "verify"]);
    assert_eq!((&lines[0]["tenant_id"], &lines[0]["valid"]), (&Value::Null, &json!(true)));
}
