//! Policies and grants of the shadow changed one at a time, to see whether anything notices: `basalt db test --mutants`.
//!
//!     Watch::begin   what linter, tests and matrix say while nothing is changed
//!     bench          the databases of one worker
//!     ask            one change: the linter, the tests, the matrix of what the change concerns; the first that notices is enough

mod ask;
mod bench;
mod watch;

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use access::mutants::{Mutant, Noticed, Outcome};

use super::Plan;
use super::shadow::{Shadow, Template};
use crate::progress::Progress;
use bench::Bench;
use watch::Watch;

/// How many changes are tried at the same time, each on databases of its own. More would need more connections than the shadow has.
const WORKERS: std::ops::RangeInclusive<usize> = 2..=4;

/// Multiples of it, cut to 32 bits, are spread evenly (the golden ratio of 2³²).
const SPREAD: u32 = 0x9E37_79B1;

/// Tries all changes within `budget`; what is left over then is told as untried.
///
/// # Errors
/// There is nothing that could notice, or the tests fail before anything is changed.
pub async fn run(
    plan: &Plan,
    shadow: &mut Shadow<'_>,
    migrated: &Template,
    budget: Duration,
    progress: &Progress,
) -> anyhow::Result<Vec<Outcome>> {
    let (watch, first) = Watch::begin(plan, shadow, migrated, progress).await?;
    let cores = std::thread::available_parallelism().map_or(*WORKERS.start(), usize::from);
    let mut benches = vec![first];
    while benches.len() < cores.clamp(*WORKERS.start(), *WORKERS.end()) {
        let another = benches[0].another(shadow).await?;
        benches.push(another);
    }
    // What it takes to get ready is not counted: a slow machine would try nothing.
    let queue = Queue::new(access::mutants::all(&watch.schema), Instant::now() + budget);
    let mut workers = tokio::task::JoinSet::new();
    let shared = std::sync::Arc::new((watch, queue, progress.clone()));
    for bench in benches {
        let shared = shared.clone();
        workers.spawn(async move {
            let (watch, queue, progress) = &*shared;
            let worked = work(watch, &bench, queue, progress).await;
            (bench, worked)
        });
    }
    let mut failed = None;
    while let Some(joined) = workers.join_next().await {
        let (bench, worked) = joined?;
        bench.discard(shadow).await?;
        failed = failed.or(worked.err());
    }
    match failed {
        Some(error) => Err(error),
        None => Ok(shared.1.outcomes()),
    }
}

/// What is to be done and what is done.
struct Queue {
    waiting: Mutex<VecDeque<(usize, Mutant)>>,
    done: Mutex<Vec<(usize, Outcome)>>,
    of: usize,
    deadline: Instant,
}

impl Queue {
    fn new(mutants: Vec<Mutant>, deadline: Instant) -> Self {
        let of = mutants.len();
        let mut waiting: Vec<(usize, Mutant)> = mutants.into_iter().enumerate().collect();
        // Neighbours in the list are far from each other in the queue: what a budget allows is a fair sample.
        waiting.sort_by_key(|(number, _)| (*number as u32).wrapping_mul(SPREAD));
        Self { waiting: Mutex::new(waiting.into()), done: Mutex::default(), of, deadline }
    }

    /// The next change, with its place in the list and how many are behind it.
    fn next(&self) -> Option<(usize, Mutant, usize)> {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let (number, mutant) = waiting.pop_front()?;
        Some((number, mutant, waiting.len()))
    }

    fn put(&self, number: usize, outcome: Outcome) {
        self.done.lock().unwrap_or_else(PoisonError::into_inner).push((number, outcome));
    }

    /// In the order in which the changes were listed.
    fn outcomes(&self) -> Vec<Outcome> {
        let mut done = std::mem::take(&mut *self.done.lock().unwrap_or_else(PoisonError::into_inner));
        done.sort_by_key(|(number, _)| *number);
        done.into_iter().map(|(_, outcome)| outcome).collect()
    }
}

async fn work(watch: &Watch, bench: &Bench, queue: &Queue, progress: &Progress) -> anyhow::Result<()> {
    let mut asker = ask::Asker::new(watch, bench).await?;
    while let Some((number, mutant, behind)) = queue.next() {
        let noticed = match &mutant.equivalent {
            Some(reason) => Noticed::Equivalent(reason.clone()),
            None if Instant::now() > queue.deadline => Noticed::Untried("the time was up (--budget)".to_owned()),
            None => {
                progress.step(&format!("Changing policies and grants ({}/{})", queue.of - behind, queue.of));
                asker.ask(&mutant).await?
            }
        };
        queue.put(number, Outcome { mutant, noticed });
    }
    Ok(())
}
