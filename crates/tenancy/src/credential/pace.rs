//! The pace of a hash: how long it works before others get a turn, and before it rests.

use std::{cell::Cell, time::Duration};

use crate::platform::{Platform, redis::RoundTrip};

/// The fewest rounds between two turns of the event loop: about 25 microseconds in wasm.
const SHORTEST: u32 = 75;
/// The most: about 0.35 milliseconds.
const LONGEST: u32 = 1_000;
/// A turn that takes longer than this, in microseconds, had others in it.
const ALONE: u64 = 60;

/// With fewer rounds between two turns, others have their part of the thread.
const CROWDED: u32 = LONGEST / 2;
/// A rest that takes so many times the shortest is one of a machine that has much to do.
const BUSY: u64 = 2;

/// The least work between two rests, in microseconds.
const LEAST_WORK: u64 = 1_000;
/// The same where others wait: each of their steps does so for the next rest. Where nobody does, rests that are
/// so frequent make a sign-in a quarter longer.
const LEAST_WORK_BESIDE_OTHERS: u64 = 400;
/// The most.
const MOST_WORK: u64 = 25_000;
/// How many times the length of a rest the work between two is: a Redis that is far away is asked more
/// rarely.
const WORK_OF_REST: u64 = 5;
/// How long a hash rests in all, in microseconds: on a machine that is busy with something else, room
/// that is made is taken at once, and a hash would never end.
const MOST_RESTED: u64 = 1_500_000;
/// The rest where Redis is away. The host counts in milliseconds.
const REST_WITHOUT: Duration = Duration::from_millis(1);
/// The work between two of those, in microseconds.
const WORK_WITHOUT: u64 = 10_000;

/// The rests that all hashes of an instance make together: the instance gives its thread back only
/// when all of them do.
///
/// A host whose threads are all at work looks at its sockets and timers only now and then, so that each
/// step of any request waits for milliseconds, whatever its own component does. A round trip to Redis
/// is the shortest time for which a component can have nothing to do: a fraction of what a timer takes.
pub(super) struct Rests {
    /// When the next is due, by the host's monotonic clock in microseconds. While one is under way it
    /// still is: so every hash joins it.
    due: Cell<u64>,
    /// The shortest round trip there was, in microseconds: others take longer because of what the
    /// machine has to do, which is no reason to rest more rarely.
    shortest: Cell<u64>,
}

impl Default for Rests {
    fn default() -> Self {
        Self { due: Cell::default(), shortest: Cell::new(u64::MAX) }
    }
}

impl Rests {
    /// Rests from `begin` on. Returns when it ended.
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
    /// The rounds between two turns: few while others wait, for each of their steps waits for a slice of
    /// every sign-in, and many while nobody does, for a turn costs as much as 25 rounds.
    rounds: u32,
    /// How long it has rested in all, in microseconds.
    rested_for: u64,
}

impl<'a> Pace<'a> {
    pub(super) fn new(platform: &'a Platform, rests: &'a Rests) -> Self {
        Self { platform, rests, rounds: SHORTEST, rested_for: 0 }
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
        if end >= self.rests.due.get() && self.rested_for < MOST_RESTED {
            let rested = self.rests.rest(self.platform, end, self.rounds < CROWDED).await;
            self.rested_for += rested.saturating_sub(end);
        }
        self.rounds
    }
}

#[cfg(test)]
pub(super) mod tests {
    use std::{cell::RefCell, future::poll_fn, mem::replace, rc::Rc, task::Poll};

    use async_trait::async_trait;
    use chrono::{DateTime, Utc};
    use futures::{
        executor::block_on,
        future::{LocalBoxFuture, join},
    };

    use super::*;
    use crate::platform::{
        Clock, Executor, Redis,
        redis::{Command, ProcessId, RedisError, Reply},
    };

    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    enum Rested {
        RoundTrip,
        JoinedRoundTrip,
        Sleep(Duration),
    }

    /// A host on which each turn and each round trip take so long, in microseconds; without the last,
    /// Redis is away.
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
                return Err(RedisError::Unavailable("it is away".to_owned()));
            };
            self.rests.borrow_mut().push(Rested::RoundTrip);
            self.under_way.set(true);
            // The other hashes of the instance get a turn meanwhile.
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

        /// Works for so many turns, a third of a microsecond a round. Returns the rounds after them.
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

    /// The platform of a host that has nothing else to do.
    pub(in crate::credential) fn idle_platform() -> Platform {
        Host::new(1, Some(1)).platform()
    }

    #[test]
    fn slices_are_short_while_others_wait() {
        let after = |turn| block_on(Host::new(turn, Some(1)).work(&Rests::default(), 100));
        assert_eq!(after(ALONE), LONGEST);
        assert_eq!(after(ALONE + 1), SHORTEST);
    }

    #[test]
    fn a_hash_rests_after_five_times_as_much_work() {
        let crowded = (ALONE + 1, SHORTEST, LEAST_WORK_BESIDE_OTHERS);
        for (turn, rounds, least) in [crowded, (1, LONGEST, LEAST_WORK)] {
            for (round_trip, work) in [(1, least), (400, 2_000), (9_000, 25_000)] {
                let host = Host::new(turn, Some(round_trip));
                block_on(host.work(&Rests::default(), 10_000));
                let rests = u64::try_from(host.rests.borrow().len()).unwrap();
                // The work between two rests ends with a slice.
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
    fn a_hash_rests_more_often_where_rests_take_long() {
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
    fn a_machine_that_has_much_to_do_is_no_distant_redis() {
        let (host, rests) = (Host::new(1, Some(50)), Rests::default());
        block_on(host.work(&rests, 1));
        let busy = Host { round_trip: Some(5_000), ..host.clone() };
        block_on(busy.work(&rests, 1));
        block_on(busy.work(&rests, 1_000));
        let work = busy.rests.borrow().len() as u64 * (5_000 + LEAST_WORK);
        assert!(busy.now.get() < work + work / 2, "{} {work}", busy.now.get());
    }

    #[test]
    fn the_hashes_of_an_instance_rest_together() {
        let (host, rests) = (Host::new(1, Some(400)), Rests::default());
        block_on(join(host.work(&rests, 1), host.work(&rests, 1)));
        assert_eq!(*host.rests.borrow(), [Rested::RoundTrip, Rested::JoinedRoundTrip]);
        assert!(rests.due.get() > host.now.get());
        // Who waits for the rest of a round trip does not take Redis for near.
        assert!((400..500).contains(&rests.shortest.get()));
    }

    #[test]
    fn without_redis_it_rests_rarely_and_by_the_timer() {
        let host = Host::new(1, None);
        block_on(host.work(&Rests::default(), 100));
        let rests = host.rests.borrow();
        assert!(rests.iter().all(|rest| *rest == Rested::Sleep(REST_WITHOUT)));
        let most = host.now.get() / WORK_WITHOUT + 1;
        assert!((2..=most).contains(&u64::try_from(rests.len()).unwrap()), "{rests:?}");
    }

    #[test]
    fn a_hash_does_not_rest_for_ever() {
        let host = Host::new(ALONE + 1, Some(100_000));
        block_on(host.work(&Rests::default(), 10_000));
        assert_eq!(host.rests.borrow().len(), 15);
    }
}
