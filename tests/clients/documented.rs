//! The examples of `docs/clients.md`, as they are in the page.

use std::{path::Path, process::Command};

use e2e::{Call, Process, World, root};
use http::Method;
use serde_json::json;

use crate::{
    middleware::{Notes, check},
    tools::{self, blocks},
    typescript::compiled,
};

const PASSWORD: &str = "a password for the page";

/// Creates the tenant of the examples if it does not exist. Its administrator can sign in.
fn create_acme() {
    let world = World::get();
    let body = json!({ "name": "Acme", "slug": "acme", "admin_email": "admin@acme.example",
                       "admin_password": PASSWORD });
    let created = world.admin(Method::POST, "/admin/tenants").json(&body).send();
    assert!(matches!(created.status, 201 | 409), "{}", created.text);
}

/// Runs a tour in a folder, and checks its output and the uploaded file.
fn check_tour(command: &mut Command, folder: &Path) {
    create_acme();
    std::fs::write(folder.join("may.pdf"), "the report").unwrap();
    let said =
        tools::run(tools::with_application(command).env("PASSWORD", PASSWORD).current_dir(folder));
    let lines: Vec<_> = said.lines().collect();
    assert_eq!(lines[0], "admin@acme.example");
    assert!(lines.last().unwrap().contains("must"), "{said}");
    let address = World::get().address();
    let login = json!({ "email": "admin@acme.example", "password": PASSWORD });
    let signed_in =
        Call::new(Method::POST, address, "/api/v1/auth/login").slug("acme").json(&login);
    let token = signed_in.send().expect(200)["access_token"].as_str().unwrap().to_owned();
    let path = "/api/v1/files/reports/may.pdf";
    let file = Call::new(Method::GET, address, path).token(&token).send();
    assert_eq!(
        (file.text.as_str(), file.header("content-type")),
        ("the report", "application/pdf")
    );
}

#[test]
fn documented_python_tour_works() {
    let folder = tools::folder("tour");
    std::fs::write(folder.join("tour.py"), &blocks("docs/clients.md", "python")[0]).unwrap();
    let mut command = Command::new(tools::python("python"));
    check_tour(
        command.arg("tour.py").env("PYTHONPATH", root().join("clients/python/src")),
        &folder,
    );
    assert_eq!(std::fs::read_to_string(folder.join("copy.pdf")).unwrap(), "the report");
}

#[test]
fn documented_fastapi_service_works() {
    let folder = tools::folder("service");
    std::fs::write(folder.join("service.py"), &blocks("docs/clients.md", "python")[1]).unwrap();
    let mut command = Process::command(tools::python("python"));
    command.arg(folder.join("service.py")).env("PYTHONPATH", root().join("clients/python/src"));
    check(&Notes::start(&mut command, World::get().address()));
}

#[test]
fn documented_typescript_examples_work() {
    let folder = compiled();
    let compiled = |number: u8| folder.join(format!("dist-tests/block{number}.js"));
    let tour = tools::folder("tour");
    check_tour(Command::new("node").arg(compiled(0)), &tour);
    let mut command = Process::command("node");
    check(&Notes::start(command.arg(compiled(1)), World::get().address()));
}

#[test]
fn documented_examples_match_packages() {
    let example = std::fs::read_to_string(root().join("clients/axum/examples/notes.rs")).unwrap();
    let rust = &blocks("docs/clients.md", "rust")[0];
    assert!(
        example.ends_with(rust.as_str()),
        "clients/axum/examples/notes.rs differs from the page"
    );
    for (package, language) in [("axum", "rust"), ("python", "python"), ("typescript", "ts")] {
        let readme = blocks(&format!("clients/{package}/README.md"), language);
        assert_eq!(readme, blocks("docs/clients.md", language), "README.md of {package}");
    }
}
