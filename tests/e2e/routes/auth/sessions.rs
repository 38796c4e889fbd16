//! `/api/v1/auth/sessions`

use e2e::{TestUser, World};
use serde_json::{Value, json};
use uuid::Uuid;

const SESSIONS: &str = "/api/v1/auth/sessions";

#[test]
fn user_lists_and_ends_own_sessions() {
    let world = World::get();
    let (tenant, other) = (world.tenant(), world.tenant());
    let laptop = tenant.user("user");
    let body = json!({ "email": laptop.email, "password": laptop.password });
    let signed_in = tenant.post("/api/v1/auth/login", &body).header("user-agent", "phone/1");
    let phone = TestUser::from(&signed_in.send().expect(200));
    let list = || tenant.get(SESSIONS).token(&laptop.access_token).send().expect(200);
    let sessions = list();
    assert_eq!((&sessions["total"], &sessions["offset"]), (&json!(2), &json!(0)));
    let of = |agent: &str| -> Value {
        let items = sessions["items"].as_array().unwrap();
        let found = items.iter().find(|item| item["user_agent"] == agent);
        found.unwrap_or_else(|| panic!("{agent} in {sessions}")).clone()
    };
    let found = of("phone/1");
    assert_eq!(found["address"], "127.0.0.1");
    assert_eq!(found["is_current"], false);
    for time in ["created_at", "last_used_at", "expires_at"] {
        assert!(found[time].is_string(), "{found}");
    }
    assert!(sessions["items"].as_array().unwrap().iter().any(|item| item["is_current"] == true));

    let path = format!("{SESSIONS}/{}", found["id"].as_str().unwrap());
    // S18
    for stranger in [&tenant.user("admin"), &other.admin] {
        let answer = world.call(http::Method::DELETE, &path).token(&stranger.access_token).send();
        answer.expect_problem(404, "session_not_found");
    }
    assert_eq!(tenant.delete(&path).token(&laptop.access_token).send().status, 204);
    let ended = tenant.get("/api/v1/profile").token(&phone.access_token).send();
    ended.expect_problem(401, "token_revoked");
    assert_eq!(list()["total"], 1);
    let again = tenant.delete(&path).token(&laptop.access_token).send();
    again.expect_problem(404, "session_not_found");
    for nothing in [Uuid::nil().to_string(), "nonsense".to_owned()] {
        let answer = tenant.delete(&format!("{SESSIONS}/{nothing}")).token(&laptop.access_token);
        answer.send().expect_problem(404, "session_not_found");
    }
}

#[test]
fn oldest_session_ends_at_session_limit() {
    let world = World::get();
    let tenant = world.tenant();
    let user = tenant.user("user");
    // The session of the test user is the oldest of 50.
    let copies =
        "INSERT INTO sessions (id, user_id, session_epoch, token_hash, created_at, expires_at)
                  SELECT gen_random_uuid(), user_id, session_epoch,
                         sha256(number::text::bytea), created_at + interval '1 microsecond', expires_at
                  FROM sessions, generate_series(1, 49) number WHERE user_id = $1::text::uuid";
    world.services.superuser(&tenant.database()).execute(copies, &[&user.id]).unwrap();
    let profile = || tenant.get("/api/v1/profile").token(&user.access_token).send();
    profile().expect(200);
    let newest = tenant.login(&user.email, &user.password).expect(200);
    // The oldest session ends immediately, with its access token and its refresh token.
    profile().expect_problem(401, "token_revoked");
    let body = json!({ "refresh_token": user.refresh_token });
    let refresh = world.post("/api/v1/auth/refresh", &body).send();
    refresh.expect_problem(401, "invalid_refresh_token");
    let token = newest["access_token"].as_str().unwrap();
    assert_eq!(tenant.get(SESSIONS).token(token).send().expect(200)["total"], 50);
    // Each of several concurrent sign-ins ends only one session.
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| tenant.login(&user.email, &user.password).expect(200));
        }
    });
    assert_eq!(tenant.get(SESSIONS).token(token).send().expect(200)["total"], 50);
}
