//! A run: servers, hosts, load, faults and the checks at the end.

use std::{
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
    thread,
    time::{Duration, Instant},
};

use e2e::{Application, FileStore, tenantctl};
use serde_json::json;

use crate::{
    actors::{self, tenants},
    checks::End,
    client::Client,
    context::Context,
    faults,
    options::Options,
    plan,
    random::Random,
    report,
    request::Request,
    stores::Stores,
};

/// An amount that no run reaches.
const PLENTY: i64 = 1_000_000_000;
/// Instance reuse per host: as recommended in docs/operations.md, and the default of Spin.
const REUSE: [&[&str]; 2] = [&["--max-instance-reuse-count", "4096"], &[]];

/// Runs everything. Returns true if there was no violation.
pub fn run(options: &Options) -> bool {
    report::say("==> starting the stores and the hosts");
    let stores = Stores::start();
    let settings = stores.services().settings(&stores.services().databases());
    let migrated = tenantctl(&settings, &["migrate"]);
    assert!(migrated.status.success(), "{}", String::from_utf8_lossy(&migrated.stderr));
    let folder = stores.services().folder();
    let files = folder.join("shared-files.db");
    let hosts: Vec<Mutex<Application>> = (0..usize::from(options.hosts))
        .map(|host| {
            let store = FileStore::Sqlite(&files);
            let arguments = REUSE[host % REUSE.len()];
            Mutex::new(Application::start_sharing_with(&settings, &folder, store, arguments))
        })
        .collect();
    let address = |host: &Mutex<Application>| lock(host).address.clone();
    let addresses: Vec<String> = hosts.iter().map(address).collect();
    let context = Context::new(Client::new(&addresses, settings["ADMIN_API_KEY"].clone()));
    let mut random = Random::of(options.seed, "main");
    prepare(&context, &mut random);
    report::say(&format!("==> load and faults ({})", options.line()));
    load(&context, &stores, &hosts, options);
    report::say("==> checks");
    let end = End { context: &context, stores: &stores, settings: &settings, files: &files };
    end.check(&mut random);

    let is_kept = context.violations.count() == 0;
    report::say(&report::summary(&context, options));
    if !is_kept {
        let logs: Vec<PathBuf> =
            hosts.iter().map(|host| Path::to_owned(lock(host).log())).collect();
        report::failure(&context, options, &logs);
    }
    is_kept
}

/// Creates the plan without limits and the first tenants, before any fault.
fn prepare(context: &Context, random: &mut Random) {
    let limits = json!({ "users": PLENTY, "storage": PLENTY * PLENTY.min(1_000), "api_calls": PLENTY,
                         "ai_requests": PLENTY, "requests_per_minute": PLENTY });
    let plan = json!({ "name": "chaos", "limits": limits });
    let created =
        context.send(0, &tenants::operator(context, Request::post("/admin/plans", &plan)));
    assert_eq!(created.status(), 201, "the plan is created: {:?}", created.answer);
    actors::found_homes(context, random);
}

/// Runs actors and faults until the load is over and every actor has finished.
fn load(context: &Context, stores: &Stores, hosts: &[Mutex<Application>], options: &Options) {
    thread::scope(|scope| {
        let begin = Instant::now();
        let actors = actors::start(scope, context, options.seed);
        let lines: Vec<_> = plan::plan(options)
            .into_iter()
            .map(|line| scope.spawn(move || faults::run(context, stores, hosts, &line, begin)))
            .collect();
        let end = begin + Duration::from_secs(options.seconds);
        // A failed line ends the load.
        while Instant::now() < end && context.is_running() {
            thread::sleep(Duration::from_millis(50));
        }
        let mut failed = lines.into_iter().filter_map(|line| line.join().err()).count();
        context.stop();
        failed += actors.into_iter().filter_map(|actor| actor.join().err()).count();
        assert_eq!(failed, 0, "threads of the harness failed, see above");
    });
}

fn lock(host: &Mutex<Application>) -> std::sync::MutexGuard<'_, Application> {
    host.lock().unwrap_or_else(PoisonError::into_inner)
}
