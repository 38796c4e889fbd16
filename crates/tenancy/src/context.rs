//! What every operation needs: the platform, the settings, the keys and the counters.

use std::{
    any::{Any, TypeId},
    cell::RefCell,
    rc::Rc,
    time::Duration,
};

use platform::{
    Platform,
    sql::{Connection, STATEMENT_DEADLINE},
};

use crate::{
    crypto::MasterKey,
    error::Result,
    metrics::{Counters, MeteredRedis, MeteredSql},
    settings::Settings,
};

/// The context of every operation. An instance has one for its whole life.
pub struct Context {
    /// The interface to the host.
    pub platform: Platform,
    /// The operator's settings.
    pub settings: Settings,
    /// The key that seals the other keys.
    pub master_key: MasterKey,
    /// The metrics that this instance has counted.
    pub counters: Rc<Counters>,
    /// The time limit of a statement, if an operation asks for no other one.
    pub(crate) statement_deadline: Duration,
    is_dry_run: bool,
    /// The state of modules, one value of each type.
    state: RefCell<Vec<(TypeId, Rc<dyn Any>)>>,
}

impl Context {
    /// Creates the context on a platform with these settings. Connections open on first use.
    pub fn new(platform: Platform, settings: Settings) -> Result<Self> {
        let counters = Rc::<Counters>::default();
        let (clock, redis, sql) = (&platform.clock, &platform.redis, &platform.sql);
        let redis = MeteredRedis::new(Rc::clone(redis), Rc::clone(clock), Rc::clone(&counters));
        let sql = MeteredSql::new(Rc::clone(sql), Rc::clone(clock), Rc::clone(&counters));
        let platform = Platform { redis: Rc::new(redis), sql: Rc::new(sql), ..platform };
        Ok(Self {
            master_key: MasterKey::derive(
                &settings.master_encryption_key,
                &settings.master_decryption_keys,
            )?,
            counters,
            statement_deadline: STATEMENT_DEADLINE,
            is_dry_run: false,
            state: RefCell::default(),
            platform,
            settings,
        })
    }

    /// Creates the context of a dry run: the same checks and statements, of which none takes effect. `platform` rolls
    /// the statements back. Use cases do nothing outside of the catalog and the tenant's database: they publish nothing
    /// to Redis, connect to no cluster, and start no work after the response.
    pub fn of_dry_run(platform: Platform, settings: Settings) -> Result<Self> {
        Ok(Self { is_dry_run: true, ..Self::new(platform, settings)? })
    }

    /// Lets a statement take up to `deadline`, instead of the [`STATEMENT_DEADLINE`] of a request.
    #[must_use]
    pub fn with_statement_deadline(self, deadline: Duration) -> Self {
        Self { statement_deadline: deadline, ..self }
    }

    /// Returns whether this is a dry run, which [`of_dry_run`](Self::of_dry_run) describes.
    pub fn is_dry_run(&self) -> bool {
        self.is_dry_run
    }

    /// Returns what this instance remembers between requests in a value of this type. The module that defines the type
    /// owns the value, so that this module depends on none of them.
    pub fn state<T: Default + 'static>(&self) -> Rc<T> {
        self.state_from(T::default)
    }

    /// Returns the same value as [`state`](Self::state), for a type that the first caller creates with `new`.
    pub fn state_from<T: 'static>(&self, new: impl FnOnce() -> T) -> Rc<T> {
        let id = TypeId::of::<T>();
        // A few types: comparing their ids takes less time than hashing one.
        let kept =
            self.state.borrow().iter().find(|kept| kept.0 == id).map(|kept| Rc::clone(&kept.1));
        if let Some(Ok(kept)) = kept.map(Rc::downcast::<T>) {
            return kept;
        }
        let value = Rc::new(new());
        self.state.borrow_mut().push((id, Rc::clone(&value) as Rc<dyn Any>));
        value
    }

    /// Returns a connection to the catalog.
    pub async fn catalog(&self) -> Result<Box<dyn Connection>> {
        self.catalog_within(self.statement_deadline).await
    }

    /// Returns a connection to the catalog whose statements may take up to `deadline`.
    pub async fn catalog_within(&self, deadline: Duration) -> Result<Box<dyn Connection>> {
        let address = self.settings.master_database_url.to_text();
        Ok(self.platform.sql.connect(address.expose(), deadline).await?)
    }
}
