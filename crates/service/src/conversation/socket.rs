//! The socket under HTTP/1: percent-encodes what a request's target must not hold, and is patient where `hyper` is not.
//!
//! PostgREST's own tutorials ask for `?select=jb->>a`, and `curl` sends that as it is; `http::Uri`, which `hyper` cannot do without,
//! refuses it. So the bytes are encoded before `hyper` sees them.
//!
//! Whoever changes bytes of requests must know where a request begins, and if he is mistaken, somebody can smuggle one in. So nothing
//! is guessed here: `hyper` gets one head at a time and no byte behind it, then says by the request that it makes of it how long the body
//! is ([`Notes::announce`]), gets just that many bytes, and is at the next head. Only a body in chunks is followed by our own reading
//! ([`super::chunks`]), which knows the plainest form alone. After anything else (an upgrade, HTTP/2, a head that made no request)
//! bytes pass as they are until the connection ends. And what is changed never becomes a space or the end of a line.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::task::{Context, Poll, ready};

use bytes::{Buf, BytesMut};
use http::header::UPGRADE;
use http::{Method, Request};
use http_body::Body;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Sleep;

use super::chunks::{Chunks, Taken};
use super::heads::Head;
use super::open::{Common, Patience};
use super::{BRIEFLY, GONE, HURRY, PAUSE};

/// `hyper` looks at so many bytes before it knows which HTTP is spoken, and before its own timeouts begin.
const PREFACE: usize = 24;

const NO_WORD: u64 = u64::MAX;
const CHUNKED: u64 = u64::MAX - 1;
const OTHER: u64 = u64::MAX - 2;

/// What the socket is told by those who see the requests.
#[derive(Debug)]
pub(super) struct Notes {
    body: AtomicU64,
    answering: AtomicUsize,
}

/// As long as it lives a request is being answered.
pub(super) struct Answering(Arc<Notes>);

impl Notes {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self { body: AtomicU64::new(NO_WORD), answering: AtomicUsize::new(0) })
    }

    /// A head has become this request: its body is what comes next.
    pub(super) fn announce<B: Body>(self: &Arc<Self>, request: &Request<B>) -> Answering {
        let changes = request.method() == Method::CONNECT || request.headers().contains_key(UPGRADE);
        let body = if changes { OTHER } else { request.body().size_hint().exact().unwrap_or(CHUNKED) };
        self.body.store(body, Ordering::Relaxed);
        self.answering.fetch_add(1, Ordering::Relaxed);
        Answering(Arc::clone(self))
    }

    fn is_answering(&self) -> bool {
        self.answering.load(Ordering::Relaxed) > 0
    }
}

impl Drop for Answering {
    fn drop(&mut self) {
        self.0.answering.fetch_sub(1, Ordering::Relaxed);
    }
}

/// What the next byte of the client belongs to.
#[derive(Debug)]
enum At {
    Head(Head),
    /// A head was handed over, and there was no word on it yet.
    HandedOver,
    /// A body of which so many bytes are to come.
    Body(u64),
    Chunks(Chunks),
    /// Not known, or not to be changed.
    Other,
}

/// See the module.
pub(super) struct Socket<S> {
    inner: S,
    notes: Arc<Notes>,
    common: Arc<Common>,
    at: At,
    /// Read from the client, not looked at.
    held: BytesMut,
    /// To be handed over.
    ready: BytesMut,
    /// Bytes handed over, up to those by which the protocol is known.
    opening: usize,
    /// The client has sent its last byte.
    ended: bool,
    timer: Option<Pin<Box<Sleep>>>,
    patience: Option<Patience>,
    /// Runs while the client does not read.
    unread: Option<Pin<Box<Sleep>>>,
}

impl<S> Socket<S> {
    pub(super) fn new(inner: S, notes: Arc<Notes>, common: Arc<Common>) -> Self {
        Self {
            inner,
            notes,
            common,
            at: At::Head(Head::default()),
            held: BytesMut::new(),
            ready: BytesMut::new(),
            opening: 0,
            ended: false,
            timer: None,
            patience: None,
            unread: None,
        }
    }

    /// Looks at bytes and says how many were looked at, and how many of those are handed over as they are. What comes instead of the
    /// others is `ready`.
    fn look(&mut self, bytes: &[u8]) -> (usize, usize) {
        match &mut self.at {
            At::Head(head) => {
                let mut out = Vec::new();
                let seen = head.read(bytes, &mut out);
                self.ready.extend_from_slice(&out);
                if seen.complete {
                    self.at = At::HandedOver;
                }
                (seen.len, seen.odd.unwrap_or(seen.len))
            }
            At::Body(left) => {
                let here = usize::try_from(*left).map_or(bytes.len(), |left| left.min(bytes.len()));
                *left -= here as u64;
                if *left == 0 {
                    self.at = At::Head(Head::default());
                }
                (here, here)
            }
            At::Chunks(chunks) => match chunks.read(bytes) {
                Taken::All => (bytes.len(), bytes.len()),
                Taken::EndsAfter(n) => {
                    self.at = At::Head(Head::default());
                    (n, n)
                }
                Taken::Strange => {
                    self.at = At::Other;
                    (bytes.len(), bytes.len())
                }
            },
            At::HandedOver | At::Other => (bytes.len(), bytes.len()),
        }
    }

    /// Asked for more behind a head: what is it?
    fn go_on(&mut self) {
        if matches!(self.at, At::HandedOver) {
            let word = self.notes.body.swap(NO_WORD, Ordering::Relaxed);
            if word != NO_WORD {
                (self.opening, self.timer) = (PREFACE, None);
            }
            self.at = match word {
                0 => At::Head(Head::default()),
                NO_WORD | OTHER => At::Other,
                CHUNKED => At::Chunks(Chunks::default()),
                length => At::Body(length),
            };
        }
    }

    /// A client that reads nothing for a while is given up.
    fn poll_written(&mut self, cx: &mut Context<'_>, written: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        if written.is_ready() {
            self.unread = None;
            return written;
        }
        ready!(self.unread.get_or_insert_with(|| Box::pin(tokio::time::sleep(PAUSE))).as_mut().poll(cx));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }

    fn hand_over(&mut self, buf: &mut ReadBuf<'_>) {
        let n = self.ready.len().min(buf.remaining());
        buf.put_slice(&self.ready[..n]);
        self.ready.advance(n);
    }

    /// Nothing came: a client that says nothing at first is not waited for, and at shutdown none that has not said all, but for a while
    /// one that is in the midst of a body.
    fn poll_patience(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.common.is_closing() {
            match self.at {
                At::Head(_) if !self.notes.is_answering() => return Poll::Ready(Ok(())),
                At::Body(_) | At::Chunks(_) => {
                    let timer = self.timer.get_or_insert_with(|| Box::pin(tokio::time::sleep(HURRY)));
                    return timer.as_mut().poll(cx).map(Ok);
                }
                _ => {}
            }
        }
        if self.opening >= PREFACE {
            return Poll::Pending;
        }
        let timer = self.timer.get_or_insert_with(|| Box::pin(tokio::time::sleep(PAUSE)));
        ready!(timer.as_mut().poll(cx));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }

    /// The client has sent its last byte. While it is answered that is kept from `hyper` for a while, which would break off: the client
    /// may still read (`nc -N`). But it looks just as one that is gone, and for that one PostgreSQL should not work for long.
    fn poll_ended(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if !self.ended {
            (self.ended, self.timer) = (true, None);
        }
        let between = matches!(self.at, At::Head(Head::Before));
        if between && self.unread.is_some() {
            // Something is still to be written; that has a timeout of its own.
            return Poll::Pending;
        }
        if !between || !self.notes.is_answering() {
            return Poll::Ready(Ok(()));
        }
        ready!(self.timer.get_or_insert_with(|| Box::pin(tokio::time::sleep(BRIEFLY))).as_mut().poll(cx));
        if self.patience.is_none() {
            self.patience = self.common.patience();
            if self.patience.is_some() {
                let longer = self.timer.insert(Box::pin(tokio::time::sleep(GONE - BRIEFLY)));
                return longer.as_mut().poll(cx).map(Ok);
            }
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Socket<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        if buf.remaining() == 0 {
            return Poll::Ready(Ok(()));
        }
        let before = buf.filled().len();
        if this.ready.is_empty() {
            this.go_on();
            if !this.held.is_empty() {
                let mut held = std::mem::take(&mut this.held);
                let first = held.len().min(buf.remaining());
                let (looked, pass) = this.look(&held[..first]);
                buf.put_slice(&held[..pass]);
                held.advance(looked);
                this.held = held;
            } else if this.ended {
                return this.poll_ended(cx);
            } else {
                match Pin::new(&mut this.inner).poll_read(cx, buf) {
                    Poll::Pending => return this.poll_patience(cx),
                    Poll::Ready(result) => result?,
                }
                if buf.filled().len() == before {
                    return this.poll_ended(cx);
                }
                if this.opening >= PREFACE {
                    this.timer = None;
                }
                let (looked, pass) = this.look(&buf.filled()[before..]);
                this.held.extend_from_slice(&buf.filled()[before + looked..]);
                buf.set_filled(before + pass);
            }
        }
        this.hand_over(buf);
        if this.opening < PREFACE {
            this.opening += buf.filled().len() - before;
            if this.opening >= PREFACE {
                this.timer = None;
            }
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Socket<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.inner).poll_write(cx, buf);
        self.poll_written(cx, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.inner).poll_write_vectored(cx, bufs);
        self.poll_written(cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}
