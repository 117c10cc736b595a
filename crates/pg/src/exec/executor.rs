//! Chooses connections, tries again what is safe to try again.

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::conn::{Conn, Held, Sent, Ticket};
use super::courtesy::Courtesy;
use super::decode::{Failed, decode};
use super::encode::{Flight, explicit, has_own_timeout};
use super::shapes::Shapes;
use super::short::{self, Choice, Short, Way};
use super::wide::{Wide, gate};
use super::{Access, Batch, End, ExecConfig, Lane, Stats, StepResult, Verdict, login};
use crate::{Error, Target};

/// `Bind` counts parameters in 16 bits.
const MOST_PARAMS: usize = 65_535;
/// A read that lost its connection is tried again so often: after a restart all connections may be dead.
const MOST_LOST: usize = 8;
/// Between two tries to connect.
const BACK_OFF: Duration = Duration::from_millis(50);
/// How often idle and old connections are looked for.
const SWEEP: Duration = Duration::from_secs(5);

/// What all clones of an executor share.
pub(super) struct Inner {
    target: Target,
    config: ExecConfig,
    /// Counts changes of the schema.
    generation: AtomicU64,
    shapes: Shapes,
    timed: Short,
    untimed: Short,
    wide: Arc<Wide>,
    wide_gate: Arc<Semaphore>,
    courtesy: Courtesy,
    open: Arc<AtomicUsize>,
    waiting: AtomicUsize,
    timeouts: AtomicU64,
    /// Has the server answered before? Then it is worth waiting for it.
    reached: AtomicBool,
    swept: AtomicBool,
}

impl Inner {
    pub(super) fn new(target: &Target, config: ExecConfig) -> Arc<Self> {
        Arc::new(Self {
            target: target.clone(),
            generation: AtomicU64::new(0),
            shapes: Shapes::default(),
            timed: Short::new(config.short_connections),
            untimed: Short::new(config.short_connections),
            wide: Arc::default(),
            wide_gate: gate(config.wide_connections),
            courtesy: Courtesy::new(),
            open: Arc::default(),
            waiting: AtomicUsize::new(0),
            timeouts: AtomicU64::new(0),
            reached: AtomicBool::new(false),
            swept: AtomicBool::new(false),
            config,
        })
    }

    /// Runs a batch, again where that is safe and promises something.
    pub(super) async fn run(self: &Arc<Self>, mut batch: Batch) -> Result<Vec<StepResult>, Error> {
        if batch.steps.iter().any(|s| s.params.len() > MOST_PARAMS) {
            return Err(Error::Unexpected(format!("a statement has more than {MOST_PARAMS} parameters")));
        }
        let shape = self.shapes.key(&batch);
        let mut way = self.way(&batch, shape);
        // Each connection has prepared statements of its own, and each may have to learn of a changed schema.
        let most_stale = self.timed.len() + self.config.wide_connections;
        let (mut stale, mut lost) = (0, 0);
        loop {
            let failed = match self.attempt(way, &mut batch, shape).await {
                Ok(results) => return Ok(results),
                Err(failed) => failed,
            };
            if failed.stale && stale < most_stale {
                stale += 1;
            } else if way == Way::Timed && failed.late {
                self.shapes.too_slow(shape);
                way = Way::Wide;
            } else if batch.access == Access::ReadOnly && lost < MOST_LOST && is_lost(&failed.error) {
                lost += 1;
            } else {
                return Err(failed.error);
            }
        }
    }

    fn way(&self, batch: &Batch, shape: u64) -> Way {
        let fits = batch.lane == Lane::Short && batch.access == Access::ReadOnly && !explicit(batch);
        match batch.harmless {
            true if fits && self.shapes.may_be_short(shape) => Way::Timed,
            false if fits && self.shapes.is_short(shape) => Way::Untimed,
            _ => Way::Wide,
        }
    }

    /// Half of the short lane.
    fn shared(&self, way: Way) -> &Short {
        if way == Way::Timed { &self.timed } else { &self.untimed }
    }

    async fn attempt(self: &Arc<Self>, way: Way, batch: &mut Batch, shape: u64) -> Result<Vec<StepResult>, Failed> {
        let makes_way = way == Way::Wide
            && batch.access == Access::ReadOnly
            && (self.timed.is_busy() || self.untimed.is_busy())
            && self.shapes.is_long(shape);
        let _turn = if makes_way { self.courtesy.turn().await } else { None };
        let (conn, sent) = match way {
            Way::Timed | Way::Untimed => self.send_short(way, batch).await,
            Way::Wide => self.send_wide(batch).await,
        }
        .map_err(final_error)?;
        let Sent { flight, reply, number } = sent;
        let mut guard = CancelOnDrop { conn: (way == Way::Wide).then_some(&conn), number };
        let reply = reply.await;
        guard.conn = None;
        let reply = match reply {
            Ok(Ok(reply)) => reply,
            Ok(Err(error)) => return Err(final_error(error)),
            Err(_) => return Err(final_error(Error::Closed("the connection's task ended".into()))),
        };
        self.shapes.record(shape, reply.service, reply.raw.len());
        if way == Way::Untimed && reply.service > short::TIMEOUT {
            self.shapes.too_slow(shape);
        }
        let results = decode(&reply.raw, &flight).inspect_err(|failed| {
            if failed.stale {
                // One statement whose result changed, or user code that deallocated perhaps all.
                if failed.error.code() == Some("26000") { conn.forget_all() } else { conn.forget(&flight) }
            }
        });
        let results = results.map_err(|failed| {
            let late = way == Way::Timed && short::is_late(&failed.error, reply.service) && !has_own_timeout(batch);
            Failed { late, ..failed }
        })?;
        if let Some(held) = reply.held {
            judge(batch, &results, held).await.map_err(final_error)?;
        }
        Ok(results)
    }

    async fn send_short(self: &Arc<Self>, way: Way, batch: &mut Batch) -> Result<(Arc<Conn>, Sent), Error> {
        let home = Handle::current().id();
        let short = self.shared(way);
        let mut ticket = Ticket::Short(self.enter(&short.gate).await?);
        loop {
            let conn = match short.choose(home) {
                Choice::Use(conn) => conn,
                Choice::UseAndFill(conn, index) => {
                    self.fill_behind(way, index);
                    conn
                }
                Choice::Fill => self.fill(way, 0).await?,
            };
            match conn.send(batch, self.generation.load(Ordering::Relaxed), ticket) {
                Ok(sent) => return Ok((conn, sent)),
                Err(back) => ticket = back,
            }
        }
    }

    /// Connects the place with this index, unless somebody was faster.
    async fn fill(self: &Arc<Self>, way: Way, index: usize) -> Result<Arc<Conn>, Error> {
        let started = Instant::now();
        let slot = self.shared(way).slot(index).ok_or_else(|| Error::Unexpected("no such place".into()))?;
        let _one = slot.connecting.lock().await;
        if let Some(conn) = slot.get() {
            return Ok(conn);
        }
        let conn = self.connect(way, started).await?;
        slot.set(conn.clone());
        Ok(conn)
    }

    /// Connects the place with this index while requests go elsewhere.
    fn fill_behind(self: &Arc<Self>, way: Way, index: usize) {
        if self.shared(way).slot(index).is_none_or(|s| s.connecting.try_lock().is_err()) {
            return;
        }
        let inner = self.clone();
        tokio::spawn(async move {
            if let Err(error) = inner.fill(way, index).await {
                tracing::debug!(target: "pg", %error, "another connection for short reads");
            }
        });
    }

    async fn send_wide(self: &Arc<Self>, batch: &mut Batch) -> Result<(Arc<Conn>, Sent), Error> {
        let home = Handle::current().id();
        loop {
            let permit = self.enter(&self.wide_gate).await?;
            let conn = match self.wide.take(home) {
                Some(conn) => conn,
                None => self.connect(Way::Wide, Instant::now()).await?,
            };
            let ticket = Ticket::Wide(self.wide.lease(permit, conn.clone()));
            if let Ok(sent) = conn.send(batch, self.generation.load(Ordering::Relaxed), ticket) {
                return Ok((conn, sent));
            }
        }
    }

    /// Waits for room.
    async fn enter(&self, gate: &Arc<Semaphore>) -> Result<OwnedSemaphorePermit, Error> {
        if let Ok(permit) = gate.clone().try_acquire_owned() {
            return Ok(permit);
        }
        let _waiting = Counted::new(&self.waiting);
        match tokio::time::timeout(self.config.acquisition_timeout, gate.clone().acquire_owned()).await {
            Ok(permit) => permit.map_err(|_| Error::Connect("the executor is closed".into())),
            Err(_) => {
                self.timeouts.fetch_add(1, Ordering::Relaxed);
                Err(Error::PoolTimeout)
            }
        }
    }

    /// Connects; waits a while for a server that was there before.
    async fn connect(self: &Arc<Self>, way: Way, started: Instant) -> Result<Arc<Conn>, Error> {
        let timeout = short::TIMEOUT.as_millis().to_string();
        let settings = [("default_transaction_read_only", "on"), ("statement_timeout", timeout.as_str())];
        let settings: &[(&str, &str)] = match way {
            Way::Timed => &settings,
            Way::Untimed => &settings[..1],
            Way::Wide => &[],
        };
        loop {
            let error = match login::open(&self.target, settings).await {
                Ok(session) => {
                    self.reached.store(true, Ordering::Relaxed);
                    self.start_sweeping();
                    return Ok(Conn::start(session, way, &self.target, &self.open));
                }
                Err(error) => error,
            };
            if !self.reached.load(Ordering::Relaxed) || started.elapsed() > self.config.reconnect_patience {
                return Err(error);
            }
            tokio::time::sleep(BACK_OFF).await;
        }
    }

    /// Closes idle and old connections from now on, as long as the executor lives.
    fn start_sweeping(self: &Arc<Self>) {
        if self.swept.swap(true, Ordering::Relaxed) {
            return;
        }
        let weak: Weak<Self> = Arc::downgrade(self);
        tokio::spawn(async move {
            loop {
                tokio::time::sleep(SWEEP).await;
                let Some(inner) = weak.upgrade() else { return };
                inner.sweep();
            }
        });
    }

    fn sweep(&self) {
        let (idle, old) = (self.config.max_idle, self.config.max_lifetime);
        for conn in self.wide.expire(|c| c.born.elapsed() > old || c.idle_for().is_some_and(|d| d > idle)) {
            conn.close();
        }
        // The first stays, so that a read after a quiet time need not connect.
        let rests = |c: &Conn| c.idle_for().is_some_and(|d| d > idle);
        self.timed.expire(|index, c| c.born.elapsed() > old || (index > 0 && rests(c)));
        self.untimed.expire(|_, c| c.born.elapsed() > old || rests(c));
    }

    pub(super) fn invalidate(&self) {
        self.generation.fetch_add(1, Ordering::Relaxed);
        self.shapes.clear();
    }

    pub(super) fn stats(&self) -> Stats {
        Stats {
            connections: self.open.load(Ordering::Relaxed),
            available: self.wide_gate.available_permits(),
            waiting: self.waiting.load(Ordering::Relaxed),
            max: self.timed.len() + self.untimed.len() + self.config.wide_connections,
            timeouts: self.timeouts.load(Ordering::Relaxed),
        }
    }

    /// Ends the connections that are idle now, the others when they are answered.
    pub(super) fn close_idle(&self) {
        for conn in self.wide.expire(|_| true) {
            conn.close();
        }
        self.timed.expire(|_, _| true);
        self.untimed.expire(|_, _| true);
    }

    pub(super) fn target(&self) -> &Target {
        &self.target
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.close_idle();
    }
}

/// Lets the batch's judge look at the results, and ends the transaction as he says.
async fn judge(batch: &mut Batch, results: &[StepResult], held: Held) -> Result<(), Error> {
    let End::Judge(judge) = std::mem::replace(&mut batch.end, End::Commit) else {
        return Err(Error::Unexpected("a transaction waits for a verdict and there is no judge".into()));
    };
    let words = match judge(results) {
        Verdict::Commit => "commit",
        Verdict::Rollback => "rollback",
        Verdict::DryRun => "set constraints all immediate; rollback",
    };
    let raw = held.end(words).await?;
    decode(&raw, &Flight { lead: 0, steps: Vec::new() }).map(drop).map_err(|failed| failed.error)
}

/// Was the connection lost for a reason that another connection may not have?
fn is_lost(error: &Error) -> bool {
    match error {
        Error::Closed(_) => true,
        // A function that raises the same code does not end the session.
        Error::Server(error) => error.severity != "ERROR" && matches!(error.code.as_str(), "57P01" | "57P02" | "57P03"),
        _ => false,
    }
}

fn final_error(error: Error) -> Failed {
    Failed { error, stale: false, late: false }
}

/// Cancels the statement of a request that was dropped while it waited.
struct CancelOnDrop<'a> {
    conn: Option<&'a Arc<Conn>>,
    number: u64,
}

impl Drop for CancelOnDrop<'_> {
    fn drop(&mut self) {
        if let Some(conn) = self.conn {
            conn.cancel(self.number);
        }
    }
}

/// Counts as long as it lives.
struct Counted<'a>(&'a AtomicUsize);

impl<'a> Counted<'a> {
    fn new(counter: &'a AtomicUsize) -> Self {
        counter.fetch_add(1, Ordering::Relaxed);
        Self(counter)
    }
}

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
