//! Second factors: enrolment, sign-in, recovery, the rules of a tenant, and recent sign-ins.

mod management;
mod rules;
mod sign_in;

use e2e::{Answer, Authenticator, TestTenant, TestUser, World};
use serde_json::{Value, json};

const FACTORS: &str = "/api/v1/profile/second-factors";
const RECOVERY_CODES: &str = "/api/v1/profile/recovery-codes";
const ANSWER: &str = "/api/v1/auth/second-factor";

/// A user with a confirmed factor.
struct Holder {
    user: TestUser,
    authenticator: Authenticator,
    factor: String,
    recovery_codes: Vec<String>,
}

fn begin(tenant: &TestTenant, user: &TestUser) -> Value {
    let body = json!({ "name": "Phone" });
    tenant.post(FACTORS, &body).token(&user.access_token).send().expect(201)
}

fn confirm(tenant: &TestTenant, user: &TestUser, factor: &str, code: &str) -> Answer {
    let path = format!("{FACTORS}/{factor}/confirm");
    tenant.post(&path, &json!({ "code": code })).token(&user.access_token).send()
}

fn text(value: &Value) -> String {
    value.as_str().expect("a text").to_owned()
}

impl Holder {
    fn of(tenant: &TestTenant, user: TestUser) -> Self {
        let begun = begin(tenant, &user);
        let mut authenticator = Authenticator::new(begun["secret"].as_str().unwrap());
        let factor = text(&begun["id"]);
        let confirmed = confirm(tenant, &user, &factor, &authenticator.code()).expect(200);
        let codes = confirmed["recovery_codes"].as_array().expect("the first factor has codes");
        let recovery_codes = codes.iter().map(text).collect();
        Self { user, authenticator, factor, recovery_codes }
    }

    fn challenge(&self, tenant: &TestTenant) -> String {
        let refused = tenant.login(&self.user.email, &self.user.password);
        text(&refused.expect_problem(401, "second_factor_required")["challenge"])
    }
}

fn answer(tenant: &TestTenant, challenge: &str, code: &str) -> Answer {
    tenant.post(ANSWER, &json!({ "challenge": challenge, "code": code })).send()
}

fn change(tenant: &TestTenant, statement: &str, user: &str) {
    let mut superuser = World::get().services.superuser(&tenant.database());
    assert!(superuser.execute(statement, &[&user]).unwrap() > 0, "{statement}");
}
