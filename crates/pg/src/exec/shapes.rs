//! What statements turned out to cost: keeps slow and large ones off the shared connections.

use std::collections::HashMap;
use std::time::Duration;

use ahash::RandomState;
use parking_lot::Mutex;

use super::Batch;

/// A statement that takes longer on average holds up its neighbours.
const SLOW_US: f32 = 2_500.0;
/// An answer that is larger on average holds them up as well: it must be read before theirs.
const LARGE_BYTES: f32 = 96.0 * 1024.0;
/// Shapes remembered; beyond it all are forgotten and learned again.
const MOST: usize = 8192;
/// What is short must have been so for that many runs, where it is not given the chance.
const ENOUGH: u8 = 8;
/// Weight of one new measurement.
const WEIGHT: f32 = 0.125;

/// Moving averages by shape: the texts of a batch's statements.
#[derive(Debug, Default)]
pub(super) struct Shapes {
    costs: Mutex<HashMap<u64, Cost, RandomState>>,
    hasher: RandomState,
}

#[derive(Debug, Clone, Copy)]
struct Cost {
    us: f32,
    bytes: f32,
    /// How often it ran, up to [`ENOUGH`].
    runs: u8,
}

impl Cost {
    fn is_small(&self) -> bool {
        self.us < SLOW_US && self.bytes < LARGE_BYTES
    }
}

impl Shapes {
    /// Names the shape of a batch.
    pub(super) fn key(&self, batch: &Batch) -> u64 {
        use std::hash::{BuildHasher, Hasher};
        let mut hasher = self.hasher.build_hasher();
        for step in &batch.steps {
            hasher.write(step.sql.as_bytes());
            hasher.write_u8(0xff);
        }
        hasher.finish()
    }

    /// Has it been short so far? What is unknown is given the chance.
    pub(super) fn may_be_short(&self, shape: u64) -> bool {
        self.costs.lock().get(&shape).is_none_or(Cost::is_small)
    }

    /// Has it turned out to be short?
    pub(super) fn is_short(&self, shape: u64) -> bool {
        self.costs.lock().get(&shape).is_some_and(|c| c.runs >= ENOUGH && c.is_small())
    }

    /// Has it been long so far, of those that end within some milliseconds?
    pub(super) fn is_long(&self, shape: u64) -> bool {
        let long = |c: &Cost| (c.us >= SLOW_US || c.bytes >= LARGE_BYTES) && c.us < SLOW_US * 3.0;
        self.costs.lock().get(&shape).is_some_and(long)
    }

    /// Learns what one run took.
    pub(super) fn record(&self, shape: u64, took: Duration, bytes: usize) {
        let (us, bytes) = (took.as_micros() as f32, bytes as f32);
        let mut costs = self.costs.lock();
        if costs.len() >= MOST {
            costs.clear();
        }
        let cost = costs.entry(shape).or_insert(Cost { us: us.min(SLOW_US / 2.0), bytes, runs: 0 });
        cost.runs = ENOUGH.min(cost.runs + 1);
        // One stall of the machine must not move a shape: a single measurement counts up to four times the limit.
        cost.us += WEIGHT * (us.min(SLOW_US * 4.0) - cost.us);
        cost.bytes += WEIGHT * (bytes.min(LARGE_BYTES * 8.0) - cost.bytes);
    }

    /// It took as long as nothing should on the short lane.
    pub(super) fn too_slow(&self, shape: u64) {
        self.costs.lock().insert(shape, Cost { us: SLOW_US * 4.0, bytes: 0.0, runs: 0 });
    }

    /// After a change of the schema (an index, say) costs are learned anew.
    pub(super) fn clear(&self) {
        self.costs.lock().clear();
    }
}

#[cfg(test)]
mod tests {
    use super::super::Step;
    use super::*;

    fn shape(shapes: &Shapes, sql: &str) -> u64 {
        shapes.key(&Batch::read(Vec::new(), vec![Step::new(sql, Vec::new())]))
    }

    #[test]
    fn slow_and_large_shapes_leave_and_come_back() {
        let shapes = Shapes::default();
        let (slow, large) = (shape(&shapes, "select slow"), shape(&shapes, "select large"));
        assert_ne!(slow, large);
        assert!(shapes.may_be_short(slow) && !shapes.is_short(slow));
        for _ in 0..8 {
            shapes.record(slow, Duration::from_millis(20), 100);
            shapes.record(large, Duration::from_micros(900), 400_000);
        }
        assert!(!shapes.may_be_short(slow) && !shapes.may_be_short(large));
        for _ in 0..30 {
            shapes.record(slow, Duration::from_micros(100), 100);
        }
        assert!(shapes.is_short(slow));
        shapes.too_slow(slow);
        assert!(!shapes.may_be_short(slow));
        shapes.clear();
        assert!(shapes.may_be_short(slow));
    }

    #[test]
    fn one_stall_moves_nothing() {
        let shapes = Shapes::default();
        let pk = shape(&shapes, "select pk");
        for _ in 0..10 {
            shapes.record(pk, Duration::from_micros(80), 500);
        }
        shapes.record(pk, Duration::from_secs(3), 500);
        assert!(shapes.is_short(pk));
    }
}
