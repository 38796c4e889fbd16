//! Login throttling: failed sign-ins are limited per account and per address, and nobody can lock out a user.

use std::{
    thread::sleep,
    time::{Duration, Instant},
};

use e2e::{Answer, Application, Call, Databases, Proxy, TestTenant, World};
use http::Method;
use serde_json::json;

/// An application that trusts the client addresses that this test sends.
struct Site {
    application: Application,
}

impl Site {
    fn start() -> Self {
        let application = World::get().application_with(&[("TRUSTED_PROXIES", "127.0.0.1")]);
        Self { application }
    }

    fn login(&self, tenant: &TestTenant, from: &str, email: &str, password: &str) -> Answer {
        Call::new(Method::POST, &self.application.address, "/api/v1/auth/login")
            .header("x-forwarded-for", from)
            .slug(&tenant.slug)
            .json(&json!({ "email": email, "password": password }))
            .send()
    }
}

/// Returns the number of attempts before the first throttled one, and its response.
fn let_through(attempts: impl Iterator<Item = Answer>) -> (usize, Answer) {
    let mut count = 0;
    for answer in attempts {
        if answer.status == 429 {
            return (count, answer);
        }
        answer.expect_problem(401, "invalid_credentials");
        count += 1;
    }
    panic!("no attempt of {count} was throttled");
}

// S14
#[test]
fn account_is_throttled_per_address() {
    let site = Site::start();
    let tenant = World::get().tenant();
    let user = tenant.user("user");
    let (attacker, owner) = ("198.51.100.7", "203.0.113.1");
    site.login(&tenant, owner, &user.email, &user.password).expect(200);
    let guess = |email: &str| site.login(&tenant, attacker, email, "not the password");
    let (count, refused) = let_through((0..20).map(|_| guess(&user.email)));
    assert_eq!(count, 5);
    refused.expect_problem(429, "too_many_attempts");
    let wait: u64 = refused.header("retry-after").parse().unwrap();
    assert!((1..=2).contains(&wait), "{wait}");
    // An e-mail address in another case belongs to the same account.
    guess(&user.email.to_uppercase()).expect_problem(429, "too_many_attempts");
    // The correct password is throttled as well, so that an attacker cannot detect it.
    let right = site.login(&tenant, attacker, &user.email, &user.password);
    right.expect_problem(429, "too_many_attempts");
    // The owner at another address is not throttled, and neither are other users at this address.
    site.login(&tenant, owner, &user.email, &user.password).expect(200);
    site.login(&tenant, attacker, &tenant.admin.email, &tenant.admin.password).expect(200);
    // The delay grows with each failure, and then expires.
    sleep(Duration::from_millis(1_100));
    guess(&user.email).expect_problem(401, "invalid_credentials");
    sleep(Duration::from_millis(1_100));
    guess(&user.email).expect_problem(429, "too_many_attempts");
    sleep(Duration::from_millis(1_100));
    site.login(&tenant, attacker, &user.email, &user.password).expect(200);
    // A successful sign-in resets the count.
    let (count, _) = let_through((0..20).map(|_| guess(&user.email)));
    assert_eq!(count, 5);
}

// S13, S14
#[test]
fn unknown_user_is_throttled_like_known() {
    let site = Site::start();
    let tenant = World::get().tenant();
    let user = tenant.user("user");
    let guess = |email: &str| site.login(&tenant, "198.51.100.8", email, "not the password");
    let (known, one) = let_through((0..20).map(|_| guess(&user.email)));
    let (unknown, two) = let_through((0..20).map(|_| guess("nobody@acme.com")));
    assert_eq!(known, unknown);
    let body = |answer: &Answer| {
        let mut problem = answer.json();
        problem["request_id"].take();
        problem["detail"].take();
        problem
    };
    assert_eq!(body(&one), body(&two));
}

// S14
#[test]
fn distributed_guessing_throttles_only_unknown_addresses() {
    let site = Site::start();
    let tenant = World::get().tenant();
    let user = tenant.user("user");
    let owner = "203.0.113.2";
    site.login(&tenant, owner, &user.email, &user.password).expect(200);
    let guess = |number: usize| {
        let from = format!("198.51.{}.{}", number / 200, number % 200 + 1);
        site.login(&tenant, &from, &user.email, "not the password")
    };
    let (count, _) = let_through((0..40).map(guess));
    assert_eq!(count, 20);
    site.login(&tenant, owner, &user.email, &user.password).expect(200);
}

// S14, S35
#[test]
fn address_is_throttled_across_accounts() {
    let site = Site::start();
    let world = World::get();
    let (tenant, other) = (world.tenant(), world.tenant());
    let begin = Instant::now();
    // Each attempt uses another address of the same IPv6 network.
    let (count, _) = let_through((0..80).map(|number| {
        let from = format!("2001:db8::{:x}", number + 1);
        site.login(&tenant, &from, &format!("user-{number}@acme.com"), "not the password")
    }));
    assert_eq!(count, 50, "in {:?}", begin.elapsed());
    // S21: other tenants and other addresses are not throttled.
    site.login(&other, "2001:db8::1", &other.admin.email, &other.admin.password).expect(200);
    site.login(&tenant, "2001:db8:1::1", &tenant.admin.email, &tenant.admin.password).expect(200);
}

// S35
#[test]
fn concurrent_guesses_are_throttled() {
    let site = Site::start();
    let tenant = World::get().tenant();
    let user = tenant.user("user");
    let statuses: Vec<u16> = std::thread::scope(|scope| {
        let guesses: Vec<_> = (0..48)
            .map(|_| {
                scope.spawn(|| {
                    site.login(&tenant, "198.51.100.9", &user.email, "not the password").status
                })
            })
            .collect();
        guesses.into_iter().map(|guess| guess.join().unwrap()).collect()
    });
    let compared = statuses.iter().filter(|status| **status == 401).count();
    assert_eq!(compared, 5, "{statuses:?}");
    assert_eq!(statuses.iter().filter(|status| **status == 429).count(), 43, "{statuses:?}");
}

#[test]
fn concurrent_valid_sign_ins_succeed() {
    let site = Site::start();
    let tenant = World::get().tenant();
    let user = tenant.user("user");
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                site.login(&tenant, "203.0.113.3", &user.email, &user.password).expect(200);
            });
        }
    });
}

// S35
#[test]
fn client_cannot_forge_its_address() {
    let site = Site::start();
    let tenant = World::get().tenant();
    let user = tenant.user("user");
    // A proxy appends the real address to the value that the client has sent.
    let forged = ["garbage", "203.0.113.1, x", "203.0.113.2", "198.51.100.200, 203.0.113.9:80", ""];
    let (count, _) = let_through((0..20).map(|number| {
        let from = format!("{}{number}, 198.51.100.10:4711", forged[number % forged.len()]);
        site.login(&tenant, &from, &user.email, "not the password")
    }));
    assert_eq!(count, 5);
}

// S14
#[test]
fn throttling_works_without_redis() {
    let world = World::get();
    let tenant = world.tenant();
    let user = tenant.user("user");
    let direct = world.services.databases();
    let redis = Proxy::start(&direct.redis);
    let databases = Databases { postgres: direct.postgres.clone(), redis: redis.address.clone() };
    let application = world.another_application(&databases);
    redis.close();
    let guess = |password: &str| {
        Call::new(Method::POST, &application.address, "/api/v1/auth/login")
            .slug(&tenant.slug)
            .json(&json!({ "email": user.email, "password": password }))
            .send()
    };
    guess(&user.password).expect(200);
    let (count, refused) = let_through((0..20).map(|_| guess("not the password")));
    assert_eq!(count, 5);
    refused.expect_problem(429, "too_many_attempts");
    // S37, S39: the table contains no address and no account in plain text.
    let mut catalog = world.services.superuser("tenancy");
    let rows = catalog.query("SELECT a::text FROM sign_in_attempts a", &[]).unwrap();
    assert!(!rows.is_empty());
    let text: String = rows.iter().map(|row| row.get::<_, String>(0)).collect();
    assert!(!text.contains('@') && !text.contains("127.0.0.1"), "{text}");
}

// S37
#[test]
fn failed_sign_ins_are_audited() {
    let tenant = World::get().tenant();
    let user = tenant.user("user");
    tenant.login(&user.email, "not the password").expect_problem(401, "invalid_credentials");
    tenant.login("nobody@acme.com", "not it").expect_problem(401, "invalid_credentials");
    let failures = tenant.wait_until_audited("auth.login_failed", 2);
    assert_eq!(failures[0]["resource_id"], user.id);
    assert_eq!(
        (&failures[0]["result"], &failures[0]["address"]),
        (&json!("failure"), &json!("127.0.0.1"))
    );
    assert!(!failures.iter().any(|row| row.to_string().contains("password")), "{failures:?}");
}

// S36
#[test]
fn login_flood_does_not_delay_others() {
    let site = Site::start();
    let tenant = World::get().tenant();
    let statuses: Vec<Answer> = std::thread::scope(|scope| {
        let sign_ins: Vec<_> = (0..32)
            .map(|number| {
                let (site, tenant) = (&site, &tenant);
                scope.spawn(move || {
                    let from = format!("198.51.102.{number}");
                    site.login(tenant, &from, &format!("user-{number}@acme.com"), "not it")
                })
            })
            .collect();
        // They do not delay a verified request.
        for _ in 0..10 {
            let begin = Instant::now();
            tenant.get("/api/v1/tenant/info").token(&tenant.admin.access_token).send().expect(200);
            assert!(begin.elapsed() < Duration::from_secs(20), "{:?}", begin.elapsed());
        }
        sign_ins.into_iter().map(|sign_in| sign_in.join().unwrap()).collect()
    });
    for answer in statuses {
        match answer.status {
            401 => {}
            // Sign-ins above the limit wait for a while, and then get `Retry-After`.
            503 => assert_ne!(answer.header("retry-after"), ""),
            _ => panic!("{answer:?}"),
        }
    }
}

// S13
#[test]
fn unknown_user_takes_equal_time() {
    let site = Site::start();
    let tenant = World::get().tenant();
    let mut times = [Vec::new(), Vec::new()];
    for round in 0..5 {
        let known = tenant.user("user");
        for (kind, email) in [(0, known.email.as_str()), (1, "nobody@acme.com")] {
            let from = format!("198.51.101.{}", round + 1);
            let begin = Instant::now();
            let answer = site.login(&tenant, &from, email, "not the password");
            times[kind].push(begin.elapsed());
            answer.expect_problem(401, "invalid_credentials");
        }
    }
    let [known, unknown] = times.map(|mut times| {
        times.sort_unstable();
        times[times.len() / 2].as_secs_f64()
    });
    // A lookup without hashing would take a hundredth of the time. The range allows for a busy machine.
    assert!((0.4..2.5).contains(&(known / unknown)), "{known} s and {unknown} s");
}

// S14
#[test]
fn network_cannot_throttle_account_for_others() {
    let site = Site::start();
    let tenant = World::get().tenant();
    let user = tenant.user("user");
    // An attacker uses all addresses of a network.
    for number in 0..26 {
        let answer = site.login(
            &tenant,
            &format!("198.51.100.{}", number + 1),
            &user.email,
            "not the password",
        );
        assert!([401, 429].contains(&answer.status), "{}", answer.text);
    }
    // The owner signs in from an address that is new to the account. A second network cannot exhaust the limit either.
    let owner = |from: &str| site.login(&tenant, from, &user.email, &user.password);
    owner("203.0.113.9").expect(200);
    for number in 0..9 {
        let from = format!("2001:db8:1:{number}::1");
        site.login(&tenant, &from, &user.email, "not the password")
            .expect_problem(401, "invalid_credentials");
    }
    owner("203.0.114.9").expect(200);
}

// S14
#[test]
fn known_device_bypasses_account_throttling() {
    let site = Site::start();
    let tenant = World::get().tenant();
    let (user, other) = (tenant.user("user"), tenant.user("user"));
    for number in 0..20 {
        let from = format!("198.51.{number}.1");
        site.login(&tenant, &from, &user.email, "not the password")
            .expect_problem(401, "invalid_credentials");
    }
    let login = |from: &str, device: Option<&str>, password: &str| {
        let mut body = json!({ "email": user.email, "password": password });
        if let Some(token) = device {
            body["refresh_token"] = json!(token);
        }
        Call::new(Method::POST, &site.application.address, "/api/v1/auth/login")
            .header("x-forwarded-for", from)
            .slug(&tenant.slug)
            .json(&body)
            .send()
    };
    let travelling = "203.0.113.40";
    login(travelling, None, &user.password).expect_problem(429, "too_many_attempts");
    // The refresh token of another user, or an invented one, does not identify a device of this user.
    for foreign in [other.refresh_token.as_str(), "ldr_AAAA", ""] {
        login(travelling, Some(foreign), &user.password).expect_problem(429, "too_many_attempts");
    }
    // The token identifies the device even after a logout.
    let logout = tenant.post("/api/v1/auth/logout", &json!({})).token(&user.access_token);
    assert_eq!(logout.send().status, 204);
    login(travelling, Some(&user.refresh_token), &user.password).expect(200);
    // A stolen device has its own limit.
    let (count, _) = let_through(
        (0..20).map(|_| login(travelling, Some(&user.refresh_token), "not the password")),
    );
    assert_eq!(count, 5);
}

// S35
#[test]
fn address_failures_expire_despite_sign_ins() {
    let site = Site::start();
    let world = World::get();
    let tenant = world.tenant();
    let office = "203.0.113.77";
    let prefix = world.redis_key(&format!("t:{{{}}}:guess:", tenant.id));
    let subjects = || -> Vec<String> {
        world
            .redis(&["KEYS", "*guess:*"])
            .into_iter()
            .filter(|key| key.starts_with(&prefix))
            .collect()
    };
    site.login(&tenant, office, "nobody@acme.com", "not the password")
        .expect_problem(401, "invalid_credentials");
    // Simulates a quarter of an hour with a sign-in every minute.
    for key in subjects() {
        world.redis(&["HSET", &key, "failures", "49", "forget_at", "1"]);
        world.redis(&["EXPIRE", &key, "30"]);
    }
    site.login(&tenant, office, &tenant.admin.email, &tenant.admin.password).expect(200);
    for number in 0..4 {
        let email = format!("nobody-{number}@acme.com");
        site.login(&tenant, office, &email, "not the password")
            .expect_problem(401, "invalid_credentials");
    }
    // Subjects without a new attempt keep the values that were set above.
    let failures: Vec<i64> = subjects()
        .iter()
        .filter(|key| world.redis(&["HGET", key, "forget_at"]) != ["1"])
        .filter_map(|key| world.redis(&["HGET", key, "failures"]).first()?.parse().ok())
        .collect();
    assert_eq!(failures.iter().max(), Some(&4), "{failures:?}");
}
