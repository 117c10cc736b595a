use std::net::{Ipv4Addr, SocketAddr};

use tokio::net::TcpSocket;

/// A port of 127.0.0.1 for a server that a test starts, stops and starts again: until this process ends the system gives it to nobody
/// else. On Linux a socket stays bound to it that never listens; whoever sets `SO_REUSEADDR`, as servers do, may listen there, and a
/// client is refused until then. Elsewhere the port is merely free now.
///
/// # Panics
/// No port is left.
#[must_use]
pub fn free_port() -> u16 {
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.set_reuseaddr(true).expect("an option of every socket");
    socket.bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).expect("a free port");
    let port = socket.local_addr().expect("a bound socket has an address").port();
    if cfg!(target_os = "linux") {
        std::mem::forget(socket);
    }
    port
}
