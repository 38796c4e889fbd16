//! Renames of tenants: under load, in competition, after a crash, and from the command line.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicU32, Ordering},
};

use e2e::{
    Application, Busy, Call, Connections, Cut, Databases, Proxy, StopOnDrop, TestTenant, Watch,
    World, unique,
};
use http::Method;
use serde_json::{Value, json};

fn rename(address: &str, tenant: &TestTenant, slug: &str) -> Call {
    Call::new(Method::POST, address, &format!("/admin/tenants/{}/rename", tenant.id))
        .token(&World::get().admin_key())
        .json(&json!({ "slug": slug }))
}

#[test]
fn busy_clients_keep_working_during_rename() {
    let world = World::get();
    let tenant = world.tenant();
    tenant.allow_many_calls();
    let key = tenant.api_key(&["tenant:read"]);
    let second = world.another_application(&world.services.databases());
    let hosts = [world.address(), second.address.as_str()];
    let stop = AtomicBool::new(false);
    let served = AtomicU32::new(0);
    std::thread::scope(|scope| {
        // The load ends even if the rename fails.
        let _end = StopOnDrop(&stop);
        for host in hosts {
            for credential in [&tenant.admin.access_token, &key] {
                let (stop, served) = (&stop, &served);
                scope.spawn(move || {
                    let connection = Connections::default();
                    while !stop.load(Ordering::SeqCst) {
                        let call = Call::new(Method::GET, host, "/api/v1/tenant/info");
                        call.token(credential).over(&connection).send().expect(200);
                        served.fetch_add(1, Ordering::SeqCst);
                    }
                });
            }
        }
        // The former address is refused on both hosts as soon as the rename is acknowledged.
        let path = format!("/t/{}/api/v1/tenant/info", tenant.slug);
        let busy = Busy {
            hosts,
            path: &path,
            credential: &tenant.admin.access_token,
            refused: (403, "tenant_mismatch"),
            may_fail: false,
        };
        busy.during(|| rename(world.address(), &tenant, &unique("renamed")).send().expect(200));
    });
    assert!(served.load(Ordering::SeqCst) > 100);
}

#[test]
fn competitor_never_gets_a_former_slug() {
    let world = World::get();
    let (tenant, other) = (world.tenant(), world.tenant());
    for _ in 0..20 {
        let info = world.admin(Method::GET, &format!("/admin/tenants/{}", tenant.id));
        let slug = info.send().expect(200)["slug"].as_str().unwrap().to_owned();
        std::thread::scope(|scope| {
            let taken = scope.spawn(|| rename(world.address(), &other, &slug).send());
            rename(world.address(), &tenant, &unique("renamed")).send().expect(200);
            taken.join().unwrap().expect_problem(409, "slug_taken");
        });
    }
}

#[test]
fn killed_rename_is_finished_when_repeated() {
    let world = World::get();
    for cut in [Cut::Before, Cut::After] {
        let tenant = world.tenant();
        let slug = unique("renamed");
        let direct = world.services.databases();
        let proxy = Proxy::start(&direct.postgres);
        let databases = Databases { postgres: proxy.address.clone(), ..direct };
        let application: Arc<Application> = Arc::new(world.another_application(&databases));
        let victim = Arc::clone(&application);
        let action = Box::new(move || victim.kill());
        proxy.watch(Watch { statement: "UPDATE tenants t SET slug", cut, action });
        let answer = rename(&application.address, &tenant, &slug).try_send();
        assert!(answer.is_err() && proxy.has_acted(), "{cut:?}: {answer:?}");
        rename(world.address(), &tenant, &slug).send().expect(200);
        let call = world.get_path("/api/v1/tenant/info").token(&tenant.admin.access_token);
        assert_eq!(call.slug(&slug).send().expect(200)["slug"], slug, "{cut:?}");
        // The event of the first call is recorded once.
        tenant.wait_until_audited("tenant.renamed", 1);
    }
}

#[test]
fn tenantctl_renames_and_releases() {
    let world = World::get();
    let tenant = world.tenant();
    let (old, new) = (tenant.slug.as_str(), unique("renamed"));
    let run = |arguments: &[&str]| -> Option<Value> {
        let output = world.tenantctl(arguments);
        let text = String::from_utf8(output.stdout).unwrap();
        output.status.success().then(|| serde_json::from_str(&text).unwrap())
    };
    let line = run(&["tenant", "rename", old, &new, "--dry-run"]).unwrap();
    assert_eq!(line["available"], true, "{line}");
    assert_eq!(run(&["tenant", "rename", old, &new]).unwrap()["slug"], new);
    // The second run finds the result of the first.
    assert_eq!(run(&["tenant", "rename", old, &new]).unwrap()["slug"], new);
    let other = world.tenant();
    let line = run(&["tenant", "rename", &other.slug, old, "--dry-run"]).unwrap();
    assert_eq!(line["available"], false, "{line}");
    assert_eq!(run(&["tenant", "rename", &other.slug, old]), None);
    let line = run(&["tenant", "release-slug", old, "--dry-run"]).unwrap();
    assert_eq!(line["reserved_for"], tenant.id);
    assert_eq!(run(&["tenant", "release-slug", old]).unwrap()["tenant"], tenant.id);
    assert_eq!(run(&["tenant", "release-slug", old]), None);
    assert_eq!(run(&["tenant", "rename", &other.slug, old]).unwrap()["slug"], old);
    assert_eq!(tenant.wait_until_audited("tenant.renamed", 1)[0]["actor_type"], "system");
}
