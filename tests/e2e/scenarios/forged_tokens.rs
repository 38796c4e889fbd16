//! The attacks of RFC 8725 on access tokens, over HTTP. An unchanged token that is signed in the same way is accepted,
//! which shows that only the forgery is rejected.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use e2e::{Answer, TestTenant, World};
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::{Value, json};
use sha2::Sha256;

/// The parts of an issued token, and the secret that signed it.
struct Forge {
    tenant: TestTenant,
    header: Value,
    claims: Value,
    secret: String,
}

impl Forge {
    fn new() -> Self {
        let world = World::get();
        let tenant = world.tenant();
        let token = tenant.admin.access_token.clone();
        let mut parts = token.split('.').map(|part| {
            serde_json::from_slice::<Value>(&URL_SAFE_NO_PAD.decode(part).unwrap_or_default()).ok()
        });
        let (header, claims) = (parts.next().unwrap().unwrap(), parts.next().unwrap().unwrap());
        let secret = world.settings()["JWT_SECRET_KEY"].clone();
        let forge = Self { tenant, header, claims, secret };
        // The unchanged token, signed again, is valid.
        send(&forge.sign(&forge.header, &forge.claims)).expect(200);
        forge
    }

    fn sign(&self, header: &Value, claims: &Value) -> String {
        sign_text(&header.to_string(), &claims.to_string(), self.secret.as_bytes())
    }

    fn header_with(&self, name: &str, value: Value) -> Value {
        let mut header = self.header.clone();
        header[name] = value;
        header
    }

    fn claims_with(&self, name: &str, value: Value) -> Value {
        let mut claims = self.claims.clone();
        claims[name] = value;
        claims
    }

    #[track_caller]
    fn refused(&self, header: &Value, claims: &Value) {
        send(&self.sign(header, claims)).expect_problem(401, "invalid_token");
    }
}

fn sign_text(header: &str, claims: &str, secret: &[u8]) -> String {
    let part = |text: &str| URL_SAFE_NO_PAD.encode(text);
    let message = format!("{}.{}", part(header), part(claims));
    let mut mac = Hmac::<Sha256>::new_from_slice(secret).unwrap();
    mac.update(message.as_bytes());
    format!("{message}.{}", URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes()))
}

fn send(token: &str) -> Answer {
    World::get().get_path("/api/v1/profile").token(token).send()
}

// S1
#[test]
fn alg_none_is_rejected() {
    let forge = Forge::new();
    for none in ["none", "None", "NONE", "nOnE"] {
        let header = forge.header_with("alg", json!(none));
        let signed = forge.sign(&header, &forge.claims);
        let unsigned = format!("{}.", signed.rsplit_once('.').unwrap().0);
        for token in [signed, unsigned] {
            send(&token).expect_problem(401, "invalid_token");
        }
    }
}

// S2
#[test]
fn public_key_as_secret_is_rejected() {
    let world = World::get();
    let private = "nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A";
    let application = world.application_with(&[("JWT_ED25519_KEY", private)]);
    let at = |path: &str| e2e::Call::new(http::Method::GET, &application.address, path);
    let key = at("/.well-known/jwks.json").send().expect(200)["keys"][0].clone();
    let forge = Forge::new();
    let mut header = forge.header_with("kid", key["kid"].clone());
    let x = key["x"].as_str().unwrap();
    for algorithm in ["HS256", "EdDSA"] {
        header["alg"] = json!(algorithm);
        for secret in [x.as_bytes().to_vec(), URL_SAFE_NO_PAD.decode(x).unwrap()] {
            let token = sign_text(&header.to_string(), &forge.claims.to_string(), &secret);
            at("/api/v1/profile").token(&token).send().expect_problem(401, "invalid_token");
        }
    }
    at("/api/v1/profile").token(&forge.tenant.admin.access_token).send().expect(200);
}

// S1
#[test]
fn wrong_algorithm_is_rejected() {
    let forge = Forge::new();
    for algorithm in ["HS384", "HS512", "RS256", "PS256", "ES256", "EdDSA"] {
        forge.refused(&forge.header_with("alg", json!(algorithm)), &forge.claims);
    }
}

// S5
#[test]
fn unknown_or_missing_kid_is_rejected() {
    let forge = Forge::new();
    for kid in [json!("another"), json!(""), json!("../../etc/passwd"), json!(1), Value::Null] {
        forge.refused(&forge.header_with("kid", kid), &forge.claims);
    }
}

// S5
#[test]
fn embedded_key_is_rejected() {
    let forge = Forge::new();
    let secret = b"a secret that the attacker has made up";
    for (name, value) in [
        ("jwk", json!({ "kty": "oct", "k": URL_SAFE_NO_PAD.encode(secret) })),
        ("jku", json!("https://attacker.example/jwks.json")),
        ("x5u", json!("https://attacker.example/x5u.pem")),
    ] {
        let header = forge.header_with(name, value).to_string();
        let token = sign_text(&header, &forge.claims.to_string(), secret);
        send(&token).expect_problem(401, "invalid_token");
    }
    forge.refused(&forge.header_with("crit", json!(["exp"])), &forge.claims);
}

// S3, S4
#[test]
fn wrong_typ_is_rejected() {
    let forge = Forge::new();
    for typ in ["JWT", "rt+jwt", "refresh", ""] {
        forge.refused(&forge.header_with("typ", json!(typ)), &forge.claims);
        forge.refused(&forge.header, &forge.claims_with("typ", json!(typ)));
    }
    // S4
    send(&forge.tenant.admin.refresh_token).expect_problem(401, "invalid_token");
    let setup = forge.tenant.created["setup_token"].as_str().unwrap();
    send(setup).expect_problem(401, "invalid_token");
}

// S3
#[test]
fn wrong_issuer_or_audience_is_rejected() {
    let forge = Forge::new();
    for name in ["iss", "aud"] {
        for wrong in [json!("another"), json!(""), json!(["another"]), Value::Null] {
            forge.refused(&forge.header, &forge.claims_with(name, wrong));
        }
    }
}

// S3
#[test]
fn expired_or_premature_token_is_rejected() {
    let forge = Forge::new();
    let iat = forge.claims["iat"].as_i64().unwrap();
    let expired = forge.sign(&forge.header, &forge.claims_with("exp", json!(iat - 1)));
    send(&expired).expect_problem(401, "token_expired");
    forge.refused(&forge.header, &forge.claims_with("nbf", json!(iat + 3_600)));
    // A clock may be slightly ahead.
    let early = forge.sign(&forge.header, &forge.claims_with("nbf", json!(iat + 10)));
    send(&early).expect(200);
    for wrong in [json!("tomorrow"), Value::Null, json!(-1.5)] {
        forge.refused(&forge.header, &forge.claims_with("exp", wrong));
    }
}

// S3
#[test]
fn swapped_claims_are_rejected() {
    let forge = Forge::new();
    let other = World::get().tenant();
    for (name, value) in [
        ("tid", json!(other.id)),
        ("sub", json!(other.admin.id)),
        ("ver", json!(1)),
        ("ver", json!(99)),
        ("sid", json!(uuid::Uuid::nil())),
    ] {
        let token = forge.sign(&forge.header, &forge.claims_with(name, value));
        let answer = send(&token);
        answer.expect_problem(401, "token_revoked");
    }
}

// S1
#[test]
fn tampered_token_is_rejected() {
    let forge = Forge::new();
    let token = &forge.tenant.admin.access_token;
    let (message, signature) = token.rsplit_once('.').unwrap();
    let (header, _) = message.split_once('.').unwrap();
    let admin = URL_SAFE_NO_PAD.encode(forge.claims_with("role", json!("viewer")).to_string());
    for wrong in [
        format!("{header}.{admin}.{signature}"),
        format!("{message}.{}", signature.chars().rev().collect::<String>()),
        format!("{message}."),
        message.to_owned(),
        format!("{token}.{signature}"),
        format!("{token}="),
    ] {
        send(&wrong).expect_problem(401, "invalid_token");
    }
}

// S5
#[test]
fn oversized_token_is_rejected() {
    let forge = Forge::new();
    let claims = forge.claims_with("slug", json!("x".repeat(9_000)));
    forge.refused(&forge.header, &claims);
}

// S5
#[test]
fn duplicate_claims_are_rejected() {
    let forge = Forge::new();
    let claims = forge.claims.to_string();
    for more in [r#""role":"viewer""#, r#""exp":9999999999"#, r#""tid":"x""#, r#""sub":"x""#] {
        let twice = format!("{},{more}}}", claims.strip_suffix('}').unwrap());
        let header = forge.header.to_string();
        let token = sign_text(&header, &twice, forge.secret.as_bytes());
        send(&token).expect_problem(401, "invalid_token");
        let first = format!("{{{more},{}", claims.strip_prefix('{').unwrap());
        let token = sign_text(&header, &first, forge.secret.as_bytes());
        send(&token).expect_problem(401, "invalid_token");
    }
}

// S7
#[test]
fn log_contains_no_credentials() {
    let world = World::get();
    let tenant = world.tenant();
    let user = tenant.user("user");
    let key = tenant.api_key(&["tenant:read"]);
    let secrets = [
        user.access_token.clone(),
        user.refresh_token.clone(),
        key,
        tenant.created["setup_token"].as_str().unwrap().to_owned(),
    ];
    for secret in &secrets {
        world.get_path("/api/v1/profile").token(secret).send();
        world.get_path("/api/v1/profile").header("x-api-key", secret).send();
        world.get_path(&format!("/api/v1/profile?access_token={secret}")).send();
        world.get_path(&format!("/t/{secret}/profile")).token(secret).send();
        world.post("/api/v1/auth/refresh", &json!({ "refresh_token": secret })).send();
    }
    for secret in secrets {
        // The last characters, which the displayed prefix does not contain.
        let end = &secret[secret.len() - 20..];
        assert_eq!(world.logged(end), "");
    }
    assert_eq!(world.logged(&user.password), "");
}
