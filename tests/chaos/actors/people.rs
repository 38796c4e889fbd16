//! Creates users, signs them in and ends their sessions and rights in every way.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::{
    actors::{
        probes::probe,
        tenants::{self, INFO, text},
    },
    context::{Context, Settled},
    ledger::{Credential, Kind, Tenant},
    random::Random,
    request::Request,
    violations::Promise,
};

const PASSWORD: &str = "a password for the chaos run";
/// A route that only administrators may read.
const USERS: &str = "/api/v1/users";

/// A signed-in user.
struct Person {
    tenant: Arc<Tenant>,
    id: String,
    access: Vec<Arc<Credential>>,
    refresh: Vec<Arc<Credential>>,
}

/// A way to end a session or a right.
#[derive(Clone, Copy)]
enum Ending {
    Logout,
    LogoutAll,
    Revoke,
    Deactivate,
    Demote,
    Delete,
    ResetPassword,
}

const ENDINGS: [Ending; 7] = [
    Ending::Logout,
    Ending::LogoutAll,
    Ending::Revoke,
    Ending::Deactivate,
    Ending::Demote,
    Ending::Delete,
    Ending::ResetPassword,
];

/// Signs people in and ends their sessions until the load ends.
pub fn run(context: &Context, mut random: Random) {
    while context.is_running() {
        let homes = context.ledger.homes();
        if let Some(tenant) = random.pick(&homes)
            && let Some(ending) = random.pick(&ENDINGS)
            && let Some(person) = sign_up(context, &mut random, &tenant, ending)
        {
            use_everywhere(context, &person);
            context.pause(&mut random, 0, 1_500);
            use_everywhere(context, &person);
            end(context, &mut random, &person, ending);
            use_everywhere(context, &person);
        }
        context.pause(&mut random, 100, 600);
    }
}

/// Creates a user, sets the password and uses the refresh token once.
fn sign_up(
    context: &Context,
    random: &mut Random,
    tenant: &Arc<Tenant>,
    ending: Ending,
) -> Option<Person> {
    let email = format!("{:x}@{}.example", random.number(), tenant.slug);
    let (role, path) = match ending {
        Ending::Demote => ("admin", USERS),
        _ => ("user", INFO),
    };
    let body = json!({ "email": email, "role": role });
    let request = Request::post("/api/v1/users", &body).credential(&tenant.key);
    let settled = context.settle(random, Promise::NothingLost, &request)?;
    if settled.answer.status == 409 && settled.attempts > 1 {
        // An attempt without a response has created the user. Its setup token is lost.
        return None;
    }
    let created = expect(context, "the creation of a user", &settled, 201)?;
    let id = text(&created["id"]);
    context.ledger.add_user(tenant, &id);
    context.ledger.add_event(tenant, "user.created", &id);
    let body = json!({ "setup_token": created["setup_token"], "password": PASSWORD });
    let request =
        Request::post("/api/v1/auth/setup", &body).header("x-tenant-slug", tenant.slug.clone());
    let settled = context.settle(random, Promise::NothingLost, &request)?;
    if settled.answer.status == 401 && settled.attempts > 1 {
        return None;
    }
    let tokens = expect(context, "the setup of a password", &settled, 200)?;
    let mut person = Person { tenant: Arc::clone(tenant), id, access: vec![], refresh: vec![] };
    person.hold(context, &tokens, path);
    if random.one_in(2) {
        person.renew(context, path);
    }
    Some(person)
}

impl Person {
    fn hold(&mut self, context: &Context, tokens: &Value, path: &'static str) {
        for (kind, name) in
            [(Kind::AccessToken, "access_token"), (Kind::RefreshToken, "refresh_token")]
        {
            let secret = text(&tokens[name]);
            let credential = Credential::new(kind, &self.id, &secret, &self.tenant, path);
            context.ledger.add_credential(&credential);
            let held = if kind == Kind::AccessToken { &mut self.access } else { &mut self.refresh };
            held.push(credential);
        }
    }

    /// Uses the refresh token. Without a response, the state of the session is unknown.
    fn renew(&mut self, context: &Context, path: &'static str) {
        let Some(refresh) = self.refresh.last().cloned() else { return };
        refresh.standing.change();
        let body = json!({ "refresh_token": refresh.secret });
        let request = Request::post("/api/v1/auth/refresh", &body)
            .header("x-tenant-slug", self.tenant.slug.clone());
        let sent = context.send(0, &request);
        if let Some(answer) = sent.answer.filter(|answer| answer.status == 200) {
            self.hold(context, &answer.json(), path);
        }
    }
}

fn use_everywhere(context: &Context, person: &Person) {
    for credential in &person.access {
        for host in 0..context.client.hosts() {
            probe(context, host, credential);
        }
    }
}

fn end(context: &Context, random: &mut Random, person: &Person, ending: Ending) {
    let Some(access) = person.access.last() else { return };
    let tenant = &person.tenant;
    let user = format!("{USERS}/{}", person.id);
    let by_user = |request: Request| request.credential(&access.secret);
    let by_admin = |request: Request| request.credential(&tenant.key);
    let post = |path: &str| Request::post(path, &json!({}));
    let (request, event) = match ending {
        Ending::Logout => (by_user(post("/api/v1/auth/logout")), None),
        Ending::LogoutAll => {
            (by_user(post("/api/v1/auth/logout-all")), Some("auth.logout_everywhere"))
        }
        Ending::Revoke => {
            let request = Request::new(http::Method::POST, "/api/v1/auth/revoke");
            (by_admin(request.form(format!("token={}", access.secret))), None)
        }
        Ending::Deactivate => {
            let body = json!({ "is_active": false });
            (by_admin(Request::patch(&user, &body)), Some("user.deactivated"))
        }
        Ending::Demote => {
            let body = json!({ "role": "viewer" });
            (by_admin(Request::patch(&user, &body)), Some("user.role_changed"))
        }
        Ending::Delete => (by_admin(Request::delete(&user)), Some("user.deleted")),
        Ending::ResetPassword => {
            (by_admin(post(&format!("{user}/reset-password"))), Some("password.reset"))
        }
    };
    // A demotion removes a right but keeps the session, so the refresh token may still be used.
    let refresh = if matches!(ending, Ending::Demote) { &[][..] } else { &person.refresh[..] };
    let ended: Vec<_> = person.access.iter().chain(refresh).collect();
    if matches!(ending, Ending::Delete) {
        context.ledger.remove_user(&person.id);
    }
    for credential in &ended {
        credential.standing.change();
    }
    let Some(settled) = context.settle(random, Promise::Revocation, &request) else { return };
    let is_repeated = settled.attempts > 1 && matches!(settled.answer.status, 401 | 404);
    if !is_repeated && !matches!(settled.answer.status, 200 | 202 | 204) {
        tenants::violate(context, "the end of a session or a right", &settled);
        return;
    }
    if let Some(event) = event.filter(|_| settled.answer.status != 401) {
        context.ledger.add_event(tenant, event, &person.id);
    }
    for credential in ended {
        credential.standing.end(&request.name(), &settled);
    }
}

/// Returns the body of a response with the expected status. Another status is a violation.
fn expect(context: &Context, operation: &str, settled: &Settled, status: u16) -> Option<Value> {
    if settled.answer.status == status {
        return Some(settled.answer.json());
    }
    tenants::violate(context, operation, settled);
    None
}
