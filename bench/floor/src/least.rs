//! The minimum for a request of the application: the headers of its contract, and for a verified request also the
//! application's admission script. It verifies no token and writes no log.

use std::cell::RefCell;

use spin_sdk::{
    redis::{Connection, RedisParameter, RedisResult},
    wasip3::http::types::Request,
};

use tenancy::admission::{Metering, protocol};

use crate::{Answer, stores};

const KEYS: [&str; 3] = ["t:{floor}:tenant", "t:{floor}:user:floor", "t:{floor}:session:floor"];
const VERSION: i64 = 1;
/// A limit that is never reached.
const PLENTY: i64 = 1_000_000_000_000;

/// The headers of every response.
const HEADERS: [(&str, &str); 7] = [
    ("content-type", "application/json"),
    ("vary", "origin"),
    ("x-request-id", "0190aaaa-bbbb-7ccc-8ddd-eeeeffff0001"),
    ("x-content-type-options", "nosniff"),
    ("referrer-policy", "no-referrer"),
    ("content-security-policy", "default-src 'none'; frame-ancestors 'none'"),
    ("cache-control", "no-store"),
];
/// The additional headers of a response to a verified request.
const LIMITS: [(&str, &str); 2] = [
    ("ratelimit-policy", "\"minute\";q=1000000000000;w=60, \"day\";q=1000000000000;w=86400"),
    ("ratelimit", "\"minute\";r=999999990000;t=30, \"day\";r=999999990000;t=40000"),
];
/// About as long as the application's JSON of a tenant.
const BODY: [u8; 430] = [b' '; 430];

thread_local! {
    static SCRIPT: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Serves the minimum for `/health`.
pub(crate) fn public(request: &Request) -> Answer {
    read(request);
    Answer { headers: owned(&HEADERS), body: b"{\"status\":\"healthy\"}".to_vec() }
}

/// Serves the minimum for `/api/v1/tenant/info`.
pub(crate) async fn verified(request: &Request) -> Result<Answer, String> {
    let headers = read(request);
    if !headers.iter().any(|(name, _)| name == "authorization") {
        return Err("the request has no credential".to_owned());
    }
    let connection = stores::connection().await?;
    if !admit(&connection).await? {
        prepare(&connection).await?;
        if !admit(&connection).await? {
            return Err("the call was not counted".to_owned());
        }
    }
    Ok(Answer { headers: [owned(&HEADERS), owned(&LIMITS)].concat(), body: BODY.to_vec() })
}

/// Reads the data that the application needs for any request from the host.
fn read(request: &Request) -> Vec<(String, Vec<u8>)> {
    let _ = (request.get_method(), request.get_authority());
    request.get_headers().copy_all()
}

fn owned(headers: &[(&str, &str)]) -> Vec<(String, Vec<u8>)> {
    headers.iter().map(|(name, value)| ((*name).to_owned(), value.as_bytes().to_vec())).collect()
}

/// Counts a call. Returns `false` if Redis must be prepared first.
async fn admit(connection: &Connection) -> Result<bool, String> {
    let Some(script) = SCRIPT.with_borrow(Clone::clone) else { return Ok(false) };
    let mut arguments = vec![text(&script), RedisParameter::Int64(3)];
    arguments.extend(KEYS.map(text));
    arguments.extend([
        RedisParameter::Int64(VERSION),
        RedisParameter::Int64(VERSION),
        RedisParameter::Int64(Metering::All as i64),
    ]);
    match execute(connection, "EVALSHA", arguments).await?.last() {
        Some(RedisResult::Binary(numbers)) => {
            let (numbers, _) = numbers.as_chunks::<8>();
            let outcome = numbers.get(protocol::OUTCOME).copied().map(i64::from_be_bytes);
            Ok(outcome == Some(protocol::COUNTED))
        }
        other => Err(format!("unexpected Redis reply {other:?}")),
    }
}

/// Makes the versions fresh for another minute, and creates the counter of this day.
async fn prepare(connection: &Connection) -> Result<(), String> {
    let loaded =
        execute(connection, "SCRIPT", vec![text("LOAD"), text(protocol::ADMIT.source())]).await?;
    let [RedisResult::Binary(script)] = loaded.as_slice() else {
        return Err(format!("unexpected Redis reply {loaded:?}"));
    };
    let script = String::from_utf8_lossy(script).into_owned();
    SCRIPT.with_borrow_mut(|kept| *kept = Some(script));
    let time = execute(connection, "TIME", vec![]).await?;
    let Some(RedisResult::Binary(seconds)) = time.first() else {
        return Err(format!("unexpected Redis reply {time:?}"));
    };
    let seconds =
        String::from_utf8_lossy(seconds).parse().map_err(|_| "Redis returned no valid time")?;
    for key in KEYS {
        let fields = [
            ("version", VERSION),
            ("checked", seconds),
            ("per_minute", PLENTY),
            ("per_day", PLENTY),
        ];
        let fields = fields.map(|(name, value)| [text(name), RedisParameter::Int64(value)]);
        let arguments = [text(key)].into_iter().chain(fields.into_iter().flatten()).collect();
        execute(connection, "HSET", arguments).await?;
    }
    let day = format!("t:{{floor}}:usage:api_calls:{}", seconds / 86_400);
    execute(connection, "SET", vec![text(&day), text("1"), text("NX")]).await?;
    Ok(())
}

async fn execute(
    connection: &Connection,
    command: &str,
    arguments: Vec<RedisParameter>,
) -> Result<Vec<RedisResult>, String> {
    connection.execute(command, arguments).await.map_err(|error| format!("{error:?}"))
}

fn text(text: &str) -> RedisParameter {
    RedisParameter::Binary(text.as_bytes().to_vec())
}
