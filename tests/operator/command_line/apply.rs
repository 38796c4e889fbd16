use std::path::PathBuf;

use e2e::{World, unique};
use serde_json::{Value, json};

use super::{Ran, json, run, run_with};

/// A file for `tenantctl apply`.
struct File(PathBuf);

impl File {
    fn new(text: &str) -> Self {
        let path = World::get().services.folder().join(unique("tenants"));
        std::fs::write(&path, text).unwrap();
        Self(path)
    }

    fn apply(&self, options: &[&str]) -> Ran {
        run(&[&["apply", "-f", self.0.to_str().unwrap()][..], options].concat())
    }
}

#[test]
fn second_application_changes_nothing() {
    let world = World::get();
    let (new, existing) = (unique("applied"), world.tenant());
    let file = File::new(&format!(
        "tenants:
           - slug: {new}
             name: Applied
             admin_email: a@applied.example
             status: suspended
             limits: {{users: 9, storage: null}}
             domains: [b.{new}.example, c.{new}.example, a.{new}.example]
             settings: {{colour: red, size: 1.5}}
           - slug: {existing}
             name: Changed
             plan: pro
        ",
        existing = existing.slug
    ));
    let shown = file.apply(&["--dry-run"]).expect(0).out;
    assert!(shown.contains(&format!("Would create tenant {new}")), "{shown}");
    assert!(shown.contains("+ plan: pro") && shown.contains("+ name: Changed"), "{shown}");
    run(&["tenant", "show", &new]).expect(3);
    file.apply(&["--check"]).expect(7);
    // Without a terminal, it asks for --yes.
    file.apply(&[]).expect(2);

    let lines = file.apply(&["--yes", "--output", "json"]).expect(0).lines();
    let created = lines.iter().find(|line| line["action"] == "create").expect("created");
    assert!(created["credentials"]["api_key"].is_string(), "{created}");
    assert_eq!(json(&["tenant", "show", &existing.slug])["plan"], "pro");
    let shown = json(&["tenant", "show", &new]);
    assert_eq!((&shown["status"], &shown["limits"]["users"]), (&json!("suspended"), &json!(9)));
    assert_eq!(shown["domain"], format!("b.{new}.example"));

    let again = file.apply(&["--yes"]).expect(0).out;
    assert_eq!(again, "nothing changes\n");
    file.apply(&["--check"]).expect(0);
    // Null returns to the limit of the plan.
    let plain = File::new(&format!("tenants: [{{slug: {new}, limits: {{users: null}}}}]"));
    plain.apply(&["--yes"]).expect(0);
    assert_ne!(json(&["tenant", "show", &new])["limits"]["users"], 9);
}

#[test]
fn failed_tenant_does_not_stop_others() {
    let (acme, globex) = (World::get().tenant(), World::get().tenant());
    let file = File::new(&format!(
        "tenants: [{{slug: {}, plan: no-such-plan}}, {{slug: {}, name: Applied}}]",
        acme.slug, globex.slug
    ));
    let checked = file.apply(&["--dry-run", "--output", "json"]).expect(8);
    assert_eq!(result(&checked, &acme.slug), "failed");
    let ran = file.apply(&["--yes", "--output", "json"]).expect(8);
    assert_eq!(
        (result(&ran, &acme.slug), result(&ran, &globex.slug)),
        ("failed".into(), "done".into())
    );
    assert_eq!(ran.problem()["code"], "partial");
    assert_eq!(json(&["tenant", "show", &globex.slug])["name"], "Applied");
}

fn result(ran: &Ran, slug: &str) -> String {
    let line: Value = ran.lines().into_iter().find(|line| line["name"] == slug).expect("reported");
    line["result"].as_str().unwrap().to_owned()
}

#[test]
fn domain_moves_between_tenants_of_a_file() {
    let (acme, globex) = (World::get().tenant(), World::get().tenant());
    let new = unique("applied");
    let (one, two) = (format!("{}.example.net", acme.slug), format!("{}.example.net", globex.slug));
    json(&["tenant", "update", &acme.slug, "--domain", &one]);
    json(&["tenant", "update", &globex.slug, "--domain", &two]);
    // The new tenant is first in the file, and takes its domain last.
    let file = File::new(&format!(
        "tenants:
           - {{slug: {new}, name: New, admin_email: a@new.example, domains: [{one}]}}
           - {{slug: {acme}, domains: [{two}]}}
           - {{slug: {globex}, domains: []}}
        ",
        acme = acme.slug,
        globex = globex.slug
    ));
    let planned = file.apply(&["--dry-run", "--output", "json"]).expect(0);
    for slug in [&new, &acme.slug, &globex.slug] {
        assert_eq!(result(&planned, slug), "planned");
    }
    file.apply(&["--yes"]).expect(0);
    assert_eq!(json(&["tenant", "show", &new])["domain"], one);
    assert_eq!(json(&["tenant", "show", &acme.slug])["domain"], two);
    file.apply(&["--check"]).expect(0);

    // An exchange has no order, so the dry run refuses it like the command.
    let file = File::new(&format!(
        "tenants: [{{slug: {new}, domains: [{two}]}}, {{slug: {}, domains: [{one}]}}]",
        acme.slug
    ));
    for options in [["--dry-run", "--output", "json"], ["--yes", "--output", "json"]] {
        let refused = file.apply(&options).expect(8);
        for slug in [&new, &acme.slug] {
            assert_eq!(result(&refused, slug), "failed", "{options:?}");
        }
    }
    assert_eq!(json(&["tenant", "show", &new])["domain"], one);
    // A domain of a tenant that is not in the file is refused by both, too.
    let file = File::new(&format!("tenants: [{{slug: {}, domains: [{one}]}}]", globex.slug));
    for option in ["--dry-run", "--yes"] {
        let refused = file.apply(&[option]).expect(8);
        assert!(refused.err.contains("tenant list --search"), "{refused:?}");
    }
}

#[test]
fn stop_after_starts_no_other_tenant() {
    let tenants = [(); 4].map(|()| World::get().tenant());
    let entries: Vec<_> = tenants
        .iter()
        .enumerate()
        .map(|(index, tenant)| {
            let plan = if index < 2 { "no-such-plan" } else { "pro" };
            format!("{{slug: {}, plan: {plan}}}", tenant.slug)
        })
        .collect();
    let file = File::new(&format!("tenants: [{}]", entries.join(", ")));
    let stopped = file.apply(&["--yes", "--jobs", "1", "--stop-after", "1"]).expect(8);
    assert!(stopped.out.contains("0 done, 1 failed, 3 not started"), "{stopped:?}");
    let plan = |index: usize| json(&["tenant", "show", &tenants[index].slug])["plan"].clone();
    assert_eq!((plan(2), plan(3)), ("enterprise".into(), "enterprise".into()));
    let stopped = file.apply(&["--dry-run", "--jobs", "1", "--stop-after", "2"]).expect(8);
    assert!(stopped.out.contains("0 planned, 2 failed, 2 not started"), "{stopped:?}");
    let done = file.apply(&["--yes", "--jobs", "1", "--stop-after", "3"]).expect(8);
    assert!(done.out.contains("2 done, 2 failed, 0 not started"), "{done:?}");
    assert_eq!((plan(2), plan(3)), ("pro".into(), "pro".into()));
}

#[test]
fn invalid_file_changes_nothing() {
    let tenant = World::get().tenant();
    let slug = tenant.slug.as_str();
    for (text, message) in [
        (
            format!("tenants: [{{slug: {slug}, name: Changed}}, {{slug: new-one}}]"),
            "tenants[1].name is required",
        ),
        (format!("tenants: [{{slug: {slug}, name: Changed, colour: red}}]"), "tenants[0].colour"),
        (
            format!("tenants: [{{slug: {slug}, name: Changed}}, {{slug: {slug}}}]"),
            "occurs more than once",
        ),
        ("tenants: {".to_owned(), "YAML"),
        ("plans: []".to_owned(), "tenants"),
    ] {
        let refused = File::new(&text).apply(&["--yes"]).expect(2);
        assert!(refused.err.contains(message), "{refused:?}");
    }
    assert_ne!(json(&["tenant", "show", slug])["name"], "Changed");
    let settings = World::get().settings();
    let input = format!("tenants: [{{slug: {slug}, name: From input}}]");
    run_with(&settings, &["apply", "-f", "-", "--yes"], &input).expect(0);
    assert_eq!(json(&["tenant", "show", slug])["name"], "From input");
}

/// Pruning affects every other tenant, so this test has servers of its own.
#[test]
fn only_prune_affects_absent_tenants() {
    let services = e2e::Services::start();
    let settings = services.settings(&services.databases());
    let ctl = |arguments: &[&str]| run_with(&settings, arguments, "");
    ctl(&["migrate"]).expect(0);
    for slug in ["acme", "globex"] {
        ctl(&["tenant", "create", slug, "--slug", slug, "--admin-email", "a@x.example"]).expect(0);
    }
    let path = services.folder().join("tenants.yaml");
    std::fs::write(&path, "tenants: [{slug: acme}]").unwrap();
    let apply = |options: &[&str]| {
        ctl(&[&["apply", "-f", path.to_str().unwrap(), "--yes"][..], options].concat())
    };
    let status = || {
        let shown = ctl(&["tenant", "show", "globex", "--output", "json"]).expect(0).document();
        shown["status"].as_str().unwrap().to_owned()
    };
    apply(&[]).expect(0);
    assert_eq!(status(), "active");
    apply(&["--prune", "suspend", "--dry-run"]).expect(0);
    assert_eq!(status(), "active");
    apply(&["--prune", "suspend"]).expect(0);
    assert_eq!(status(), "suspended");
    apply(&["--prune", "delete"]).expect(0);
    assert_eq!(status(), "deleted");
    assert_eq!(apply(&["--prune", "delete"]).expect(0).out, "nothing changes\n");
    std::fs::write(&path, "tenants: []").unwrap();
    let refused = apply(&["--prune", "delete"]).expect(2);
    assert!(refused.err.contains("every tenant"), "{refused:?}");
}
