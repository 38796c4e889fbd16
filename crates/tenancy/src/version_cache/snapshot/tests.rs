use std::{convert::Infallible, fmt::Debug};

use chrono::DateTime;
use platform::Platform;
use sha2::{Digest as _, Sha256};

use crate::{
    access::{CustomRole, DefinedPermission, Definitions, Grants, Group, Permission, Scope},
    api_key::{ApiKeyRecord, Environment},
    database_location::DatabaseLocation,
    identifier::Slug,
    input::Text as _,
    json::JsonText,
    settings::{Settings, tests::values},
    tenant::{Limits, Status, TenantRecord},
    version_cache::snapshot::*,
};

const OLD: &str = "a master key of thirty-two bytes";
const NEW: &str = "another master key of as many...";
const TENANT: Uuid = Uuid::from_u128(1);

fn context(current: &str, others: &str) -> Context {
    let values = values(&[("MASTER_ENCRYPTION_KEY", current), ("MASTER_DECRYPTION_KEYS", others)]);
    let settings = Settings::parse(&values).unwrap();
    Context::new(Platform::native("redis://localhost".to_owned()), settings).unwrap()
}

/// A tenant with a value in every member.
fn tenant() -> TenantRecord {
    TenantRecord {
        id: TENANT,
        slug: Slug::parse("acme").unwrap(),
        name: "Acme".to_owned(),
        status: Status::Active,
        admin_email: "a@acme.com".to_owned(),
        domain: Some("acme.com".to_owned()),
        domains: vec!["acme.com".to_owned(), "acme.org".to_owned()],
        plan: "free".to_owned(),
        limits: limits(),
        private_settings: JsonText::default(),
        settings: JsonText::from_stored(r#"{"seats":[1,2.5,null]}"#.to_owned()).unwrap(),
        definitions: definitions(),
        version: 3,
        database: DatabaseLocation {
            host: "db".to_owned(),
            port: 5432,
            name: "t_acme".to_owned(),
            options: "sslmode=require".to_owned(),
        },
        database_role: "tenant_1".to_owned(),
        database_password: Some(Sealed(vec![1; 70])),
        data_key: Some(Sealed(vec![2; 70])),
        created_at: DateTime::from_timestamp_micros(1_764_000_000_000_001).unwrap(),
        updated_at: DateTime::from_timestamp_micros(1_764_000_000_000_002).unwrap(),
    }
}

/// Definitions with a value in every member.
fn definitions() -> Definitions {
    let at = DateTime::from_timestamp_micros(1_764_000_000_000_003).unwrap();
    let name = Permission::parse("notes:write").unwrap();
    let permissions = Grants { scopes: vec![Scope::FilesRead], permissions: vec![name.clone()] };
    let description = || Some("for people".to_owned());
    let [role, group] = [9, 10].map(Uuid::from_u128);
    Definitions {
        permissions: vec![DefinedPermission { name, description: description(), created_at: at }],
        roles: vec![CustomRole {
            id: role,
            name: "Editor".to_owned(),
            description: description(),
            permissions,
            created_at: at,
            updated_at: at,
        }],
        groups: vec![Group {
            id: group,
            name: "Editors".to_owned(),
            description: description(),
            roles: vec![role],
            created_at: at,
            updated_at: at,
        }],
    }
}

/// Limits of which each has another value.
fn limits() -> Limits {
    let mut value = 0;
    let numbered = Limits::from_plan(|_| {
        value += 1;
        Ok::<_, Infallible>(value)
    });
    Limits { cache: 8, ..numbered.unwrap() }
}

/// An API key with a value in every member.
fn api_key() -> ApiKeyRecord {
    let time =
        |micros: i64| DateTime::from_timestamp_micros(1_764_000_000_000_000 + micros).unwrap();
    ApiKeyRecord {
        id: Uuid::from_u128(2),
        tenant: TENANT,
        name: "CI".to_owned(),
        environment: Environment::live(),
        prefix: "tk_live_abc".to_owned(),
        hash: vec![3; 32],
        previous_hash: Some(vec![4; 32]),
        previous_expires_at: Some(time(1)),
        scopes: vec![Scope::ProfileRead, Scope::FilesWrite],
        permissions: vec![Permission::parse("notes:write").unwrap()],
        max_requests_per_minute: Some(6),
        max_requests_per_day: Some(7),
        version: 8,
        created_at: time(2),
        expires_at: Some(time(3)),
        last_used_at: Some(time(4)),
    }
}

fn assert_layout<T: Snapshot + Debug>(sample: &T) {
    let encoded = encode(sample).unwrap();
    let (_, members) = encoded.split_at(size_of_val(&T::LAYOUT));
    let scopes = Scope::ALL.iter().map(|scope| scope.as_str().as_bytes());
    let digest = Sha256::digest([&[members], &*scopes.collect::<Vec<_>>()].concat().concat());
    let layout = u32::from_be_bytes(*digest.first_chunk().unwrap());
    assert!(T::LAYOUT == layout, "the members have changed; set LAYOUT to {layout:#x}");
    let again: T = rmp_serde::from_slice(members).unwrap();
    assert_eq!(format!("{again:?}"), format!("{sample:?}"));
}

#[test]
fn snapshot_layout_matches_its_members() {
    assert_layout(&tenant());
    assert_layout(&api_key());
}

#[test]
fn snapshot_of_another_layout_is_ignored() {
    let context = context(OLD, "");
    let mut plain = encode(&record(&context)).unwrap();
    let opened = |plain: &[u8]| {
        let random = &*context.platform.random;
        let sealed = context.master_key.seal(Purpose::TenantSnapshot, TENANT, plain, random);
        open::<TenantRecord>(&context, TENANT, &sealed.unwrap()).is_some()
    };
    assert!(opened(&plain));
    plain[0] ^= 1;
    assert!(!opened(&plain));
}

/// A tenant whose data key is sealed by `context`.
fn record(context: &Context) -> TenantRecord {
    let random = &*context.platform.random;
    let data_key = context.master_key.seal(Purpose::DataKey, TENANT, &[7; 32], random).unwrap();
    TenantRecord { database_password: None, data_key: Some(data_key), ..tenant() }
}

// S24
#[test]
fn snapshot_is_used_only_if_unsealed() {
    let [before, learning, turned, after] =
        [context(OLD, ""), context(OLD, NEW), context(NEW, OLD), context(NEW, "")];
    let found = |by: &Context, kept: &TenantRecord, at: &Context, own: Option<Rc<TenantRecord>>| {
        let snapshot = seal(by, TENANT, kept).ok();
        newest(at, TENANT, (Some(3), snapshot.as_ref()), own).is_some()
    };
    let old = record(&before);
    // Instances that have both keys read the snapshots of each other.
    assert!(found(&learning, &old, &turned, None) && found(&turned, &old, &learning, None));
    assert!(!found(&learning, &old, &after, None));
    // The outer seal uses the new key. The inner one is still from before the catalog was resealed.
    assert!(!found(&turned, &old, &after, None));
    assert!(found(&turned, &record(&turned), &after, None));
    // The instance's own copy stays valid, so the catalog is not read for each request.
    assert!(found(&turned, &old, &before, Some(Rc::new(record(&before)))));
}
