//! The comparison of a tenant on two installations, row by row.

use e2e::World;
use postgres::Client;
use serde_json::{Map, Value};

/// The tables of the catalog, with the selection of a tenant's rows.
const CATALOG: [(&str, &str); 7] = [
    ("tenants", "id = $1::text::uuid"),
    ("tenant_domains", "tenant_id = $1::text::uuid"),
    ("tenant_api_keys", "tenant_id = $1::text::uuid"),
    (
        "api_key_usage",
        "api_key_id IN (SELECT id FROM tenant_api_keys WHERE tenant_id = $1::text::uuid)",
    ),
    ("tenant_usage", "tenant_id = $1::text::uuid"),
    ("plans", "name = (SELECT plan FROM tenants WHERE id = $1::text::uuid)"),
    ("tenant_audit_logs", "tenant_id = $1::text::uuid"),
];
/// The columns that belong to an installation or change with the activation.
const EXCEPT: [&str; 8] = [
    "database_port",
    "database_password",
    "data_key",
    "request_hash",
    "version",
    "updated_at",
    "created_at",
    "next_database_password",
];

fn rows(client: &mut Client, statement: &str, parameters: &[&str]) -> Vec<Map<String, Value>> {
    let parameters: Vec<_> = parameters.iter().map(|text| text as _).collect();
    let rows = client.query(statement, &parameters).unwrap();
    rows.iter().map(|row| serde_json::from_str(&row.get::<_, String>(0)).unwrap()).collect()
}

/// Asserts that two installations have the same tenant: its rows in the catalog and in its database.
pub fn compare(one: &World, other: &World, id: &str) {
    for (table, selection) in CATALOG {
        let statement =
            format!("SELECT to_jsonb(r)::text FROM {table} r WHERE {selection} ORDER BY 1");
        let read = |world: &World| {
            let mut found = rows(&mut world.services.superuser("tenancy"), &statement, &[id]);
            for row in &mut found {
                let is_listed =
                    |name: &str| EXCEPT.contains(&name) && (table == "tenants" || table == "plans");
                row.retain(|name, _| !is_listed(name));
            }
            // The events of the export and of the import follow the moment of the bundle.
            found.retain(|row| {
                let event = row.get("event").and_then(Value::as_str);
                // A maintenance of another test records the size of the database.
                let is_size = row.get("resource").is_some_and(|name| name == "database");
                !is_size && !matches!(event, Some("tenant.exported" | "tenant.imported"))
            });
            found
        };
        let (here, there) = (read(one), read(other));
        let is_counted = !matches!(table, "api_key_usage" | "tenant_usage");
        assert!(!here.is_empty() || !is_counted, "{table} has rows");
        if table == "tenant_audit_logs" {
            // The import has copied a prefix.
            assert!(there.len() > 5);
        }
        assert_eq!(here, there, "{table}");
    }
    let database = format!("tenant_{}", id.replace('-', ""));
    let list = "SELECT to_jsonb(format('%I.%I', n.nspname, c.relname))::text
                FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
                WHERE n.nspname IN ('tenancy', 'app') AND c.relkind = 'r' ORDER BY 1";
    let tables = |world: &World| -> Vec<String> {
        let rows = world.services.superuser(&database).query(list, &[]).unwrap();
        rows.iter().map(|row| serde_json::from_str(row.get(0)).unwrap()).collect()
    };
    let found = tables(one);
    assert_eq!(found, tables(other));
    assert!(found.iter().any(|table| table == "app.notes"), "{found:?}");
    for table in found {
        let statement = format!("SELECT to_jsonb(r)::text FROM {table} r ORDER BY 1");
        let read = |world: &World| rows(&mut world.services.superuser(&database), &statement, &[]);
        assert_eq!(read(one), read(other), "{table}");
    }
    // Owners and privileges, with the same names of roles.
    let owners = "SELECT to_jsonb(c)::text FROM (
                      SELECT c.relname, pg_get_userbyid(c.relowner) AS owner, c.relacl::text AS acl
                      FROM pg_class c WHERE c.relnamespace IN ('tenancy'::regnamespace, 'app'::regnamespace)
                        AND c.relkind IN ('r', 'v', 'S')
                  ) c ORDER BY 1";
    let read = |world: &World| rows(&mut world.services.superuser(&database), owners, &[]);
    assert_eq!(read(one), read(other));
}
