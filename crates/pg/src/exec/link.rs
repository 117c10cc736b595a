//! The bytes below the protocol: a Unix socket, TCP, or TLS over it.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::{Buf, BytesMut};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf, ReadHalf, WriteHalf};
use tokio::net::{TcpStream, UnixStream, tcp, unix};
use tokio_rustls::client::TlsStream;

use crate::{Address, Error, Target, Tls, tls};

/// A connection before it is split for reading and writing.
pub(super) enum Socket {
    Unix(UnixStream),
    Tcp(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

impl Socket {
    /// Connects, and agrees on TLS as the target asks for.
    pub(super) async fn open(target: &Target) -> Result<Self, Error> {
        match &target.address {
            Address::Socket(folder) => {
                let path = folder.join(format!(".s.PGSQL.{}", target.port));
                let stream = UnixStream::connect(&path).await;
                stream.map(Self::Unix).map_err(|e| Error::Connect(format!("{}: {e}", path.display())))
            }
            Address::Tcp { host, tls } => {
                let refused = |e: io::Error| Error::Connect(format!("{host}:{}: {e}", target.port));
                let mut stream = TcpStream::connect((host.as_str(), target.port)).await.map_err(refused)?;
                stream.set_nodelay(true).map_err(refused)?;
                if *tls == Tls::Disable || !tls::offered(&mut stream, *tls).await? {
                    return Ok(Self::Tcp(stream));
                }
                let stream = tls::connector(*tls)?.connect(tls::server_name(host)?, stream).await.map_err(refused)?;
                Ok(Self::Tls(Box::new(stream)))
            }
        }
    }

    pub(super) fn split(self) -> (Reader, Writer) {
        match self {
            Self::Unix(s) => {
                let (r, w) = s.into_split();
                (Reader::Unix(r), Writer::Unix(w))
            }
            Self::Tcp(s) => {
                let (r, w) = s.into_split();
                (Reader::Tcp(r), Writer::Tcp(w))
            }
            Self::Tls(s) => {
                let (r, w) = tokio::io::split(*s);
                (Reader::Tls(r), Writer::Tls(w))
            }
        }
    }
}

impl AsyncRead for Socket {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Unix(s) => Pin::new(s).poll_read(cx, buf),
            Self::Tcp(s) => Pin::new(s).poll_read(cx, buf),
            Self::Tls(s) => Pin::new(s).poll_read(cx, buf),
        }
    }
}

impl AsyncWrite for Socket {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Unix(s) => Pin::new(s).poll_write(cx, buf),
            Self::Tcp(s) => Pin::new(s).poll_write(cx, buf),
            Self::Tls(s) => Pin::new(s).poll_write(cx, buf),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Unix(s) => Pin::new(s).poll_flush(cx),
            Self::Tcp(s) => Pin::new(s).poll_flush(cx),
            Self::Tls(s) => Pin::new(s).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Unix(s) => Pin::new(s).poll_shutdown(cx),
            Self::Tcp(s) => Pin::new(s).poll_shutdown(cx),
            Self::Tls(s) => Pin::new(s).poll_shutdown(cx),
        }
    }
}

/// The half that the connection's task reads.
pub(super) enum Reader {
    Unix(unix::OwnedReadHalf),
    Tcp(tcp::OwnedReadHalf),
    Tls(ReadHalf<TlsStream<TcpStream>>),
}

impl AsyncRead for Reader {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Unix(s) => Pin::new(s).poll_read(cx, buf),
            Self::Tcp(s) => Pin::new(s).poll_read(cx, buf),
            Self::Tls(s) => Pin::new(s).poll_read(cx, buf),
        }
    }
}

/// The half that callers write directly, and the task when the socket is full.
pub(super) enum Writer {
    Unix(unix::OwnedWriteHalf),
    Tcp(tcp::OwnedWriteHalf),
    Tls(WriteHalf<TlsStream<TcpStream>>),
}

impl Writer {
    /// Writes what the socket takes now, without a task; what is left stays in `out`. Trouble is left for the task to find.
    pub(super) fn write_now(&self, out: &mut BytesMut) {
        while !out.is_empty() {
            let written = match self {
                Self::Unix(s) => s.try_write(out),
                Self::Tcp(s) => s.try_write(out),
                // TLS needs its task's waker.
                Self::Tls(_) => return,
            };
            match written {
                Ok(n) if n > 0 => out.advance(n),
                _ => return,
            }
        }
    }

    /// Writes until `out` is empty or the socket is full.
    pub(super) fn poll_drain(&mut self, cx: &mut Context<'_>, out: &mut BytesMut) -> Poll<io::Result<()>> {
        while !out.is_empty() {
            let written = match self {
                Self::Unix(s) => Pin::new(s).poll_write(cx, out),
                Self::Tcp(s) => Pin::new(s).poll_write(cx, out),
                Self::Tls(s) => Pin::new(s).poll_write(cx, out),
            };
            match written {
                Poll::Ready(Ok(0)) => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                Poll::Ready(Ok(n)) => out.advance(n),
                Poll::Ready(Err(e)) => return Poll::Ready(Err(e)),
                Poll::Pending => return Poll::Pending,
            }
        }
        match self {
            Self::Tls(s) => Pin::new(s).poll_flush(cx),
            Self::Unix(_) | Self::Tcp(_) => Poll::Ready(Ok(())),
        }
    }
}
