//! The promises of every middleware, checked with the notes service of `docs/clients.md`.

use std::process::Command;

use e2e::{Answer, Call, Process, World, free_port, root, unique};
use http::Method;

/// The middlewares. Each one uses a client: the one for axum has its own in `clients/axum/src/client`.
const SOURCES: [&str; 3] = [
    "clients/axum/src/middleware.rs",
    "clients/python/src/tenancy_client/fastapi.py",
    "clients/typescript/src/express.ts",
];
const MOST_LINES: usize = 99;

#[test]
fn middlewares_are_short() {
    for source in SOURCES {
        let lines = std::fs::read_to_string(root().join(source)).unwrap().lines().count();
        assert!((1..=MOST_LINES).contains(&lines), "{source} has {lines} lines");
    }
}

/// Otherwise the number of lines of the middleware has no meaning.
#[test]
fn client_of_axum_middleware_does_not_use_axum() {
    let folder = root().join("clients/axum/src/client");
    let files: Vec<_> = folder.read_dir().unwrap().map(|entry| entry.unwrap().path()).collect();
    assert!(files.len() > 2, "{files:?}");
    for file in files {
        let text = std::fs::read_to_string(&file).unwrap();
        assert!(!text.contains("axum"), "{} uses axum", file.display());
    }
}

/// A running notes service.
pub struct Notes {
    address: String,
    _process: Process,
}

impl Notes {
    /// Starts a command that serves at the port in `PORT`, and verifies callers at `tenancy`.
    pub fn start(command: &mut Command, tenancy: &str) -> Self {
        let port = free_port();
        command.env("PORT", port.to_string()).env("TENANCY_URL", format!("http://{tenancy}"));
        let log = World::get().services.folder().join(unique("notes"));
        let mut process = Process::start(command, &log);
        let address = format!("127.0.0.1:{port}");
        process.wait_until_listening(&address);
        Self { address, _process: process }
    }

    /// Reads the notes with these headers.
    pub fn read(&self, headers: &[(&str, &str)]) -> Answer {
        self.call(Method::GET, "/notes", headers)
    }

    fn call(&self, method: Method, path: &str, headers: &[(&str, &str)]) -> Answer {
        let call = Call::new(method, &self.address, path);
        headers
            .iter()
            .fold(call, |call, (name, value)| call.header(name, value))
            .try_send()
            .unwrap()
    }
}

/// Asserts that an answer is a problem with this status and code.
#[track_caller]
pub fn assert_problem(answer: &Answer, status: u16, code: &str) {
    assert_eq!((answer.status, &answer.json()["code"]), (status, &code.into()), "{}", answer.text);
    assert!(answer.header("content-type").starts_with("application/problem+json"));
}

/// Checks valid, missing, invalid, foreign, insufficient and revoked credentials.
pub fn check(notes: &Notes) {
    let (acme, globex) = (World::get().tenant(), World::get().tenant());
    let bearer = |token: &str| format!("Bearer {token}");
    let user = bearer(&acme.admin.access_token);
    let answer = notes.read(&[("authorization", &user)]);
    assert_eq!(answer.status, 200, "{}", answer.text);
    assert!(answer.text.contains(&format!("notes of {}", acme.id)), "{}", answer.text);

    // The headers of a caller that look like an identity have no effect.
    let key = globex.api_key(&["tenant:read"]);
    let forged =
        [("x-api-key", key.as_str()), ("x-tenant-id", &acme.id), ("x-scopes", "files:write")];
    assert!(notes.read(&forged).text.contains(&format!("notes of {}", globex.id)));
    let refused = notes.call(Method::PUT, "/notes/new", &forged);
    assert_problem(&refused, 403, "forbidden");

    assert_problem(&notes.read(&[]), 401, "authentication_required");
    let invalid = notes.read(&[("authorization", "Bearer nonsense")]);
    assert_problem(&invalid, 401, "invalid_token");
    assert_ne!(invalid.header("www-authenticate"), "");
    let foreign = [("x-api-key", key.as_str()), ("x-tenant-slug", &acme.slug)];
    assert_problem(&notes.read(&foreign), 403, "tenant_mismatch");
    let both = [("authorization", user.as_str()), ("x-api-key", &key)];
    assert!(matches!(notes.read(&both).status, 401 | 403));

    let path = "/api/v1/auth/logout";
    let ended = acme.post(path, &serde_json::json!({})).token(&acme.admin.access_token).send();
    assert_eq!(ended.status, 204, "{}", ended.text);
    assert_problem(&notes.read(&[("authorization", &user)]), 401, "token_revoked");
}
