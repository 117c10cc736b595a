//! What all clients saw, together.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// So many wrong answers are kept word for word.
const KEPT: usize = 20;

/// Counters and the first wrong answers.
#[derive(Debug, Default)]
pub struct Tally {
    answers: Mutex<BTreeMap<&'static str, u64>>,
    away: Mutex<BTreeMap<String, u64>>,
    wrong: Mutex<Vec<String>>,
    wrong_count: AtomicU64,
    left: AtomicU64,
    restarting: AtomicBool,
}

impl Tally {
    /// An answer came.
    pub fn answered(&self, deed: &'static str) {
        *lock(&self.answers).entry(deed).or_default() += 1;
    }

    /// An answer was wrong, or none came.
    pub fn wrong(&self, what: String) {
        self.wrong_count.fetch_add(1, Ordering::Relaxed);
        let mut wrong = lock(&self.wrong);
        if wrong.len() < KEPT {
            eprintln!("WRONG {what}");
            wrong.push(what);
        }
    }

    /// A client went away.
    pub fn left(&self) {
        self.left.fetch_add(1, Ordering::Relaxed);
    }

    /// PostgreSQL goes down, or is there again.
    pub fn set_restarting(&self, restarting: bool) {
        self.restarting.store(restarting, Ordering::Relaxed);
    }

    /// Is this error one of a database that restarts, and does it?
    pub fn may_be_away(&self, code: &str) -> bool {
        let known = code.starts_with("57P0") || code.starts_with("08") || code.starts_with("PGRST00");
        known && self.restarting.load(Ordering::Relaxed)
    }

    /// The database was away.
    pub fn away(&self, said: String) {
        *lock(&self.away).entry(said).or_default() += 1;
    }

    /// How many answers were wrong.
    pub fn wrong_count(&self) -> u64 {
        self.wrong_count.load(Ordering::Relaxed)
    }

    /// Everything, as lines.
    pub fn text(&self) -> String {
        let answers = lock(&self.answers);
        let list = |pairs: Vec<String>| if pairs.is_empty() { "none".to_owned() } else { pairs.join(", ") };
        format!(
            "answers checked: {} ({})\nwrong: {}\nclients that went away in the middle: {}\nrefused while PostgreSQL restarted: {}\n",
            answers.values().sum::<u64>(),
            list(answers.iter().map(|(deed, n)| format!("{deed} {n}")).collect()),
            self.wrong_count(),
            self.left.load(Ordering::Relaxed),
            list(lock(&self.away).iter().map(|(said, n)| format!("{said}: {n}")).collect()),
        )
    }
}

/// A panic of another client does not make the figures worse.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
