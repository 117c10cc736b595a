//! The socket: TCP or Unix, and a shutdown that lets requests finish. What is spoken on a connection is `service::converse`.

use std::fmt;
use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use hyper::body::Incoming;
use service::{Connections, Paced, Place, Workers};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpSocket, TcpStream, UnixListener, lookup_host};
use tokio::sync::watch;

use super::config::Endpoint;

/// How long requests may take to finish once the end was asked for: as `basalt start` waits.
const GRACE: Duration = Duration::from_secs(20);
/// Connections that wait to be accepted.
const BACKLOG: u32 = 1024;

/// Who is at the other end.
#[derive(Debug, Clone, Copy)]
pub enum Peer {
    /// An address.
    Tcp(IpAddr),
    /// Somebody on this machine.
    Unix,
}

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => address.fmt(f),
            Self::Unix => f.write_str("unknownSocket"),
        }
    }
}

/// A bound socket.
pub enum Listener {
    /// TCP.
    Tcp(TcpListener),
    /// A Unix socket.
    Unix(UnixListener),
}

impl Listener {
    /// Binds an endpoint. `!4`, `*4`, `*6`, `!6` and `*` are any address, as in PostgREST.
    ///
    /// # Errors
    /// The port is taken, or the address is not ours.
    pub async fn bind(endpoint: &Endpoint, reuse_port: bool) -> io::Result<Self> {
        if let Some(path) = &endpoint.unix_socket {
            return bind_unix(Path::new(path), endpoint.unix_socket_mode).map(Self::Unix);
        }
        let port = endpoint.port.unwrap_or_default();
        let addresses: Vec<SocketAddr> = match endpoint.host.as_str() {
            "!4" | "*4" => vec![([0, 0, 0, 0], port).into()],
            "!6" | "*6" | "*" => vec![(std::net::Ipv6Addr::UNSPECIFIED, port).into(), ([0, 0, 0, 0], port).into()],
            host => lookup_host((host, port)).await?.collect(),
        };
        let mut last = io::Error::new(io::ErrorKind::AddrNotAvailable, format!("{:?} has no address", endpoint.host));
        for address in addresses {
            match bind_tcp(address, reuse_port) {
                Ok(listener) => return Ok(Self::Tcp(listener)),
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    /// Where it listens, for a person.
    pub fn address(&self) -> String {
        match self {
            Self::Tcp(listener) => listener.local_addr().map_or_else(|e| e.to_string(), |a| a.to_string()),
            Self::Unix(listener) => {
                let address = listener.local_addr().ok();
                address.and_then(|a| a.as_pathname().map(|p| p.display().to_string())).unwrap_or_default()
            }
        }
    }

    /// Answers requests until `stop` turns true; then takes no more and lets those under way finish.
    pub async fn serve<F, R>(self, answer: F, workers: &Workers, mut stop: watch::Receiver<bool>)
    where
        F: Fn(Peer, Request<Paced<Incoming>>) -> R + Send + Sync + 'static,
        R: Future<Output = Response<Full<Bytes>>> + Send + 'static,
    {
        let (answer, open) = (Arc::new(answer), Connections::new());
        loop {
            let accepted = tokio::select! {
                accepted = self.accept() => accepted,
                _ = stop.wait_for(|stop| *stop) => break,
            };
            match accepted {
                Ok(Accepted::Tcp(stream, peer)) => {
                    let _ = stream.set_nodelay(true);
                    let (answer, place) = (answer.clone(), open.place());
                    workers.serve(stream, move |stream| speak(stream, Peer::Tcp(peer.ip()), answer, place));
                }
                Ok(Accepted::Unix(stream)) => {
                    tokio::spawn(speak(stream, Peer::Unix, answer.clone(), open.place()));
                }
                // Out of file descriptors, for one: it passes, and spinning would not help.
                Err(error) => {
                    tracing::warn!(target: "rest", %error, "cannot accept a connection");
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
            }
        }
        drop(self);
        if tokio::time::timeout(GRACE, open.shutdown()).await.is_err() {
            tracing::warn!(target: "rest", "connections that had not ended after {} s were broken off", GRACE.as_secs());
        }
    }

    async fn accept(&self) -> io::Result<Accepted> {
        match self {
            Self::Tcp(listener) => listener.accept().await.map(|(s, peer)| Accepted::Tcp(s, peer)),
            Self::Unix(listener) => listener.accept().await.map(|(s, _)| Accepted::Unix(s)),
        }
    }
}

enum Accepted {
    Tcp(TcpStream, SocketAddr),
    Unix(tokio::net::UnixStream),
}

fn bind_tcp(address: SocketAddr, reuse_port: bool) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    socket.set_reuseaddr(true)?;
    socket.set_reuseport(reuse_port)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

fn bind_unix(path: &Path, mode: u32) -> io::Result<UnixListener> {
    // What a server that was killed left behind.
    if std::os::unix::net::UnixStream::connect(path).is_err() {
        let _ = std::fs::remove_file(path);
    }
    let listener = UnixListener::bind(path)?;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode))?;
    Ok(listener)
}

async fn speak<S, F, R>(stream: S, peer: Peer, answer: Arc<F>, place: Place)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    F: Fn(Peer, Request<Paced<Incoming>>) -> R + Send + Sync + 'static,
    R: Future<Output = Response<Full<Bytes>>> + Send + 'static,
{
    if let Err(error) = service::converse(stream, move |request| answer(peer, request), place).await {
        tracing::debug!(target: "rest", %error, "connection ended");
    }
}
