//! Tenant resolution: the five ways to address a tenant, and requests whose addresses disagree.

use e2e::{Answer, Call, TestTenant, World, unique};
use http::Method;
use serde_json::json;

/// Returns a call of `path` with this `Host`.
fn at(host: &str, method: Method, path: &str) -> Call {
    World::get().call(method, path).header("host", host)
}

fn login_at(host: &str, tenant: &TestTenant) -> Answer {
    login(at(host, Method::POST, "/api/v1/auth/login"), tenant)
}

fn login(call: Call, tenant: &TestTenant) -> Answer {
    call.json(&json!({ "email": tenant.admin.email, "password": tenant.admin.password })).send()
}

fn info_at(host: &str, tenant: &TestTenant) -> Answer {
    at(host, Method::GET, "/api/v1/tenant/info").token(&tenant.admin.access_token).send()
}

/// Sets the domains of a tenant. The first one is the primary domain.
fn set_domains(tenant: &TestTenant, domains: &[&str]) -> Answer {
    let path = format!("/admin/tenants/{}", tenant.id);
    World::get().admin(Method::PATCH, &path).json(&json!({ "domains": domains })).send()
}

fn subdomain(tenant: &TestTenant) -> String {
    format!("{}.saas.example", tenant.slug)
}

// S30, S34
#[test]
fn subdomain_selects_tenant() {
    let world = World::get();
    let (tenant, other) = (world.tenant(), world.tenant());
    let host = subdomain(&tenant);
    for host in [
        host.clone(),
        format!("{host}:8002"),
        format!("{host}."),
        format!("{host}.:443"),
        host.to_uppercase(),
    ] {
        let signed_in = login_at(&host, &tenant).expect(200);
        assert_eq!(signed_in["user"]["email"], tenant.admin.email, "{host}");
        assert_eq!(info_at(&host, &tenant).expect(200)["id"], tenant.id, "{host}");
        info_at(&host, &other).expect_problem(403, "tenant_mismatch");
        login_at(&host, &other).expect_problem(401, "invalid_credentials");
    }
    for unknown in ["nobody-here.saas.example", "a.b.saas.example", "-.saas.example"] {
        login_at(unknown, &tenant).expect_problem(401, "invalid_credentials");
        info_at(unknown, &tenant).expect_problem(403, "tenant_mismatch");
    }
    // The platform's own names do not address a tenant.
    for own in ["saas.example", "www.saas.example", "api.saas.example", "localhost", "127.0.0.1:80"]
    {
        login_at(own, &tenant).expect_problem(400, "tenant_required");
        info_at(own, &tenant).expect(200);
    }
}

// S30, S34
#[test]
fn custom_domain_selects_tenant() {
    let world = World::get();
    let (tenant, other) = (world.tenant(), world.tenant());
    let name = unique("company");
    let domains =
        [format!("{name}.com"), format!("app.{name}.example"), format!("bücher-{name}.de")];
    let [first, second, idn] = domains.each_ref().map(String::as_str);
    let changed = set_domains(&tenant, &[first, second, idn]).expect(200);
    let a_label = changed["domains"][2].as_str().unwrap().to_owned();
    assert!(a_label.starts_with("xn--"), "{changed}");
    assert_eq!(changed["domain"], first);
    for host in [
        first.to_owned(),
        second.to_owned(),
        a_label,
        format!("{first}:8443"),
        format!("{}.", first.to_uppercase()),
    ] {
        login_at(&host, &tenant).expect(200);
        assert_eq!(info_at(&host, &tenant).expect(200)["id"], tenant.id, "{host}");
        info_at(&host, &other).expect_problem(403, "tenant_mismatch");
    }
    // An unknown host addresses no tenant. Credentials are accepted there, but a sign-in finds no tenant.
    let nobodys = format!("nobodys-{name}.com");
    login_at(&nobodys, &tenant).expect_problem(401, "invalid_credentials");
    info_at(&nobodys, &tenant).expect(200);
    // A removed domain is free immediately, and another tenant may use it.
    assert_eq!(
        set_domains(&other, &[first]).expect_problem(409, "domain_taken")["code"],
        "domain_taken"
    );
    set_domains(&tenant, &[second]).expect(200);
    login_at(first, &tenant).expect_problem(401, "invalid_credentials");
    login_at(second, &tenant).expect(200);
    set_domains(&other, &[first]).expect(200);
    login_at(first, &other).expect(200);
    // Tenants cannot use the platform's own domain.
    for own in ["saas.example", "www.saas.example", &subdomain(&other)] {
        assert_eq!(set_domains(&tenant, &[own]).expect_invalid(), ["domains"]);
    }
}

#[test]
fn path_selects_tenant() {
    let world = World::get();
    let (tenant, other) = (world.tenant(), world.tenant());
    for prefix in [
        format!("/tenant/{}/api/v1", tenant.slug),
        format!("/t/{}/api/v1", tenant.slug),
        format!("/t/{}", tenant.slug),
    ] {
        let call = world.call(Method::POST, &format!("{prefix}/auth/login"));
        login(call, &tenant).expect(200);
        for (path, tenant_of_token, expected) in [
            ("/tenant/info", &tenant, 200),
            ("/profile", &tenant, 200),
            ("/users", &tenant, 200),
            ("/api-keys", &tenant, 200),
            ("/auth/sessions", &tenant, 200),
            ("/tenant/info", &other, 403),
            ("/nothing", &tenant, 404),
        ] {
            let call = world.get_path(&format!("{prefix}{path}"));
            let answer = call.token(&tenant_of_token.admin.access_token).send();
            assert_eq!(answer.status, expected, "{prefix}{path}: {}", answer.text);
        }
    }
    for slug in ["nobody-here", "Not_A_Slug", "a%2fb", "..", "%2e%2e", "www"] {
        let path = format!("/t/{slug}/api/v1/auth/login");
        login(world.call(Method::POST, &path), &tenant).expect_problem(401, "invalid_credentials");
        let info = world.get_path(&format!("/t/{slug}/tenant/info"));
        let info = info.token(&tenant.admin.access_token).send();
        info.expect_problem(403, "tenant_mismatch");
    }
}

#[test]
fn header_and_api_key_select_tenant() {
    let world = World::get();
    let (tenant, other) = (world.tenant(), world.tenant());
    for slug in [tenant.slug.clone(), tenant.slug.to_uppercase()] {
        login(world.call(Method::POST, "/api/v1/auth/login").slug(&slug), &tenant).expect(200);
    }
    let key = tenant.api_key(&["tenant:read"]);
    let info = || world.get_path("/api/v1/tenant/info");
    assert_eq!(info().header("x-api-key", &key).send().expect(200)["id"], tenant.id);
    assert_eq!(info().token(&key).send().expect(200)["id"], tenant.id);
    info().token(&key).slug(&other.slug).send().expect_problem(403, "tenant_mismatch");
    info().token(&key).slug("nobody-here").send().expect_problem(403, "tenant_mismatch");
}

// S17
#[test]
fn conflicting_tenants_are_rejected() {
    let world = World::get();
    let (tenant, other) = (world.tenant(), world.tenant());
    let own_domain = format!("{}.com", unique("own"));
    let other_domain = format!("{}.com", unique("other"));
    set_domains(&tenant, &[&own_domain]).expect(200);
    set_domains(&other, &[&other_domain]).expect(200);
    let key = tenant.api_key(&["tenant:read"]);
    let other_key = other.api_key(&["tenant:read"]);
    let path = |tenant: &TestTenant| format!("/t/{}/api/v1/tenant/info", tenant.slug);
    // All five ways agree.
    let agreed = at(&own_domain, Method::GET, &path(&tenant))
        .slug(&tenant.slug)
        .token(&tenant.admin.access_token)
        .header("x-api-key", &key);
    assert_eq!(agreed.send().expect(200)["id"], tenant.id);
    let token = &tenant.admin.access_token;
    for disagreed in [
        at(&other_domain, Method::GET, "/api/v1/tenant/info").token(token),
        at(&subdomain(&other), Method::GET, "/api/v1/tenant/info").token(token),
        at("x", Method::GET, &path(&other)).token(token),
        at("x", Method::GET, "/api/v1/tenant/info").token(token).slug(&other.slug),
        at("x", Method::GET, "/api/v1/tenant/info").token(token).header("x-api-key", &other_key),
        at("x", Method::GET, &path(&other)).header("x-api-key", &key),
        at(&subdomain(&other), Method::GET, &path(&tenant)).token(token),
        at(&own_domain, Method::GET, "/api/v1/tenant/info").token(token).slug(&other.slug),
    ] {
        disagreed.send().expect_problem(403, "tenant_mismatch");
    }
    // Sign-in requests have no credential yet, but must agree as well.
    let login_path = format!("/t/{}/auth/login", tenant.slug);
    for disagreed in [
        at(&subdomain(&other), Method::POST, &login_path),
        at(&other_domain, Method::POST, &login_path),
        at(&other_domain, Method::POST, "/api/v1/auth/login").slug(&tenant.slug),
        at("x", Method::POST, &login_path).slug(&other.slug),
    ] {
        login(disagreed, &tenant).expect_problem(403, "tenant_mismatch");
    }
    // The response does not reveal that the tenant does not exist.
    let unknown = at(&other_domain, Method::POST, "/api/v1/auth/login").slug("nobody-here");
    login(unknown, &tenant).expect_problem(401, "invalid_credentials");
}

// S17, S34
#[test]
fn forwarded_host_requires_trusted_proxy() {
    let world = World::get();
    let (tenant, other) = (world.tenant(), world.tenant());
    let forwarded = |address: &str, host: &str| {
        Call::new(Method::GET, address, "/api/v1/tenant/info")
            .header("x-forwarded-host", host)
            .token(&tenant.admin.access_token)
            .send()
    };
    // This application trusts no proxy.
    forwarded(world.address(), &subdomain(&other)).expect(200);
    let behind = world.application_with(&[("TRUSTED_PROXIES", "127.0.0.1, 10.0.0.0/8")]);
    forwarded(&behind.address, &subdomain(&other)).expect_problem(403, "tenant_mismatch");
    forwarded(&behind.address, &subdomain(&tenant)).expect(200);
    let sign_in = Call::new(Method::POST, &behind.address, "/api/v1/auth/login")
        .header("x-forwarded-host", &subdomain(&tenant))
        .header("x-forwarded-for", "203.0.113.9, 10.1.2.3");
    login(sign_in, &tenant).expect(200);
    let sessions = Call::new(Method::GET, &behind.address, "/api/v1/auth/sessions?limit=1");
    let sessions = sessions.token(&tenant.admin.access_token).send().expect(200);
    assert_eq!(sessions["items"][0]["address"], "203.0.113.9");
    // The client address is the last hop that is not a trusted proxy.
    let spoofed = Call::new(Method::POST, &behind.address, "/api/v1/auth/login")
        .header("x-forwarded-host", &subdomain(&tenant))
        .header("x-forwarded-for", "198.51.100.1, 203.0.113.10, 10.1.2.3");
    login(spoofed, &tenant).expect(200);
    let sessions = Call::new(Method::GET, &behind.address, "/api/v1/auth/sessions?limit=1");
    let sessions = sessions.token(&tenant.admin.access_token).send().expect(200);
    assert_eq!(sessions["items"][0]["address"], "203.0.113.10");
    // The proxy appends its value after the value of the client, on the same line or on a separate line.
    let hosts = format!("{}, {}", subdomain(&other), subdomain(&tenant));
    forwarded(&behind.address, &hosts).expect(200);
    let hosts = format!("{}, {}", subdomain(&tenant), subdomain(&other));
    forwarded(&behind.address, &hosts).expect_problem(403, "tenant_mismatch");
    let call = Call::new(Method::GET, &behind.address, "/api/v1/tenant/info");
    let two_lines = call
        .header("x-forwarded-host", &subdomain(&tenant))
        .header("x-forwarded-host", &subdomain(&other))
        .token(&tenant.admin.access_token);
    two_lines.send().expect_problem(403, "tenant_mismatch");
}

// S35
#[test]
fn client_address_is_rightmost_untrusted_hop() {
    let world = World::get();
    let tenant = world.tenant();
    let behind = world.application_with(&[("TRUSTED_PROXIES", "127.0.0.1, 10.0.0.0/8")]);
    let sign_in = |lines: &[&str]| {
        let call = Call::new(Method::POST, &behind.address, "/api/v1/auth/login");
        let call = lines.iter().fold(call, |call, line| call.header("x-forwarded-for", line));
        login(call.slug(&tenant.slug), &tenant)
    };
    for (lines, expected) in [
        (&["\u{e9}, 198.51.100.7"][..], "198.51.100.7"),
        (&["\u{e9}", "198.51.100.8, 10.1.2.3"], "198.51.100.8"),
        (&["203.0.113.1", "198.51.100.9"], "198.51.100.9"),
        (&["[2001:db8::7]"], "2001:db8::7"),
        (&["[2001:db8::8]:443"], "2001:db8::8"),
    ] {
        sign_in(lines).expect(200);
        let sessions = Call::new(Method::GET, &behind.address, "/api/v1/auth/sessions?limit=1");
        let sessions = sessions.token(&tenant.admin.access_token).send().expect(200);
        assert_eq!(sessions["items"][0]["address"], expected, "{lines:?}");
    }
    let refused = sign_in(&["198.51.100.7, \u{e9}"]).expect_problem(400, "invalid_header");
    assert!(refused["detail"].as_str().unwrap().contains("x-forwarded-for"), "{refused}");
}

// S22
#[test]
fn deleted_tenant_looks_unknown_to_strangers() {
    let world = World::get();
    let tenant = world.tenant();
    let domain = format!("{}.com", unique("gone"));
    set_domains(&tenant, &[&domain]).expect(200);
    let path = format!("/admin/tenants/{}", tenant.id);
    let key = tenant.api_key(&["tenant:read"]);
    let with_key = || world.get_path("/api/v1/tenant/info").token(&key).send();
    with_key().expect(200);
    let suspend = json!({ "status": "suspended" });
    world.admin(Method::PATCH, &path).json(&suspend).send().expect(200);
    info_at("x", &tenant).expect_problem(403, "tenant_suspended");
    with_key().expect_problem(403, "tenant_suspended");
    login_at(&domain, &tenant).expect_problem(403, "tenant_suspended");
    let refresh = json!({ "refresh_token": tenant.admin.refresh_token });
    let refresh = || world.post("/api/v1/auth/refresh", &refresh).send();
    refresh().expect_problem(403, "tenant_suspended");
    assert_eq!(world.admin(Method::DELETE, &path).send().status, 204);
    // Callers with a credential learn that the tenant is deleted. Other callers get the response for an unknown tenant.
    info_at("x", &tenant).expect_problem(403, "tenant_deleted");
    with_key().expect_problem(403, "tenant_deleted");
    refresh().expect_problem(403, "tenant_deleted");
    let deleted = login_at(&domain, &tenant).expect_problem(401, "invalid_credentials");
    let never = login_at("never-was.com", &tenant).expect_problem(401, "invalid_credentials");
    assert_eq!(deleted["detail"], never["detail"]);
    let wrong = tenancy::api_key::ApiKey::generate(
        tenant.id.parse().unwrap(),
        tenancy::api_key::Environment::live(),
        &platform::native::NativeRandom,
    );
    let wrong = world.get_path("/api/v1/tenant/info").token(wrong.expose()).send();
    wrong.expect_problem(401, "invalid_api_key");
    // The names of the deleted tenant stay reserved.
    let again = json!({ "name": "A", "admin_email": "a@b.example", "slug": tenant.slug });
    world.admin_post("/admin/tenants", &again).send().expect_problem(409, "slug_taken");
    let again = json!({ "name": "A", "admin_email": "a@b.example", "domain": domain });
    world.admin_post("/admin/tenants", &again).send().expect_problem(409, "domain_taken");
    let active = json!({ "status": "active" });
    let revived = world.admin(Method::PATCH, &path).json(&active).send();
    revived.expect_problem(409, "illegal_transition");
}

// S32
#[test]
fn hsts_is_sent_behind_tls() {
    let world = World::get();
    let behind = world.application_with(&[("TRUSTED_PROXIES", "127.0.0.1")]);
    let health = |address: &str, scheme: &str| {
        let call = Call::new(Method::GET, address, "/health");
        let answer = call.header("x-forwarded-proto", scheme).send();
        answer.header("strict-transport-security").to_owned()
    };
    assert_eq!(health(&behind.address, "https"), "max-age=31536000");
    assert_eq!(health(&behind.address, "http, HTTPS"), "max-age=31536000");
    assert_eq!(health(&behind.address, "https, http"), "");
    for (host, value) in [
        ("saas.example", "max-age=31536000; includeSubDomains"),
        ("acme.saas.example", "max-age=31536000; includeSubDomains"),
        ("company.com", "max-age=31536000"),
        ("notsaas.example", "max-age=31536000"),
    ] {
        let call = Call::new(Method::GET, &behind.address, "/health");
        let call = call.header("x-forwarded-proto", "https").header("x-forwarded-host", host);
        assert_eq!(call.send().header("strict-transport-security"), value, "{host}");
    }
    assert_eq!(health(&behind.address, "http"), "");
    assert_eq!(health(world.address(), "https"), "");
}
