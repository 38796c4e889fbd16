//! The web interface.

use e2e::{Answer, Authenticator, TestUser, World};
use http::Method;
use serde_json::json;

use super::{Program, without_tenancy};

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
