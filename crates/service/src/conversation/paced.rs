//! A body that must come at some pace.

use std::error::Error;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use tokio::time::Sleep;

use super::PAUSE;

/// So many bytes renew a client's time, as in Warp: otherwise a byte now and then would hold a connection for ever.
const STEP: usize = 2048;

/// Ends with [`TooSlow`] where the client pauses for [`PAUSE`], or sends less than two kilobytes in that time.
pub struct Paced<B> {
    body: B,
    /// Bytes since the time was renewed.
    step: usize,
    timer: Option<Pin<Box<Sleep>>>,
}

/// The client took too long to send a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooSlow;

impl fmt::Display for TooSlow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the body came too slowly")
    }
}

impl Error for TooSlow {}

impl TooSlow {
    /// Is it the reason of this error, which may be wrapped?
    pub fn is_reason(error: &(dyn Error + 'static)) -> bool {
        error.is::<Self>() || error.source().is_some_and(Self::is_reason)
    }
}

impl<B> Paced<B> {
    pub(super) const fn new(body: B) -> Self {
        Self { body, step: 0, timer: None }
    }
}

impl<B> Body for Paced<B>
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    type Data = Bytes;
    type Error = Box<dyn Error + Send + Sync>;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let this = &mut *self;
        let Poll::Ready(frame) = Pin::new(&mut this.body).poll_frame(cx) else {
            let timer = this.timer.get_or_insert_with(|| Box::pin(tokio::time::sleep(PAUSE)));
            ready!(timer.as_mut().poll(cx));
            return Poll::Ready(Some(Err(TooSlow.into())));
        };
        if let Some(Ok(frame)) = &frame {
            this.step += frame.data_ref().map_or(0, Bytes::len);
            if this.step >= STEP {
                (this.step, this.timer) = (0, None);
            }
        }
        Poll::Ready(frame.map(|frame| frame.map_err(Into::into)))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
