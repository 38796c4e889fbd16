//! Passkeys: registration, sign-in, the second step after a password, a proof of identity, and the RP ID.

mod bounds;
mod responses;
mod rules;
mod sign_in;

use e2e::{Answer, TestTenant, World};
use serde_json::{Value, json};

const PASSKEYS: &str = "/api/v1/account/passkeys";
const REFRESH: &str = "/api/v1/auth/refresh";

fn text(value: &Value) -> String {
    value.as_str().expect("a text").to_owned()
}

/// Sends a request with an access token.
fn send(tenant: &TestTenant, token: &str, path: &str, body: &Value) -> Answer {
    tenant.post(&format!("{PASSKEYS}/{path}"), body).token(token).send()
}

/// Sends a request without a credential.
fn public(tenant: &TestTenant, path: &str, body: &Value) -> Answer {
    tenant.post(&format!("{PASSKEYS}/{path}"), body).send()
}

/// Returns the options in the response to a first call.
fn options(answer: &Answer) -> Value {
    let mut begun = answer.expect(200);
    assert_eq!(begun["expires_in"], 300);
    begun["public_key"].take()
}

fn begin(tenant: &TestTenant, token: &str) -> Value {
    options(&send(tenant, token, "registration", &json!({})))
}

fn confirm(tenant: &TestTenant, token: &str, credential: &Value) -> Answer {
    let body = json!({ "credential": credential, "name": "Laptop" });
    send(tenant, token, "registration/confirm", &body)
}

fn sign_in_options(tenant: &TestTenant) -> Value {
    options(&public(tenant, "sign-in", &json!({})))
}

fn sign_in_with(tenant: &TestTenant, credential: &Value) -> Answer {
    public(tenant, "sign-in/confirm", &json!({ "credential": credential }))
}

fn list(tenant: &TestTenant, token: &str) -> Vec<Value> {
    let listed = tenant.get(PASSKEYS).token(token).send().expect(200);
    listed["items"].as_array().unwrap().clone()
}

fn change(tenant: &TestTenant, statement: &str, user: &str) {
    let mut superuser = World::get().services.superuser(&tenant.database());
    assert!(superuser.execute(statement, &[&user]).unwrap() > 0, "{statement}");
}

fn count(tenant: &TestTenant, table: &str) -> i64 {
    let count = format!("SELECT count(*) FROM tenancy.{table}");
    World::get().services.superuser(&tenant.database()).query_one(&count, &[]).unwrap().get(0)
}
