use std::time::Duration;

use super::*;

fn good() -> BTreeMap<&'static str, String> {
    [
        ("MASTER_DATABASE_URL", "postgres://tenancy:secret@db.internal:5432/tenancy"),
        ("TENANT_DATABASE_TEMPLATE", "postgres://{role}:{password}@db.internal/t_{tenant_slug}"),
        ("MASTER_ENCRYPTION_KEY", "8f14e45fceea167a5a36dedd4bea2543"),
        ("JWT_SECRET_KEY", "c9f0f895fb98ab9159f51fd0297e236d"),
        ("ADMIN_API_KEY", "45c48cce2e2d7fbdea1afc51c7c6ad26"),
    ]
    .map(|(name, value)| (name, value.to_owned()))
    .into()
}

fn refused(name: &'static str, value: &str) -> Vec<InvalidSetting> {
    let mut values = good();
    values.insert(name, value.to_owned());
    Settings::parse(&values).err().unwrap_or_default()
}

#[test]
fn absent_settings_have_their_defaults() {
    let mut values = good();
    values.insert("LOG_LEVEL", String::new());
    let settings = Settings::parse(&values).unwrap();
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
        let mut values = good();
        values.insert(name, value.to_owned());
        assert_eq!(Settings::parse(&values).unwrap().redis_url().expose(), expected);
    }
    let mut values = good();
    values.insert("REDIS_URL", "redis://cache:6380".to_owned());
    values.insert("REDIS_HOST", "an unused host".to_owned());
    assert_eq!(Settings::parse(&values).unwrap().redis_url().expose(), "redis://cache:6380");
}

// S8, S41
#[test]
fn invalid_setting_is_reported_without_its_value() {
    for (name, value) in [
        ("MASTER_DATABASE_URL", "tenancy"),
        ("MASTER_DATABASE_URL", "postgres://host"),
        ("MASTER_DATABASE_URL", "http://host/database"),
        ("TENANT_DATABASE_TEMPLATE", "postgres://host/tenants"),
        ("TENANT_DATABASE_TEMPLATE", "postgres://host/a_very_long_prefix_{tenant_slug}"),
        ("REDIS_URL", "http://host"),
        ("REDIS_HOST", "cache internal"),
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
    assert_eq!(
        names,
        [
            "MASTER_DATABASE_URL",
            "TENANT_DATABASE_TEMPLATE",
            "MASTER_ENCRYPTION_KEY",
            "JWT_SECRET_KEY",
            "ADMIN_API_KEY",
        ]
    );
}

// S41
#[test]
fn two_admin_keys_are_valid_while_one_is_rotated() {
    let (old, new) = ("45c48cce2e2d7fbdea1afc51c7c6ad26", "6512bd43d9caa6e02c990b0a82652dca");
    let mut values = good();
    values.insert("ADMIN_API_KEY", format!("{new}, {old}"));
    let settings = Settings::parse(&values).unwrap();
    let keys: Vec<_> = settings.admin_api_keys.iter().map(Secret::expose).collect();
    assert_eq!(keys, [new, old]);
}

// S24
#[test]
fn decryption_keys_are_listed_without_duplicates() {
    let others = ["6512bd43d9caa6e02c990b0a82652dca", "a master key that is to come later"];
    let mut values = good();
    values.insert("MASTER_DECRYPTION_KEYS", others.join(", "));
    let settings = Settings::parse(&values).unwrap();
    let keys: Vec<_> = settings.master_decryption_keys.iter().map(Secret::expose).collect();
    assert_eq!(keys, others);
    values.insert("MASTER_DECRYPTION_KEYS", [others[0], others[0]].join(","));
    let invalid = Settings::parse(&values).unwrap_err();
    assert_eq!(invalid.iter().map(|one| one.name).collect::<Vec<_>>(), ["MASTER_DECRYPTION_KEYS"]);
}

// S39
#[test]
fn secrets_are_not_printed() {
    let printed = format!("{:?}", Settings::parse(&good()).unwrap());
    assert!(
        !printed.contains("8f14e45fceea167a5a36dedd4bea2543") && !printed.contains("secret@"),
        "{printed}"
    );
}
