//! `/api/v1/cache`

use std::{thread::sleep, time::Duration};

use e2e::World;
use serde_json::json;

#[test]
fn entry_is_returned_unchanged() {
    let tenant = World::get().tenant();
    let token = &tenant.admin.access_token;
    let bytes: Vec<u8> = (0..=255).collect();
    let put = || {
        let call = tenant.put("/api/v1/cache/a/key%20with%2Fslashes?ttl=100", bytes.clone());
        call.token(token).send().status
    };
    assert_eq!((put(), put()), (201, 204));
    let got = tenant.get("/api/v1/cache/a/key%20with%2Fslashes").token(token).send();
    assert_eq!((got.status, got.bytes.as_slice()), (200, bytes.as_slice()));
    assert_eq!(got.header("content-type"), "application/octet-stream");
    let ttl: u32 = got.header("x-cache-ttl").parse().unwrap();
    assert!((90..=100).contains(&ttl), "{ttl}");
    let empty = tenant.put("/api/v1/cache/empty", "").token(token).send();
    assert_eq!(empty.status, 201);
    assert_eq!(tenant.get("/api/v1/cache/empty").token(token).send().bytes, b"");
}

#[test]
fn entry_expires_and_can_be_deleted() {
    let tenant = World::get().tenant();
    let token = &tenant.admin.access_token;
    let get = |key: &str| tenant.get(&format!("/api/v1/cache/{key}")).token(token).send();
    tenant.put("/api/v1/cache/short?ttl=1", "x").token(token).send();
    assert_eq!(get("short").status, 200);
    sleep(Duration::from_millis(1_200));
    get("short").expect_problem(404, "cache_entry_not_found");
    tenant.put("/api/v1/cache/k", "x").token(token).send();
    assert_eq!(tenant.delete("/api/v1/cache/k").token(token).send().status, 204);
    get("k").expect_problem(404, "cache_entry_not_found");
    let again = tenant.delete("/api/v1/cache/k").token(token).send();
    again.expect_problem(404, "cache_entry_not_found");
}

#[test]
fn entry_size_and_ttl_are_limited() {
    let world = World::get();
    let tenant = world.tenant();
    let token = &tenant.admin.access_token;
    let put = |path: &str, size: usize| tenant.put(path, vec![7; size]).token(token).send();
    assert_eq!(put("/api/v1/cache/big", 1024 * 1024).status, 201);
    put("/api/v1/cache/big", 1024 * 1024 + 1).expect_problem(413, "body_too_large");
    for ttl in ["0", "2592001", "-1", "x"] {
        let path = format!("/api/v1/cache/k?ttl={ttl}");
        assert_eq!(put(&path, 1).expect_invalid(), ["ttl"]);
    }
    let long = "k".repeat(513);
    for key in [long.as_str(), "%00", "a%0ab", "%ff"] {
        assert_eq!(put(&format!("/api/v1/cache/{key}"), 1).expect_invalid(), ["key"], "{key}");
    }
    // The tenant's part has a limit. The entries closest to expiry are evicted.
    for number in 0..70 {
        let path = format!("/api/v1/cache/n{number}?ttl={}", 1_000 + number);
        assert_eq!(put(&path, 1024 * 1024).status, 201);
    }
    tenant.get("/api/v1/cache/n0").token(token).send().expect_problem(404, "cache_entry_not_found");
    assert_eq!(tenant.get("/api/v1/cache/n69").token(token).send().status, 200);
    let size = world.redis(&["GET", &world.redis_key(&format!("t:{{{}}}:cache_bytes", tenant.id))]);
    let size: i64 = size[0].parse().unwrap();
    assert!(size <= 64 * 1024 * 1024, "{size}");
}

// S20
#[test]
fn clearing_keeps_entries_of_other_tenants() {
    let world = World::get();
    let (tenant, other) = (world.tenant(), world.tenant());
    let token = &tenant.admin.access_token;
    for number in 0..5 {
        tenant.put(&format!("/api/v1/cache/{number}"), "mine").token(token).send();
    }
    let of_other = other.put("/api/v1/cache/0", "theirs").token(&other.admin.access_token).send();
    assert_eq!(of_other.status, 201);
    // The script writes the same keys as the service.
    let script = "for i = 1, 10000 do
            redis.call('SET', KEYS[1] .. 'x' .. i, 'theirs')
            redis.call('ZADD', KEYS[2], 9999999999, 'x' .. i) end return 1";
    let key = |name: &str| world.redis_key(&format!("t:{{{}}}:{name}", other.id));
    let (entries, ends) = (key("cache:"), key("cache_ends"));
    world.redis(&["EVAL", script, "2", &entries, &ends]);
    let cleared = tenant.delete("/api/v1/cache").token(token).send().expect(200);
    assert_eq!(cleared, json!({ "cleared": 5 }));
    tenant.get("/api/v1/cache/0").token(token).send().expect_problem(404, "cache_entry_not_found");
    assert_eq!(tenant.delete("/api/v1/cache").token(token).send().expect(200)["cleared"], 0);
    let left = world.redis(&["EVAL", "return redis.call('ZCARD', KEYS[1])", "1", &ends]);
    assert_eq!(left, ["10001"]);
    let theirs = other.get("/api/v1/cache/0").token(&other.admin.access_token).send();
    assert_eq!(theirs.text, "theirs");
    // Clearing the other part deletes all of its entries.
    let cleared = other.delete("/api/v1/cache").token(&other.admin.access_token).send().expect(200);
    assert_eq!(cleared["cleared"], 10_001);
    assert_eq!(tenant.wait_until_audited("cache.cleared", 2)[0]["detail"]["cleared"], 5);
}

// S20, S23
#[test]
fn entry_is_sealed_for_its_key() {
    let world = World::get();
    let (tenant, other) = (world.tenant(), world.tenant());
    let token = &tenant.admin.access_token;
    tenant.put("/api/v1/cache/a", "in plain sight").token(token).send();
    let key = |tenant: &e2e::TestTenant, name: &str| format!("t:{{{}}}:cache:{name}", tenant.id);
    let raw = world.redis(&["GET", &key(&tenant, "a")]);
    assert!(!raw[0].contains("plain sight"));
    let copy = "local v = redis.call('GET', KEYS[1]) redis.call('SET', KEYS[2], v) return 1";
    for (to, reader) in [(key(&tenant, "b"), &tenant), (key(&other, "b"), &other)] {
        world.redis(&["EVAL", copy, "2", &key(&tenant, "a"), &to]);
        let moved = reader.get("/api/v1/cache/b").token(&reader.admin.access_token).send();
        moved.expect_problem(404, "cache_entry_not_found");
    }
}

#[test]
fn viewer_cannot_write() {
    let tenant = World::get().tenant();
    let viewer = tenant.user("viewer");
    tenant.put("/api/v1/cache/k", "v").token(&tenant.admin.access_token).send();
    assert_eq!(tenant.get("/api/v1/cache/k").token(&viewer.access_token).send().text, "v");
    let put = tenant.put("/api/v1/cache/k", "w").token(&viewer.access_token).send();
    put.expect_problem(403, "forbidden");
}

#[test]
fn limit_includes_redis_overhead() {
    let world = World::get();
    let tenant = world.tenant();
    let token = &tenant.admin.access_token;
    for (name, length) in [("a".to_owned(), 1), ("n".repeat(500), 1), ("b".to_owned(), 10_000)] {
        let path = format!("/api/v1/cache/{name}");
        assert_eq!(tenant.put(&path, vec![b'x'; length]).token(token).send().status, 201);
    }
    let key = |name: &str| world.redis_key(&format!("t:{{{}}}:{name}", tenant.id));
    let number = |lines: Vec<String>| lines.join("").trim().parse::<i64>().unwrap();
    let counted = number(world.redis(&["GET", &key("cache_bytes")]));
    let mut used = 0;
    for name in [
        "cache:a",
        &format!("cache:{}", "n".repeat(500)),
        "cache:b",
        "cache_ends",
        "cache_sizes",
        "cache_bytes",
    ] {
        used += number(world.redis(&["MEMORY", "USAGE", &key(name), "SAMPLES", "0"]));
    }
    assert!(counted >= used, "{counted} of {used} are counted");
}
