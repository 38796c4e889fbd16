//! Enrolment, names, recovery and resets of factors.

use e2e::{Authenticator, World};
use http::Method;
use serde_json::json;

use super::{FACTORS, Holder, RECOVERY_CODES, answer, begin, confirm, text};

// S46
#[test]
fn factors_belong_to_their_user() {
    let world = World::get();
    let (tenant, other) = (world.tenant(), world.tenant());
    let holder = Holder::of(&tenant, tenant.user("viewer"));
    let waiting = begin(&tenant, &tenant.user("viewer"));
    let neighbour = tenant.user("viewer");
    for (place, user) in [(&tenant, &neighbour), (&other, &other.admin)] {
        for factor in [&holder.factor, waiting["id"].as_str().unwrap()] {
            let mut authenticator = Authenticator::new(waiting["secret"].as_str().unwrap());
            confirm(place, user, factor, &authenticator.code())
                .expect_problem(404, "second_factor_not_found");
            let removal =
                place.delete(&format!("{FACTORS}/{factor}")).token(&user.access_token).send();
            removal.expect_problem(404, "second_factor_not_found");
        }
        place
            .post(RECOVERY_CODES, &json!({}))
            .token(&user.access_token)
            .send()
            .expect_problem(404, "second_factor_not_found");
        let reset = place.delete(&format!("/api/v1/users/{}/second-factors", holder.user.id));
        let reset = reset.token(&user.access_token).send();
        if user.id == neighbour.id {
            reset.expect_problem(403, "forbidden")
        } else {
            reset.expect_problem(404, "user_not_found")
        };
    }
    let removal =
        tenant.delete(&format!("{FACTORS}/not-an-id")).token(&holder.user.access_token).send();
    removal.expect_problem(404, "second_factor_not_found");
    // The secret is sealed.
    let mut superuser = world.services.superuser(&tenant.database());
    let rows = superuser.query("SELECT secret FROM tenancy.second_factors", &[]).unwrap();
    let secret = totp_rs::Secret::try_from_base32(waiting["secret"].as_str().unwrap()).unwrap();
    assert_eq!(rows.len(), 2);
    for row in rows {
        let sealed: Vec<u8> = row.get(0);
        assert!(!sealed.windows(secret.len()).any(|window| window == secret.as_bytes()));
    }
}

#[test]
fn user_manages_factors() {
    let tenant = World::get().tenant();
    let mut holder = Holder::of(&tenant, tenant.user("viewer"));
    let token = holder.user.access_token.clone();
    // A second factor has no new recovery codes.
    let begun = begin(&tenant, &holder.user);
    let mut tablet = Authenticator::new(begun["secret"].as_str().unwrap());
    let confirmed =
        confirm(&tenant, &holder.user, begun["id"].as_str().unwrap(), &tablet.code()).expect(200);
    assert_eq!(confirmed["recovery_codes"], json!(null));
    let challenge = holder.challenge(&tenant);
    answer(&tenant, &challenge, &tablet.code()).expect(200);
    let replaced = tenant.post(RECOVERY_CODES, &json!({})).token(&token).send().expect(200);
    let challenge = holder.challenge(&tenant);
    answer(&tenant, &challenge, &holder.recovery_codes[0])
        .expect_problem(401, "invalid_second_factor");
    answer(&tenant, &challenge, replaced["recovery_codes"][0].as_str().unwrap()).expect(200);
    // At most five.
    for _ in 0..3 {
        let begun = begin(&tenant, &holder.user);
        let mut another = Authenticator::new(begun["secret"].as_str().unwrap());
        confirm(&tenant, &holder.user, begun["id"].as_str().unwrap(), &another.code()).expect(200);
    }
    tenant
        .post(FACTORS, &json!({}))
        .token(&token)
        .send()
        .expect_problem(409, "too_many_second_factors");
    let shown = tenant.get(FACTORS).token(&token).send().expect(200);
    let ids: Vec<_> =
        shown["items"].as_array().unwrap().iter().map(|item| text(&item["id"])).collect();
    assert_eq!((ids.len(), &shown["recovery_codes"]), (5, &json!(9)));
    for id in &ids {
        let removal = tenant.delete(&format!("{FACTORS}/{id}")).token(&token).send();
        assert_eq!(removal.status, 204, "{}", removal.text);
    }
    let shown = tenant.get(FACTORS).token(&token).send().expect(200);
    assert_eq!(shown, json!({ "items": [], "recovery_codes": 0 }));
    tenant.login(&holder.user.email, &holder.user.password).expect(200);
    tenant.wait_until_audited("second_factor.removed", 5);
    tenant.wait_until_audited("recovery_codes.replaced", 1);
    let _ = holder.authenticator.code();
}

// S46
#[test]
fn administrator_resets_lost_factors() {
    let world = World::get();
    let tenant = world.tenant();
    let holder = Holder::of(&tenant, tenant.user("admin"));
    let path = format!("/api/v1/users/{}/second-factors", holder.user.id);
    // An API key that may not grant the role does not become stronger through its users.
    let key = tenant.api_key(&["users:write", "users:grant:viewer"]);
    tenant
        .delete(&path)
        .header("X-API-Key", &key)
        .send()
        .expect_problem(403, "administrator_required");
    let challenge = holder.challenge(&tenant);
    let reset = tenant.delete(&path).token(&tenant.admin.access_token).send();
    assert_eq!(reset.status, 204, "{}", reset.text);
    tenant
        .get(FACTORS)
        .token(&holder.user.access_token)
        .send()
        .expect_problem(401, "token_revoked");
    answer(&tenant, &challenge, &holder.recovery_codes[0]).expect_problem(401, "invalid_challenge");
    tenant.login(&holder.user.email, &holder.user.password).expect(200);
    tenant.wait_until_audited("second_factors.reset", 1);
}

#[test]
fn export_contains_factors_without_secrets() {
    let tenant = World::get().tenant();
    let holder = Holder::of(&tenant, tenant.user("viewer"));
    let path = format!("/api/v1/users/{}/export", holder.user.id);
    let export = World::get()
        .call(Method::GET, &path)
        .slug(&tenant.slug)
        .token(&tenant.admin.access_token)
        .send()
        .expect(200);
    assert_eq!(export["user"]["second_factors"][0]["name"], "Phone");
    assert_eq!(export["user"]["second_factors"].as_array().unwrap().len(), 1);
    let erased = tenant.post(&format!("/api/v1/users/{}/erasure", holder.user.id), &json!({}));
    erased.token(&tenant.admin.access_token).send().expect(200);
    let mut superuser = World::get().services.superuser(&tenant.database());
    for table in ["second_factors", "recovery_codes", "sign_in_challenges"] {
        let count = format!("SELECT count(*) FROM tenancy.{table}");
        let count: i64 = superuser.query_one(&count, &[]).unwrap().get(0);
        assert_eq!(count, 0, "{table}");
    }
}
