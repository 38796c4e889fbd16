//! The command line.

use std::{
    fs,
    io::Write as _,
    path::PathBuf,
    process::{Command, Output, Stdio},
};

use e2e::{Authenticator, World, root, unique};
use serde_json::{Value, json};

use super::{python, tenancy_url};

/// Runs the command line with a separate home directory.
fn acme(home: &PathBuf, input: &str, arguments: &[&str]) -> Output {
    let mut process = Command::new(python())
        .arg(root().join("examples/cli/acme"))
        .args(arguments)
        .env("ACME_HOME", home)
        .env("TENANCY_URL", tenancy_url())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    process.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    process.wait_with_output().unwrap()
}

fn said(output: &Output) -> String {
    let streams = [&output.stdout, &output.stderr];
    streams.map(|stream| String::from_utf8_lossy(stream).into_owned()).concat()
}

#[test]
fn command_line_stays_signed_in() {
    let tenant = World::get().tenant();
    let home = World::get().services.folder().join(unique("cli"));
    let user = &tenant.admin;
    let run = |input: &str, arguments: &[&str]| acme(&home, input, arguments);
    assert!(said(&run("", &["whoami"])).contains("sign in first"));
    let wrong = run("not the password\n", &["login", &tenant.slug, &user.email]);
    assert!(!wrong.status.success() && said(&wrong).contains("password is wrong"));
    let password = format!("{}\n", user.password);
    let login = run(&password, &["login", &tenant.slug, &user.email]);
    assert_eq!(said(&login), format!("signed in to {}\n", tenant.slug));
    let whoami = format!("{} (admin) of Tenant {}\n", user.email, tenant.slug);
    assert_eq!(said(&run("", &["whoami"])), whoami);
    assert_eq!(said(&run("", &["users"])), format!("{}\tadmin\n", user.email));
    // An invalid access token is refreshed, and the next run uses the new token.
    let tokens = home.join("tokens.json");
    let mut kept: Value = serde_json::from_slice(&fs::read(&tokens).unwrap()).unwrap();
    let refresh_token = kept["refresh_token"].clone();
    kept["access_token"] = json!("ended");
    fs::write(&tokens, kept.to_string()).unwrap();
    for _ in 0..2 {
        assert_eq!(said(&run("", &["whoami"])), whoami);
    }
    let kept: Value = serde_json::from_slice(&fs::read(&tokens).unwrap()).unwrap();
    assert_ne!(kept["refresh_token"], refresh_token);
    let mode =
        std::os::unix::fs::PermissionsExt::mode(&fs::metadata(&tokens).unwrap().permissions());
    assert_eq!(mode & 0o777, 0o600);
    assert_eq!(said(&run("", &["logout"])), "signed out\n");
    // With a second factor, the next line is the code.
    let path = "/api/v1/profile/second-factors";
    let begun = tenant.post(path, &json!({})).token(&user.access_token).send().expect(201);
    let mut authenticator = Authenticator::new(begun["secret"].as_str().unwrap());
    let path = format!("{path}/{}/confirm", begun["id"].as_str().unwrap());
    let code = json!({ "code": authenticator.code() });
    tenant.post(&path, &code).token(&user.access_token).send().expect(200);
    let lines = |code: &str| format!("{}\n{code}\n", user.password);
    let refused = run(&lines(&authenticator.wrong_code()), &["login", &tenant.slug, &user.email]);
    assert!(said(&refused).contains("The code is wrong"), "{}", said(&refused));
    let login = run(&lines(&authenticator.code()), &["login", &tenant.slug, &user.email]);
    assert_eq!(said(&login), format!("signed in to {}\n", tenant.slug));
    assert_eq!(said(&run("", &["logout"])), "signed out\n");
    assert!(said(&run("", &["whoami"])).contains("sign in first"));
}
