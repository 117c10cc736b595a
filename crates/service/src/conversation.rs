//! One connection: how HTTP is spoken on it, whoever answers. Both doors (`web`, and `rest` where it stands alone) lead here.

use std::convert::Infallible;
use std::error::Error;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use http::{Request, Response};
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use tokio::io::{AsyncRead, AsyncWrite};

mod chunks;
mod heads;
mod open;
mod paced;
mod socket;
#[cfg(test)]
mod tests;

pub use open::{Connections, Place};
pub use paced::{Paced, TooSlow};
use socket::{Answering, Notes, Socket};

/// How long a client may take for its first bytes and for the head of a request, rest without a request, pause within a body, and
/// read nothing of an answer: Warp's, under PostgREST. Over HTTP/2, where a client answers pings, it may rest for longer.
const PAUSE: Duration = Duration::from_secs(30);
/// For how long a client that will send nothing more is answered still. Nearly always it is gone, as a page is that asks anew with every
/// letter typed, and holds a connection to PostgreSQL meanwhile; `nc -N` waits for an answer.
const GONE: Duration = Duration::from_millis(500);
/// For how long everyone is, however many they are ([`open`]): most answers take less, and cost no more for being given to nobody.
const BRIEFLY: Duration = Duration::from_millis(20);
/// How long a client may pause within a body once the end was asked for.
const HURRY: Duration = Duration::from_secs(2);
/// Bytes of a request's head; a long `in.(…)` filter fits, a flood does not.
const HEAD_BYTES: usize = 128 * 1024;
/// Lines of a request's head.
const HEAD_LINES: usize = 256;
/// Requests at once on a connection of HTTP/2.
const STREAMS: u32 = 100;

/// Speaks HTTP/1.1 or HTTP/2 until the client leaves, or [`Connections`] shut down.
///
/// # Errors
/// The connection broke, or the client did not speak HTTP, or too slowly.
pub async fn converse<S, F, R, B>(stream: S, answer: F, place: Place) -> Result<(), Box<dyn Error + Send + Sync>>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    F: Fn(Request<Paced<Incoming>>) -> R,
    R: Future<Output = Response<B>> + Send + 'static,
    B: Body + Send + Unpin + 'static,
    B::Data: Send,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    let mut builder = Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(PAUSE)
        .max_buf_size(HEAD_BYTES)
        .max_headers(HEAD_LINES);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_header_list_size(HEAD_BYTES as u32)
        .max_concurrent_streams(STREAMS)
        .keep_alive_interval(PAUSE);
    let notes = Notes::new();
    let socket = Socket::new(stream, notes.clone(), place.common);
    let service = service_fn(move |request: Request<Incoming>| {
        let answering = notes.announce(&request);
        let answered = answer(request.map(Paced::new));
        async move {
            let response = answered.await;
            Ok::<_, Infallible>(response.map(|body| Answered { body, _answering: answering }))
        }
    });
    place.watcher.watch(builder.serve_connection_with_upgrades(TokioIo::new(socket), service).into_owned()).await
}

/// The body of an answer, which is being answered until it is gone.
struct Answered<B> {
    body: B,
    _answering: Answering,
}

impl<B: Body + Unpin> Body for Answered<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
