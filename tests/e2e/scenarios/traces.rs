//! Traces of a real Spin. The runner sends none.

use std::{collections::BTreeSet, fmt::Write as _, thread::sleep, time::Duration};

use e2e::{Application, Call, OtlpReceiver, Span, TestTenant, World, root};
use http::Method;
use serde_json::json;

/// The trace and the span of the caller.
const TRACE: u128 = 0x4bf9_2f35_77b3_4da6_a3ce_929d_0e0e_4736;
const CALLER: u64 = 0x00f0_67aa_0ba9_02b7;

/// Starts an application that sends its traces to a receiver.
fn traced(receiver: &OtlpReceiver, variables: &[(&str, &str)]) -> Application {
    let world = World::get();
    let mut all = vec![
        ("OTEL_EXPORTER_OTLP_ENDPOINT", receiver.url.as_str()),
        ("OTEL_BSP_SCHEDULE_DELAY", "50"),
    ];
    all.extend(variables);
    Application::start_with(&world.settings(), &world.services.folder(), &all)
}

/// Writes a cache value of a tenant, as a part of [`TRACE`].
fn write(application: &Application, tenant: &TestTenant, value: &str) {
    let call = Call::new(Method::PUT, &application.address, "/api/v1/cache/greeting");
    let call = call.token(&tenant.admin.access_token).body("text/plain", value);
    let answer = call.header("traceparent", &format!("00-{TRACE:032x}-{CALLER:016x}-01")).send();
    assert!((200..300).contains(&answer.status), "{}", answer.text);
}

/// Returns the names of the spans below a parent, each two spaces to the right of its parent.
fn tree(spans: &[Span], parent: &[u8], indent: usize) -> String {
    let mut text = String::new();
    for span in spans.iter().filter(|span| span.parent_span_id == parent) {
        writeln!(text, "{:indent$}{}", "", span.name).unwrap();
        text += &tree(spans, &span.span_id, indent + 2);
    }
    text
}

/// Returns the lines of the block of code in docs/operations.md that starts with this line, without the durations.
fn documented(start: &str) -> String {
    let document = std::fs::read_to_string(root().join("docs/operations.md")).unwrap();
    let (_, block) = document.split_once(&format!("```text\n{start}")).unwrap();
    let (block, _) = block.split_once("```").unwrap();
    let lines = format!("{start}{block}");
    let names =
        lines.lines().map(|line| line.trim_end_matches(|c: char| " .msµ0123456789".contains(c)));
    names.fold(String::new(), |text, name| text + name + "\n")
}

#[test]
#[ignore = "needs a real Spin"]
fn spin_sends_trace_of_request() {
    let tenant = World::get().tenant();
    let receiver = OtlpReceiver::start();
    let application = traced(&receiver, &[]);
    write(&application, &tenant, "hello");
    let spans = receiver.trace(TRACE, "PUT /api/v1/cache/...");
    let sent = tree(&spans, &CALLER.to_be_bytes(), 0);
    let names = ["PUT /api/v1/cache/...", "  execute_wasm_component tenant"];
    assert_eq!(sent.lines().collect::<Vec<_>>(), names);
    assert_eq!(spans.len(), names.len(), "each span descends from the caller's: {spans:#?}");
    assert_eq!(documented("PUT /api/v1/cache/"), sent.replace("...", ""));

    // If this fails, Spin connects the calls of stores to the request. Update docs/operations.md.
    let all = receiver.spans();
    for name in ["spin_outbound_pg.query_async", "EVALSHA"] {
        let calls: Vec<_> = all.iter().filter(|span| span.name == name).collect();
        assert!(!calls.is_empty(), "no {name} in {all:#?}");
        assert!(calls.iter().all(|span| span.parent_span_id.is_empty()), "{calls:#?}");
    }
}

// S7, S39
#[test]
#[ignore = "needs a real Spin"]
fn traces_have_no_secrets() {
    let tenant = World::get().tenant();
    let receiver = OtlpReceiver::start();
    let application = traced(&receiver, &[]);
    let credentials = json!({ "email": tenant.admin.email, "password": tenant.admin.password });
    let login = Call::new(Method::POST, &application.address, "/api/v1/auth/login");
    let signed_in = login.slug(&tenant.slug).json(&credentials).send().expect(200);
    let value = "a value of a tenant that no trace has";
    write(&application, &tenant, value);
    receiver.trace(TRACE, "PUT /api/v1/cache/...");
    // The exporter sends the spans of later work in further batches.
    sleep(Duration::from_millis(500));
    assert!(receiver.has_received("/api/v1/cache/greeting"), "the paths are not secret");
    assert!(receiver.has_received(&tenant.id), "the arguments of Redis commands are not secret");
    let mut secrets = vec![value.to_owned(), tenant.admin.password.clone()];
    let tokens = ["access_token", "refresh_token"].map(|name| signed_in[name].as_str().unwrap());
    secrets.extend(tokens.map(str::to_owned));
    secrets.push(tenant.admin.access_token.clone());
    let settings = World::get().settings();
    let of_settings = [
        "MASTER_ENCRYPTION_KEY",
        "JWT_SECRET_KEY",
        "ADMIN_API_KEY",
        "REDIS_URL",
        "MASTER_DATABASE_URL",
    ];
    secrets.extend(of_settings.map(|name| settings[name].clone()));
    secrets.extend(
        ["ACCOUNT_PASSWORD", "REDIS_PASSWORD"]
            .map(|name| World::get().services.value(name).to_owned()),
    );
    for secret in secrets {
        assert!(!receiver.has_received(&secret), "{secret}");
    }
}

#[test]
#[ignore = "needs a real Spin"]
fn documented_level_removes_spans_of_redis() {
    let tenant = World::get().tenant();
    let document = std::fs::read_to_string(root().join("docs/operations.md")).unwrap();
    let (_, level) = document.split_once("SPIN_OTEL_TRACING_LEVEL=").unwrap();
    let level = level.lines().next().unwrap();
    let receiver = OtlpReceiver::start();
    let application = traced(&receiver, &[("SPIN_OTEL_TRACING_LEVEL", level)]);
    write(&application, &tenant, "hello");
    receiver.trace(TRACE, "PUT /api/v1/cache/...");
    let names: BTreeSet<_> = receiver.spans().into_iter().map(|span| span.name).collect();
    let kept = [
        "PUT /api/v1/cache/...",
        "execute_wasm_component tenant",
        "spin_outbound_pg.open_async",
        "spin_outbound_pg.query_async",
    ];
    assert_eq!(names, kept.map(str::to_owned).into());
}
