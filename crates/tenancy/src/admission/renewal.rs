//! Versions that will soon be too old, compared with PostgreSQL beside the requests.
//!
//! The admission script tells one call of a version that is due, and lets it go on. Its instance gathers
//! what is due for some seconds, and compares all of it together: of tenants and API keys with two
//! statements, of users and sessions with one for each tenant. What PostgreSQL confirms counts for another
//! minute; what has changed is read and published. If the instance ends before that, the script tells
//! another call; what nobody has compared after a minute is, before anybody is let in.

use std::{
    cell::{Cell, RefCell},
    collections::{HashMap, HashSet},
    mem,
    rc::Rc,
    time::Duration,
};

use futures::{
    future::join_all,
    stream::{self, StreamExt as _},
};
use uuid::Uuid;

use super::{
    entry::{OPEN, api_key_key, confirm, session_key, tenant_key, user_key},
    observation::Observation,
    truth,
};
use crate::{
    api_key,
    error::Result,
    log,
    tenancy::Tenancy,
    tenant::{Tenant, TenantDb, repo},
    token::session,
};

/// How long what is due waits for others. The admission script has to have patience for longer.
const GATHERING: Duration = Duration::from_secs(3);
/// The tenants' databases that an instance asks at a time: Spin keeps connections to 16 addresses.
const DATABASES_AT_ONCE: usize = 4;
/// The most sessions that Redis is told of in one call.
const SESSIONS_AT_ONCE: usize = 256;

/// What an instance is to compare.
#[derive(Default)]
pub(crate) struct Renewals {
    due: RefCell<Due>,
    is_gathering: Cell<bool>,
}

#[derive(Default)]
struct Due {
    tenants: HashSet<Uuid>,
    /// API keys, by their tenants and hashes.
    api_keys: HashSet<(Uuid, [u8; 32])>,
    /// Users and sessions, by the ids of their tenants.
    sessions: Sessions,
}

type Sessions = HashMap<Uuid, (Tenant, HashSet<(Uuid, Uuid)>)>;

impl Due {
    fn is_empty(&self) -> bool {
        self.tenants.is_empty() && self.api_keys.is_empty() && self.sessions.is_empty()
    }
}

/// Sees to it that the version of a tenant is compared soon.
pub(super) fn of_tenant(tenancy: &Rc<Tenancy>, tenant: Uuid) {
    note(tenancy, |due| {
        due.tenants.insert(tenant);
    });
}

/// Sees to it that the version of an API key is compared soon, and its use noted.
pub(super) fn of_api_key(tenancy: &Rc<Tenancy>, tenant: Uuid, hash: [u8; 32]) {
    note(tenancy, |due| {
        due.api_keys.insert((tenant, hash));
    });
}

/// Sees to it that the version of a user, and whether the session goes on, are compared soon.
pub(super) fn of_session(tenancy: &Rc<Tenancy>, tenant: &Tenant, user: Uuid, session: Uuid) {
    note(tenancy, |due| {
        let of_tenant = due.sessions.entry(tenant.id);
        let (_, sessions) = of_tenant.or_insert_with(|| (tenant.clone(), HashSet::new()));
        sessions.insert((user, session));
    });
}

fn note(tenancy: &Rc<Tenancy>, add: impl FnOnce(&mut Due)) {
    add(&mut tenancy.renewals.due.borrow_mut());
    if !tenancy.renewals.is_gathering.replace(true) {
        tenancy.platform.executor.spawn(Box::pin(Gathering(Rc::clone(tenancy)).gather()));
    }
}

/// The task that compares what is due. It may be lost with the request that began it: then the next one
/// begins another.
struct Gathering(Rc<Tenancy>);

impl Gathering {
    async fn gather(self) {
        let Self(tenancy) = &self;
        while !tenancy.renewals.due.borrow().is_empty() {
            tenancy.platform.executor.sleep(GATHERING).await;
            let mut due = mem::take(&mut *tenancy.renewals.due.borrow_mut());
            let sessions = mem::take(&mut due.sessions);
            if !sessions.is_empty() {
                // Nobody waits for the database of another tenant.
                let compared = compare_sessions(Rc::clone(tenancy), sessions);
                tenancy.platform.executor.spawn(Box::pin(compared));
            }
            // What cannot be compared is compared by a call that needs it.
            if let Err(error) = compare_with_catalog(tenancy, &due).await {
                log::warning(tenancy, "versions were not compared", &error);
            }
        }
    }
}

impl Drop for Gathering {
    fn drop(&mut self) {
        self.0.renewals.is_gathering.set(false);
    }
}

/// What has a version in the catalog.
#[derive(Clone, Copy)]
enum Thing {
    Tenant,
    ApiKey([u8; 32]),
}

async fn compare_with_catalog(tenancy: &Tenancy, due: &Due) -> Result<()> {
    if due.tenants.is_empty() && due.api_keys.is_empty() {
        return Ok(());
    }
    let observation = Observation::now(tenancy);
    let (tenants, api_keys) = {
        let catalog = tenancy.catalog().await?;
        let now = tenancy.platform.clock.now();
        (
            repo::find_versions(&*catalog, &due.tenants).await?,
            api_key::repo::note_uses(&*catalog, &due.api_keys, now).await?,
        )
    };
    // All of a tenant is one hash slot of a cluster.
    let mut versions: HashMap<Uuid, Vec<(Thing, i64)>> = HashMap::new();
    for id in &due.tenants {
        match tenants.get(id) {
            Some(version) => versions.entry(*id).or_default().push((Thing::Tenant, *version)),
            None => truth::ended_tenant(tenancy, *id, observation).await,
        }
    }
    for (tenant, hash) in &due.api_keys {
        match api_keys.get(&(*tenant, *hash)) {
            Some(version) => {
                versions.entry(*tenant).or_default().push((Thing::ApiKey(*hash), *version));
            }
            None => truth::ended_api_key(tenancy, *tenant, hash, observation).await,
        }
    }
    let renewed =
        versions.into_iter().map(|(tenant, things)| renew(tenancy, tenant, things, observation));
    join_all(renewed).await.into_iter().collect()
}

/// Refreshes the entries of things of a tenant that had these versions in the catalog.
async fn renew(
    tenancy: &Tenancy,
    tenant: Uuid,
    things: Vec<(Thing, i64)>,
    observation: Observation,
) -> Result<()> {
    let key = |thing: &Thing| match thing {
        Thing::Tenant => tenant_key(tenant),
        Thing::ApiKey(hash) => api_key_key(tenant, hash),
    };
    let versions: Vec<_> = things.iter().map(|(thing, version)| (key(thing), *version)).collect();
    let confirmed = confirm(tenancy, &versions, observation).await?;
    for ((thing, _), is_confirmed) in things.into_iter().zip(confirmed) {
        match thing {
            _ if is_confirmed => {}
            Thing::Tenant => drop(truth::tenant(tenancy, tenant).await?),
            Thing::ApiKey(hash) => drop(truth::api_key(tenancy, tenant, hash, true).await?),
        }
    }
    Ok(())
}

async fn compare_sessions(tenancy: Rc<Tenancy>, sessions: Sessions) {
    let compared = stream::iter(sessions.into_values());
    compared
        .for_each_concurrent(DATABASES_AT_ONCE, async |(tenant, sessions)| {
            let sessions: Vec<_> = sessions.into_iter().collect();
            for sessions in sessions.chunks(SESSIONS_AT_ONCE) {
                if let Err(error) = compare_sessions_of(&tenancy, &tenant, sessions).await {
                    log::warning(&tenancy, "sessions were not compared", &error);
                }
            }
        })
        .await;
}

async fn compare_sessions_of(
    tenancy: &Tenancy,
    tenant: &Tenant,
    sessions: &[(Uuid, Uuid)],
) -> Result<()> {
    let observation = Observation::now(tenancy);
    let states = {
        let database = TenantDb::connect(tenancy, tenant).await?;
        session::find_states(&database, sessions).await?
    };
    let mut open = Vec::new();
    let mut versions = Vec::new();
    for of_session @ (user, session) in sessions {
        match states.get(of_session) {
            Some(state) if state.is_open => {
                versions.push((user_key(tenant.id, *user), state.user_version));
                versions.push((session_key(tenant.id, *session), OPEN));
                open.push((*of_session, state));
            }
            state => truth::store_session(tenancy, tenant, *of_session, state, observation).await,
        }
    }
    if open.is_empty() {
        return Ok(());
    }
    let confirmed = confirm(tenancy, &versions, observation).await?;
    for ((of_session, state), confirmed) in open.into_iter().zip(confirmed.chunks(2)) {
        if confirmed != [true, true] {
            truth::store_session(tenancy, tenant, of_session, Some(state), observation).await;
        }
    }
    Ok(())
}
