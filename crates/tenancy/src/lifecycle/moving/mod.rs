//! Moving a tenant's database to another cluster.
//!
//! `tenantctl` copies the data ([`Moving`] has the steps). A move that is abandoned before the copy is complete is
//! cancelled, and one that is abandoned later is finished: by the background work of the service, by `tenantctl repair`
//! or by the same command again.
//!
//! Under a crash:
//! - Until the fence, the tenant works at the source. Writes that wait continue, because the locks of the copy end with
//!   the connection of `tenantctl`.
//! - From the fence to the switch, the tenant accepts no requests (503). The copy is complete, so the switch needs
//!   nothing but the catalog. It follows as soon as the move counts as abandoned, after about 15 s.
//! - After the switch, the tenant works at the target, and only the old database remains to be dropped.
//!
//! No write is lost: the copy is made while writes wait, and the catalog names the target only after the tenant's roles
//! have lost the source.

mod fence;
mod target;

use std::{cell::Cell, time::Duration};

use platform::redis::{Argument, Reply};
use serde_json::json;
pub use target::copy_name;
use uuid::Uuid;

use crate::{
    audit,
    context::Context,
    database_location::DatabaseLocation,
    database_role::{self, Ending},
    error::{Error, Result},
    event::{Actor, Entry, Event, Severity, name},
    lifecycle::databases,
    log, redis_key,
    secret::Secret,
    tenant::{
        Operation, TenantRecord,
        cluster::{self, Cluster},
        database,
        moves::{self, Move, Step},
        repo,
    },
    version_cache::{Change, Effect},
};

/// A move that this process owns.
pub struct Moving {
    attempt: Uuid,
    /// The tenant with its database at the source.
    pub source: TenantRecord,
    /// The tenant with its database at the target.
    pub target: TenantRecord,
    /// The password of the role that restores the schema `app`.
    password: Secret,
}

/// The begin of a move.
pub enum Begun {
    /// The data must be copied.
    Copy(Box<Moving>),
    /// The tenant is at the target: since an earlier move, or because an interrupted one was finished.
    There,
}

/// Begins to move a tenant to a cluster, or finishes an interrupted move.
///
/// # Errors
/// [`Error::TenantNotFound`]; [`Error::IllegalTransition`] for a tenant that is neither active nor suspended;
/// [`Error::Unavailable`] while another process moves the tenant or rotates its password.
pub async fn begin(context: &Context, tenant: Uuid, cluster: &Cluster) -> Result<Begun> {
    let location = cluster.location(context)?;
    let catalog = context.catalog().await?;
    if let Some(row) = moves::find(&*catalog, tenant).await? {
        if !row.is_abandoned {
            return Err(moved_by_another_process(tenant));
        }
        recover(context, tenant).await?;
    }
    let source = repo::find(&*catalog, tenant).await?.ok_or(Error::TenantNotFound)?;
    if (&source.database.host, source.database.port) == (&location.host, location.port) {
        return Ok(Begun::There);
    }
    let attempt = context.platform.random.uuid(context.platform.clock.now());
    if !moves::insert(&*catalog, &source, &location, attempt).await? {
        source.status.check(Operation::Move)?;
        // Another process may have begun or taken over a move since the first look.
        return Err(match moves::find(&*catalog, tenant).await? {
            Some(_) => moved_by_another_process(tenant),
            None => Error::unavailable("the tenant's credentials or location are being changed"),
        });
    }
    let target = at(context, &source, &location)?;
    let password = database::random_password(context);
    Ok(Begun::Copy(Box::new(Moving { attempt, source, target, password })))
}

/// Returns the record of a tenant with its database at another location.
fn at(
    context: &Context,
    source: &TenantRecord,
    location: &DatabaseLocation,
) -> Result<TenantRecord> {
    let location = DatabaseLocation { name: source.database.name.clone(), ..location.clone() };
    let password = database::open_password(context, source)?;
    let (role, password) = (&source.database_role, password.expose().as_bytes());
    let sealed = database::seal_password(context, source.id, &location, role, password)?;
    Ok(TenantRecord { database: location, database_password: Some(sealed), ..source.clone() })
}

impl Moving {
    /// Creates the roles and an empty database on the target, while the tenant works.
    ///
    /// # Errors
    /// [`Error::Internal`] if the target has a database with the name of the tenant's, [`Error::Unavailable`].
    pub async fn prepare(&self, context: &Context) -> Result<()> {
        target::prepare(context, self).await
    }

    /// Returns the URL of the database at the source, with the account of the service.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if the catalog is unavailable.
    pub async fn source_url(&self, context: &Context) -> Result<Secret> {
        let location = self.source.trusted_location(context)?;
        cluster::url(context, &location, Some(&location.name)).await
    }

    /// Returns the URLs of the copy: for the account of the service, which restores the schema `tenancy`, and for the role
    /// that restores the schema `app`.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if the catalog is unavailable.
    pub async fn target_urls(&self, context: &Context) -> Result<(Secret, Secret)> {
        target::urls(context, self).await
    }

    /// Begins the pause: ends the database credentials of the application, and creates no others. The caller locks the
    /// tables afterwards.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if a store is unavailable or another process owns the move.
    pub async fn pause(&self, context: &Context) -> Result<()> {
        self.advance(context, Step::Copying, Step::Paused).await?;
        database_role::end(context, &self.source, Ending::Tenant).await?;
        Ok(())
    }

    /// Shows that this process is alive.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if the catalog is unavailable or another process owns the move.
    pub async fn show_life(&self, context: &Context, step: Step) -> Result<()> {
        self.advance(context, step, step).await
    }

    /// Closes the source to the tenant's roles. The caller has compared the copy, and holds the locks until this returns.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if a store is unavailable or another process owns the move.
    pub async fn fence(&self, context: &Context) -> Result<()> {
        self.advance(context, Step::Paused, Step::Paused).await?;
        fence::close(context, &self.source).await?;
        self.advance(context, Step::Paused, Step::Fenced).await
    }

    /// Lets the tenant work at the target, with effect on the next request.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if a store is unavailable, another process owns the move, or the tenant's password was
    /// changed meanwhile.
    pub async fn switch(&self, context: &Context, actor: &Actor) -> Result<Effect> {
        let (from, to) = (&self.source.database, &self.target.database);
        let event = Event::new(name::TENANT_DATABASE_MOVED)
            .severity(Severity::Warning)
            .about("tenant", self.source.id)
            .detail(json!({
                "from": format!("{}:{}", from.host, from.port), "to": format!("{}:{}", to.host, to.port),
            }));
        let entry = Entry::new(context, Some(self.source.id), actor, event);
        target::publish(context, self).await?;
        fence::open(context, &self.target).await?;
        let publication = Change::begin(context);
        let catalog = context.catalog().await?;
        if !moves::switch(&*catalog, self.attempt, &self.source, &self.target, &entry).await? {
            return Err(Error::unavailable("the tenant's credentials or state were changed"));
        }
        let record = repo::find(&*catalog, self.source.id).await?.ok_or(Error::TenantNotFound)?;
        publication.current(&record).await?;
        Ok(publication.finish().await)
    }

    /// Drops the old database, and ends the move.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if a store is unavailable.
    pub async fn finish(&self, context: &Context) -> Result<()> {
        databases::drop_moved(context, &self.source).await?;
        let catalog = context.catalog().await?;
        moves::remove(&*catalog, self.source.id, self.attempt).await?;
        audit::try_flush_catalog(context, Some(self.source.id)).await;
        Ok(())
    }

    /// Cancels a move before its switch: the tenant works at the source, and nothing remains on the target.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if a store is unavailable or another process owns the move.
    pub async fn cancel(&self, context: &Context) -> Result<()> {
        let catalog = context.catalog().await?;
        let row = moves::find(&*catalog, self.source.id).await?;
        let Some(row) = row.filter(|row| row.attempt == self.attempt) else { return Ok(()) };
        if row.step == Step::Fenced {
            // The copy may have its final name. Without a copy, nobody can switch.
            target::unpublish(context, &self.target).await?;
        }
        self.advance(context, row.step, Step::Copying).await?;
        fence::open(context, &self.source).await?;
        target::abandon(context, &self.target).await?;
        moves::remove(&*catalog, self.source.id, self.attempt).await
    }

    async fn advance(&self, context: &Context, from: Step, to: Step) -> Result<()> {
        let catalog = context.catalog().await?;
        moves::advance(&*catalog, self.source.id, self.attempt, (from, to)).await
    }
}

fn moved_by_another_process(tenant: Uuid) -> Error {
    Error::unavailable(format!(
        "another process is moving the tenant {tenant}, or was until a moment ago: try again in 15 s"
    ))
}

/// Finishes or cancels an abandoned move. Does nothing if there is none. Returns whether there was one.
///
/// # Errors
/// [`Error::Unavailable`] if a store is unavailable. A repeated call continues.
pub async fn recover(context: &Context, tenant: Uuid) -> Result<bool> {
    end(context, tenant, moves::Owner::Abandoned).await
}

/// Ends the move of a tenant, even while another process works on it: before the destruction of the tenant, and if the
/// operator cancels the move. A move whose copy is complete is finished. Returns whether there was one.
///
/// # Errors
/// [`Error::Unavailable`] if a store is unavailable. A repeated call continues.
pub async fn settle(context: &Context, tenant: Uuid) -> Result<bool> {
    end(context, tenant, moves::Owner::Any).await
}

async fn end(context: &Context, tenant: Uuid, owner: moves::Owner) -> Result<bool> {
    let catalog = context.catalog().await?;
    let attempt = context.platform.random.uuid(context.platform.clock.now());
    if !moves::take_over(&*catalog, tenant, attempt, owner).await? {
        return Ok(false);
    }
    let (Some(row), Some(record)) =
        (moves::find(&*catalog, tenant).await?, repo::find(&*catalog, tenant).await?)
    else {
        return Ok(false);
    };
    if row.attempt != attempt {
        return Ok(false);
    }
    let moving = owned(context, &row, &record)?;
    match row.step {
        Step::Copying | Step::Paused => moving.cancel(context).await?,
        Step::Fenced => {
            // A lost response of the switch is not acknowledged before it takes effect.
            let _: Effect = match moving.switch(context, &Actor::system()).await {
                Ok(effect) => effect,
                Err(error) => {
                    log::warning(
                        context,
                        "the switch of a moved tenant failed; cancelling",
                        &error,
                    );
                    moving.cancel(context).await?;
                    return Ok(true);
                }
            };
            moving.finish(context).await?;
        }
        Step::Switched => {
            let publication = Change::begin(context);
            publication.current(&record).await?;
            let _: Effect = publication.finish().await;
            moving.finish(context).await?;
        }
    }
    Ok(true)
}

/// Returns the move of a row that this process has taken over.
fn owned(context: &Context, row: &Move, record: &TenantRecord) -> Result<Moving> {
    let source = row.source_record(record);
    let target = if row.step == Step::Switched {
        record.clone()
    } else {
        at(context, &source, &row.target)?
    };
    let password = database::random_password(context);
    Ok(Moving { attempt: row.attempt, source, target, password })
}

/// Recovers all abandoned moves, and returns their number. A failure does not stop the others.
///
/// # Errors
/// The last failure.
pub async fn recover_all(context: &Context) -> Result<u64> {
    let catalog = context.catalog().await?;
    let (mut recovered, mut failure) = (0, None);
    for tenant in moves::list_abandoned(&*catalog).await? {
        match recover(context, tenant).await {
            Ok(was_moving) => recovered += u64::from(was_moving),
            Err(error) => failure = Some(error),
        }
    }
    failure.map_or(Ok(recovered), Err)
}

/// The interval at which the instances look for abandoned moves.
const INTERVAL: Duration = Duration::from_secs(5);

/// The time of an instance's next look for abandoned moves.
#[derive(Default)]
struct NextCheck {
    at: Cell<u64>,
}

/// Recovers abandoned moves, unless an instance looked for them less than [`INTERVAL`] ago. An instance calls this beside
/// its requests. A component without the keys of tenants leaves it to the others.
pub async fn recover_regularly(context: &Context) {
    let now = context.platform.clock.monotonic_micros();
    let is_withheld = context.settings.tenant_database_template.is_withheld();
    if is_withheld || now < context.state::<NextCheck>().at.get() {
        return;
    }
    let interval = u64::try_from(INTERVAL.as_micros()).unwrap_or(u64::MAX);
    context.state::<NextCheck>().at.set(now.saturating_add(interval));
    let milliseconds = i64::try_from(INTERVAL.as_millis()).unwrap_or(i64::MAX);
    let mark: [Argument<'_>; 5] = [
        Argument::Key(redis_key::MOVES_CHECKED),
        "1".into(),
        "PX".into(),
        Argument::Int(milliseconds),
        "NX".into(),
    ];
    let marked = context.platform.redis.execute("SET", &mark).await;
    if marked.is_ok_and(|replies| matches!(replies.first(), Some(Reply::Nil) | None)) {
        return;
    }
    if let Err(error) = recover_all(context).await {
        log::warning(context, "an abandoned move could not be recovered; trying again", &error);
    }
}
