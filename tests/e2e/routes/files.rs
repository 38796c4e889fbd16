//! `/api/v1/files`

use std::{
    io::{Read as _, Write as _},
    net::TcpStream,
    thread::{self, sleep},
    time::{Duration, Instant},
};

use e2e::{Answer, TestTenant, World};
use serde_json::{Value, json};

/// The size of a chunk in bytes.
const CHUNK: usize = 256 * 1024;

fn put(tenant: &TestTenant, path: &str, bytes: impl Into<Vec<u8>>) -> Answer {
    let call = tenant.put(&format!("/api/v1/files/{path}"), bytes);
    call.token(&tenant.admin.access_token).send()
}

fn get(tenant: &TestTenant, path: &str) -> e2e::Call {
    tenant.get(&format!("/api/v1/files/{path}")).token(&tenant.admin.access_token)
}

fn delete(tenant: &TestTenant, path: &str) -> e2e::Call {
    tenant.delete(&format!("/api/v1/files/{path}")).token(&tenant.admin.access_token)
}

/// Returns bytes that differ by position.
fn pattern(size: usize) -> Vec<u8> {
    (0..size).map(|place| u8::try_from((place * 31 + place / 251) % 256).unwrap()).collect()
}

fn stored(tenant: &TestTenant) -> i64 {
    tenant.used("storage")["current_usage"].as_i64().unwrap()
}

#[test]
fn file_is_returned_unchanged() {
    let tenant = World::get().tenant();
    for size in [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK, 3 * CHUNK + 7] {
        let bytes = pattern(size);
        let path = format!("sizes/{size}");
        let created = put(&tenant, &path, bytes.clone());
        let view = created.expect(201);
        assert_eq!((&view["size"], &view["path"]), (&json!(size), &json!(path)));
        let list = tenant.get(&format!("/api/v1/files?prefix={path}"));
        let list = list.token(&tenant.admin.access_token).send().expect(200);
        assert!(list["items"].as_array().unwrap().contains(&view), "{view} is not in {list}");
        let got = get(&tenant, &path).send();
        assert_eq!(got.status, 200);
        assert!(got.bytes == bytes, "{size}");
        assert_eq!(got.header("content-length"), size.to_string());
        assert_eq!(got.header("etag"), created.header("etag"));
        assert_eq!(got.header("accept-ranges"), "bytes");
    }
    assert_eq!(stored(&tenant), i64::try_from(9 * CHUNK + 8).unwrap());
}

#[test]
fn content_type_is_kept_and_sandboxed() {
    let tenant = World::get().tenant();
    let call = tenant.call_put("/api/v1/files/page.html", "text/html; charset=utf-8", "<script>");
    call.token(&tenant.admin.access_token).send().expect(201);
    let got = get(&tenant, "page.html").send();
    assert_eq!(got.header("content-type"), "text/html; charset=utf-8");
    // S32
    assert_eq!(got.header("x-content-type-options"), "nosniff");
    assert!(got.header("content-security-policy").contains("sandbox"));
    assert_eq!(got.header("cache-control"), "private, no-cache");
    let head = tenant.head("/api/v1/files/page.html").token(&tenant.admin.access_token).send();
    assert_eq!((head.status, head.text.as_str()), (200, ""));
    assert_eq!(head.header("content-length"), "8");
    get(&tenant, "none").send().expect_problem(404, "file_not_found");
}

#[test]
fn range_returns_requested_part() {
    let tenant = World::get().tenant();
    let bytes = pattern(2 * CHUNK + 100);
    let size = bytes.len();
    let etag = put(&tenant, "f", bytes.clone()).header("etag").to_owned();
    let part = |range: &str| get(&tenant, "f").header("range", range).send();
    for (range, first, last) in [
        ("bytes=0-0".to_owned(), 0, 0),
        ("bytes=10-19".to_owned(), 10, 19),
        (format!("bytes={}-{}", CHUNK - 1, CHUNK), CHUNK - 1, CHUNK),
        (format!("bytes={}-", 2 * CHUNK), 2 * CHUNK, size - 1),
        ("bytes=-100".to_owned(), size - 100, size - 1),
        ("bytes=0-99999999".to_owned(), 0, size - 1),
    ] {
        let answer = part(&range);
        assert_eq!(answer.status, 206, "{range}");
        assert!(answer.bytes == bytes[first..=last], "{range}");
        assert_eq!(answer.header("content-range"), format!("bytes {first}-{last}/{size}"));
    }
    let not_there = part(&format!("bytes={size}-"));
    not_there.expect_problem(416, "range_not_satisfiable");
    assert_eq!(not_there.header("content-range"), format!("bytes */{size}"));
    assert_eq!(part("bytes=0-1,5-6").status, 200);
    let of = |tag: &str| {
        get(&tenant, "f").header("range", "bytes=0-1").header("if-range", tag).send().status
    };
    assert_eq!((of(&etag), of("\"other\"")), (206, 200));
}

#[test]
fn failed_condition_returns_412() {
    let tenant = World::get().tenant();
    let etag = put(&tenant, "f", "one").header("etag").to_owned();
    let unchanged = get(&tenant, "f").header("if-none-match", &etag).send();
    assert_eq!((unchanged.status, unchanged.text.as_str()), (304, ""));
    assert_eq!(unchanged.header("etag"), etag);
    assert_eq!(get(&tenant, "f").header("if-none-match", "\"x\"").send().status, 200);
    let put_if = |name: &str, value: &str, text: &str| {
        let call = tenant.put("/api/v1/files/f", text).header(name, value);
        call.token(&tenant.admin.access_token).send()
    };
    put_if("if-none-match", "*", "two").expect_problem(412, "precondition_failed");
    put_if("if-match", "\"01a20000000070008000000000000000\"", "two")
        .expect_problem(412, "precondition_failed");
    let list = format!("\"other\", {etag}");
    assert_eq!(get(&tenant, "f").header("if-match", &list).send().status, 200);
    let second = put_if("if-match", &list, "two");
    assert_eq!(second.status, 200);
    assert_ne!(second.header("etag"), etag);
    put_if("if-match", &etag, "three").expect_problem(412, "precondition_failed");
    assert_eq!(get(&tenant, "f").send().text, "two");
    delete(&tenant, "f")
        .header("if-match", &etag)
        .send()
        .expect_problem(412, "precondition_failed");
    assert_eq!(delete(&tenant, "f").send().status, 204);
    delete(&tenant, "f").send().expect_problem(404, "file_not_found");
    put_if("if-match", "*", "four").expect_problem(412, "precondition_failed");
    assert_eq!(stored(&tenant), 0);
}

#[test]
fn files_are_listed_by_prefix() {
    let tenant = World::get().tenant();
    for path in ["a/1", "a/2", "a/3", "a_", "b/1", "Z", "%C3%A9"] {
        put(&tenant, path, "x").expect(201);
    }
    let list = |query: &str| {
        let call = tenant.get(&format!("/api/v1/files?{query}")).token(&tenant.admin.access_token);
        call.send().expect(200)
    };
    let paths = |page: &Value| -> Vec<String> {
        let items = page["items"].as_array().unwrap().iter();
        items.map(|item| item["path"].as_str().unwrap().to_owned()).collect()
    };
    // Paths are ordered by their bytes.
    assert_eq!(paths(&list("")), ["Z", "a/1", "a/2", "a/3", "a_", "b/1", "é"]);
    assert_eq!(paths(&list("prefix=a/")), ["a/1", "a/2", "a/3"]);
    assert_eq!(paths(&list("prefix=a%25")), [] as [&str; 0]);
    let first = list("prefix=a/&limit=2");
    assert_eq!(paths(&first), ["a/1", "a/2"]);
    let cursor = first["next_cursor"].as_str().unwrap();
    let second = list(&format!("prefix=a/&limit=2&cursor={cursor}"));
    assert_eq!((paths(&second), &second["next_cursor"]), (vec!["a/3".to_owned()], &Value::Null));
}

// S28
#[test]
fn unsafe_path_is_rejected() {
    let tenant = World::get().tenant();
    let long = "n".repeat(1_025);
    for path in [
        "%2e%2e/x",
        "a/%2e%2e/x",
        "a/%2E%2E",
        "a//b",
        "a/",
        "%2Fa",
        "a%00",
        "a%0Ab",
        "a%5C..%5Cb",
        "%FF",
        "a%E2%80%AEtxt",
        &long,
    ] {
        assert_eq!(put(&tenant, path, "x").expect_invalid(), ["path"], "{path}");
        assert_eq!(get(&tenant, path).send().expect_invalid(), ["path"], "{path}");
    }
    // Some clients do not normalize the path.
    let raw = raw_request(&tenant, "PUT /api/v1/files/a/../../../etc/passwd", &[], b"x");
    assert!(raw.starts_with("HTTP/1.1 4"), "{raw}");
    assert_eq!(put(&tenant, "%252e%252e", "x").expect(201)["path"], "%2e%2e");
    assert_eq!(stored(&tenant), 1);
}

/// Sends a raw request, and returns the response. The body may be shorter than the announced length.
fn raw_request(tenant: &TestTenant, line: &str, headers: &[&str], body: &[u8]) -> String {
    let mut stream = TcpStream::connect(World::get().address()).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    let is_short = headers.iter().any(|header| header.starts_with("content-length"));
    let own_length = format!("content-length: {}", body.len());
    let length = if is_short { "x-length: short" } else { &own_length };
    let head = format!(
        "{line} HTTP/1.1\r\nhost: x\r\nconnection: close\r\nauthorization: Bearer {}\r\n{length}\r\n{}",
        tenant.admin.access_token,
        headers.iter().fold(String::new(), |all, header| all + header + "\r\n"),
    );
    stream.write_all(format!("{head}\r\n").as_bytes()).unwrap();
    stream.write_all(body).unwrap();
    if is_short {
        stream.shutdown(std::net::Shutdown::Write).unwrap();
    }
    let mut answer = Vec::new();
    // The server may reset the connection if the body is too short.
    let _ = stream.read_to_end(&mut answer);
    String::from_utf8_lossy(&answer).into_owned()
}

#[test]
fn interrupted_upload_keeps_previous_file() {
    let tenant = World::get().tenant();
    put(&tenant, "f", "the first").expect(201);
    let part = pattern(2 * CHUNK + 10);
    raw_request(&tenant, "PUT /api/v1/files/f", &["content-length: 9000000"], &part);
    assert_eq!(get(&tenant, "f").send().text, "the first");
    // Its reservation is released, and its chunks are deleted.
    tenant.wait_until_stored(9);
    let begin = Instant::now();
    while World::get().stored_chunks(&tenant.id).len() != 1 {
        assert!(begin.elapsed().as_secs() < 60, "the chunks are deleted");
        sleep(Duration::from_millis(50));
    }
}

#[test]
fn replaced_or_deleted_chunks_are_removed() {
    let tenant = World::get().tenant();
    put(&tenant, "f", pattern(3 * CHUNK)).expect(201);
    assert_eq!(put(&tenant, "f", "short").status, 200);
    let wait = |count: usize| {
        let begin = Instant::now();
        while World::get().stored_chunks(&tenant.id).len() != count {
            assert!(begin.elapsed().as_secs() < 60, "the number of chunks is not {count}");
            sleep(Duration::from_millis(50));
        }
    };
    wait(1);
    assert_eq!(delete(&tenant, "f").send().status, 204);
    wait(0);
}

// S35
#[test]
fn storage_is_reserved_before_upload() {
    let tenant = World::get().tenant();
    tenant.limit(&json!({ "storage": 10_000 }));
    put(&tenant, "a", pattern(6_000)).expect(201);
    let refused = put(&tenant, "b", pattern(4_001));
    let problem = refused.expect_problem(507, "quota_exceeded");
    assert_eq!(
        [&problem["resource"], &problem["limit"], &problem["usage"]],
        [&json!("storage"), &json!(10_000), &json!(6_000)]
    );
    let full = put(&tenant, "b", pattern(4_000));
    full.expect(201);
    assert_eq!(full.header("quota-warning"), "storage;usage=10000;limit=10000");
    // An upload of unknown length is rejected when it exceeds the limit.
    let chunked = b"4\r\nabcd\r\n0\r\n\r\n";
    let headers = ["transfer-encoding: chunked", "x: content-length"];
    let answer = raw_chunked(&tenant, "PUT /api/v1/files/c", &headers, chunked);
    assert!(answer.starts_with("HTTP/1.1 507"), "{answer}");
    assert_eq!(delete(&tenant, "a").send().status, 204);
    let answer = raw_chunked(&tenant, "PUT /api/v1/files/c", &headers, chunked);
    assert!(answer.starts_with("HTTP/1.1 201"), "{answer}");
    assert_eq!(stored(&tenant), 4_004);
    tenant.wait_until_audited("quota.soft_limit_reached", 1);
}

fn raw_chunked(tenant: &TestTenant, line: &str, headers: &[&str], body: &[u8]) -> String {
    let mut stream = TcpStream::connect(World::get().address()).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    let head = format!(
        "{line} HTTP/1.1\r\nhost: x\r\nconnection: close\r\nauthorization: Bearer {}\r\n{}\r\n\r\n",
        tenant.admin.access_token,
        headers.join("\r\n")
    );
    stream.write_all(head.as_bytes()).unwrap();
    stream.write_all(body).unwrap();
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    String::from_utf8_lossy(&answer).into_owned()
}

// S35
#[test]
fn concurrent_uploads_never_exceed_storage() {
    let tenant = World::get().tenant();
    tenant.limit(&json!({ "storage": 5_500 }));
    let statuses: Vec<u16> = thread::scope(|scope| {
        let tenant = &tenant;
        let racers: Vec<_> = (0..16)
            .map(|number| {
                scope.spawn(move || put(tenant, &format!("f{number}"), pattern(1_000)).status)
            })
            .collect();
        racers.into_iter().map(|racer| racer.join().unwrap()).collect()
    });
    let count = |wanted: u16| statuses.iter().filter(|status| **status == wanted).count();
    assert_eq!((count(201), count(507)), (5, 11), "{statuses:?}");
    assert_eq!(stored(&tenant), 5_000);
}

// S23, S20
#[test]
fn stored_chunks_are_sealed_and_authenticated() {
    let world = World::get();
    let (tenant, other) = (world.tenant(), world.tenant());
    let text = "a secret that only the tenant can read ".repeat(CHUNK / 16);
    let bytes = text.as_bytes();
    put(&tenant, "very-secret-name", bytes).expect(201);
    put(&tenant, "second", bytes).expect(201);
    put(&other, "theirs", bytes).expect(201);
    let all = world.stored_chunks("");
    assert!(all.len() >= 9);
    for (key, value) in &all {
        let has = |needle: &[u8]| value.windows(needle.len()).any(|window| window == needle);
        assert!(!has(b"a secret that only") && !has(b"very-secret-name"), "{key}");
        assert!(!key.contains("secret") && !key.contains("theirs"), "{key}");
    }
    let chunks = world.stored_chunks(&tenant.id);
    let (first_file, _) = chunks[0].0.rsplit_once('/').unwrap();
    let of_first: Vec<_> = chunks.iter().filter(|chunk| chunk.0.starts_with(first_file)).collect();
    let of_second: Vec<_> =
        chunks.iter().filter(|chunk| !chunk.0.starts_with(first_file)).collect();
    let of_other = world.stored_chunks(&other.id);
    let set = "UPDATE spin_key_value SET value = ?2 WHERE key = ?1";
    let key = &of_first[1].0;
    let cut = of_first[1].1[..of_first[1].1.len() - 1].to_vec();
    let mut changed = of_first[1].1.clone();
    changed[100] ^= 1;
    for (what, value) in [
        ("moved", &of_first[0].1),
        ("of another file", &of_second[1].1),
        ("of another tenant", &of_other[1].1),
        ("truncated", &cut),
        ("changed", &changed),
    ] {
        world.tamper_with_chunks(set, &[key, value]);
        broken(&tenant, "very-secret-name", bytes, what);
    }
    world.tamper_with_chunks("DELETE FROM spin_key_value WHERE key = ?1", &[key]);
    broken(&tenant, "very-secret-name", bytes, "dropped");
    let insert = "INSERT INTO spin_key_value (store, key, value) VALUES ('default', ?1, ?2)";
    world.tamper_with_chunks(insert, &[key, &of_first[1].1]);
    assert!(get(&tenant, "very-secret-name").send().bytes == bytes);
    // The last chunk is removed, and the row is changed accordingly.
    let mut database = world.services.superuser(&tenant.database());
    let half = i64::try_from(2 * CHUNK).unwrap();
    let cut = "UPDATE files SET size = $1, chunk_count = 2 WHERE path = 'very-secret-name'";
    database.execute(cut, &[&half]).unwrap();
    broken(&tenant, "very-secret-name", &bytes[..2 * CHUNK], "cut off at its end");
    // A changed first chunk is detected before the response starts.
    world.tamper_with_chunks(set, &[&of_second[0].0, &of_first[0].1]);
    get(&tenant, "second").send().expect_problem(500, "internal_error");
}

/// Asserts that a file is not returned completely: either an error, or an interrupted connection.
#[track_caller]
fn broken(tenant: &TestTenant, path: &str, whole: &[u8], what: &str) {
    if let Ok(answer) = get(tenant, path).try_send() {
        assert!(answer.status == 500 && answer.bytes != whole, "{what}: {}", answer.status);
    }
}

// S18, S20
#[test]
fn foreign_file_returns_404() {
    let world = World::get();
    let (tenant, other) = (world.tenant(), world.tenant());
    put(&tenant, "mine", "mine").expect(201);
    get(&other, "mine").send().expect_problem(404, "file_not_found");
    delete(&other, "mine").send().expect_problem(404, "file_not_found");
    let cross = tenant.get("/api/v1/files/mine").token(&other.admin.access_token).send();
    cross.expect_problem(403, "tenant_mismatch");
    put(&other, "mine", "theirs").expect(201);
    assert_eq!(get(&tenant, "mine").send().text, "mine");
}

#[test]
fn viewer_cannot_write() {
    let tenant = World::get().tenant();
    let viewer = tenant.user("viewer");
    put(&tenant, "f", "x").expect(201);
    let read = tenant.get("/api/v1/files/f").token(&viewer.access_token).send();
    assert_eq!(read.text, "x");
    let write = tenant.put("/api/v1/files/f", "y").token(&viewer.access_token).send();
    write.expect_problem(403, "forbidden");
    // The tenant can also be addressed in the path.
    let world = World::get();
    let path = format!("/t/{}/files/f", tenant.slug);
    assert_eq!(world.get_path(&path).token(&viewer.access_token).send().text, "x");
}

#[test]
fn uploads_and_deletions_are_audited() {
    let tenant = World::get().tenant();
    put(&tenant, "f", "12345").expect(201);
    put(&tenant, "f", "123").expect(200);
    delete(&tenant, "f").send();
    let uploads = tenant.wait_until_audited("file.uploaded", 2);
    assert_eq!(uploads[0]["resource_id"], "f");
    assert_eq!(uploads[0]["detail"]["before"], Value::Null);
    let sizes = (&uploads[1]["detail"]["before"]["size"], &uploads[1]["detail"]["after"]["size"]);
    assert_eq!(sizes, (&json!(5), &json!(3)));
    tenant.wait_until_audited("file.deleted", 1);
}
