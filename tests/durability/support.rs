//! The application, a second host beside it, and the servers that both use.

use std::{
    sync::{Mutex, MutexGuard, OnceLock, PoisonError},
    thread::sleep,
    time::{Duration, Instant},
};

use e2e::{Answer, Application, Call, Restart, World};
use http::Method;

/// How long something may take that happens beside the requests.
pub const SOON: Duration = Duration::from_secs(10);

/// The servers, for one test at a time.
pub struct Arena {
    pub world: &'static World,
    /// A host beside the one of the world.
    pub other: &'static Application,
    _alone: MutexGuard<'static, ()>,
}

impl Arena {
    /// Waits for the tests before this one.
    pub fn enter() -> Self {
        static ALONE: Mutex<()> = Mutex::new(());
        static OTHER: OnceLock<Application> = OnceLock::new();
        let alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
        let world = World::get();
        let other = OTHER.get_or_init(|| world.another_application(&world.services.databases()));
        Self { world, other, _alone: alone }
    }

    /// A call of each host.
    pub fn hosts(&self) -> [&str; 2] {
        [self.world.address(), &self.other.address]
    }

    /// Asks each host for the tenant of a credential, which is an access token or an API key.
    pub fn info(&self, credential: &str) -> [Answer; 2] {
        self.hosts().map(|host| {
            Call::new(Method::GET, host, "/api/v1/tenant/info").token(credential).send()
        })
    }

    /// Asserts that each host accepts a credential.
    #[track_caller]
    pub fn accepts(&self, credential: &str) {
        for answer in self.info(credential) {
            answer.expect(200);
        }
    }

    /// Asserts that each host rejects a credential with this status.
    #[track_caller]
    pub fn rejects(&self, what: &str, credential: &str, status: u16) {
        for answer in self.info(credential) {
            assert_eq!(answer.status, status, "{what}: {}", answer.text);
        }
    }

    /// Kills Redis, and starts it again with this data.
    pub fn restart_redis(&self, restart: Restart) {
        self.world.services.kill_redis();
        self.world.services.start_redis(restart);
    }
}

/// Waits until something holds.
#[track_caller]
pub fn wait_until(what: &str, holds: impl Fn() -> bool) {
    let begin = Instant::now();
    while !holds() {
        assert!(begin.elapsed() < SOON, "{what}");
        sleep(Duration::from_millis(50));
    }
}
