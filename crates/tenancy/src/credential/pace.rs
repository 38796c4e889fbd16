//! The pace of a hash: how long it works before others get a turn, and before it rests.

use std::{cell::Cell, time::Duration};

use crate::platform::Platform;

/// The fewest rounds between two turns of the event loop: about 25 microseconds in wasm.
const SHORTEST: u32 = 75;
/// The most: about 0.7 milliseconds.
const LONGEST: u32 = 2_000;
/// A turn that takes longer than this, in microseconds, had others in it.
const ALONE: u64 = 60;

/// How long a rest is, in microseconds.
const REST: u64 = 1_000;
/// The longest rest.
const LONGEST_REST: u64 = 8_000;
/// How long a hash rests in all: on a machine that is busy with something else, room that is made is
/// taken at once, and a hash would never end.
const MOST_RESTED: u64 = 1_500_000;
/// How much longer than asked for a rest takes where the host is in time, which counts in milliseconds.
const IN_TIME: u64 = 1_500;
/// The least work between two rests, in microseconds.
const LEAST_WORK: u64 = 250;
/// The work before the first.
const FIRST_WORK: u64 = 10_000;
/// The most work.
const MOST_WORK: u64 = 25_000;

/// The work between two rests, which all hashes of an instance have in common.
///
/// A host whose threads are all at work looks at its sockets and timers only now and then, so that each
/// step of any request waits for milliseconds, whatever its own component does. A rest that ends late
/// shows that it is so: then the hashes of all instances make room, until a thread is idle again.
#[derive(Clone, Copy)]
pub(super) struct Work {
    most: u64,
    rest: u64,
}

impl Default for Work {
    fn default() -> Self {
        Self { most: FIRST_WORK, rest: REST }
    }
}

impl Work {
    fn after_a_rest_of(self, micros: u64) -> Self {
        let Self { most, rest } = self;
        let is_late = micros > rest + IN_TIME;
        match (is_late, most, rest) {
            (true, LEAST_WORK, _) => Self { most, rest: (rest * 2).min(LONGEST_REST) },
            (true, ..) => Self { most: (most / 4).max(LEAST_WORK), rest },
            (false, _, REST) => {
                Self { most: (most + LEAST_WORK.max(most / 8)).min(MOST_WORK), rest }
            }
            (false, ..) => Self { most, rest: rest / 2 },
        }
    }
}

/// The pace of one hash.
pub(super) struct Pace<'a> {
    platform: &'a Platform,
    work: &'a Cell<Work>,
    /// The rounds between two turns: few while others wait, for each of their steps waits for a slice of
    /// every sign-in, and many while nobody does, for a turn costs as much as 25 rounds.
    rounds: u32,
    /// When it last rested, by the host's monotonic clock in microseconds.
    rested: u64,
    /// How long it has rested in all, in microseconds.
    rested_for: u64,
}

impl<'a> Pace<'a> {
    pub(super) fn new(platform: &'a Platform, work: &'a Cell<Work>) -> Self {
        let rested = platform.clock.monotonic_micros();
        Self { platform, work, rounds: SHORTEST, rested, rested_for: 0 }
    }

    /// Gives others a turn, and rests where that is due. Returns the rounds until the next turn.
    pub(super) async fn turn(&mut self) -> u32 {
        let Platform { executor, clock, .. } = self.platform;
        let begin = clock.monotonic_micros();
        executor.yield_now().await;
        let end = clock.monotonic_micros();
        let took = end.saturating_sub(begin);
        let rounds = if took > ALONE { self.rounds / 4 } else { self.rounds + SHORTEST };
        self.rounds = rounds.clamp(SHORTEST, LONGEST);
        let Work { most, rest } = self.work.get();
        if end.saturating_sub(self.rested) >= most && self.rested_for < MOST_RESTED {
            executor.sleep(Duration::from_micros(rest)).await;
            self.rested = clock.monotonic_micros();
            let took = self.rested.saturating_sub(end);
            self.rested_for += took;
            self.work.set(self.work.get().after_a_rest_of(took));
        }
        self.rounds
    }
}

#[cfg(test)]
pub(super) mod tests {
    use std::{cell::RefCell, rc::Rc};

    use async_trait::async_trait;
    use chrono::{DateTime, Utc};
    use futures::{executor::block_on, future::LocalBoxFuture};

    use super::*;
    use crate::platform::{Clock, Executor};

    /// A host on which each turn takes so long, and each rest so much longer than asked for, in
    /// microseconds.
    #[derive(Clone)]
    struct Host {
        turn: u64,
        late: u64,
        now: Rc<Cell<u64>>,
        rests: Rc<RefCell<Vec<u64>>>,
    }

    impl Clock for Host {
        fn now(&self) -> DateTime<Utc> {
            DateTime::default()
        }

        fn monotonic_micros(&self) -> u64 {
            self.now.get()
        }
    }

    #[async_trait(?Send)]
    impl Executor for Host {
        async fn yield_now(&self) {
            self.now.set(self.now.get() + self.turn);
        }

        async fn sleep(&self, duration: Duration) {
            let micros = u64::try_from(duration.as_micros()).unwrap();
            self.now.set(self.now.get() + micros + self.late);
            self.rests.borrow_mut().push(micros);
        }

        fn spawn(&self, _: LocalBoxFuture<'static, ()>) {}
    }

    impl Host {
        fn new(turn: u64, late: u64) -> Self {
            Self { turn, late, now: Rc::default(), rests: Rc::default() }
        }

        fn platform(&self) -> Platform {
            Platform {
                clock: Rc::new(self.clone()),
                executor: Rc::new(self.clone()),
                ..Platform::native("redis://127.0.0.1".to_owned())
            }
        }
    }

    /// The platform of a host that has nothing else to do.
    pub(in crate::credential) fn idle_platform() -> Platform {
        Host::new(1, 0).platform()
    }

    /// The rounds after so many turns on a host, with work of a third of a microsecond a round between
    /// them, and the rests.
    fn paced(turn: u64, late: u64, turns: u32, work: &Cell<Work>) -> (u32, Vec<u64>) {
        let host = Host::new(turn, late);
        let platform = host.platform();
        let mut pace = Pace::new(&platform, work);
        let mut rounds = 0;
        for _ in 0..turns {
            rounds = block_on(pace.turn());
            host.now.set(host.now.get() + u64::from(rounds / 3));
        }
        (rounds, host.rests.take())
    }

    #[test]
    fn slices_are_short_while_others_wait() {
        let work = Cell::default();
        assert_eq!(paced(ALONE, 0, 100, &work).0, LONGEST);
        assert_eq!(paced(ALONE + 1, 0, 100, &work).0, SHORTEST);
    }

    #[test]
    fn a_host_that_is_late_is_left_alone_for_longer() {
        let work = Cell::default();
        let (_, rests) = paced(ALONE + 1, IN_TIME + 1, 1_000, &work);
        assert_eq!((work.get().most, work.get().rest), (LEAST_WORK, LONGEST_REST));
        assert_eq!((rests[0], rests.last()), (REST, Some(&LONGEST_REST)));
        // Another hash of the instance goes on from there, and works more again.
        let (_, rests) = paced(10, IN_TIME, 5_000, &work);
        assert_eq!((rests[0], rests.last()), (LONGEST_REST, Some(&REST)));
        assert_eq!(work.get().most, MOST_WORK);
    }

    #[test]
    fn a_hash_does_not_rest_for_ever() {
        let (_, rests) = paced(ALONE + 1, 100_000, 10_000, &Cell::default());
        assert_eq!(rests.len(), 15);
    }
}
