//! `spin:postgres`

use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::{App, Config, Postgres};

const CALLS: [&str; 4] = ["execute", "execute-async", "query", "query-async"];

fn config(server: &Postgres) -> Config {
    let authority = server.authority();
    Config::new(&format!(
        r#"
        [[trigger.http]]
        route = "/a"
        component = "a"
        [[trigger.http]]
        route = "/b"
        component = "b"
        [component.a]
        source = "GUEST"
        allowed_outbound_hosts = ["postgres://{authority}"]
        [component.b]
        source = "GUEST"
        allowed_outbound_hosts = ["postgres://{authority}"]
        "#
    ))
}

fn run(app: &App, address: &str, call: &str, statement: &str, parameters: Value) -> String {
    let arguments = json!({
        "address": address, "call": call, "statement": statement, "parameters": parameters
    });
    app.call("postgres", &arguments)
}

#[test]
fn every_call_returns_results() {
    let server = Postgres::start();
    let app = config(&server).start();
    let address = server.address("calls");
    let run = |call, statement| run(&app, &address, call, statement, Value::Null);
    let column = "[Column { name: \"n\", data-type: DbDataType::Int32 }]";
    let rows = "[[DbValue::Int32(1)], [DbValue::Int32(2)]]";
    let select = "SELECT n FROM generate_series(1, 2) n";
    assert_eq!(run("execute", select), "Ok(2)");
    assert_eq!(run("execute-async", select), "Ok(2)");
    assert_eq!(run("query", select), format!("Ok(RowSet {{ columns: {column}, rows: {rows} }})"));
    assert_eq!(run("query-async", select), format!("{column} {rows} Ok(())"));
    // More than the host buffers.
    let many = run("query-async", "SELECT n FROM generate_series(1, 1000) n");
    assert!(many.contains("[DbValue::Int32(1000)]") && many.ends_with("Ok(())"));
}

#[test]
fn every_connection_method_is_checked() {
    let server = Postgres::start();
    let app = config(&server).start();
    let allowed = server.address("ways");
    let other = "postgres://postgres@127.0.0.1:1/postgres";
    for open in ["open", "open-async", "build", "build-async"] {
        let run = |address: &str| {
            let arguments = json!({
                "address": address, "open": open, "call": "query", "statement": "SELECT 1"
            });
            app.call("postgres", &arguments)
        };
        assert!(run(&allowed).starts_with("Ok("), "{open}");
        assert_eq!(
            run(other),
            "Err(Error::ConnectionFailed(\"address postgres://127.0.0.1:1 is not permitted\"))",
            "{open}"
        );
        let socket = run("host=/tmp user=postgres");
        assert!(socket.contains("Unix sockets are not supported"), "{open} {socket}");
    }
    let root = json!({
        "address": allowed, "open": "build-with-root", "root": "no certificate",
        "call": "query", "statement": "SELECT 1"
    });
    assert!(app.call("postgres", &root).starts_with("Err(Error::Other(\"invalid root certificate"));
}

#[test]
fn tls_is_used_on_request() {
    let server = Postgres::start();
    let app = config(&server).start();
    let run = |mode: &str| {
        let address = format!("{}&sslmode={mode}", server.address("tls"));
        run(&app, &address, "query", "SELECT 1", Value::Null)
    };
    // The server has no TLS.
    assert!(run("disable").starts_with("Ok("));
    assert!(run("prefer").starts_with("Ok("));
    assert!(run("require").contains("server does not support TLS"));
}

#[test]
fn server_error_has_all_fields() {
    let server = Postgres::start();
    let app = config(&server).start();
    let address = server.address("errors");
    let run = |call, statement| run(&app, &address, call, statement, Value::Null);
    run("execute", "CREATE TABLE IF NOT EXISTS errors (id INT PRIMARY KEY)");
    run("execute", "INSERT INTO errors VALUES (1) ON CONFLICT DO NOTHING");

    let insert = "INSERT INTO errors VALUES (1) RETURNING id";
    for call in CALLS {
        let answer = run(call, insert);
        assert!(answer.contains("23505"), "{call} {answer}");
        assert!(
            answer.contains("(\"constraint\", \"errors_pkey\")") || call == "query",
            "{answer}"
        );
        // Only `query` returns an error that arrives with the rows as text.
        assert_eq!(answer.contains("QueryError::Text"), call == "query", "{call} {answer}");
    }
    for call in CALLS {
        let answer = run(call, "SELECT * FROM none");
        assert!(
            answer.contains("QueryError::DbError") && answer.contains("code: \"42P01\""),
            "{answer}"
        );
    }
    // Rows before the error are returned.
    let answer = run("query-async", "SELECT 1 / (2 - n) AS x FROM generate_series(1, 3) n");
    assert!(
        answer.contains("[[DbValue::Int32(1)]] Err(Error::QueryFailed(QueryError::DbError("),
        "{answer}"
    );
}

#[test]
fn query_without_rows_is_an_error() {
    let server = Postgres::start();
    let app = config(&server).start();
    let address = server.address("no-rows");
    let select = "SELECT 1 WHERE false";
    let answer = run(&app, &address, "query", select, Value::Null);
    assert!(answer.contains("there are no rows"), "{answer}");
    assert_eq!(run(&app, &address, "query-async", select, Value::Null), "[] [] Ok(())");
    assert_eq!(run(&app, &address, "execute", select, Value::Null), "Ok(0)");
}

#[test]
fn values_are_read_by_type() {
    let server = Postgres::start();
    let app = config(&server).start();
    let address = server.address("values");
    for (expression, expected) in [
        ("true", "Boolean(true)"),
        ("1::INT2", "Int16(1)"),
        ("1::INT8", "Int64(1)"),
        ("1.5::FLOAT4", "Floating32(1.5)"),
        ("1.5::FLOAT8", "Floating64(1.5)"),
        ("1.50::NUMERIC", "Decimal(\"1.50\")"),
        ("'x'::CHAR(3)", "Str(\"x  \")"),
        ("'\\x0102'::BYTEA", "Binary([1, 2])"),
        ("'2026-01-31'::DATE", "Date((2026, 1, 31))"),
        ("'01:02:03.5'::TIME", "Time((1, 2, 3, 500000000))"),
        ("'2026-01-31 01:02:03'::TIMESTAMP", "Datetime((2026, 1, 31, 1, 2, 3, 0))"),
        (
            "'A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11'::UUID",
            "Uuid(\"a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11\")",
        ),
        ("'{\"a\": 1}'::JSONB", "Jsonb([123, 34, 97, 34, 58, 49, 125])"),
        (
            "int4range(1, 5)",
            "RangeInt32((Some((1, RangeBoundKind::Inclusive)), Some((5, RangeBoundKind::Exclusive))))",
        ),
        ("ARRAY['a', NULL]", "ArrayStr([Some(\"a\"), None])"),
        ("ARRAY[1.5, NULL]", "ArrayDecimal([Some(\"1.5\"), None])"),
        (
            "INTERVAL '1 month 2 days 3 seconds'",
            "Interval(Interval { micros: 3000000, days: 2, months: 1 })",
        ),
        ("NULL::TIMESTAMPTZ::TEXT", "DbNull"),
        ("'{}'::JSON", "Unsupported([123, 125])"),
        ("'127.0.0.1'::INET", "Unsupported([2, 32, 0, 4, 127, 0, 0, 1])"),
    ] {
        let answer = run(&app, &address, "query", &format!("SELECT {expression}"), Value::Null);
        assert!(
            answer.contains(&format!("rows: [[DbValue::{expected}]]")),
            "{expression}: {answer}"
        );
    }
    // Spin regards these types as readable, but cannot read them.
    for expression in ["now()", "'NaN'::NUMERIC", "NULL::TIMESTAMPTZ"] {
        let select = format!("SELECT {expression}");
        let answer = run(&app, &address, "query-async", &select, Value::Null);
        assert!(
            answer
                .contains("Err(Error::QueryFailed(QueryError::Text(\"error deserializing column 0"),
            "{answer}"
        );
    }
}

#[test]
fn parameters_must_match_server_types() {
    let server = Postgres::start();
    let app = config(&server).start();
    let address = server.address("parameters");
    let run = |call, ty: &str, parameter: &Value| {
        let statement = format!("SELECT $1::{ty}::TEXT");
        run(&app, &address, call, &statement, json!([parameter]))
    };
    for (ty, parameter, expected) in [
        ("INT4", json!({ "i32": 1 }), "Str(\"1\")"),
        ("INT8", json!({ "i64": 1 }), "Str(\"1\")"),
        ("TEXT", json!({ "text": "x" }), "Str(\"x\")"),
        (
            "UUID",
            json!({ "uuid": "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11" }),
            "Str(\"a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11\")",
        ),
        ("JSONB", json!({ "jsonb": "{\"a\":1}" }), "Str(\"{\\\"a\\\": 1}\")"),
        ("TIMESTAMPTZ", json!({ "timestamp": 0 }), "Str(\"1970-01-01 00:00:00"),
        ("TEXT[]", json!({ "texts": ["a", null] }), "Str(\"{a,NULL}\")"),
        ("INET", json!({ "null": null }), "DbNull"),
    ] {
        let answer = run("query", ty, &parameter);
        assert!(answer.contains(&format!("DbValue::{expected}")), "{ty} {answer}");
    }
    for (ty, parameter) in [
        ("INT8", json!({ "i32": 1 })),
        ("INT4", json!({ "i64": 1 })),
        ("UUID", json!({ "text": "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11" })),
        ("JSONB", json!({ "text": "{}" })),
        ("TIMESTAMPTZ", json!({ "datetime": 0 })),
        ("TIMESTAMP", json!({ "timestamp": 0 })),
    ] {
        let answer = run("query", ty, &parameter);
        assert!(answer.contains("kind: ToSql(0), cause: Some(WrongType"), "{ty} {answer}");
    }
    // An invalid value is a different error for each kind of call.
    let bad = json!({ "uuid": "none" });
    assert!(run("execute", "UUID", &bad).starts_with("Err(Error::ValueConversionFailed("));
    assert!(run("query", "UUID", &bad).starts_with("Err(Error::BadParameter("));
    assert!(run("query-async", "UUID", &bad).starts_with("Err(Error::BadParameter("));
}

#[test]
fn pooled_connection_is_reset() {
    let server = Postgres::start();
    let app = config(&server).start();
    let address = server.address("clean");
    let run = |statement: &str| run(&app, &address, "query", statement, Value::Null);
    let first = run("SELECT pg_backend_pid(), set_config('search_path', 'changed', false)");
    let second = run("SELECT pg_backend_pid(), current_setting('search_path')");
    let id = |answer: &str| {
        let (_, rest) = answer.split_once("DbValue::Int32(").unwrap();
        rest.split(')').next().unwrap().to_owned()
    };
    assert_eq!(id(&first), id(&second));
    assert!(first.contains("changed") && !second.contains("changed"), "{second}");
}

/// Returns the number of connections named `name`, as counted by the component `b`.
fn count(app: &App, server: &Postgres, name: &str) -> usize {
    let statement =
        format!("SELECT count(*)::INT4 FROM pg_stat_activity WHERE application_name = '{name}'");
    let arguments =
        json!({ "address": server.address("count"), "call": "query", "statement": statement });
    let answer = app.call_at("/b", "postgres", &arguments);
    let (_, rest) = answer.split_once("rows: [[DbValue::Int32(").unwrap();
    rest.split(')').next().unwrap().parse().unwrap()
}

#[test]
fn pool_has_64_connections() {
    let server = Postgres::start();
    let app = config(&server).start();
    let hold = json!({ "address": server.address("pool"), "count": 40, "ms": 700 });
    thread::scope(|scope| {
        // The second call starts when the first has all of its connections. With half of them each, both would wait.
        let first = scope.spawn(|| app.call("postgres-hold", &hold));
        while count(&app, &server, "pool") < 40 && !first.is_finished() {
            thread::sleep(Duration::from_millis(10));
        }
        let holding = [first, scope.spawn(|| app.call("postgres-hold", &hold))];
        let mut most = 0;
        while holding.iter().any(|thread| !thread.is_finished()) {
            most = most.max(count(&app, &server, "pool"));
            thread::sleep(Duration::from_millis(50));
        }
        assert_eq!(most, 64);
        for thread in holding {
            assert_eq!(thread.join().unwrap(), "40");
        }
    });
    // Connections are kept, and another component has its own.
    assert_eq!(count(&app, &server, "pool"), 64);
    let arguments =
        json!({ "address": server.address("pool"), "call": "execute", "statement": "SELECT 1" });
    app.call_at("/b", "postgres", &arguments);
    assert_eq!(count(&app, &server, "pool"), 65);
}

#[test]
fn connections_can_be_limited() {
    let server = Postgres::start();
    let app = config(&server).runtime_config("[outbound_pg]\nmax_connections = 2").start();
    // One connection for each call. Two calls that wait for a second connection would never end.
    let hold = json!({ "address": server.address("limit"), "count": 1, "ms": 300 });
    let start = Instant::now();
    thread::scope(|scope| {
        for path in ["/a", "/b", "/a", "/b"] {
            let (app, hold) = (&app, &hold);
            scope.spawn(move || assert_eq!(app.call_at(path, "postgres-hold", hold), "1"));
        }
    });
    assert!(start.elapsed() >= Duration::from_millis(600));
}
