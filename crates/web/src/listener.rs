//! The socket, with or without TLS, and a shutdown that lets requests finish. What is spoken on a connection is `service::converse`.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use rustls::ServerConfig;
use service::{Connections, Place, Workers};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

use crate::Edge;

/// How long a client may take to shake hands.
const HANDSHAKE: Duration = Duration::from_secs(15);

/// Sockets that are bound, before the first request is taken.
pub struct Listener {
    sockets: Vec<TcpListener>,
    tls: Option<Arc<ServerConfig>>,
    workers: Workers,
}

/// A listener at work.
pub struct Running {
    stop: watch::Sender<bool>,
    accepting: Vec<JoinHandle<()>>,
    address: SocketAddr,
}

impl Listener {
    /// Binds every address; port 0 takes a free one.
    ///
    /// # Errors
    /// The port is taken, or the address is not ours.
    pub async fn bind(addresses: &[SocketAddr], tls: Option<Arc<ServerConfig>>) -> io::Result<Self> {
        let mut sockets = Vec::with_capacity(addresses.len());
        for address in addresses {
            sockets.push(TcpListener::bind(address).await?);
        }
        Ok(Self { sockets, tls, workers: Workers::here() })
    }

    /// Serves connections on these threads instead of where it accepts them.
    #[must_use]
    pub fn on(self, workers: &Workers) -> Self {
        Self { workers: workers.clone(), ..self }
    }

    /// Takes requests until [`Running::stop`].
    ///
    /// # Errors
    /// No socket was bound.
    pub fn serve(self, edge: &Arc<Edge>) -> io::Result<Running> {
        let address = match self.sockets.first() {
            Some(socket) => socket.local_addr()?,
            None => return Err(io::Error::new(io::ErrorKind::InvalidInput, "no address to listen on")),
        };
        let (stop, stopping) = watch::channel(false);
        let door = Door { tls: self.tls.map(TlsAcceptor::from), edge: Arc::clone(edge), workers: self.workers };
        let accept = |socket| tokio::spawn(accept(socket, door.clone(), stopping.clone()));
        let accepting = self.sockets.into_iter().map(accept).collect();
        Ok(Running { stop, accepting, address })
    }
}

impl Running {
    /// Where it listens (the first address).
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Takes no new connection, lets open requests finish for `grace`, then returns.
    pub async fn stop(self, grace: Duration) {
        let _ = self.stop.send(true);
        let drained = async {
            for task in self.accepting {
                let _ = task.await;
            }
        };
        if tokio::time::timeout(grace, drained).await.is_err() {
            tracing::warn!(target: "web", seconds = grace.as_secs(), "some requests were cut off at shutdown");
        }
    }
}

/// Where accepted connections go.
#[derive(Clone)]
struct Door {
    tls: Option<TlsAcceptor>,
    edge: Arc<Edge>,
    workers: Workers,
}

async fn accept(socket: TcpListener, door: Door, mut stopping: watch::Receiver<bool>) {
    let open = Connections::new();
    loop {
        let accepted = tokio::select! {
            accepted = socket.accept() => accepted,
            _ = stopping.wait_for(|stop| *stop) => break,
        };
        match accepted {
            Ok((stream, peer)) => {
                let (door, place, stopping) = (door.clone(), open.place(), stopping.clone());
                let workers = door.workers.clone();
                workers.serve(stream, move |stream| converse(stream, peer, door, place, stopping));
            }
            // Out of file descriptors, for one: it passes, and spinning would not help.
            Err(error) => {
                tracing::warn!(target: "web", %error, "cannot accept a connection");
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    }
    drop(socket);
    open.shutdown().await;
}

async fn converse(stream: TcpStream, peer: SocketAddr, door: Door, place: Place, mut stopping: watch::Receiver<bool>) {
    let _ = stream.set_nodelay(true);
    let Some(tls) = door.tls else { return speak(stream, peer, door.edge, place).await };
    let shaken = tokio::select! {
        shaken = tokio::time::timeout(HANDSHAKE, tls.accept(stream)) => shaken,
        _ = stopping.wait_for(|stop| *stop) => return,
    };
    match shaken {
        Ok(Ok(stream)) => speak(stream, peer, door.edge, place).await,
        Ok(Err(error)) => tracing::debug!(target: "web", %peer, %error, "TLS handshake failed"),
        Err(_) => tracing::debug!(target: "web", %peer, "TLS handshake timed out"),
    }
}

async fn speak<S>(stream: S, peer: SocketAddr, edge: Arc<Edge>, place: Place)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    edge.metrics().connections.inc();
    let talking = Arc::clone(&edge);
    let answer = move |request| Arc::clone(&talking).answer(request, peer);
    if let Err(error) = service::converse(stream, answer, place).await {
        tracing::debug!(target: "web", %peer, %error, "connection ended");
    }
    edge.metrics().connections.dec();
}
