use std::time::Duration;

use super::*;

/// Returns a value for each required setting, then the changes.
pub(crate) fn values(changes: &[(&'static str, &str)]) -> BTreeMap<&'static str, String> {
    let required = [
        ("MASTER_DATABASE_URL", "postgres://tenancy:secret@db.internal:5432/tenancy"),
        ("TENANT_DATABASE_TEMPLATE", "postgres://{role}:{password}@db.internal/t_{tenant_slug}"),
        ("MASTER_ENCRYPTION_KEY", "8f14e45fceea167a5a36dedd4bea2543"),
        ("JWT_SECRET_KEY", "c9f0f895fb98ab9159f51fd0297e236d"),
        ("ADMIN_API_KEY", "45c48cce2e2d7fbdea1afc51c7c6ad26"),
    ];
    let values = required.iter().chain(changes);
    values.map(|(name, value)| (*name, (*value).to_owned())).collect()
}

fn refused(name: &'static str, value: &str) -> Vec<InvalidSetting> {
    Settings::parse(&values(&[(name, value)])).err().unwrap_or_default()
}

#[test]
fn absent_settings_have_their_defaults() {
    let settings = Settings::parse(&values(&[("LOG_LEVEL", "")])).unwrap();
    assert_eq!(settings.redis_url().expose(), "redis://localhost:6379");
    assert_eq!(settings.access_token_lifetime, Duration::from_mins(30));
    assert_eq!(settings.refresh_token_lifetime, Duration::from_hours(7 * 24));
    assert_eq!((settings.password_rounds, settings.password_min_length), (600_000, 8));
    assert_eq!(settings.log_level, Level::Info);
}

#[test]
fn redis_address_comes_from_host_or_url() {
    for (name, value, expected) in [
        ("REDIS_HOST", "cache.internal", "redis://cache.internal:6379"),
        ("REDIS_HOST", "cache.internal:7000", "redis://cache.internal:7000"),
        ("REDIS_URL", "redis://:secret@cache:6380/1", "redis://:secret@cache:6380/1"),
    ] {
        let settings = Settings::parse(&values(&[(name, value)])).unwrap();
        assert_eq!(settings.redis_url().expose(), expected);
    }
    let both = values(&[("REDIS_URL", "redis://cache:6380"), ("REDIS_HOST", "an unused host")]);
    assert_eq!(Settings::parse(&both).unwrap().redis_url().expose(), "redis://cache:6380");
}

// S8, S41
#[test]
fn invalid_setting_is_reported_without_its_value() {
    for (name, value) in [
        ("MASTER_DATABASE_URL", "tenancy"),
        ("MASTER_DATABASE_URL", "postgres://host"),
        ("MASTER_DATABASE_URL", "http://host/database"),
        ("MASTER_DATABASE_URL", "postgres://host:0/database"),
        ("TENANT_DATABASE_TEMPLATE", "postgres://host/tenants"),
        ("TENANT_DATABASE_TEMPLATE", "postgres://host/a_very_long_prefix_{tenant_slug}"),
        ("TENANT_DATABASE_PUBLIC_HOST", "db.example:0"),
        ("TENANT_DATABASE_PUBLIC_HOST", "db.example/x"),
        ("REDIS_URL", "http://host"),
        ("REDIS_URL", "redis://host:0"),
        ("REDIS_HOST", "cache internal"),
        ("REDIS_HOST", "cache:0"),
        ("MASTER_ENCRYPTION_KEY", "0123456789abcdef0123456789abcde"),
        ("MASTER_DECRYPTION_KEYS", "fedcba9876543210fedcba987654321"),
        ("MASTER_DECRYPTION_KEYS", "6512bd43d9caa6e02c990b0a82652dca,short"),
        ("MASTER_DECRYPTION_KEYS", "00000000000000000000000000000000"),
        ("MASTER_DECRYPTION_KEYS", "8f14e45fceea167a5a36dedd4bea2543"),
        ("JWT_SECRET_KEY", "0123456789abcdef0123456789abcde"),
        ("JWT_SECRET_KEY", "00000000000000000000000000000000"),
        ("JWT_SECRET_KEY", "your-secret-key-change-in-production"),
        ("ADMIN_API_KEY", "please-change-me-please-change-me-please"),
        ("ADMIN_API_KEY", "0123456789abcdef0123456789abcde"),
        ("ADMIN_API_KEY", "45c48cce2e2d7fbdea1afc51c7c6ad26,short"),
        ("ADMIN_API_KEY", "0123456789abcdef0123456789abcdef"),
        ("ADMIN_API_KEY", "8f14e45fceea167a5a36dedd4bea2543"),
        ("JWT_SECRET_KEY", "8f14e45fceea167a5a36dedd4bea2543"),
        ("METRICS_TOKEN", "c9f0f895fb98ab9159f51fd0297e236d"),
        ("ACCESS_TOKEN_EXPIRE_MINUTES", "1441"),
        ("REFRESH_TOKEN_EXPIRE_DAYS", "soon"),
        ("PASSWORD_ROUNDS", "599999"),
        ("PASSWORD_MIN_LENGTH", "7"),
        ("ALLOWED_ORIGINS", "https://a.example, *"),
        ("ALLOWED_ORIGINS", "https://a.example/"),
        ("LOG_LEVEL", "verbose"),
    ] {
        let invalid = refused(name, value);
        assert_eq!(invalid.iter().map(|setting| setting.name).collect::<Vec<_>>(), [name]);
        assert!(!invalid[0].message.contains(value), "{}", invalid[0]);
    }
}

#[test]
fn all_missing_settings_are_reported_together() {
    let invalid = Settings::parse(&BTreeMap::new()).unwrap_err();
    let names: Vec<_> = invalid.iter().map(|setting| setting.name).collect();
    let required = DECLARATIONS.iter().filter(|setting| setting.is_required());
    assert_eq!(names, required.map(|setting| setting.name).collect::<Vec<_>>());
}

// S41
#[test]
fn two_admin_keys_are_valid_while_one_is_rotated() {
    let (old, new) = ("45c48cce2e2d7fbdea1afc51c7c6ad26", "6512bd43d9caa6e02c990b0a82652dca");
    let keys = format!("{new}, {old}");
    let settings = Settings::parse(&values(&[("ADMIN_API_KEY", &keys)])).unwrap();
    let keys: Vec<_> = settings.admin_api_keys.iter().map(Secret::expose).collect();
    assert_eq!(keys, [new, old]);
}

// S24
#[test]
fn decryption_keys_are_listed_without_duplicates() {
    let others = ["6512bd43d9caa6e02c990b0a82652dca", "a master key that is to come later"];
    let with_others =
        |others: &str| Settings::parse(&values(&[("MASTER_DECRYPTION_KEYS", others)]));
    let settings = with_others(&others.join(", ")).unwrap();
    let keys: Vec<_> = settings.master_decryption_keys.iter().map(Secret::expose).collect();
    assert_eq!(keys, others);
    let invalid = with_others(&[others[0], others[0]].join(",")).unwrap_err();
    assert_eq!(invalid.iter().map(|one| one.name).collect::<Vec<_>>(), ["MASTER_DECRYPTION_KEYS"]);
}

// S39
#[test]
fn secrets_are_not_printed() {
    let printed = format!("{:?}", Settings::parse(&values(&[])).unwrap());
    assert!(
        !printed.contains("8f14e45fceea167a5a36dedd4bea2543") && !printed.contains("secret@"),
        "{printed}"
    );
}
