//! The pace of a hash: how long it works before it yields, and before it pauses.

use std::{cell::Cell, time::Duration};

use platform::{Platform, redis::RoundTrip};

/// The minimum number of rounds between two yields: about 25 microseconds in wasm.
const SHORTEST: u32 = 75;
/// The maximum number of rounds between two yields: about 0.35 milliseconds.
const LONGEST: u32 = 1_000;
/// If a yield takes longer than this, in microseconds, other requests ran during it.
const ALONE: u64 = 60;

/// Below this number of rounds between two yields, the thread is shared with other requests.
const CROWDED: u32 = LONGEST / 2;
/// If a pause takes longer than the shortest one by this factor, the machine is busy.
const BUSY: u64 = 2;

/// The minimum work between two pauses, in microseconds.
const LEAST_WORK: u64 = 1_000;
/// The minimum work between two pauses while other requests wait, in microseconds. Each step of these requests waits
/// for the next pause. Without other requests, such frequent pauses would make a sign-in 25 % slower.
const LEAST_WORK_BESIDE_OTHERS: u64 = 400;
/// The maximum work between two pauses, in microseconds.
const MOST_WORK: u64 = 25_000;
/// The ratio of work to pause. A distant Redis is contacted less often.
const WORK_OF_REST: u64 = 5;
/// The maximum total pause of a hash, in microseconds. On a machine that is busy with other work, the released CPU time
/// is used at once, and a hash would never end without this limit.
const MOST_RESTED: u64 = 1_500_000;
/// The pause while Redis is unavailable. The host's timer has a resolution of one millisecond.
const REST_WITHOUT: Duration = Duration::from_millis(1);
/// The work between two pauses while Redis is unavailable, in microseconds.
const WORK_WITHOUT: u64 = 10_000;

/// The pauses of an instance, which all its hashes make together, because the instance releases its thread only when
/// all of them pause.
///
/// A host whose threads are all busy polls its sockets and timers only occasionally. Each step of every request then
/// waits for milliseconds, even in other components. A round trip to Redis is the shortest time in which a component
/// can be idle: it takes a fraction of the time of a timer.
pub(super) struct Rests {
    /// The time at which the next pause is due, in microseconds of the host's monotonic clock. It stays due while a
    /// pause is in progress, so that every hash joins this pause.
    due: Cell<u64>,
    /// The shortest round trip so far, in microseconds. Longer round trips are caused by a busy machine, which is no
    /// reason for fewer pauses.
    shortest: Cell<u64>,
}

impl Default for Rests {
    fn default() -> Self {
        Self { due: Cell::default(), shortest: Cell::new(u64::MAX) }
    }
}

impl Rests {
    /// Pauses, beginning at `begin`. Returns the time at which the pause ended.
    async fn rest(
        &self,
        Platform { redis, executor, clock, .. }: &Platform,
        begin: u64,
        is_crowded: bool,
    ) -> u64 {
        let round_trip = redis.round_trip().await;
        if round_trip.is_err() {
            executor.sleep(REST_WITHOUT).await;
        }
        let end = clock.monotonic_micros();
        if let Ok(RoundTrip::Whole) = round_trip {
            self.shortest.set(self.shortest.get().min(end.saturating_sub(begin)));
        }
        let shortest = self.shortest.get();
        let is_busy = end.saturating_sub(begin) > shortest.saturating_mul(BUSY);
        let least = if is_crowded || is_busy { LEAST_WORK_BESIDE_OTHERS } else { LEAST_WORK };
        let work = match round_trip {
            Ok(_) => shortest.saturating_mul(WORK_OF_REST).clamp(least, MOST_WORK),
            Err(_) => WORK_WITHOUT,
        };
        self.due.set(end.saturating_add(work));
        end
    }
}

/// The pace of one hash.
pub(super) struct Pace<'a> {
    platform: &'a Platform,
    rests: &'a Rests,
    /// The number of rounds between two yields. It is small while other requests wait, because each of their steps
    /// waits for a slice of every sign-in. It is large otherwise, because a yield costs as much as 25 rounds.
    rounds: u32,
    /// The total time of pauses, in microseconds.
    rested_for: u64,
}

impl<'a> Pace<'a> {
    pub(super) fn new(platform: &'a Platform, rests: &'a Rests) -> Self {
        Self { platform, rests, rounds: SHORTEST, rested_for: 0 }
    }

    /// Yields to other requests, and pauses if a pause is due. Returns the number of rounds until the next yield.
    pub(super) async fn turn(&mut self) -> u32 {
        let Platform { executor, clock, .. } = self.platform;
        let begin = clock.monotonic_micros();
        executor.yield_now().await;
        let end = clock.monotonic_micros();
        let took = end.saturating_sub(begin);
        let rounds = if took > ALONE { self.rounds / 4 } else { self.rounds + SHORTEST };
        self.rounds = rounds.clamp(SHORTEST, LONGEST);
        if end >= self.rests.due.get() && self.rested_for < MOST_RESTED {
            let rested = self.rests.rest(self.platform, end, self.rounds < CROWDED).await;
            self.rested_for += rested.saturating_sub(end);
        }
        self.rounds
    }
}

#[cfg(test)]
mod tests {
    use std::{cell::RefCell, future::poll_fn, mem::replace, rc::Rc, task::Poll};

    use async_trait::async_trait;
    use chrono::{DateTime, Utc};
    use futures::{
        executor::block_on,
        future::{LocalBoxFuture, join},
    };

    use super::*;
    use platform::{
        Clock, Executor, Redis,
        redis::{Command, ProcessId, RedisError, Reply},
    };

    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    enum Rested {
        RoundTrip,
        JoinedRoundTrip,
        Sleep(Duration),
    }

    /// A host on which each yield and each round trip takes the given time in microseconds. If `round_trip` is `None`,
    /// Redis is unavailable.
    #[derive(Clone)]
    struct Host {
        turn: u64,
        round_trip: Option<u64>,
        under_way: Rc<Cell<bool>>,
        now: Rc<Cell<u64>>,
        rests: Rc<RefCell<Vec<Rested>>>,
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
            self.pass(self.turn);
        }

        async fn sleep(&self, duration: Duration) {
            self.rests.borrow_mut().push(Rested::Sleep(duration));
            self.pass(u64::try_from(duration.as_micros()).unwrap());
        }

        fn spawn(&self, _: LocalBoxFuture<'static, ()>) {}
    }

    #[async_trait(?Send)]
    impl Redis for Host {
        async fn run(&self, command: Command<'_>) -> Result<Vec<Reply>, RedisError> {
            assert_eq!(command.name, "PING");
            let Some(micros) = self.round_trip else {
                return Err(RedisError::Unavailable("it is unavailable".to_owned()));
            };
            self.rests.borrow_mut().push(Rested::RoundTrip);
            self.under_way.set(true);
            // The other hashes of the instance run meanwhile.
            let mut had_turn = false;
            poll_fn(|context| {
                context.waker().wake_by_ref();
                if replace(&mut had_turn, true) { Poll::Ready(()) } else { Poll::Pending }
            })
            .await;
            self.under_way.set(false);
            self.pass(micros);
            Ok(Vec::new())
        }

        fn process(&self) -> Option<ProcessId> {
            None
        }

        async fn round_trip(&self) -> Result<RoundTrip, RedisError> {
            if !self.under_way.get() {
                return self.execute("PING", &[]).await.map(|_| RoundTrip::Whole);
            }
            self.rests.borrow_mut().push(Rested::JoinedRoundTrip);
            Ok(RoundTrip::Rest)
        }
    }

    impl Host {
        fn new(turn: u64, round_trip: Option<u64>) -> Self {
            let (under_way, now, rests) = Default::default();
            Self { turn, round_trip, under_way, now, rests }
        }

        fn pass(&self, micros: u64) {
            self.now.set(self.now.get() + micros);
        }

        fn platform(&self) -> Platform {
            Platform {
                clock: Rc::new(self.clone()),
                executor: Rc::new(self.clone()),
                redis: Rc::new(self.clone()),
                ..Platform::native(String::new())
            }
        }

        /// Works for `turns` slices at a third of a microsecond per round. Returns the last number of rounds.
        async fn work(&self, rests: &Rests, turns: u32) -> u32 {
            let platform = self.platform();
            let mut pace = Pace::new(&platform, rests);
            let mut rounds = 0;
            for _ in 0..turns {
                rounds = pace.turn().await;
                self.pass(u64::from(rounds / 3));
            }
            rounds
        }
    }

    #[test]
    fn slices_are_short_while_other_requests_wait() {
        let after = |turn| block_on(Host::new(turn, Some(1)).work(&Rests::default(), 100));
        assert_eq!(after(ALONE), LONGEST);
        assert_eq!(after(ALONE + 1), SHORTEST);
    }

    #[test]
    fn work_interval_is_five_round_trips() {
        let crowded = (ALONE + 1, SHORTEST, LEAST_WORK_BESIDE_OTHERS);
        for (turn, rounds, least) in [crowded, (1, LONGEST, LEAST_WORK)] {
            for (round_trip, work) in [(1, least), (400, 2_000), (9_000, 25_000)] {
                let host = Host::new(turn, Some(round_trip));
                block_on(host.work(&Rests::default(), 10_000));
                let rests = u64::try_from(host.rests.borrow().len()).unwrap();
                // The work between two pauses ends with a slice.
                let longest = round_trip + work + turn + u64::from(rounds / 3);
                let (least, most) =
                    (host.now.get() / longest, host.now.get() / (round_trip + work) + 2);
                assert!(
                    (least..=most).contains(&rests),
                    "{round_trip}: {rests} of {least} to {most}"
                );
            }
        }
    }

    #[test]
    fn busy_machine_shortens_the_work_interval() {
        let (host, rests) = (Host::new(1, Some(10)), Rests::default());
        let work_after = |round_trip| {
            let host = Host { round_trip: Some(round_trip), ..host.clone() };
            let platform = host.platform();
            let end = block_on(rests.rest(&platform, host.now.get(), false));
            rests.due.get() - end
        };
        assert_eq!([10, 20, 21].map(work_after), [1_000, 1_000, 400]);
    }

    #[test]
    fn slow_host_does_not_lengthen_work_interval() {
        let (host, rests) = (Host::new(1, Some(50)), Rests::default());
        block_on(host.work(&rests, 1));
        let busy = Host { round_trip: Some(5_000), ..host.clone() };
        block_on(busy.work(&rests, 1));
        block_on(busy.work(&rests, 1_000));
        let work = busy.rests.borrow().len() as u64 * (5_000 + LEAST_WORK);
        assert!(busy.now.get() < work + work / 2, "{} {work}", busy.now.get());
    }

    #[test]
    fn hashes_of_an_instance_pause_together() {
        let (host, rests) = (Host::new(1, Some(400)), Rests::default());
        block_on(join(host.work(&rests, 1), host.work(&rests, 1)));
        assert_eq!(*host.rests.borrow(), [Rested::RoundTrip, Rested::JoinedRoundTrip]);
        assert!(rests.due.get() > host.now.get());
        // Only a whole round trip updates the shortest round trip.
        assert!((400..500).contains(&rests.shortest.get()));
    }

    #[test]
    fn pauses_use_the_timer_without_redis() {
        let host = Host::new(1, None);
        block_on(host.work(&Rests::default(), 100));
        let rests = host.rests.borrow();
        assert!(rests.iter().all(|rest| *rest == Rested::Sleep(REST_WITHOUT)));
        let most = host.now.get() / WORK_WITHOUT + 1;
        assert!((2..=most).contains(&u64::try_from(rests.len()).unwrap()), "{rests:?}");
    }

    #[test]
    fn total_pause_of_a_hash_is_limited() {
        let host = Host::new(ALONE + 1, Some(100_000));
        block_on(host.work(&Rests::default(), 10_000));
        assert_eq!(host.rests.borrow().len(), 15);
    }
}
