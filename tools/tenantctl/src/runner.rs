//! Runs work for many tenants, several at a time.

use std::{
    cell::Cell,
    io::{IsTerminal as _, Write as _, stderr},
    time::Instant,
};

use futures::stream::{self, StreamExt as _};

/// The options of commands for many tenants.
#[derive(Debug, Clone, Copy, clap::Args)]
pub struct Options {
    /// The number of tenants at one time.
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u8).range(1..=32))]
    pub jobs: u8,
    /// Starts no other tenant after this number of failures.
    #[arg(long, value_name = "FAILURES")]
    pub stop_after: Option<u32>,
}

/// The numbers of tenants by outcome.
#[derive(Debug, Default, Clone, Copy)]
pub struct Outcome {
    /// The tenants that were processed.
    pub done: u32,
    /// The tenants that failed.
    pub failed: u32,
    /// The tenants that were not started, because too many others had failed.
    pub skipped: u32,
}

/// Runs `work` for each item, which stands for one tenant. `report` receives each result. A failure does not stop the others, except as
/// [`Options::stop_after`] says.
pub async fn run<I, T>(
    options: &Options,
    tenants: &[I],
    work: impl AsyncFn(&I) -> anyhow::Result<T>,
    report: impl Fn(&I, anyhow::Result<T>),
) -> Outcome {
    let failed = Cell::new(0_u32);
    let started = Cell::new(0_usize);
    let progress = Progress::new(tenants.len());
    let mut done = 0;
    let is_over = || options.stop_after.is_some_and(|most| failed.get() >= most.max(1));
    let mut results = stream::iter(tenants)
        .take_while(|_| {
            let is_over = is_over();
            started.set(started.get() + usize::from(!is_over));
            std::future::ready(!is_over)
        })
        .map(async |tenant| (tenant, work(tenant).await))
        .buffer_unordered(usize::from(options.jobs));
    while let Some((tenant, result)) = results.next().await {
        if result.is_ok() {
            done += 1;
        } else {
            failed.set(failed.get() + 1);
        }
        progress.clear();
        report(tenant, result);
        progress.show(done + failed.get());
    }
    progress.clear();
    let skipped = tenants.len().saturating_sub(started.get());
    Outcome { done, failed: failed.get(), skipped: u32::try_from(skipped).unwrap_or(u32::MAX) }
}

/// Runs the items of each group like [`run`], one group after another.
pub async fn run_groups<I, T>(
    options: &Options,
    groups: &[Vec<I>],
    work: impl AsyncFn(&I) -> anyhow::Result<T>,
    report: impl Fn(&I, anyhow::Result<T>),
) -> Outcome {
    let mut total = Outcome::default();
    for group in groups {
        let stop_after = options.stop_after.map(|most| most.max(1).saturating_sub(total.failed));
        if stop_after == Some(0) {
            total.skipped += u32::try_from(group.len()).unwrap_or(u32::MAX);
            continue;
        }
        let options = Options { stop_after, ..*options };
        let Outcome { done, failed, skipped } = run(&options, group, &work, &report).await;
        total.done += done;
        total.failed += failed;
        total.skipped += skipped;
    }
    total
}

/// A line with the progress and the remaining time, if standard error is a terminal.
struct Progress {
    total: usize,
    begin: Instant,
    is_shown: bool,
}

impl Progress {
    fn new(total: usize) -> Self {
        Self { total, begin: Instant::now(), is_shown: stderr().is_terminal() && total > 1 }
    }

    fn show(&self, finished: u32) {
        if !self.is_shown || finished == 0 {
            return;
        }
        let left = u32::try_from(self.total).unwrap_or(u32::MAX).saturating_sub(finished);
        let seconds = (self.begin.elapsed() / finished * left).as_secs();
        // A closed terminal does not stop the work.
        let _ = write!(stderr(), "\r{finished} of {} tenants, {seconds} s left", self.total);
        let _ = stderr().flush();
    }

    fn clear(&self) {
        if self.is_shown {
            let _ = write!(stderr(), "\r\x1b[K");
        }
    }
}
