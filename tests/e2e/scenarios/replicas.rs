//! Replicas of the application that share all stores.

use std::{
    thread::sleep,
    time::{Duration, Instant},
};

use e2e::{Application, Call, World};
use http::Method;

/// The Redis database in which these replicas store files.
const FILES: u8 = 1;

#[test]
fn file_is_visible_on_all_replicas() {
    let world = World::get();
    let tenant = world.tenant();
    let (one, other) = (world.replica(FILES), world.replica(FILES));
    let call = |replica: &Application, method| {
        let call = Call::new(method, &replica.address, "/api/v1/files/reports/2026.bin");
        call.token(&tenant.admin.access_token)
    };
    let wait_for_chunks = |count: usize| {
        let (database, pattern) = (FILES.to_string(), format!("{}/*", tenant.id));
        let begin = Instant::now();
        while world.redis(&["-n", &database, "--scan", "--pattern", &pattern]).len() != count {
            assert!(begin.elapsed().as_secs() < 60, "the number of chunks is not {count}");
            sleep(Duration::from_millis(50));
        }
    };

    // The file has three chunks.
    let bytes: Vec<u8> =
        (0..600_000_u32).map(|place| place.to_le_bytes()[place as usize % 3]).collect();
    let put = call(&one, Method::PUT).body("application/octet-stream", bytes.clone());
    put.send().expect(201);
    wait_for_chunks(3);
    let whole = call(&other, Method::GET).send();
    assert_eq!(whole.status, 200);
    assert!(whole.bytes == bytes);
    let part = call(&other, Method::GET).header("range", "bytes=262140-262150").send();
    assert_eq!(part.status, 206);
    assert!(part.bytes == bytes[262_140..=262_150]);

    // One replica replaces the file, and the other replica deletes it.
    call(&other, Method::PUT).body("application/octet-stream", "new").send().expect(200);
    assert_eq!(call(&one, Method::GET).send().bytes, b"new");
    wait_for_chunks(1);
    assert_eq!(call(&one, Method::DELETE).send().status, 204);
    assert_eq!(call(&other, Method::GET).send().status, 404);
    wait_for_chunks(0);
}
