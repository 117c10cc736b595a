//! A load of HTTP requests over kept connections, each of which sends its next request when the answer is whole.
//!
//! One thread over the kernel's readiness, since the load shares the CPUs with what it measures: a scheduler on top would cost as much
//! as the requests.

use std::io::{ErrorKind, Read, Write};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token};

use crate::stats::quantile;

/// Makes the bytes of the next request.
pub type Make = Arc<dyn Fn() -> Vec<u8> + Send + Sync>;

/// What a load saw.
#[derive(Debug, Clone, Default)]
pub struct Seen {
    /// Answers per second.
    pub per_second: f64,
    /// Microseconds, sorted.
    pub latencies_us: Vec<u32>,
    /// Bytes of the last body.
    pub body_bytes: usize,
}

impl Seen {
    /// Milliseconds below which this part of the answers came.
    pub fn ms(&self, part: f64) -> f64 {
        quantile(&self.latencies_us, part) / 1000.0
    }
}

/// How long an answer may take before the load gives up.
const PATIENCE: Duration = Duration::from_secs(30);

/// Runs a load on a thread of its own.
pub async fn run(address: SocketAddr, connections: usize, time: Duration, make: Make) -> anyhow::Result<Seen> {
    tokio::task::spawn_blocking(move || load(address, connections, time, &make)).await?
}

fn load(address: SocketAddr, connections: usize, time: Duration, make: &Make) -> anyhow::Result<Seen> {
    let mut poll = Poll::new()?;
    let mut events = Events::with_capacity(connections.max(1));
    let mut clients = Vec::with_capacity(connections);
    let started = Instant::now();
    let end = started + time;
    for number in 0..connections {
        let stream = std::net::TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_nonblocking(true)?;
        let mut client = Client::new(TcpStream::from_std(stream));
        poll.registry().register(&mut client.stream, Token(number), Interest::READABLE | Interest::WRITABLE)?;
        client.ask(make())?;
        clients.push(client);
    }
    let (mut seen, mut open) = (Seen::default(), connections);
    while open > 0 {
        poll.poll(&mut events, Some(PATIENCE))?;
        ensure!(!events.is_empty(), "the server did not answer within {PATIENCE:?}");
        for event in &events {
            let Some(client) = clients.get_mut(event.token().0) else { continue };
            client.write()?;
            while let Some(body_bytes) = client.answer()? {
                seen.body_bytes = body_bytes;
                seen.latencies_us.push(client.sent.elapsed().as_micros() as u32);
                if Instant::now() >= end {
                    open -= 1;
                    break;
                }
                client.ask(make())?;
            }
        }
    }
    seen.per_second = seen.latencies_us.len() as f64 / started.elapsed().as_secs_f64();
    seen.latencies_us.sort_unstable();
    Ok(seen)
}

/// One connection.
struct Client {
    stream: TcpStream,
    request: Vec<u8>,
    written: usize,
    sent: Instant,
    read: Vec<u8>,
    filled: usize,
}

impl Client {
    fn new(stream: TcpStream) -> Self {
        Self { stream, request: Vec::new(), written: 0, sent: Instant::now(), read: vec![0; 64 * 1024], filled: 0 }
    }

    fn ask(&mut self, request: Vec<u8>) -> anyhow::Result<()> {
        (self.request, self.written, self.sent) = (request, 0, Instant::now());
        self.write()
    }

    /// Writes what the socket takes.
    fn write(&mut self) -> anyhow::Result<()> {
        while let Some(rest) = self.request.get(self.written..).filter(|rest| !rest.is_empty()) {
            match self.stream.write(rest) {
                Ok(n) => self.written += n,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    /// Reads; the length of the body once the answer is whole, which must be a success.
    fn answer(&mut self) -> anyhow::Result<Option<usize>> {
        if self.written < self.request.len() {
            return Ok(None);
        }
        loop {
            let room = self.read.get_mut(self.filled..).unwrap_or_default();
            let room_bytes = room.len();
            let n = match self.stream.read(room) {
                Ok(0) => anyhow::bail!("the server closed the connection"),
                Ok(n) => n,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(None),
                Err(error) => return Err(error.into()),
            };
            self.filled += n;
            if let Some((head, length)) = self.head()? {
                if self.filled >= head + length {
                    self.filled = 0;
                    return Ok(Some(length));
                }
                if self.read.len() < head + length {
                    self.read.resize(head + length, 0);
                }
            }
            // What was read did not fill the room: more will be announced.
            if n < room_bytes {
                return Ok(None);
            }
        }
    }

    /// The lengths of head and body, once the head is whole.
    fn head(&self) -> anyhow::Result<Option<(usize, usize)>> {
        let read = &self.read[..self.filled];
        let Some(end) = memchr::memmem::find(read, b"\r\n\r\n") else { return Ok(None) };
        ensure!(read.get(9) == Some(&b'2'), "the server answered {}", String::from_utf8_lossy(read));
        let name = b"content-length: ";
        let at = memchr::memmem::find(&read[..end], name).context("an answer without a length")? + name.len();
        let digits = read[at..end].iter().take_while(|b| b.is_ascii_digit());
        Ok(Some((end + 4, digits.fold(0, |n, b| n * 10 + usize::from(b - b'0')))))
    }
}
