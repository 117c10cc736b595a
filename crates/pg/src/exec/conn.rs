//! One connection: callers write into it, its task reads and hands out the answers in order.
//!
//! The connection belongs to its task and never to a request, so that a dropped request cannot leave it half-way. A caller that finds it
//! idle writes to the socket himself, which saves a wake-up; else the task writes what has gathered, in one go.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use futures_util::task::AtomicWaker;
use parking_lot::Mutex;
use tokio::runtime;
use tokio::sync::{OwnedSemaphorePermit, oneshot};

use super::decode::{columns, first_field, frame, server_error};
use super::encode::{Defaults, Encoder, Flight, explicit, is_plain_batch};
use super::kept::{self, Kept, Question};
use super::link::{Reader, Writer};
use super::login::{self, CancelKey, Session};
use super::short::Way;
use super::statements::{Statement, Statements};
use super::wide::Lease;
use super::{Batch, Column, End};
use crate::{Error, Target};

/// Room for one read of the socket.
const READ_SIZE: usize = 16 * 1024;
/// The room of a longer answer is given back; that of others serves the next one.
const LARGE: usize = 256 * 1024;

/// With so many flushes unanswered the server is busy: what comes further gathers until the next answer, and leaves in one write.
const BUSY: usize = 2;

/// A connection, shared by its callers and its task.
pub(super) struct Conn {
    state: Mutex<State>,
    /// Wakes the task.
    waker: AtomicWaker,
    /// Requests in flight.
    load: AtomicUsize,
    /// Takes requests: neither closing nor dead.
    usable: AtomicBool,
    pub(super) born: Instant,
    /// The scheduler that its task runs on: requests from there need not be handed over.
    pub(super) home: runtime::Id,
    target: Target,
    cancel: CancelKey,
}

struct State {
    writer: Writer,
    out: BytesMut,
    pending: VecDeque<Pending>,
    statements: Statements,
    /// Why no more requests can be sent.
    dead: Option<String>,
    closing: bool,
    /// A tainted transaction that is still open: clean up when it has ended.
    tainted: bool,
    way: Way,
    kept: Kept,
    prepared: bool,
    lease: Option<Lease>,
    /// Number of the last flush sent; a cancellation names the one it is for.
    sent: u64,
    answered: u64,
    cancel: bool,
    /// A cancel request is on its way: no other request may start before it has arrived.
    cancelling: bool,
    idle_since: Instant,
}

/// A flush whose answer is awaited.
struct Pending {
    /// Nobody waits for the answer to a clean-up.
    reply: Option<oneshot::Sender<Result<Reply, Error>>>,
    /// What we asked of our own accord.
    question: Option<Question>,
    fresh: Vec<Arc<Statement>>,
    /// The transaction stays open for a verdict.
    hold: bool,
    since: Instant,
    _permit: Option<OwnedSemaphorePermit>,
}

/// The answer to a flush.
pub(super) struct Reply {
    pub(super) raw: Bytes,
    /// How long the server worked for it, as far as the connection can tell.
    pub(super) service: Duration,
    /// The open transaction, where one waits for a verdict.
    pub(super) held: Option<Held>,
}

/// An answer on its way.
pub(super) struct Sent {
    pub(super) flight: Flight,
    pub(super) reply: oneshot::Receiver<Result<Reply, Error>>,
    pub(super) number: u64,
}

/// What a flush takes along: released when its answer is complete.
pub(super) enum Ticket {
    Short(OwnedSemaphorePermit),
    Wide(Lease),
}

impl Conn {
    /// Takes over a logged-in session and starts the task that owns it.
    pub(super) fn start(session: Session, way: Way, target: &Target, open: &Arc<AtomicUsize>) -> Arc<Self> {
        let (reader, writer) = session.socket.split();
        let now = Instant::now();
        let conn = Arc::new(Self {
            state: Mutex::new(State {
                writer,
                out: BytesMut::with_capacity(4096),
                pending: VecDeque::new(),
                statements: Statements::default(),
                dead: None,
                closing: false,
                tainted: false,
                way,
                kept: Kept::default(),
                prepared: true,
                lease: None,
                sent: 0,
                answered: 0,
                cancel: false,
                cancelling: false,
                idle_since: now,
            }),
            waker: AtomicWaker::new(),
            load: AtomicUsize::new(0),
            usable: AtomicBool::new(true),
            born: now,
            home: runtime::Handle::current().id(),
            target: target.clone(),
            cancel: session.cancel,
        });
        open.fetch_add(1, Ordering::Relaxed);
        tokio::spawn(own(conn.clone(), reader, open.clone()));
        conn
    }

    /// Requests in flight.
    pub(super) fn load(&self) -> usize {
        self.load.load(Ordering::Relaxed)
    }

    /// Can it take requests?
    pub(super) fn is_open(&self) -> bool {
        self.usable.load(Ordering::Relaxed)
    }

    /// For how long nothing was in flight; `None` while something is.
    pub(super) fn idle_for(&self) -> Option<Duration> {
        let state = self.state.lock();
        state.pending.is_empty().then(|| state.idle_since.elapsed())
    }

    /// Sends a batch. Gives the ticket back where the connection is dead, so that the caller can try another.
    pub(super) fn send(self: &Arc<Self>, batch: &Batch, generation: u64, ticket: Ticket) -> Result<Sent, Ticket> {
        let mut guard = self.state.lock();
        let state = &mut *guard;
        if state.dead.is_some() || state.closing {
            return Err(ticket);
        }
        state.statements.follow(generation);
        state.prepared = batch.prepared;
        let before = state.pending.len();
        let now = Instant::now();
        let plain = is_plain_batch(batch, state.way);
        if state.kept.stands_in_the_way(batch, plain) {
            state.push(None, now, |encoder| encoder.words(kept::FORGET));
            state.kept.forget();
        }
        let defaults = Defaults { way: state.way, kept: &state.kept, now };
        let mut encoder = Encoder {
            out: &mut state.out,
            statements: &mut state.statements,
            fresh: Vec::new(),
            prepared: batch.prepared,
        };
        let flight = encoder.batch(batch, &defaults);
        let fresh = std::mem::take(&mut encoder.fresh);
        let (reply, receiver) = oneshot::channel();
        let permit = match ticket {
            Ticket::Short(permit) => Some(permit),
            Ticket::Wide(lease) => {
                state.lease = Some(lease);
                None
            }
        };
        state.sent += 1;
        let number = state.sent;
        let hold = matches!(batch.end, End::Judge(_));
        let pending = Pending { reply: Some(reply), question: None, fresh, hold, since: now, _permit: permit };
        state.pending.push_back(pending);
        if batch.tainted {
            // A failed explicit transaction must be rolled back first; an implicit one ends by itself.
            if explicit(batch) { state.tainted = true } else { state.push_cleanup(now) }
        }
        if !explicit(batch) {
            for question in state.kept.learn(batch, plain, now) {
                state.ask(question, now);
            }
        }
        self.leave(guard, before);
        Ok(Sent { flight, reply: receiver, number })
    }

    /// Writes at once where the server has nothing or little to do (`before`: flushes that it has not answered), else leaves it to
    /// the task, which writes what has gathered when the next answer is in.
    fn leave(&self, mut guard: parking_lot::MutexGuard<'_, State>, before: usize) {
        let state = &mut *guard;
        self.load.store(state.pending.len(), Ordering::Relaxed);
        if before > BUSY && !state.closing {
            return;
        }
        if !state.cancelling {
            state.writer.write_now(&mut state.out);
        }
        let rest = !state.out.is_empty();
        drop(guard);
        if rest {
            self.waker.wake();
        }
    }

    /// Closes when what is in flight is answered.
    pub(super) fn close(&self) {
        self.usable.store(false, Ordering::Relaxed);
        self.state.lock().closing = true;
        self.waker.wake();
    }

    /// Asks the server to stop this flush, if it is still under way. Only for connections that serve one request at a time.
    pub(super) fn cancel(&self, number: u64) {
        let mut state = self.state.lock();
        if state.answered < number && state.dead.is_none() {
            state.cancel = true;
            drop(state);
            self.waker.wake();
        }
    }

    /// Prepares these anew at their next use.
    pub(super) fn forget(&self, flight: &Flight) {
        let mut state = self.state.lock();
        for statement in &flight.steps {
            state.statements.forget(statement.id);
        }
    }

    /// Forgets all prepared statements: user code may have deallocated any.
    pub(super) fn forget_all(&self) {
        self.state.lock().statements.forget_all();
    }

    /// Ends a transaction that waited for a verdict.
    fn end_transaction(&self, words: &str, reply: Option<oneshot::Sender<Result<Reply, Error>>>) {
        let mut guard = self.state.lock();
        if guard.dead.is_none() {
            let before = guard.pending.len();
            guard.push(reply, Instant::now(), |encoder| encoder.words(words));
            self.leave(guard, before);
        }
    }

    /// Drives the connection until it closes: writes what has gathered, reads, hands out.
    fn poll_drive(
        self: &Arc<Self>,
        cx: &mut Context<'_>,
        reader: &mut Reader,
        read: &mut Reading,
    ) -> Poll<Result<(), String>> {
        self.waker.register(cx.waker());
        loop {
            if let Poll::Ready(done) = self.poll_write(cx) {
                return Poll::Ready(done);
            }
            let n = match ready!(read.poll_fill(cx, reader)) {
                Ok(n) => n,
                Err(e) => return Poll::Ready(Err(e.to_string())),
            };
            if n == 0 {
                return Poll::Ready(Err("the server closed the connection".into()));
            }
            while let Some(answer) = read.next_answer()? {
                self.dispatch(answer)?;
            }
            if self.state.lock().pending.is_empty() {
                read.skip_whole();
            }
        }
    }

    /// Ready only when the connection is to end.
    fn poll_write(self: &Arc<Self>, cx: &mut Context<'_>) -> Poll<Result<(), String>> {
        let mut guard = self.state.lock();
        let state = &mut *guard;
        if std::mem::take(&mut state.cancel) {
            state.cancelling = true;
            let conn = self.clone();
            tokio::spawn(async move {
                if let Err(error) = login::cancel(&conn.target, conn.cancel).await {
                    tracing::debug!(target: "pg", %error, "cancel request");
                }
                conn.cancelled();
            });
        }
        if state.cancelling && state.pending.is_empty() {
            return Poll::Pending;
        }
        if let Poll::Ready(Err(e)) = state.writer.poll_drain(cx, &mut state.out) {
            return Poll::Ready(Err(e.to_string()));
        }
        if state.closing && state.pending.is_empty() && !state.cancelling && state.lease.is_none() {
            return Poll::Ready(Ok(()));
        }
        Poll::Pending
    }

    /// The cancel request has arrived: the connection can be used again.
    fn cancelled(&self) {
        let mut state = self.state.lock();
        state.cancelling = false;
        let lease = state.free_lease();
        drop(state);
        drop(lease);
        self.waker.wake();
    }

    /// Gives a complete answer to who waits for it.
    fn dispatch(self: &Arc<Self>, answer: Answer) -> Result<(), String> {
        let mut guard = self.state.lock();
        let state = &mut *guard;
        let Some(pending) = state.pending.pop_front() else { return Ok(()) };
        if pending.reply.is_none() && answer.failed {
            // A session that could not be cleaned, or does not take what it is told, serves nobody else.
            return Err("the session could not be cleaned or told".into());
        }
        state.answered = state.sent - state.pending.len() as u64;
        state.learn(&pending, &answer);
        let now = Instant::now();
        if let Some(question) = &pending.question {
            let process = first_field(&answer.raw);
            state.kept.confirm(question, process, self.cancel.process(), now);
        }
        // The server began when it was done with the one before.
        let service = now - pending.since.max(state.idle_since);
        state.idle_since = now;
        let held = pending.hold && answer.status == b'T';
        if answer.status != b'I' && !held {
            state.push(None, now, |encoder| encoder.words("rollback"));
        } else if answer.status == b'I' && std::mem::take(&mut state.tainted) {
            state.push_cleanup(now);
        }
        let lease = if held { None } else { state.free_lease() };
        self.load.store(state.pending.len(), Ordering::Relaxed);
        drop(guard);
        if let Some(reply) = pending.reply {
            let held = held.then(|| Held { conn: Some(self.clone()) });
            // A caller that is gone drops the transaction that was held for him.
            let _ = reply.send(Ok(Reply { raw: answer.raw, service, held }));
        }
        drop(lease);
        Ok(())
    }

    /// Tells everybody who waits that the connection is gone.
    fn bury(&self, reason: &str, last_words: Option<Error>) {
        self.usable.store(false, Ordering::Relaxed);
        let mut state = self.state.lock();
        state.dead = Some(reason.to_owned());
        state.closing = true;
        let pending = std::mem::take(&mut state.pending);
        let lease = state.lease.take();
        self.load.store(0, Ordering::Relaxed);
        drop(state);
        let mut last_words = last_words;
        for reply in pending.into_iter().filter_map(|p| p.reply) {
            let _ = reply.send(Err(last_words.take().unwrap_or_else(|| Error::Closed(reason.to_owned()))));
        }
        drop(lease);
    }
}

impl State {
    /// Encodes one more flush behind what is there.
    fn push<T>(
        &mut self,
        reply: Option<oneshot::Sender<Result<Reply, Error>>>,
        now: Instant,
        encode: impl FnOnce(&mut Encoder<'_>) -> T,
    ) -> T {
        let mut encoder = Encoder {
            out: &mut self.out,
            statements: &mut self.statements,
            fresh: Vec::new(),
            prepared: self.prepared,
        };
        let value = encode(&mut encoder);
        let fresh = std::mem::take(&mut encoder.fresh);
        self.sent += 1;
        self.pending.push_back(Pending { reply, question: None, fresh, hold: false, since: now, _permit: None });
        value
    }

    /// Tells or asks the session something of our own accord.
    fn ask(&mut self, question: Question, now: Instant) {
        self.push(None, now, |encoder| encoder.question(&question));
        if let Some(pending) = self.pending.back_mut() {
            pending.question = Some(question);
        }
    }

    fn push_cleanup(&mut self, now: Instant) {
        self.push(None, now, |encoder| encoder.cleanup());
    }

    /// Keeps what the server said about new statements, and forgets those that an error kept from being parsed.
    fn learn(&mut self, pending: &Pending, answer: &Answer) {
        let mut described = answer.described.iter();
        for statement in &pending.fresh {
            match described.next() {
                Some(columns) => statement.describe(columns.clone()),
                None => self.statements.forget(statement.id),
            }
        }
    }

    /// The lease, when nothing is in flight any more.
    fn free_lease(&mut self) -> Option<Lease> {
        (self.pending.is_empty() && !self.cancelling && !self.cancel).then(|| self.lease.take()).flatten()
    }
}

/// A transaction that waits for a verdict; dropped, it is rolled back.
pub(super) struct Held {
    conn: Option<Arc<Conn>>,
}

impl Held {
    /// Ends it by these statements; the answer is complete when they are done.
    ///
    /// # Errors
    /// The connection broke: what became of the transaction is not known.
    pub(super) async fn end(mut self, words: &str) -> Result<Bytes, Error> {
        let gone = || Error::Closed("the connection was lost before the transaction ended".to_owned());
        let conn = self.conn.take().ok_or_else(gone)?;
        let (reply, receiver) = oneshot::channel();
        conn.end_transaction(words, Some(reply));
        Ok(receiver.await.map_err(|_| gone())??.raw)
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        if let Some(conn) = self.conn.take() {
            conn.end_transaction("rollback", None);
        }
    }
}

/// The task that owns a connection.
async fn own(conn: Arc<Conn>, mut reader: Reader, open: Arc<AtomicUsize>) {
    let mut read = Reading::default();
    let end = std::future::poll_fn(|cx| conn.poll_drive(cx, &mut reader, &mut read)).await;
    open.fetch_sub(1, Ordering::Relaxed);
    match end {
        Ok(()) => {
            conn.bury("closed", None);
            let state = conn.state.lock();
            // Terminate: a socket that just closes makes the server write a line to its log.
            let mut out = BytesMut::from(&b"X\0\0\0\x04"[..]);
            state.writer.write_now(&mut out);
        }
        Err(reason) => {
            tracing::debug!(target: "pg", reason, "connection lost");
            conn.bury(&reason, read.last_words());
        }
    }
}

/// What was read and not handed out yet.
#[derive(Default)]
struct Reading {
    bytes: BytesMut,
    /// Messages before this offset have been looked at.
    scanned: usize,
    described: Vec<Arc<[Column]>>,
    failed: bool,
}

/// All messages up to a `ReadyForQuery`.
struct Answer {
    raw: Bytes,
    /// The columns of the statements that were described, in order.
    described: Vec<Arc<[Column]>>,
    /// Of the transaction: `I`dle, in a `T`ransaction, or in a failed one (`E`).
    status: u8,
    failed: bool,
}

impl Reading {
    fn poll_fill(&mut self, cx: &mut Context<'_>, reader: &mut Reader) -> Poll<std::io::Result<usize>> {
        if self.bytes.capacity() - self.bytes.len() < READ_SIZE / 4 {
            self.bytes.reserve(READ_SIZE.max(self.bytes.len()));
        }
        tokio_util::io::poll_read_buf(Pin::new(reader), cx, &mut self.bytes)
    }

    /// The next complete answer.
    fn next_answer(&mut self) -> Result<Option<Answer>, String> {
        while let Some((tag, end)) = frame(&self.bytes, self.scanned) {
            let body = &self.bytes[self.scanned + 5..end];
            match tag {
                b'T' => self.described.push(columns(body)),
                b'n' => self.described.push(Arc::default()),
                b'E' => self.failed = true,
                b'Z' => {
                    let status = body.first().copied().unwrap_or(b'E');
                    let raw = self.bytes.split_to(end).freeze();
                    if self.bytes.is_empty() && raw.len() > LARGE {
                        // Else the memory of a large answer stays until the next one.
                        self.bytes = BytesMut::new();
                    }
                    self.scanned = 0;
                    let described = std::mem::take(&mut self.described);
                    return Ok(Some(Answer { raw, described, status, failed: std::mem::take(&mut self.failed) }));
                }
                _ => {}
            }
            self.scanned = end;
        }
        match self.bytes.get(self.scanned + 1..self.scanned + 5) {
            Some(&[0, 0, 0, 0..4]) => Err("the server sent a malformed message".into()),
            _ => Ok(None),
        }
    }

    /// Drops what the server says unasked: notices, changed parameters.
    fn skip_whole(&mut self) {
        if self.scanned > 0 && !self.is_fatal() {
            let _ = self.bytes.split_to(self.scanned);
            self.scanned = 0;
            self.described.clear();
            self.failed = false;
        }
    }

    fn is_fatal(&self) -> bool {
        self.last_words().is_some()
    }

    /// The error that the server sent before it closed.
    fn last_words(&self) -> Option<Error> {
        let mut at = 0;
        while let Some((tag, end)) = frame(&self.bytes, at) {
            if tag == b'E' {
                return Some(Error::Server(Box::new(server_error(&self.bytes[at + 5..end]).0)));
            }
            at = end;
        }
        None
    }
}
