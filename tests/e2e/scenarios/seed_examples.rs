//! The three examples of the README, run unmodified with Python's httpx.

use std::{
    io::Write as _,
    process::{Command, Stdio},
};

use e2e::{Application, World, root};
use serde_json::{Value, json};

/// Returns the Python examples of the README, in order.
fn examples() -> Vec<String> {
    let readme = std::fs::read_to_string(root().join("README.md")).unwrap();
    readme
        .split("```python\n")
        .skip(1)
        .map(|rest| rest.split("```").next().unwrap().to_owned())
        .collect()
}

/// The examples in the README of the earlier service. This README must keep them.
const SEED: [&str; 3] = [
    r#"import httpx

response = httpx.post("http://localhost:8002/admin/tenants", json={
    "name": "Acme Corporation",
    "admin_email": "admin@acme.com",
    "slug": "acme"
})
"#,
    r#"response = httpx.post("http://localhost:8002/api/v1/auth/login", 
    headers={"X-Tenant-Slug": "acme"},
    json={
        "email": "user@acme.com",
        "password": "secure_password"
    }
)
"#,
    r#"headers = {
    "Authorization": f"Bearer {access_token}",
    "X-Tenant-Slug": "acme"
}
response = httpx.get("http://localhost:8002/api/v1/profile", headers=headers)
"#,
];

#[test]
fn readme_examples_match_seed() {
    let key = r#"}, headers={"Authorization": "Bearer YOUR_ADMIN_KEY"})"#;
    let without_key: Vec<_> = examples().iter().map(|example| example.replace(key, "})")).collect();
    assert_eq!(without_key, SEED);
}

/// Runs an example, and returns the status and the JSON of its `response`.
fn run(world: &World, application: &Application, before: &str, example: &str) -> (u16, Value) {
    let url = format!("http://{}", application.address);
    let admin_key = world.admin_key();
    let script = format!(
        "{before}\n{example}\nimport json\nprint(response.status_code, json.dumps(response.json()))\n"
    )
    .replace("http://localhost:8002", &url)
    .replace("YOUR_ADMIN_KEY", &admin_key);
    let mut python = Command::new(std::env::var("PYTHON").unwrap_or("python3".to_owned()))
        .arg("-")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("Python with httpx is installed by ./dev test");
    python.stdin.take().unwrap().write_all(script.as_bytes()).unwrap();
    let output = python.wait_with_output().unwrap();
    assert!(output.status.success(), "{script}");
    let text = String::from_utf8(output.stdout).unwrap();
    let (status, body) = text.trim().split_once(' ').expect("the example prints a response");
    (status.parse().unwrap(), serde_json::from_str(body).unwrap())
}

#[test]
fn readme_examples_work() {
    // A separate application, because the examples use the tenant `acme`.
    let world = World::get();
    follow_readme(world, &world.another_application(&world.services.databases()));
}

/// Runs the examples of the README in an application on the servers of a world that has no tenant `acme`.
pub(super) fn follow_readme(world: &World, application: &Application) {
    let [create, authenticate, use_token]: [String; 3] = examples().try_into().unwrap();

    let (status, tenant) = run(world, application, "", &create);
    assert_eq!((status, &tenant["slug"]), (201, &json!("acme")), "{tenant}");

    // The steps in the README between the first and the second example.
    let setup = json!({ "setup_token": tenant["setup_token"], "password": "the first password" });
    let admin = world.post("/api/v1/auth/setup", &setup).send().expect(200);
    let user = json!({ "email": "user@acme.com", "password": "secure_password" });
    let token = admin["access_token"].as_str().unwrap();
    world.post("/api/v1/users", &user).token(token).send().expect(201);

    let (status, signed_in) = run(world, application, "import httpx", &authenticate);
    assert_eq!((status, &signed_in["token_type"]), (200, &json!("bearer")), "{signed_in}");

    let access_token = signed_in["access_token"].as_str().unwrap();
    let before = format!("import httpx\naccess_token = {access_token:?}");
    let (status, profile) = run(world, application, &before, &use_token);
    assert_eq!((status, &profile["email"]), (200, &json!("user@acme.com")), "{profile}");
}
