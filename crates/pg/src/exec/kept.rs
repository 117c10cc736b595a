//! Settings that a session keeps from one request to the next, so that they need not be made again: half of what PostgreSQL does for a
//! row by its key is to set role and claims, and to undo it.
//!
//! What keeps identities apart:
//! - A request is spared a setting only where the session was told the very same value, in a transaction of its own that PostgreSQL
//!   confirmed before the request was sent. Until then, and after anything else, it makes the setting itself.
//! - A kept value is confirmed anew every [`FRESH`], so that a role that was taken from the login role is lost within that time.
//! - A request that does not set all that is kept, or sets anything else, first makes the session forget.
//! - Requests that are not known to be harmless make it forget too: whatever they do to the session, the next one sets all itself.
//! - A session that does not take a value is closed.
//! - Nothing is kept behind a pooler, where the next request may meet another session: before anything is kept, the session says its
//!   process number, which must be the one that it logged in with.

use std::time::{Duration, Instant};

use bytes::Bytes;

use super::Batch;

/// What may be kept. All else is made by the requests that need it.
pub(super) const NAMES: [&str; 3] = ["search_path", "role", "request.jwt.claims"];
/// So many requests in a row must ask for the same value before it is kept: a change costs as much as a request.
const STREAK: u32 = 8;
/// For how long a value is taken for granted.
const FRESH: Duration = Duration::from_secs(1);

/// Makes the session forget, by the simple protocol.
pub(super) const FORGET: &str = "reset role; reset \"request.jwt.claims\"; reset search_path";
/// Keeps one value for good.
pub(super) const KEEP: &str = "select pg_catalog.set_config($1, $2, false)";
/// Says which process answers.
pub(super) const PROBE: &str = "select pg_catalog.pg_backend_pid()";

/// What one session keeps.
#[derive(Debug, Default)]
pub(super) struct Kept {
    slots: [Slot; NAMES.len()],
    /// Answers to questions of an earlier epoch count for nothing.
    epoch: u64,
    peer: Peer,
}

/// Who answers us.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Peer {
    #[default]
    Unknown,
    Asked,
    /// PostgreSQL itself.
    Direct,
    /// A pooler: nothing can be kept.
    Pooler,
}

#[derive(Debug, Default)]
struct Slot {
    /// The value of the session, confirmed at this time.
    kept: Option<(Bytes, Instant)>,
    /// The session was told a value and did not confirm it yet.
    asked: bool,
    /// The value that was wanted last, and how often in a row.
    wanted: Bytes,
    streak: u32,
}

/// Something that the session is told or asked in a transaction of its own.
#[derive(Debug)]
pub(super) enum Question {
    /// Which process are you?
    Probe,
    /// Keep this from now on.
    Keep { slot: usize, epoch: u64, value: Bytes },
}

impl Question {
    /// The statement and its parameters.
    pub(super) fn sql(&self) -> (&'static str, Vec<Option<&[u8]>>) {
        match self {
            Self::Probe => (PROBE, Vec::new()),
            Self::Keep { slot, value, .. } => {
                let name = NAMES.get(*slot).copied().unwrap_or_default();
                (KEEP, vec![Some(name.as_bytes()), Some(value)])
            }
        }
    }
}

impl Kept {
    /// Need this setting not be made?
    pub(super) fn has(&self, name: &str, value: &Bytes, now: Instant) -> bool {
        let slot = NAMES.iter().position(|known| *known == name).and_then(|n| self.slots.get(n));
        slot.is_some_and(|slot| slot.holds(value, now))
    }

    /// Must the session forget before this batch? `plain`: the batch makes no settings but those that can be kept.
    pub(super) fn stands_in_the_way(&self, batch: &Batch, plain: bool) -> bool {
        let sets = |name: &str| batch.settings.iter().any(|(n, _)| n == name);
        let mut told = NAMES.iter().zip(&self.slots).filter(|(_, slot)| slot.is_told()).peekable();
        told.peek().is_some() && (!may_rely(batch, plain) || told.any(|(name, _)| !sets(name)))
    }

    /// The session was told to forget.
    pub(super) fn forget(&mut self) {
        self.epoch += 1;
        self.slots = Default::default();
    }

    /// Counts what the batch wants, and says what is to be asked of the session behind it.
    pub(super) fn learn(&mut self, batch: &Batch, plain: bool, now: Instant) -> Vec<Question> {
        let mut questions = Vec::new();
        if self.peer == Peer::Pooler {
            return questions;
        }
        for (n, (name, slot)) in NAMES.iter().zip(&mut self.slots).enumerate() {
            let value = batch.settings.iter().find(|(known, _)| known == name).map(|(_, value)| value);
            let Some(value) = value.filter(|_| may_rely(batch, plain)) else {
                slot.streak = 0;
                continue;
            };
            if same(&slot.wanted, value) {
                slot.streak = slot.streak.saturating_add(1);
            } else {
                (slot.wanted, slot.streak) = (value.clone(), 1);
            }
            if slot.streak < STREAK || slot.asked || slot.holds(value, now) {
                continue;
            }
            match self.peer {
                Peer::Unknown => {
                    self.peer = Peer::Asked;
                    questions.push(Question::Probe);
                }
                Peer::Direct => {
                    (slot.kept, slot.asked) = (None, true);
                    questions.push(Question::Keep { slot: n, epoch: self.epoch, value: value.clone() });
                }
                Peer::Asked | Peer::Pooler => {}
            }
        }
        questions
    }

    /// The session has answered. `process`: what it said; `login`: what it said at login.
    pub(super) fn confirm(&mut self, question: &Question, process: Option<&[u8]>, login: i32, now: Instant) {
        match question {
            Question::Probe => {
                let is_same = process == Some(itoa::Buffer::new().format(login).as_bytes());
                self.peer = if is_same { Peer::Direct } else { Peer::Pooler };
            }
            Question::Keep { slot, epoch, value } if *epoch == self.epoch => {
                if let Some(slot) = self.slots.get_mut(*slot) {
                    (slot.kept, slot.asked) = (Some((value.clone(), now)), false);
                }
            }
            Question::Keep { .. } => {}
        }
    }
}

/// May a batch be spared what is kept? Not if it may change the session, or makes settings that the kept role might not be allowed to.
fn may_rely(batch: &Batch, plain: bool) -> bool {
    plain && batch.prepared && batch.harmless && !batch.tainted
}

impl Slot {
    /// Was the session told a value of ours, so that it may have it?
    fn is_told(&self) -> bool {
        self.kept.is_some() || self.asked
    }

    fn holds(&self, value: &Bytes, now: Instant) -> bool {
        self.kept.as_ref().is_some_and(|(kept, at)| now.saturating_duration_since(*at) < FRESH && same(kept, value))
    }
}

/// Equal, most often because it is the same allocation.
fn same(one: &Bytes, other: &Bytes) -> bool {
    one.len() == other.len() && (one.as_ptr() == other.as_ptr() || one == other)
}
