//! The time that the gate adds to a request, on a real Spin.

use std::time::Instant;

use e2e::{Call, Connections, Guarded, World};
use http::Method;

/// The rounds of the measurement, whose order alternates between the kinds of requests.
const ROUNDS: usize = 40;
/// The requests of each kind in a round.
const REQUESTS: usize = 100;

/// Returns the median in milliseconds.
fn median(times: &mut [f64]) -> f64 {
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}

#[test]
#[ignore = "needs a real Spin"]
fn overhead_of_gate() {
    let world = World::get();
    let tenant = world.tenant();
    tenant.allow_many_calls();
    let key = tenant.api_key(&["tenant:read"]);
    let url = format!("http://{}", world.address());
    let routes = "GET /public public; GET /notes tenant:read";
    let guarded = Guarded::start(&[("tenancy_url", &url), ("tenancy_routes", routes)]);
    let unguarded = Guarded::unguarded();
    let kinds = [
        ("the application without the gate", unguarded.address(), "/notes"),
        ("a public route behind the gate", guarded.address(), "/public"),
        ("a verified route behind the gate", guarded.address(), "/notes"),
        ("a verification by Tenancy", world.address(), "/api/v1/auth/verify?scope=tenant:read"),
    ];
    let connections = kinds.map(|_| Connections::default());
    let mut times = kinds.map(|_| Vec::new());
    for round in 0..=ROUNDS {
        for (kind, (_, address, path)) in kinds.iter().enumerate() {
            for _ in 0..REQUESTS {
                let call = Call::new(Method::GET, address, path).header("x-api-key", &key);
                let call = call.over(&connections[kind]);
                let begin = Instant::now();
                let answer = call.try_send().unwrap();
                let time = begin.elapsed().as_secs_f64() * 1_000.0;
                assert_eq!(answer.status, 200, "{}", answer.text);
                // The first round fills the caches.
                if round > 0 {
                    times[kind].push(time);
                }
            }
        }
    }
    let medians = times.each_mut().map(|times| median(times));
    for ((name, ..), median) in kinds.iter().zip(medians) {
        println!("{name}: {median:.3} ms at p50");
    }
    let [alone, public, verified, verification] = medians;
    println!("the gate adds to a public route: {:.3} ms", public - alone);
    println!(
        "the gate adds to a verified route, without the verification: {:.3} ms",
        verified - alone - verification
    );
}
