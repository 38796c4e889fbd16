//! The examples of `docs/integrate.md`, run unmodified against the application.

use std::{
    fs::{self, File},
    io::Write as _,
    net::{TcpListener, TcpStream},
    path::PathBuf,
    process::{Child, Command, Output, Stdio},
    thread::sleep,
    time::{Duration, Instant},
};

use e2e::{Answer, Authenticator, Call, TestUser, World, free_port, root, unique};
use http::Method;
use serde_json::{Value, json};

/// A running example program. It stops when this value is dropped.
struct Program {
    address: String,
    process: Child,
}

impl Drop for Program {
    fn drop(&mut self) {
        // The program may already have ended, which is fine.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn python() -> String {
    std::env::var("PYTHON").unwrap_or_else(|_| "python3".to_owned())
}

fn tenancy_url() -> String {
    format!("http://{}", World::get().address())
}

impl Program {
    fn start(command: Command, port: u16) -> Self {
        Self::start_before(command, port, &tenancy_url())
    }

    /// Starts a program that uses Tenancy at `url`.
    fn start_before(mut command: Command, port: u16, url: &str) -> Self {
        let log = World::get().services.folder().join(unique("example")).with_extension("log");
        let log = File::create(log).unwrap();
        let process = command
            .env("PORT", port.to_string())
            .env("TENANCY_URL", url)
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap_or_else(|error| panic!("{command:?}: {error}"));
        let program = Self { address: format!("127.0.0.1:{port}"), process };
        let begin = Instant::now();
        while TcpStream::connect(&program.address).is_err() {
            assert!(begin.elapsed().as_secs() < 60, "{command:?} listens");
            sleep(Duration::from_millis(20));
        }
        program
    }

    fn python(script: &str) -> Self {
        Self::python_with(script, &[])
    }

    fn python_with(script: &str, environment: &[(&str, String)]) -> Self {
        let mut command = Command::new(python());
        command.arg(root().join("examples").join(script));
        command.envs(environment.iter().map(|(name, value)| (name, value)));
        Self::start(command, free_port())
    }

    fn call(&self, method: Method, path: &str) -> Call {
        Call::new(method, &self.address, path)
    }
}

#[test]
fn research_service_separates_tenants() {
    let world = World::get();
    let (acme, globex) = (world.tenant(), world.tenant());
    let mut keys = json!({});
    for tenant in [&acme, &globex] {
        keys[&tenant.slug] = json!(tenant.api_key(&["usage:write"]));
    }
    let environment = [("GATEWAY_KEYS", keys.to_string())];
    let service = Program::python_with("research-service/research.py", &environment);
    let ask = |token: &str, question: &str| {
        let call = service.call(Method::POST, "/research").json(&json!({ "question": question }));
        call.token(token).send()
    };
    let list = |token: &str| -> Value {
        service.call(Method::GET, "/research").token(token).send().expect(200)
    };
    assert_eq!(ask(&acme.admin.access_token, "why?").expect(201)["asked_by"], acme.admin.id);
    let key = globex.api_key(&["tenant:read"]);
    ask(&key, "how?").expect(201);
    assert_eq!(list(&acme.user("viewer").access_token)["items"][0]["question"], "why?");
    let of_globex = list(&globex.admin.access_token);
    assert_eq!(
        (&of_globex["tenant"], &of_globex["items"][0]["question"]),
        (&json!(globex.slug), &json!("how?"))
    );
    // The service forwards errors of Tenancy unchanged.
    assert_eq!(ask("nonsense", "x").expect(401)["code"], "invalid_token");
    let elsewhere = service.call(Method::GET, "/research").slug(&globex.slug);
    let elsewhere = elsewhere.token(&acme.admin.access_token).send();
    assert_eq!(elsewhere.expect(403)["code"], "tenant_mismatch");
    let limits = json!({ "limits": { "ai_requests": 1 } });
    let path = format!("/admin/tenants/{}", acme.id);
    world.admin(Method::PATCH, &path).json(&limits).send().expect(200);
    let refused = ask(&acme.admin.access_token, "again?");
    assert_eq!(refused.expect(429)["code"], "quota_exceeded");
    assert_ne!(refused.header("retry-after"), "");
}

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

fn form(program: &Program, path: &str, cookie: &str, fields: &str) -> Answer {
    let call = program.call(Method::POST, path).header("cookie", cookie);
    // The client does not follow redirects, so tests can check them.
    call.body("application/x-www-form-urlencoded", fields).send()
}

#[test]
fn web_interface_manages_users() {
    let tenant = World::get().tenant();
    let viewer = tenant.user("viewer");
    let web = Program::python("web-interface/web.py");
    let home = |cookie: &str| web.call(Method::GET, "/").header("cookie", cookie).send().text;
    // The form for visitors without a session contains a CSRF token, which is also in a cookie.
    let front = web.call(Method::GET, "/").send();
    let form_cookie = front.header("set-cookie").split(';').next().unwrap().to_owned();
    let form_token = csrf_of(&front.text);
    let login = |slug: &str, email: &str, password: &str| {
        let email = email.replace('@', "%40");
        let password = password.replace(' ', "+");
        let fields = format!("csrf={form_token}&tenant={slug}&email={email}&password={password}");
        form(&web, "/login", &form_cookie, &fields)
    };
    for (cookie, token) in [("", form_token.as_str()), (&form_cookie, "forged"), ("", "")] {
        let fields = format!("csrf={token}&tenant={}&email=a&password=b", tenant.slug);
        assert_eq!(form(&web, "/login", cookie, &fields).status, 403);
        let fields = format!("csrf={token}&setup_token=a&password=b");
        assert_eq!(form(&web, "/set-password", cookie, &fields).status, 403);
    }
    assert!(home("").contains("name=\"tenant\""));
    let wrong = login(&tenant.slug, &tenant.admin.email, "not it");
    assert_eq!(wrong.status, 401, "{}", wrong.text);
    assert_eq!(login("nobody-here", &tenant.admin.email, "x").status, 401);
    let signed_in = |email: &str, password: &str| {
        let answer = login(&tenant.slug, email, password);
        assert_eq!((answer.status, answer.header("location")), (303, "/"), "{}", answer.text);
        let cookie = answer.header("set-cookie");
        for part in ["__Host-session=", "; Path=/", "; HttpOnly", "; SameSite=Strict", "; Secure"] {
            assert!(cookie.contains(part), "{part} in {cookie}");
        }
        // No token reaches the browser.
        assert!(!cookie.contains("ey") || !cookie.contains('.'), "{cookie}");
        cookie.split(';').next().unwrap().to_owned()
    };
    let admin = signed_in(&tenant.admin.email, &tenant.admin.password);
    let page = home(&admin);
    assert!(page.contains(&format!("Tenant {}", tenant.slug)) && page.contains(&viewer.email));
    let csrf = &csrf_of(&page);
    let invite = |csrf: &str| {
        form(&web, "/users", &admin, &format!("csrf={csrf}&email=new%40acme.com&role=user"))
    };
    assert_eq!(invite("forged").status, 403);
    assert_eq!(invite(csrf).status, 303);
    let page = home(&admin);
    assert!(page.contains("new@acme.com"));
    // Invited users sign in with a setup token that is shown once.
    let token = page.split("<code>").nth(1).unwrap().split("</code>").next().unwrap();
    assert!(!home(&admin).contains("<code>"));
    let set_up = |token: &str| {
        let fields = format!("csrf={form_token}&setup_token={token}&password=a+good+password");
        form(&web, "/set-password", &form_cookie, &fields)
    };
    assert_eq!(set_up("lds_nonsense").status, 401);
    let answer = set_up(token);
    assert_eq!((answer.status, answer.header("location")), (303, "/"), "{}", answer.text);
    let invited = answer.header("set-cookie").split(';').next().unwrap().to_owned();
    assert!(home(&invited).contains("new@acme.com, user"));
    assert!(!home(&invited).contains("Invite</button>"));
    assert_eq!(invite(csrf).status, 409);
    let looker = signed_in(&viewer.email, &viewer.password);
    assert!(!home(&looker).contains("Invite"));
    assert_eq!(form(&web, "/logout", &admin, &format!("csrf={csrf}")).status, 303);
    assert!(home(&admin).contains("name=\"tenant\""));
    assert!(home(&looker).contains(&viewer.email));
}

#[test]
fn web_interface_asks_for_second_factor() {
    let tenant = World::get().tenant();
    let user = tenant.user("viewer");
    let web = Program::python("web-interface/web.py");
    let cookie_of =
        |answer: &Answer| answer.header("set-cookie").split(';').next().unwrap().to_owned();
    let login = || {
        let front = web.call(Method::GET, "/").send();
        let (email, password) = (user.email.replace('@', "%40"), user.password.replace(' ', "+"));
        let csrf = csrf_of(&front.text);
        let fields =
            format!("csrf={csrf}&tenant={}&email={email}&password={password}", tenant.slug);
        form(&web, "/login", &cookie_of(&front), &fields)
    };
    let after = |page: &str, start: &str, at: usize| {
        page.split(start).nth(at).unwrap().split("</code>").next().unwrap().to_owned()
    };
    let secret_in = |page: &str| after(page, "<code id=\"secret\">", 1);
    let session = cookie_of(&login());
    let home = |session: &str| web.call(Method::GET, "/").header("cookie", session).send().text;
    let csrf = csrf_of(&home(&session));
    assert_eq!(form(&web, "/factor", &session, "csrf=forged").status, 403);
    assert_eq!(form(&web, "/factor", &session, &format!("csrf={csrf}")).status, 303);
    let mut authenticator = Authenticator::new(&secret_in(&home(&session)));
    let confirm =
        |code: &str| form(&web, "/factor/confirm", &session, &format!("csrf={csrf}&code={code}"));
    assert_eq!(confirm(&authenticator.wrong_code()).status, 422);
    assert_eq!(confirm(&authenticator.code()).status, 303);
    let recovery_code = after(&home(&session), "<code>", 10);
    assert!(!home(&session).contains("<code>"), "recovery codes are shown once");

    let asked = login();
    assert_eq!(asked.status, 401, "{}", asked.text);
    // The challenge stays on the server.
    assert!(!asked.text.contains("ldc_") && !asked.header("set-cookie").contains("ldc_"));
    let (cookie, csrf) = (cookie_of(&asked), csrf_of(&asked.text));
    let give =
        |csrf: &str, code: &str| form(&web, "/code", &cookie, &format!("csrf={csrf}&code={code}"));
    assert_eq!(give("forged", "123456").status, 403);
    assert_eq!(give(&csrf, "letters").status, 422);
    assert_eq!(give(&csrf, &authenticator.wrong_code()).status, 401);
    let signed_in = give(&csrf, &authenticator.code());
    assert_eq!((signed_in.status, signed_in.header("location")), (303, "/"), "{}", signed_in.text);
    assert!(home(&cookie_of(&signed_in)).contains(&user.email));
    let asked = login();
    let fields = format!("csrf={}&code={recovery_code}", csrf_of(&asked.text));
    let signed_in = form(&web, "/code", &cookie_of(&asked), &fields);
    assert!(home(&cookie_of(&signed_in)).contains(&user.email), "{}", signed_in.text);

    // The tenant requires a factor, and the user sets it up during the sign-in.
    let path = format!("/api/v1/users/{}/second-factors", user.id);
    assert_eq!(tenant.delete(&path).token(&tenant.admin.access_token).send().status, 204);
    let rules = json!({ "second_factor_roles": ["viewer"], "second_factor_grace_days": 0 });
    let policy = tenant.patch("/api/v1/tenant/security-policy", &rules);
    policy.token(&tenant.admin.access_token).send().expect(200);
    let asked = login();
    let mut authenticator = Authenticator::new(&secret_in(&asked.text));
    let fields = format!("csrf={}&code={}", csrf_of(&asked.text), authenticator.code());
    let signed_in = form(&web, "/code", &cookie_of(&asked), &fields);
    assert!(home(&cookie_of(&signed_in)).contains("recovery codes"), "{}", signed_in.text);
}

#[test]
fn person_cannot_end_web_sessions_of_others() {
    let tenant = World::get().tenant();
    let (one, other) = (tenant.user("viewer"), tenant.user("viewer"));
    for (limit, most) in [("MAX_SESSIONS", 4), ("MAX_SESSIONS_OF_USER", 3)] {
        let web = Program::python_with("web-interface/web.py", &[(limit, most.to_string())]);
        let sign_in = |user: &TestUser| {
            let front = web.call(Method::GET, "/").send();
            let cookie = front.header("set-cookie").split(';').next().unwrap().to_owned();
            let (email, password) =
                (user.email.replace('@', "%40"), user.password.replace(' ', "+"));
            let csrf = csrf_of(&front.text);
            let fields =
                format!("csrf={csrf}&tenant={}&email={email}&password={password}", tenant.slug);
            let answer = form(&web, "/login", &cookie, &fields);
            assert_eq!(answer.status, 303, "{}", answer.text);
            answer.header("set-cookie").split(';').next().unwrap().to_owned()
        };
        let is_signed_in = |user: &TestUser, cookie: &str| {
            let page = web.call(Method::GET, "/").header("cookie", cookie).send().text;
            page.contains(&user.email)
        };
        let own = sign_in(&one);
        let others: Vec<_> = (0..6).map(|_| sign_in(&other)).collect();
        assert!(is_signed_in(&one, &own), "{limit}");
        // The oldest sessions of the other person have ended.
        let ended = others.iter().map(|cookie| !is_signed_in(&other, cookie));
        let expected = [true, true, true, false, false, false];
        assert_eq!(ended.collect::<Vec<_>>(), expected, "{limit}");
    }
}

#[test]
fn web_interface_serves_only_its_files() {
    let web = Program::python("web-interface/web.py");
    let get = |path: &str| web.call(Method::GET, path).send();
    for path in ["/", "/set-password", "/set-password?from=mail", "/static/style.css"] {
        let answer = get(path);
        assert_eq!(answer.status, 200, "{path}");
        // S32
        let policy = answer.header("content-security-policy");
        assert!(policy.starts_with("default-src 'none'; script-src 'self';"), "{policy}");
        assert!(!policy.contains("unsafe") && !policy.contains("connect-src"), "{policy}");
        for (name, value) in [
            ("referrer-policy", "no-referrer"),
            ("x-content-type-options", "nosniff"),
            ("cache-control", "no-store"),
        ] {
            assert_eq!(answer.header(name), value, "{name} of {path}");
        }
    }
    for path in ["/static/../web.py", "/static/%2e%2e/web.py", "/web.py", "//evil.test/", "/code"] {
        assert_eq!(get(path).status, 404, "{path}");
    }
}

/// Returns the CSRF token of the first form on a page.
fn csrf_of(page: &str) -> String {
    let value = page.split("name=\"csrf\" value=\"").nth(1).expect("a form has a token");
    value.split('"').next().unwrap().to_owned()
}

/// Starts an example whose Tenancy service is unreachable.
fn without_tenancy(script: &str) -> Program {
    let mut command = Command::new(python());
    command.arg(root().join("examples").join(script));
    let url = format!("http://127.0.0.1:{}", free_port());
    Program::start_before(command, free_port(), &url)
}

#[test]
fn web_interface_handles_errors() {
    let tenant = World::get().tenant();
    let web = Program::python("web-interface/web.py");
    let long = "a".repeat(20_000);
    assert_eq!(form(&web, "/login", "", &long).status, 413);
    let not_utf8 = web.call(Method::POST, "/login");
    let not_utf8 = not_utf8.body("application/x-www-form-urlencoded", vec![0xff, 0xfe]).send();
    assert_eq!(not_utf8.status, 400);
    assert_eq!(form(&web, "/users", "__Host-session=\u{e9}; =;", "csrf=%C3%A9").status, 403);
    let away = without_tenancy("web-interface/web.py");
    let front = away.call(Method::GET, "/").send();
    let cookie = front.header("set-cookie").split(';').next().unwrap().to_owned();
    let token = csrf_of(&front.text);
    let fields = format!("csrf={token}&tenant={}&email=a&password=b", tenant.slug);
    let answer = form(&away, "/login", &cookie, &fields);
    assert_eq!((answer.status, answer.header("retry-after")), (503, "5"), "{}", answer.text);
}

#[test]
fn research_service_handles_errors() {
    let tenant = World::get().tenant();
    let token = &tenant.admin.access_token;
    let service = Program::python("research-service/research.py");
    let ask = |service: &Program, body: &[u8]| {
        service.call(Method::POST, "/research").token(token).body("application/json", body).send()
    };
    let deep = "[".repeat(60_000);
    let long = " ".repeat(70_000);
    for (body, status) in [
        (&b"{"[..], 400),
        (b"\xff", 400),
        (deep.as_bytes(), 400),
        (b"", 400),
        (b"[]", 422),
        (b"{}", 422),
        (b"{\"question\":1}", 422),
        (long.as_bytes(), 413),
    ] {
        let answer = ask(&service, body);
        assert_eq!(answer.status, status, "{}", answer.text);
        assert!(answer.json()["error"].is_string());
    }
    // Rejected requests are not counted.
    assert_eq!(tenant.used("ai_requests")["current_usage"], 0);
    let away = without_tenancy("research-service/research.py");
    let answer = ask(&away, b"{\"question\":\"why?\"}");
    assert_eq!((answer.status, answer.header("retry-after")), (503, "1"), "{}", answer.text);
}

/// Starts nginx with the example's configuration, adapted to the addresses of this run.
fn nginx(ai_service: &Program, gateway_key: &str) -> Program {
    nginx_before(&ai_service.address, gateway_key)
}

fn nginx_before(service: &str, gateway_key: &str) -> Program {
    let port = free_port();
    let folder = World::get().services.folder().join(unique("nginx"));
    fs::create_dir(&folder).unwrap();
    let config = fs::read_to_string(root().join("examples/ai-service/nginx.conf")).unwrap();
    let mut run = config.clone();
    for (written, here) in [
        ("127.0.0.1:8002", World::get().address()),
        ("127.0.0.1:9001", service),
        ("ldx_live_of_the_tenant", gateway_key),
        ("127.0.0.1:8080", &format!("127.0.0.1:{port}")),
    ] {
        assert!(run.contains(written), "{written}");
        run = run.replace(written, here);
    }
    fs::write(folder.join("nginx.conf"), run).unwrap();
    let path = format!("{}:/usr/sbin", std::env::var("PATH").unwrap());
    let mut command = Command::new("nginx");
    command.env("PATH", path).arg("-p").arg(&folder).args(["-c", "nginx.conf", "-e", "stderr"]);
    Program::start(command, port)
}

#[test]
fn ai_service_trusts_only_gateway_identity() {
    let world = World::get();
    let tenant = world.tenant();
    let service = Program::python("ai-service/ai.py");
    let gateway = nginx(&service, &tenant.api_key(&["usage:write"]));
    let ask = || gateway.call(Method::POST, "/complete").body("text/plain", "abc");
    let user = tenant.user("viewer");
    let told = ask().token(&user.access_token).send().expect(200);
    let expected = json!({
        "tenant": tenant.slug, "user": user.id, "completion": "cba", "has_credential": false,
    });
    assert_eq!(told, expected);
    // Identity headers from the client are not forwarded.
    let key = tenant.api_key(&["tenant:read"]);
    let forged = ask().header("x-api-key", &key).header("x-user-id", "somebody").send().expect(200);
    assert_eq!((&forged["user"], &forged["tenant"]), (&Value::Null, &json!(tenant.slug)));
    let nobody = ask().send();
    assert_eq!(nobody.status, 401);
    // S6
    assert!(nobody.header("www-authenticate").starts_with("Bearer"), "{nobody:?}");
    assert_eq!(nobody.json()["code"], "authentication_required", "{nobody:?}");
    assert_eq!(nobody.headers.get_all("www-authenticate").iter().count(), 1, "{nobody:?}");
    assert_eq!(ask().token("nonsense").send().expect(401)["code"], "invalid_token");
    let no_scope = ask().header("x-api-key", &tenant.api_key(&[])).send();
    assert_eq!(no_scope.expect(403)["code"], "forbidden");
    assert_eq!(no_scope.header("content-type"), "application/problem+json");
    assert_eq!(ask().token(&user.access_token).slug("another").send().status, 403);
    // The host names the tenant. The host of another tenant is rejected.
    let host = format!("{}.saas.example", tenant.slug);
    assert_eq!(ask().header("host", &host).token(&user.access_token).send().status, 200);
    let other = format!("{}.saas.example", world.tenant().slug);
    assert_eq!(ask().header("host", &other).token(&user.access_token).send().status, 403);
    // Three requests were consumed, and one remains.
    let limits = json!({ "limits": { "ai_requests": 4 } });
    let path = format!("/admin/tenants/{}", tenant.id);
    world.admin(Method::PATCH, &path).json(&limits).send().expect(200);
    ask().token(&user.access_token).send().expect(200);
    let refused = ask().token(&user.access_token).send();
    assert_eq!(refused.expect(429)["code"], "rate_limited");
    assert_eq!(refused.header("content-type"), "application/problem+json");
    let wait: u32 = refused.header("retry-after").parse().unwrap();
    assert!((1..=86_400).contains(&wait));
}

#[test]
fn wrong_key_of_a_gateway_is_no_fault_of_the_caller() {
    let world = World::get();
    let tenant = world.tenant();
    let user = tenant.user("viewer");
    let foreign = world.tenant().api_key(&["usage:write"]);
    for key in [foreign.as_str(), &tenant.api_key(&["tenant:read"]), "ldx_live_mistyped"] {
        let ai_service = Program::python("ai-service/ai.py");
        let gateway = nginx(&ai_service, key);
        let asked = gateway.call(Method::POST, "/complete").body("text/plain", "abc");
        let keys = json!({ (tenant.slug.as_str()): key });
        let environment = [("GATEWAY_KEYS", keys.to_string())];
        let service = Program::python_with("research-service/research.py", &environment);
        let question = json!({ "question": "why?" });
        let researched = service.call(Method::POST, "/research").json(&question);
        for call in [asked, researched] {
            let refused = call.token(&user.access_token).send();
            assert_eq!(refused.status, 503, "{key}: {refused:?}");
            assert_eq!(refused.header("www-authenticate"), "", "{key}");
            assert!(!refused.text.contains("X-Gateway-Key"), "{}", refused.text);
        }
        // Requests without a price need no key.
        service.call(Method::GET, "/research").token(&user.access_token).send().expect(200);
    }
    tenant.get("/api/v1/profile").token(&user.access_token).send().expect(200);
}

#[test]
fn preflight_passes_gateway_without_identity() {
    let service = Program::python("ai-service/ai.py");
    let gateway = nginx(&service, "ldx_live_unused");
    let options = || {
        let call = gateway.call(Method::OPTIONS, "/complete");
        call.header("origin", "https://app.example.com").header("x-user-id", "forged")
    };
    let preflight = options().header("access-control-request-method", "POST").send();
    assert_eq!(preflight.status, 204, "{preflight:?}");
    assert_eq!(preflight.header("access-control-allow-origin"), "https://app.example.com");
    // All other requests require a credential.
    assert_eq!(options().send().status, 401);
    let asked = || options().header("access-control-request-method", "POST");
    assert_eq!(asked().header("x-http-method-override", "POST").send().status, 401);
    assert_eq!(asked().token("nonsense").send().status, 401);
    let post = gateway.call(Method::POST, "/complete").header("origin", "https://app.example.com");
    assert_eq!(post.header("access-control-request-method", "POST").send().status, 401);
}

/// Serves one connection, upgrades it and echoes the data. Returns the received request.
fn echo(listener: &TcpListener) -> String {
    use std::io::Read as _;

    let (mut stream, _) = listener.accept().unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).unwrap();
        head.push(byte[0]);
    }
    let upgraded =
        "HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\n\r\n";
    stream.write_all(upgraded.as_bytes()).unwrap();
    let mut text = [0; 4];
    stream.read_exact(&mut text).unwrap();
    stream.write_all(&text).unwrap();
    String::from_utf8(head).unwrap().to_ascii_lowercase()
}

#[test]
fn websocket_passes_without_forged_headers() {
    use std::io::Read as _;

    let tenant = World::get().tenant();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let gateway = nginx_before(&listener.local_addr().unwrap().to_string(), "ldx_live_unused");
    let service = std::thread::spawn(move || echo(&listener));
    let mut client = TcpStream::connect(&gateway.address).unwrap();
    client.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    write!(
        client,
        "GET /chat HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {}\r\nupgrade: websocket\r\n\
         connection: Upgrade\r\nX_User_Id: forged\r\nX-User_Id: forged\r\nX.User.Id: forged\r\n\
         X-User-Id: forged\r\nX_Tenant_Slug: forged\r\n\r\n",
        tenant.admin.access_token
    )
    .unwrap();
    let mut answer = Vec::new();
    while !answer.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        client.read_exact(&mut byte).unwrap();
        answer.push(byte[0]);
    }
    let answer = String::from_utf8(answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 101"), "{answer}");
    client.write_all(b"ping").unwrap();
    let mut text = [0; 4];
    client.read_exact(&mut text).unwrap();
    assert_eq!(&text, b"ping");
    let head = service.join().unwrap();
    assert!(head.contains("upgrade: websocket") && !head.contains("forged"), "{head}");
    assert!(head.contains(&format!("x-user-id: {}", tenant.admin.id)), "{head}");
    assert!(!head.contains("authorization"), "{head}");
}
