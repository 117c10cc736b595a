//! The short lane: few connections, shared by many short reads.
//!
//! It has two halves. Reads that are known to be harmless run under a timeout of the lane, and once more on the wide lane where that ends
//! them. Reads that may run code of users would see such a timeout and could catch it, and they must not be run twice: they come in only
//! once they have turned out to be short, to connections of their own, without a timeout; one that is long after all keeps waiting nobody
//! but its like.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::runtime;
use tokio::sync::Semaphore;

use super::conn::Conn;
use super::wide::gate;
use crate::Error;

/// More requests in flight on one connection only wait for each other.
const MOST_IN_FLIGHT: usize = 16;
/// So many requests in flight on a connection of the same scheduler are better than none on another's.
const HANDED_OVER: usize = 12;
/// Reads that take longer do not belong here; they are run again on the wide lane.
pub(super) const TIMEOUT: Duration = Duration::from_millis(250);

/// Was it the lane's timeout that ended a batch, and not somebody who cancelled it? The message would say, in a language of its own.
pub(super) fn is_late(error: &Error, service: Duration) -> bool {
    error.code() == Some("57014") && service > TIMEOUT / 2
}

/// How a batch goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    /// The short lane, of what is harmless.
    Timed,
    /// The short lane, of all else.
    Untimed,
    /// The wide lane.
    Wide,
}

/// The places for connections of half the lane; they are filled as load asks for them.
pub(super) struct Short {
    slots: Box<[Slot]>,
    pub(super) gate: Arc<Semaphore>,
}

/// A place for one connection.
#[derive(Default)]
pub(super) struct Slot {
    conn: Mutex<Option<Arc<Conn>>>,
    /// Held while somebody connects.
    pub(super) connecting: tokio::sync::Mutex<()>,
}

/// Where a request should go.
pub(super) enum Choice {
    /// This one.
    Use(Arc<Conn>),
    /// This one, and it is time to fill the place with this index.
    UseAndFill(Arc<Conn>, usize),
    /// None is open: fill the first place.
    Fill,
}

impl Short {
    pub(super) fn new(size: usize) -> Self {
        let slots: Box<[Slot]> = (0..size.max(1)).map(|_| Slot::default()).collect();
        let gate = gate(slots.len() * MOST_IN_FLIGHT);
        Self { slots, gate }
    }

    pub(super) fn slot(&self, index: usize) -> Option<&Slot> {
        self.slots.get(index)
    }

    /// Is anything under way?
    pub(super) fn is_busy(&self) -> bool {
        self.gate.available_permits() < self.slots.len() * MOST_IN_FLIGHT
    }

    pub(super) fn len(&self) -> usize {
        self.slots.len()
    }

    /// The connection with the fewest requests in flight, of those whose task runs on the same scheduler if there is one.
    pub(super) fn choose(&self, home: runtime::Id) -> Choice {
        let (mut best, mut vacant): (Option<(usize, Arc<Conn>)>, Option<usize>) = (None, None);
        for (index, slot) in self.slots.iter().enumerate() {
            let Some(conn) = slot.get() else {
                vacant = vacant.or(Some(index));
                continue;
            };
            let cost = conn.load() + if conn.home == home { 0 } else { HANDED_OVER };
            if best.as_ref().is_none_or(|(least, _)| cost < *least) {
                best = Some((cost, conn));
            }
        }
        match (best, vacant) {
            (Some((0, conn)), _) | (Some((_, conn)), None) => Choice::Use(conn),
            (Some((_, conn)), Some(index)) => Choice::UseAndFill(conn, index),
            (None, _) => Choice::Fill,
        }
    }

    /// Takes out those that `expired` names; they end when they are answered.
    pub(super) fn expire(&self, expired: impl Fn(usize, &Conn) -> bool) {
        for (index, slot) in self.slots.iter().enumerate() {
            let mut conn = slot.conn.lock();
            if conn.as_ref().is_some_and(|c| expired(index, c))
                && let Some(conn) = conn.take()
            {
                conn.close();
            }
        }
    }
}

impl Slot {
    /// The connection, if it takes requests.
    pub(super) fn get(&self) -> Option<Arc<Conn>> {
        self.conn.lock().as_ref().filter(|c| c.is_open()).cloned()
    }

    pub(super) fn set(&self, conn: Arc<Conn>) {
        *self.conn.lock() = Some(conn);
    }
}
