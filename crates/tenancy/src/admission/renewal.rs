//! Background refresh: compares cached versions with PostgreSQL shortly before they expire.
//!
//! When an entry is due for a refresh, the admission script reports it to one call, which proceeds. Its instance
//! gathers due entries for a few seconds and compares them together: tenants and API keys with two statements, users
//! and sessions with one statement for each tenant. An entry that PostgreSQL confirms stays fresh for another minute. A
//! changed one is read and published. If the instance ends before the comparison, the script reports the entry to
//! another call. An entry that is still not compared after a minute is compared before another call is admitted.

use std::{
    cell::RefCell,
    collections::{HashMap, HashSet},
    mem,
    rc::Rc,
    time::Duration,
};

use futures::{
    future::join_all,
    stream::{self, StreamExt as _},
};
use platform::{BackgroundTask, Running};
use uuid::Uuid;

use crate::{
    admission::source,
    api_key,
    context::Context,
    error::Result,
    log, redis_key, session,
    tenant::{Tenant, TenantDb, repo},
    version_cache::{OPEN, Observation, confirm},
};

/// The time for which due entries are gathered. It must be shorter than the patience of the admission script.
const GATHERING: Duration = Duration::from_secs(3);
/// The maximum number of tenant databases that an instance queries at a time. Spin keeps connections to 16 addresses.
const DATABASES_AT_ONCE: usize = 4;
/// The maximum number of sessions in one Redis call.
const SESSIONS_AT_ONCE: usize = 256;

/// The entries that an instance has to compare.
#[derive(Default)]
pub(crate) struct Renewals {
    due: RefCell<Due>,
    gathering: BackgroundTask,
}

#[derive(Default)]
struct Due {
    tenants: HashSet<Uuid>,
    /// API keys, by tenant and hash.
    api_keys: HashSet<(Uuid, [u8; 32])>,
    /// Users and sessions, by tenant id.
    sessions: Sessions,
}

type Sessions = HashMap<Uuid, (Tenant, HashSet<(Uuid, Uuid)>)>;

impl Due {
    fn is_empty(&self) -> bool {
        self.tenants.is_empty() && self.api_keys.is_empty() && self.sessions.is_empty()
    }
}

/// Schedules a comparison of the version of a tenant.
pub(super) fn of_tenant(context: &Rc<Context>, tenant: Uuid) {
    schedule(context, |due| {
        due.tenants.insert(tenant);
    });
}

/// Schedules a comparison of the version of an API key, which also records its use.
pub(super) fn of_api_key(context: &Rc<Context>, tenant: Uuid, hash: [u8; 32]) {
    schedule(context, |due| {
        due.api_keys.insert((tenant, hash));
    });
}

/// Schedules a comparison of the version of a user and of the state of a session.
pub(super) fn of_session(context: &Rc<Context>, tenant: &Tenant, user: Uuid, session: Uuid) {
    schedule(context, |due| {
        let of_tenant = due.sessions.entry(tenant.id);
        let (_, sessions) = of_tenant.or_insert_with(|| (tenant.clone(), HashSet::new()));
        sessions.insert((user, session));
    });
}

fn schedule(context: &Rc<Context>, add: impl FnOnce(&mut Due)) {
    add(&mut context.state::<Renewals>().due.borrow_mut());
    if let Some(running) = context.state::<Renewals>().gathering.begin() {
        context.platform.executor.spawn(Box::pin(gather(Rc::clone(context), running)));
    }
}

/// Compares due entries until none are left.
async fn gather(context: Rc<Context>, _running: Running) {
    while !context.state::<Renewals>().due.borrow().is_empty() {
        context.platform.executor.sleep(GATHERING).await;
        let mut due = mem::take(&mut *context.state::<Renewals>().due.borrow_mut());
        let sessions = mem::take(&mut due.sessions);
        if !sessions.is_empty() {
            // Other tenants do not wait for the database of this one.
            let compared = compare_sessions(Rc::clone(&context), sessions);
            context.platform.executor.spawn(Box::pin(compared));
        }
        // After a failure, a call that needs the entry compares it.
        if let Err(error) = compare_with_catalog(&context, &due).await {
            log::warning(
                &context,
                "refreshing versions failed; requests compare them on expiry",
                &error,
            );
        }
    }
}

/// An object with a version in the catalog.
#[derive(Clone, Copy)]
enum Thing {
    Tenant,
    ApiKey([u8; 32]),
}

async fn compare_with_catalog(context: &Context, due: &Due) -> Result<()> {
    if due.tenants.is_empty() && due.api_keys.is_empty() {
        return Ok(());
    }
    let observation = Observation::now(context);
    let (tenants, api_keys) = {
        let catalog = context.catalog().await?;
        let now = context.platform.clock.now();
        (
            repo::find_versions(&*catalog, &due.tenants).await?,
            api_key::repo::record_uses(&*catalog, &due.api_keys, now).await?,
        )
    };
    // All keys of a tenant are in one hash slot of a Redis cluster.
    let mut versions: HashMap<Uuid, Vec<(Thing, i64)>> = HashMap::new();
    for id in &due.tenants {
        match tenants.get(id) {
            Some(version) => versions.entry(*id).or_default().push((Thing::Tenant, *version)),
            None => source::tenant_tombstone(context, *id, observation).await,
        }
    }
    for (tenant, hash) in &due.api_keys {
        match api_keys.get(&(*tenant, *hash)) {
            Some(version) => {
                versions.entry(*tenant).or_default().push((Thing::ApiKey(*hash), *version));
            }
            None => source::api_key_tombstone(context, *tenant, hash, observation).await,
        }
    }
    let renewed =
        versions.into_iter().map(|(tenant, things)| renew(context, tenant, things, observation));
    join_all(renewed).await.into_iter().collect()
}

/// Refreshes the entries of objects of a tenant that had these versions in the catalog.
async fn renew(
    context: &Context,
    tenant: Uuid,
    things: Vec<(Thing, i64)>,
    observation: Observation,
) -> Result<()> {
    let key = |thing: &Thing| match thing {
        Thing::Tenant => redis_key::tenant(tenant),
        Thing::ApiKey(hash) => redis_key::api_key(tenant, hash),
    };
    let versions: Vec<_> = things.iter().map(|(thing, version)| (key(thing), *version)).collect();
    let confirmed = confirm(context, &versions, observation).await?;
    for ((thing, _), is_confirmed) in things.into_iter().zip(confirmed) {
        match thing {
            _ if is_confirmed => {}
            Thing::Tenant => drop(source::tenant(context, tenant).await?),
            Thing::ApiKey(hash) => drop(source::api_key(context, tenant, hash, true).await?),
        }
    }
    Ok(())
}

async fn compare_sessions(context: Rc<Context>, sessions: Sessions) {
    let compared = stream::iter(sessions.into_values());
    compared
        .for_each_concurrent(DATABASES_AT_ONCE, async |(tenant, sessions)| {
            let sessions: Vec<_> = sessions.into_iter().collect();
            for sessions in sessions.chunks(SESSIONS_AT_ONCE) {
                if let Err(error) = compare_sessions_of(&context, &tenant, sessions).await {
                    log::warning(
                        &context,
                        "refreshing sessions failed; requests compare them on expiry",
                        &error,
                    );
                }
            }
        })
        .await;
}

async fn compare_sessions_of(
    context: &Context,
    tenant: &Tenant,
    sessions: &[(Uuid, Uuid)],
) -> Result<()> {
    let observation = Observation::now(context);
    let states = {
        let database = TenantDb::connect(context, tenant).await?;
        session::find_states(&database, sessions).await?
    };
    let mut open = Vec::new();
    let mut versions = Vec::new();
    for of_session @ (user, session) in sessions {
        match states.get(of_session) {
            Some(state) if state.is_open => {
                versions.push((redis_key::user(tenant.id, *user), state.user_version));
                versions.push((redis_key::session(tenant.id, *session), OPEN));
                open.push((*of_session, state));
            }
            state => source::store_session(context, tenant, *of_session, state, observation).await,
        }
    }
    if open.is_empty() {
        return Ok(());
    }
    let confirmed = confirm(context, &versions, observation).await?;
    for ((of_session, state), confirmed) in open.into_iter().zip(confirmed.chunks(2)) {
        if confirmed != [true, true] {
            source::store_session(context, tenant, of_session, Some(state), observation).await;
        }
    }
    Ok(())
}
