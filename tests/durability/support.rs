//! The application, a second host, and their shared servers.

use std::{
    sync::{Mutex, MutexGuard, OnceLock, PoisonError},
    thread::sleep,
    time::{Duration, Instant},
};

use e2e::{Answer, Application, Call, Restart, World};
use http::Method;

/// The timeout for background work.
pub const SOON: Duration = Duration::from_secs(30);

/// The servers, for one test at a time.
pub struct Arena {
    pub world: &'static World,
    /// A second host, in addition to the host of the world.
    pub other: &'static Application,
    _alone: MutexGuard<'static, ()>,
}

impl Arena {
    /// Waits for exclusive access to the servers.
    pub fn enter() -> Self {
        static ALONE: Mutex<()> = Mutex::new(());
        static OTHER: OnceLock<Application> = OnceLock::new();
        let alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
        let world = World::get();
        let other = OTHER.get_or_init(|| world.another_application(&world.services.databases()));
        Self { world, other, _alone: alone }
    }

    /// Returns the addresses of both hosts.
    pub fn hosts(&self) -> [&str; 2] {
        [self.world.address(), &self.other.address]
    }

    /// Requests the tenant of an access token or an API key from each host.
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

    /// Kills Redis, and restarts it with this data.
    pub fn restart_redis(&self, restart: Restart) {
        self.world.services.kill_redis();
        self.world.services.start_redis(restart);
    }
}

/// Waits until a condition holds.
#[track_caller]
pub fn wait_until(what: &str, holds: impl Fn() -> bool) {
    let begin = Instant::now();
    while !holds() {
        assert!(begin.elapsed() < SOON, "{what}");
        sleep(Duration::from_millis(50));
    }
}
