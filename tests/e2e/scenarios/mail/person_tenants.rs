//! The tenants of a person: a list by mail, and switching without a new sign-in.

use std::{thread::sleep, time::Duration};

use e2e::{Answer, Authenticator, MailMode, MailServer, TestTenant, TestUser, World};
use http::Method;
use serde_json::{Value, json};

use super::{address, alone, change, deliver_all, invite, set, token};

const REQUEST: &str = "/api/v1/account/tenant-list";
const CONFIRM: &str = "/api/v1/account/tenant-list/confirm";
const TARGETS: &str = "/api/v1/account/tenants";
const SWITCH: &str = "/api/v1/account/tenants/switch";
const NAMED: &str = "/api/v1/tenant/switching";
const PASSWORD: &str = "a password for tests";

/// Creates a user with an address that is not verified.
fn person(tenant: &TestTenant, email: &str) -> TestUser {
    invite(tenant, &json!({ "email": email, "password": PASSWORD }));
    TestUser::from(&tenant.login(email, PASSWORD).expect(200))
}

/// Verifies the address of a user with the link of a message.
fn verify(world: &World, tenant: &TestTenant, server: &MailServer, user: &TestUser) {
    let before = server.received(&user.email).len();
    let call = tenant.post("/api/v1/account/verification", &json!({}));
    call.token(&user.access_token).send().expect(202);
    deliver_all(world, server);
    let token = token(&server.received(&user.email)[before].body());
    let confirmed = tenant.post("/api/v1/account/verification/confirm", &json!({ "token": token }));
    assert_eq!(confirmed.send().status, 204);
}

/// Creates a user with a verified address.
fn verified(world: &World, tenant: &TestTenant, server: &MailServer, email: &str) -> TestUser {
    let user = person(tenant, email);
    verify(world, tenant, server, &user);
    wait_until_published(world, tenant, &user, true);
    user
}

/// Returns whether the catalog has the address of a user.
fn is_published(world: &World, tenant: &TestTenant, user: &TestUser) -> bool {
    let statement = "SELECT FROM verified_addresses
                     WHERE tenant_id = $1::text::uuid AND user_id = $2::text::uuid AND address_hash IS NOT NULL";
    let mut catalog = world.services.superuser("tenancy");
    !catalog.query(statement, &[&tenant.id, &user.id]).unwrap().is_empty()
}

#[track_caller]
fn wait_until_published(world: &World, tenant: &TestTenant, user: &TestUser, expected: bool) {
    for _ in 0..500 {
        if is_published(world, tenant, user) == expected {
            return;
        }
        sleep(Duration::from_millis(20));
    }
    panic!("the catalog has the address: {}", !expected);
}

fn request(world: &World, email: &str) -> Answer {
    world.post(REQUEST, &json!({ "email": email })).send()
}

/// Requests the list for an address, and returns the body of the message.
fn requested(world: &World, server: &MailServer, email: &str) -> String {
    let before = server.received(email).len();
    assert_eq!(request(world, email).expect(202), json!({ "expires_in": 1800 }));
    deliver_all(world, server);
    let received = server.received(email);
    assert_eq!(received.len(), before + 1);
    received[before].body()
}

fn confirm(world: &World, token: &str) -> Answer {
    world.post(CONFIRM, &json!({ "token": token })).send()
}

fn listed(world: &World, token: &str) -> Vec<String> {
    let list = confirm(world, token).expect(200);
    let tenants = list["tenants"].as_array().unwrap().iter();
    tenants.map(|tenant| tenant["id"].as_str().unwrap().to_owned()).collect()
}

/// Lets a tenant name others.
fn name(tenant: &TestTenant, others: &[&TestTenant]) -> Value {
    let ids: Vec<_> = others.iter().map(|other| other.id.as_str()).collect();
    let body = json!({ "tenants": ids }).to_string();
    let call = tenant.call_put(NAMED, "application/json", &body);
    call.token(&tenant.admin.access_token).send().expect(200)
}

fn switch(tenant: &TestTenant, user: &TestUser, other: &TestTenant) -> Answer {
    tenant.post(SWITCH, &json!({ "tenant": other.id })).token(&user.access_token).send()
}

fn targets(tenant: &TestTenant, user: &TestUser) -> Vec<Value> {
    let list = tenant.get(TARGETS).token(&user.access_token).send().expect(200);
    list["tenants"].as_array().unwrap().clone()
}

// S62
#[test]
fn mailed_link_lists_the_tenants_of_the_address() {
    let (world, _alone) = alone();
    let server = MailServer::start(MailMode::Accept);
    let (one, two, three) = (world.tenant(), world.tenant(), world.tenant());
    let email = address();
    verified(world, &one, &server, &email);
    verified(world, &two, &server, &email);
    // An address that nobody has proved is not listed.
    person(&three, &email);
    // The page of a tenant must not learn the others.
    let page = json!({ "receiving_page": "https://app.saas.example/of-one", "language": "de" });
    set(&one, &page).expect(200);
    let body = requested(world, &server, &email);
    let text = token(&body);
    let link = format!("https://app.saas.example/start/tenants#token={text}");
    assert!(text.starts_with("ldt_") && body.contains(&link), "{body}");
    for tenant in [&one, &two] {
        assert!(!body.contains(&tenant.slug), "{body}");
    }
    let mut expected = vec![one.id.clone(), two.id.clone()];
    expected.sort_unstable();
    let mut found = listed(world, &text);
    found.sort_unstable();
    assert_eq!(found, expected);
    confirm(world, &text).expect_problem(401, "invalid_mailed_token");
    one.wait_until_audited("user.tenants_requested", 1);
    let recorded = one.wait_until_audited("user.tenants_listed", 2);
    let results: Vec<_> = recorded.iter().map(|event| event["result"].clone()).collect();
    assert!(results.contains(&json!("success")) && results.contains(&json!("failure")));
    // Tokens have one purpose.
    for path in ["password-reset", "verification"] {
        let other = token(&requested(world, &server, &email));
        let body = json!({ "token": other, "new_password": "a password that is new" });
        let body = if path == "verification" { json!({ "token": other }) } else { body };
        let refused = world.post(&format!("/api/v1/account/{path}/confirm"), &body).send();
        refused.expect_problem(401, "invalid_mailed_token");
    }
}

// S62
#[test]
fn request_for_tenants_reveals_no_account() {
    let (world, _alone) = alone();
    let server = MailServer::start(MailMode::Accept);
    let tenant = world.tenant();
    let (known, unverified, unknown) = (address(), address(), address());
    verified(world, &tenant, &server, &known);
    person(&tenant, &unverified);
    let before = server.received(&known).len();
    let expected = request(world, &known);
    for email in [&unverified, &unknown] {
        let other = request(world, email);
        assert_eq!((other.status, &other.text), (expected.status, &expected.text));
    }
    deliver_all(world, &server);
    assert_eq!(server.received(&known).len(), before + 1);
    assert!(server.received(&unverified).is_empty() && server.received(&unknown).is_empty());
    let invalid = world.post(REQUEST, &json!({ "email": "nobody" })).send();
    assert_eq!(invalid.expect_invalid(), ["email"]);
    // Nobody can flood the mailbox: three links are valid at one time, and the network is limited.
    let statuses: Vec<_> = (0..8).map(|_| request(world, &known).status).collect();
    assert!(statuses.contains(&429), "{statuses:?}");
    deliver_all(world, &server);
    assert_eq!(server.received(&known).len(), before + 3);
}

// S62
#[test]
fn catalog_follows_the_users_of_a_tenant() {
    let (world, _alone) = alone();
    let server = MailServer::start(MailMode::Accept);
    let tenant = world.tenant();
    let admin = &tenant.admin.access_token;
    let (email, moved) = (address(), address());
    let user = verified(world, &tenant, &server, &email);
    let path = format!("/api/v1/users/{}", user.id);
    let patch = |change: &Value| tenant.patch(&path, change).token(admin).send().expect(200);
    patch(&json!({ "is_active": false }));
    wait_until_published(world, &tenant, &user, false);
    patch(&json!({ "is_active": true }));
    wait_until_published(world, &tenant, &user, true);
    patch(&json!({ "email": moved }));
    wait_until_published(world, &tenant, &user, false);
    // A crash between the verification and its publication: maintenance carries it over. Publications of the requests
    // before have ended.
    sleep(Duration::from_secs(1));
    let verify = format!("UPDATE tenancy.users SET is_verified = true WHERE email = '{moved}'");
    assert_eq!(change(world, &tenant, &verify), 1);
    assert!(!is_published(world, &tenant, &user));
    let report = world.admin_post("/admin/maintenance", &json!({})).send().expect(200);
    assert!(report["published_addresses"].as_u64().unwrap() >= 1, "{report}");
    assert!(is_published(world, &tenant, &user));
    // So does `tenantctl repair`.
    let change_again =
        format!("UPDATE tenancy.users SET is_verified = false WHERE email = '{moved}'");
    assert_eq!(change(world, &tenant, &change_again), 1);
    assert!(world.tenantctl(&["repair"]).status.success());
    assert!(!is_published(world, &tenant, &user));
    assert_eq!(change(world, &tenant, &verify), 1);
    assert!(world.tenantctl(&["repair"]).status.success());
    // An erasure is complete with its response.
    let erasure = tenant.post(&format!("{path}/erasure"), &json!({}));
    erasure.token(admin).send().expect(200);
    assert!(!is_published(world, &tenant, &user));
    // Traces of the user remain for a day, against late publications. The address of another user stays.
    let traces = || {
        let catalog = "SELECT FROM verified_addresses WHERE tenant_id = $1::text::uuid AND user_id = $2::text::uuid";
        let catalog = world.services.superuser("tenancy").query(catalog, &[&tenant.id, &user.id]);
        let own = "SELECT FROM tenancy.verified_address_changes WHERE user_id = $1::text::uuid";
        let own = world.services.superuser(&tenant.database()).query(own, &[&user.id]);
        (catalog.unwrap().len(), own.unwrap().len())
    };
    let maintain = || world.admin_post("/admin/maintenance", &json!({})).send().expect(200);
    let other = verified(world, &tenant, &server, &address());
    maintain();
    assert_eq!(traces(), (1, 1));
    let days_later =
        "UPDATE tenancy.verified_address_changes SET deleted_at = deleted_at - interval '25 hours'";
    assert!(change(world, &tenant, days_later) >= 2);
    maintain();
    assert_eq!(traces(), (0, 0));
    assert!(is_published(world, &tenant, &other));
}

// S63
#[test]
fn person_switches_between_tenants_that_name_each_other() {
    let (world, _alone) = alone();
    let server = MailServer::start(MailMode::Accept);
    let (one, two, three) = (world.tenant(), world.tenant(), world.tenant());
    let email = address();
    let here = verified(world, &one, &server, &email);
    let there = verified(world, &two, &server, &email);
    verified(world, &three, &server, &email);
    switch(&one, &here, &two).expect_problem(403, "switching_not_allowed");
    assert!(targets(&one, &here).is_empty());
    assert_eq!(name(&one, &[&two, &three])["tenants"].as_array().unwrap().len(), 2);
    // The other tenant has not agreed.
    switch(&one, &here, &two).expect_problem(403, "switching_not_allowed");
    assert!(targets(&one, &here).is_empty());
    name(&two, &[&one]);
    let expected =
        json!([{ "id": two.id, "slug": two.slug, "name": format!("Tenant {}", two.slug) }]);
    assert_eq!(json!(targets(&one, &here)), expected);
    let switched = switch(&one, &here, &two).expect(200);
    assert_eq!(switched["user"]["id"], there.id.as_str());
    let access = switched["access_token"].as_str().unwrap();
    two.get("/api/v1/profile").token(access).send().expect(200);
    assert_eq!(one.get("/api/v1/profile").token(access).send().status, 403);
    // The own session continues, and the other tenant knows where the person came from.
    one.get("/api/v1/profile").token(&here.access_token).send().expect(200);
    let logins = two.wait_until_audited("auth.login", 3);
    assert!(logins.iter().any(|login| login["detail"]["from_tenant"] == one.id.as_str()));
    switch(&one, &here, &three).expect_problem(403, "switching_not_allowed");
    one.wait_until_audited("auth.switch_refused", 1);
    // A withdrawn agreement takes effect on the next call.
    name(&two, &[]);
    switch(&one, &here, &two).expect_problem(403, "switching_not_allowed");
    assert!(targets(&one, &here).is_empty());
    let ids = two.get(NAMED).token(&two.admin.access_token).send().expect(200);
    assert_eq!(ids, json!({ "tenants": [] }));
}

// S63
#[test]
fn tenant_cannot_take_over_an_account_of_another_one() {
    let (world, _alone) = alone();
    let server = MailServer::start(MailMode::Accept);
    let (evil, victim) = (world.tenant(), world.tenant());
    let email = address();
    verified(world, &victim, &server, &email);
    // An administrator creates a user with the address of somebody else, and names the other tenant.
    let forged = person(&evil, &email);
    name(&evil, &[&victim]);
    switch(&evil, &forged, &victim).expect_problem(409, "address_not_verified");
    let list = evil.get(TARGETS).token(&forged.access_token).send();
    list.expect_problem(409, "address_not_verified");
    // Even with the proof of the address, the other tenant must trust this one.
    verify(world, &evil, &server, &forged);
    switch(&evil, &forged, &victim).expect_problem(403, "switching_not_allowed");
    assert!(targets(&evil, &forged).is_empty());
    // Users without rights of an administrator, and API keys, name no tenants.
    let body = json!({ "tenants": [victim.id] }).to_string();
    let call = || evil.call_put(NAMED, "application/json", &body);
    let colleague = person(&evil, &address());
    assert_eq!(call().token(&colleague.access_token).send().status, 403);
    assert_eq!(call().token(&evil.api_key(&["tenant:read"])).send().status, 403);
    assert_eq!(call().send().status, 401);
    let key = evil.api_key(&["tenant:read"]);
    let by_key = evil.post(SWITCH, &json!({ "tenant": victim.id })).token(&key).send();
    assert_eq!(by_key.status, 403);
    for (body, field) in [
        (json!({ "tenants": ["x"] }), "tenants"),
        (json!({ "tenants": vec![victim.id.clone(); 51] }), "tenants"),
        (json!({ "tenants": "x" }), "tenants"),
        (json!({}), "tenants"),
    ] {
        let call = evil.call_put(NAMED, "application/json", &body.to_string());
        let refused = call.token(&evil.admin.access_token).send();
        assert!(refused.expect_invalid()[0].starts_with(field), "{}", refused.text);
    }
    let invalid = evil.post(SWITCH, &json!({ "tenant": "x" })).token(&forged.access_token).send();
    assert_eq!(invalid.expect_invalid(), ["tenant"]);
}

// S63
#[test]
fn rules_of_the_other_tenant_apply() {
    let (world, _alone) = alone();
    let server = MailServer::start(MailMode::Accept);
    let (one, two) = (world.tenant(), world.tenant());
    let email = address();
    let here = verified(world, &one, &server, &email);
    let there = verified(world, &two, &server, &email);
    name(&one, &[&two]);
    name(&two, &[&one]);
    // A switch is no recent sign-in, although that of the own session is.
    let switched = switch(&one, &here, &two).expect(200);
    let access = switched["access_token"].as_str().unwrap();
    let factors = "/api/v1/profile/second-factors";
    let begin = || two.post(factors, &json!({ "name": "Phone" }));
    begin().token(access).send().expect_problem(401, "recent_sign_in_required");
    // The second factor of the other tenant.
    let begun = begin().token(&there.access_token).send().expect(201);
    let mut authenticator = Authenticator::new(begun["secret"].as_str().unwrap());
    let path = format!("{factors}/{}/confirm", begun["id"].as_str().unwrap());
    let code = json!({ "code": authenticator.code() });
    two.post(&path, &code).token(&there.access_token).send().expect(200);
    let refused = switch(&one, &here, &two).expect_problem(401, "second_factor_required");
    let answer = json!({ "challenge": refused["challenge"], "code": authenticator.code() });
    let signed_in = two.post("/api/v1/auth/second-factor", &answer).send().expect(200);
    assert_eq!(signed_in["user"]["id"], there.id.as_str());
    // The networks of the other tenant.
    let networks = "UPDATE tenancy.security_policy SET allowed_networks = '{192.0.2.0/24}'";
    change(world, &two, networks);
    let remove = format!("/api/v1/users/{}/second-factors", there.id);
    let removed = two.delete(&remove).token(&two.admin.access_token).send();
    assert_eq!(removed.status, 204, "{}", removed.text);
    switch(&one, &here, &two).expect_problem(403, "network_not_allowed");
    change(world, &two, "UPDATE tenancy.security_policy SET allowed_networks = NULL");
    // The state of the user and of the other tenant.
    let path = format!("/api/v1/users/{}", there.id);
    let deactivated = two.patch(&path, &json!({ "is_active": false }));
    deactivated.token(&two.admin.access_token).send().expect(200);
    switch(&one, &here, &two).expect_problem(403, "switching_not_allowed");
    let activated = two.patch(&path, &json!({ "is_active": true }));
    activated.token(&two.admin.access_token).send().expect(200);
    switch(&one, &here, &two).expect(200);
    let suspend = |status: &str| {
        let path = format!("/admin/tenants/{}", two.id);
        world.admin(Method::PATCH, &path).json(&json!({ "status": status })).send().expect(200)
    };
    suspend("suspended");
    switch(&one, &here, &two).expect_problem(403, "switching_not_allowed");
    assert!(targets(&one, &here).is_empty());
    suspend("active");
}
