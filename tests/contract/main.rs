//! Checks `docs/openapi.json` with a linter, and compares it with the running application.
//!
//! This test starts its own application and servers, because the generated requests change plans and delete tenants.

#![expect(clippy::unwrap_used, reason = "a test that fails fails")]

mod kubernetes;
mod make_release;
mod site;
mod workflows;

use std::{
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    process::Command,
};

use e2e::{Application, Call, Services, root, tenantctl};
use http::Method;
use serde_json::{Value, json};

/// Returns the path of a tool from the variable that `./dev test` sets.
fn tool(variable: &str) -> String {
    std::env::var(variable).unwrap_or_else(|_| panic!("{variable} is set by ./dev test"))
}

#[test]
fn openapi_document_passes_redocly_lint() {
    let document = root().join("docs/openapi.json");
    let output = Command::new(tool("REDOCLY")).arg("lint").arg(document).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr) + String::from_utf8_lossy(&output.stdout);
    let is_clean = said.contains("Your API description is valid") && !said.contains("You have");
    assert!(output.status.success() && is_clean, "{said}");
}

/// The credentials of the requests, so that they get past authentication.
struct Credentials {
    admin_key: String,
    slug: String,
    api_key: String,
    access_token: String,
    /// The access token of a session that the requests may end.
    spare_token: String,
}

fn credentials(application: &Application, admin_key: &str) -> Credentials {
    let post =
        |path: &str, body: &Value| Call::new(Method::POST, &application.address, path).json(body);
    let (email, password) = ("admin@contract.example", "a password for tests");
    let new = json!({ "name": "Contract", "slug": "contract", "admin_email": email,
                      "admin_password": password });
    let created = post("/admin/tenants", &new).token(admin_key).send().expect(201);
    let path = format!("/admin/tenants/{}", created["id"].as_str().unwrap());
    let limits = json!({ "users": 1_000_000, "api_calls": 1_000_000_000, "storage": 1_000_000_000,
                         "ai_requests": 1_000_000_000, "requests_per_minute": 1_000_000_000 });
    let body = json!({ "limits": limits });
    let call = Call::new(Method::PATCH, &application.address, &path).json(&body);
    call.token(admin_key).send().expect(200);
    let sign_in = || {
        let body = json!({ "email": email, "password": password });
        let signed_in = post("/api/v1/auth/login", &body).slug("contract").send().expect(200);
        signed_in["access_token"].as_str().unwrap().to_owned()
    };
    Credentials {
        admin_key: admin_key.to_owned(),
        slug: "contract".to_owned(),
        api_key: created["api_key"].as_str().unwrap().to_owned(),
        access_token: sign_in(),
        spare_token: sign_in(),
    }
}

/// Returns the configuration of schemathesis. All checks are enabled, with the two exceptions that are explained below.
fn configuration(credentials: &Credentials) -> String {
    let Credentials { admin_key, slug, api_key, access_token, spare_token } = credentials;
    let operations = [
        ("/admin", format!("Authorization = \"Bearer {admin_key}\"")),
        (
            "/api/v1/(auth/(login|setup|refresh)|account/(password-reset|sign-in|passkeys/(sign-in|second-factor)))",
            format!("X-Tenant-Slug = \"{slug}\""),
        ),
        (
            "/api/v1/(profile|auth/sessions|account/(verification|address|tenants|passkeys(/registration|/recent-sign-in|/.id|$)))",
            format!("Authorization = \"Bearer {access_token}\""),
        ),
        ("/api/v1/auth/logout", format!("Authorization = \"Bearer {spare_token}\"")),
        (
            "/api/v1/(users|api-keys|roles|groups|permissions|tenant|files|cache|auth/introspect|auth/revoke)",
            format!("Authorization = \"Bearer {api_key}\""),
        ),
    ]
    .iter()
    .map(|(path, headers)| {
        format!("[[operations]]\ninclude-path-regex = \"^{path}\"\nheaders = {{ {headers} }}\n")
    })
    .collect::<Vec<_>>()
    .concat();
    // A gateway uses the method of the original request. Describing this in OpenAPI would take seven operations.
    let of_gateways = format!(
        "[[operations]]\ninclude-path = \"/api/v1/auth/verify\"\n\
         headers = {{ Authorization = \"Bearer {api_key}\" }}\n\
         checks.unsupported_method.enabled = false\n"
    );
    // Schemas cannot express some conditions: a plan exists, an expiry is in the future, an entity tag matches.
    // Violations return 412 or 422.
    format!(
        "continue-on-failure = true\n\
         [generation]\nallow-x00 = false\n\
         [checks.positive_data_acceptance]\n\
         expected-statuses = [\"2xx\", \"304\", \"401\", \"403\", \"404\", \"409\", \"412\", \"416\", \
                              \"422\", \"429\"]\n{of_gateways}{operations}"
    )
}

/// Runs a command to its end.
#[track_caller]
fn run(command: &mut Command) {
    let output = command.output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    assert!(output.status.success(), "{command:?}:\n{}", String::from_utf8_lossy(&said));
}

#[test]
fn openapi_document_passes_spec_validator() {
    let validator = Path::new(&tool("SCHEMATHESIS")).with_file_name("openapi-spec-validator");
    run(Command::new(validator).arg(root().join("docs/openapi.json")));
}

#[test]
fn generated_clients_work_unchanged() {
    let services = Services::start();
    let settings = services.settings(&services.databases());
    let migrated = tenantctl(&settings, &["migrate"]);
    assert!(migrated.status.success(), "{}", String::from_utf8_lossy(&migrated.stderr));
    let application = Application::start(&settings, &services.folder());
    let arguments = [&application.address, &settings["ADMIN_API_KEY"]];
    let folder = services.folder().join("clients");
    std::fs::create_dir(&folder).unwrap();
    let sources = root().join("tests/contract/clients");
    for name in ["client.ts", "client.py", "tsconfig.json"] {
        std::fs::copy(sources.join(name), folder.join(name)).unwrap();
    }
    let document = root().join("docs/openapi.json");
    let programs = PathBuf::from(tool("REDOCLY")).parent().unwrap().to_owned();
    let in_folder = |program: PathBuf| {
        let mut command = Command::new(program);
        command.current_dir(&folder);
        command
    };

    std::fs::write(folder.join("package.json"), "{ \"type\": \"module\" }").unwrap();
    symlink(programs.parent().unwrap(), folder.join("node_modules")).unwrap();
    let generator = programs.join("openapi-typescript");
    run(in_folder(generator).arg(&document).args(["--output", "api.d.ts"]));
    run(&mut in_folder(programs.join("tsc")));
    run(in_folder("node".into()).arg("client.js").args(arguments));

    let python = Path::new(&tool("SCHEMATHESIS")).with_file_name("python");
    let programs = python.parent().unwrap().to_owned();
    let generator = programs.join("openapi-python-client");
    let path = format!("{}:{}", programs.display(), std::env::var("PATH").unwrap());
    let options = ["--output-path", "generated", "--meta", "none", "--fail-on-warning"];
    let mut generate = in_folder(generator);
    run(generate.env("PATH", path).arg("generate").arg("--path").arg(&document).args(options));
    run(in_folder(python).arg("client.py").args(arguments));
}

/// Removes the security schemes that are alternatives to a bearer token: schemathesis would require the header of each.
fn with_bearer_only(mut document: Value) -> Value {
    for path in document["paths"].as_object_mut().unwrap().values_mut() {
        for operation in path.as_object_mut().unwrap().values_mut() {
            operation["security"].as_array_mut().unwrap().truncate(1);
        }
    }
    document
}

#[test]
fn application_conforms_to_openapi_document() {
    let schemathesis = tool("SCHEMATHESIS");
    let services = Services::start();
    let settings = services.settings(&services.databases());
    let migrated = tenantctl(&settings, &["migrate"]);
    assert!(migrated.status.success(), "{}", String::from_utf8_lossy(&migrated.stderr));
    let application = Application::start(&settings, &services.folder());
    let credentials = credentials(&application, &settings["ADMIN_API_KEY"]);
    let file = services.folder().join("schemathesis.toml");
    std::fs::write(&file, configuration(&credentials)).unwrap();
    let document = services.folder().join("openapi.json");
    let served = Call::new(Method::GET, &application.address, "/openapi.json").send().expect(200);
    std::fs::write(&document, with_bearer_only(served).to_string()).unwrap();
    let output = Command::new(schemathesis)
        .arg("--config-file")
        .arg(&file)
        .arg("run")
        .arg(&document)
        .args(["--url", &format!("http://{}", application.address)])
        .args(["--phases", "examples,coverage,fuzzing", "--max-examples", "3", "--seed", "1"])
        .args(["--workers", "2", "--no-color"])
        .env("SCHEMATHESIS_HOOKS", "hooks")
        .env("PYTHONPATH", root().join("tests/contract"))
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .current_dir(services.folder())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}\n{}", String::from_utf8_lossy(&output.stderr));
    assert!(said.contains("Test cases"), "{said}");
}
