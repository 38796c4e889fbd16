//! `GET /.well-known/jwks.json`, and key rotation without interruption for clients

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use e2e::{Application, Call, TestTenant, TestUser, World};
use http::Method;
use serde_json::{Value, json};

const OLD_SECRET: &str = "for tests only: the key that signs access tokens";
const NEW_SECRET: &str = "for tests only: the key that comes after that one";
/// RFC 8032, section 7.1, tests 1 and 2.
const ED25519: &str = "nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A";
const PUBLIC: &str = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";

fn jwks(application: &Application) -> Value {
    Call::new(Method::GET, &application.address, "/.well-known/jwks.json").send().expect(200)
}

fn profile_at(application: &Application, token: &str) -> u16 {
    Call::new(Method::GET, &application.address, "/api/v1/profile").token(token).send().status
}

fn login_at(application: &Application, tenant: &TestTenant) -> TestUser {
    let body = json!({ "email": tenant.admin.email, "password": tenant.admin.password });
    let call = Call::new(Method::POST, &application.address, "/api/v1/auth/login");
    TestUser::from(&call.slug(&tenant.slug).json(&body).send().expect(200))
}

fn header(token: &str) -> Value {
    let header = URL_SAFE_NO_PAD.decode(token.split('.').next().unwrap()).unwrap();
    serde_json::from_slice(&header).unwrap()
}

#[test]
fn jwks_contains_no_secret() {
    let keys = World::get().get_path("/.well-known/jwks.json").send().expect(200);
    assert_eq!(keys, json!({ "keys": [] }));
}

#[test]
fn key_rotation_keeps_tokens_valid() {
    let world = World::get();
    let tenant = world.tenant();
    let start = |settings: &[(&'static str, &str)]| world.application_with(settings);
    // All instances accept the new key before one of them signs with it.
    let before = start(&[]);
    let learning = start(&[("JWT_VERIFICATION_SECRET_KEYS", NEW_SECRET)]);
    let signing =
        start(&[("JWT_SECRET_KEY", NEW_SECRET), ("JWT_VERIFICATION_SECRET_KEYS", OLD_SECRET)]);
    let old = login_at(&before, &tenant);
    let new = login_at(&signing, &tenant);
    assert_eq!(header(&old.access_token)["alg"], "HS256");
    assert_ne!(header(&old.access_token)["kid"], header(&new.access_token)["kid"]);
    for application in [&learning, &signing] {
        for token in [&old.access_token, &new.access_token] {
            assert_eq!(profile_at(application, token), 200);
        }
    }
    // S5: an instance without the key rejects the token.
    assert_eq!(profile_at(&before, &new.access_token), 401);
    // An old refresh token returns an access token that the new key signs.
    let call = Call::new(Method::POST, &signing.address, "/api/v1/auth/refresh");
    let body = json!({ "refresh_token": old.refresh_token });
    let refreshed = TestUser::from(&call.json(&body).send().expect(200));
    assert_eq!(header(&refreshed.access_token)["kid"], header(&new.access_token)["kid"]);
}

#[test]
fn published_key_verifies_tokens() {
    let world = World::get();
    let tenant = world.tenant();
    let ready = world.application_with(&[("JWT_VERIFICATION_ED25519_KEYS", PUBLIC)]);
    let signing = world.application_with(&[("JWT_ED25519_KEY", ED25519)]);
    // The key is published before it signs.
    assert_eq!(jwks(&ready), jwks(&signing));
    let key = jwks(&signing)["keys"][0].clone();
    assert_eq!(
        (&key["kty"], &key["crv"], &key["x"]),
        (&json!("OKP"), &json!("Ed25519"), &json!(PUBLIC))
    );
    assert!(key["d"].is_null());
    let user = login_at(&signing, &tenant);
    let head = header(&user.access_token);
    assert_eq!((&head["alg"], &head["kid"]), (&json!("EdDSA"), &key["kid"]));
    assert_eq!(profile_at(&ready, &user.access_token), 200);
    // Old tokens stay valid.
    assert_eq!(profile_at(&signing, &tenant.admin.access_token), 200);
    // Another service verifies the token with only the public key.
    let (message, signature) = user.access_token.rsplit_once('.').unwrap();
    let public: [u8; 32] = URL_SAFE_NO_PAD.decode(PUBLIC).unwrap().try_into().unwrap();
    let signature = URL_SAFE_NO_PAD.decode(signature).unwrap();
    let signature = ed25519_dalek::Signature::from_slice(&signature).unwrap();
    let verifying = ed25519_dalek::VerifyingKey::from_bytes(&public).unwrap();
    verifying.verify_strict(message.as_bytes(), &signature).unwrap();
}
