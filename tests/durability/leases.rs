//! Leases while a host or Redis is killed.

use std::{thread::sleep, time::Duration};

use e2e::{Application, Busy, Call, Connections, Restart, TestTenant, TestUser};
use http::Method;
use serde_json::json;

use crate::support::{Arena, wait_until};

const INFO: &str = "/api/v1/tenant/info";
/// The validity of a lease in these tests: long enough that leases are valid when a killed server is back.
const VALIDITY: (&str, &str) = ("LEASE_MILLISECONDS", "1000");

fn host(arena: &Arena) -> Application {
    arena.world.application_with(&[VALIDITY])
}

/// Signs a user out on a host, and asserts that this takes effect immediately.
fn sign_out(host: &str, user: &TestUser) {
    let call = Call::new(Method::POST, host, "/api/v1/auth/logout").json(&json!({}));
    let answer = call.token(&user.access_token).send();
    assert_eq!(answer.status, 204, "{}", answer.text);
}

/// Returns clients that are busy until the user is signed out.
fn busy<'a>(hosts: [&'a str; 2], user: &'a TestUser) -> Busy<'a> {
    let refused = (401, "token_revoked");
    Busy { hosts, path: INFO, credential: &user.access_token, refused, may_fail: true }
}

#[track_caller]
fn assert_leases(arena: &Arena, tenant: &TestTenant) {
    let leases = arena.world.redis_client().leases(&tenant.id);
    assert!(leases.granted() > leases.ended(), "a lease is valid: {leases:?}");
}

// S10, S16
#[test]
fn revocation_survives_kill_of_a_leaseholder() {
    let arena = Arena::enter();
    let tenant = arena.world.tenant();
    tenant.allow_many_calls();
    let (steady, mut victim) = (host(&arena), host(&arena));
    let address = victim.address.clone();
    for _ in 0..2 {
        let user = tenant.user("user");
        busy([&steady.address, &address], &user).during(|| {
            assert_leases(&arena, &tenant);
            victim.kill();
            sign_out(&steady.address, &user);
            victim.restart();
        });
    }
}

// S10, S16
#[test]
fn revocation_waits_for_leases_of_a_killed_redis() {
    let arena = Arena::enter();
    let tenant = arena.world.tenant();
    tenant.allow_many_calls();
    let hosts = [host(&arena), host(&arena)];
    let addresses = hosts.each_ref().map(|host| host.address.as_str());
    for restart in [Restart::Empty, Restart::Newest, Restart::Older] {
        let user = tenant.user("user");
        if restart == Restart::Older {
            arena.world.services.save_redis();
        }
        busy(addresses, &user).during_outage_of_redis(|| {
            if restart == Restart::Newest {
                arena.world.services.save_redis();
            }
            assert_leases(&arena, &tenant);
            arena.restart_redis(restart);
            sign_out(addresses[0], &user);
        });
    }
}

/// The killed host held units of both limits. They count as used.
#[test]
fn killed_host_forfeits_few_units() {
    const LEFT: i64 = 1_500;
    const CLIENTS: usize = 16;
    let arena = Arena::enter();
    let tenant = arena.world.tenant();
    tenant.allow_many_calls();
    let (steady, victim) = (host(&arena), host(&arena));
    let new = json!({ "name": "k", "scopes": ["tenant:read"], "max_requests_per_day": LEFT });
    let key = tenant.create_api_key(&new);
    let credential = key["api_key"].as_str().unwrap();
    // Returns the number of admitted calls and the number of calls without a response.
    let load = |host: &str, most: usize| {
        let results: Vec<_> = std::thread::scope(|scope| {
            let clients = (0..CLIENTS).map(|_| {
                scope.spawn(|| {
                    let connection = Connections::default();
                    let (mut admitted, mut lost) = (0, 0);
                    for _ in 0..most {
                        let call = Call::new(Method::GET, host, INFO).token(credential);
                        match call.over(&connection).try_send().map(|answer| answer.status) {
                            Ok(200) => admitted += 1,
                            Ok(429) => break,
                            Ok(other) => panic!("{other}"),
                            Err(_) => {
                                lost += 1;
                                break;
                            }
                        }
                    }
                    (admitted, lost)
                })
            });
            let clients: Vec<_> = clients.collect();
            if host == victim.address {
                wait_until("the host has leases with units", || {
                    let leases = arena.world.redis_client().leases(&tenant.id);
                    leases.unreported().iter().sum::<u64>() > 0
                });
                victim.kill();
            }
            clients.into_iter().map(|client| client.join().unwrap()).collect()
        });
        results.iter().fold((0, 0), |sum, result| (sum.0 + result.0, sum.1 + result.1))
    };
    let (before, lost) = load(&victim.address, usize::MAX);
    assert!(before < LEFT, "the host was killed before the limit was reached");
    let leases = arena.world.redis_client().leases(&tenant.id);
    let forfeited = i64::try_from(leases.unreported().iter().sum::<u64>()).unwrap();
    assert!(leases.unreported().iter().all(|units| *units <= 1_500 / 64), "{leases:?}");
    let mut admitted = before;
    // The units that the instances of the other host return are admitted in the second and third rounds.
    for _ in 0..3 {
        admitted += load(&steady.address, usize::MAX).0;
        sleep(Duration::from_millis(1_200));
    }
    let least = LEFT - forfeited - lost;
    assert!((least..=LEFT).contains(&admitted), "{admitted}, {forfeited} forfeited, {lost} lost");
}
