//! A load of HTTP requests over kept connections: one task each, next request when the answer is whole.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use bytes::{Buf, BytesMut};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

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

/// Runs a load on a thread of its own, so that it does not share a scheduler with what it measures.
pub async fn run(address: SocketAddr, connections: usize, time: Duration, make: Make) -> anyhow::Result<Seen> {
    tokio::task::spawn_blocking(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(load(address, connections, time, make))
    })
    .await?
}

async fn load(address: SocketAddr, connections: usize, time: Duration, make: Make) -> anyhow::Result<Seen> {
    let local = tokio::task::LocalSet::new();
    let started = Instant::now();
    let end = started + time;
    let tasks: Vec<_> = (0..connections).map(|_| local.spawn_local(converse(address, end, make.clone()))).collect();
    let mut seen = Seen::default();
    local
        .run_until(async {
            for task in tasks {
                let (latencies, body_bytes) = task.await??;
                seen.latencies_us.extend(latencies);
                seen.body_bytes = body_bytes;
            }
            anyhow::Ok(())
        })
        .await?;
    seen.per_second = seen.latencies_us.len() as f64 / started.elapsed().as_secs_f64();
    seen.latencies_us.sort_unstable();
    Ok(seen)
}

async fn converse(address: SocketAddr, end: Instant, make: Make) -> anyhow::Result<(Vec<u32>, usize)> {
    let mut stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let (mut latencies, mut read, mut body_bytes) = (Vec::new(), BytesMut::with_capacity(64 * 1024), 0);
    loop {
        let sent = Instant::now();
        if sent >= end {
            return Ok((latencies, body_bytes));
        }
        stream.write_all(&make()).await?;
        body_bytes = answer(&mut stream, &mut read).await?;
        latencies.push(sent.elapsed().as_micros() as u32);
    }
}

/// Reads one whole answer, which must be a success, and returns the length of its body.
async fn answer(stream: &mut TcpStream, read: &mut BytesMut) -> anyhow::Result<usize> {
    let head = loop {
        if let Some(end) = memchr::memmem::find(read, b"\r\n\r\n") {
            break end + 4;
        }
        ensure!(stream.read_buf(read).await? > 0, "the server closed the connection");
    };
    let text = std::str::from_utf8(&read[..head])?;
    let status = text.get(9..12).context("a status")?;
    let length: usize = text
        .lines()
        .find_map(|line| line.split_once(':').filter(|(name, _)| name.eq_ignore_ascii_case("content-length")))
        .map_or(Ok(0), |(_, value)| value.trim().parse())?;
    let failed = !status.starts_with('2');
    while read.len() < head + length {
        ensure!(stream.read_buf(read).await? > 0, "the server closed the connection");
    }
    if failed {
        bail!("the server answered {}", String::from_utf8_lossy(&read[..head + length]));
    }
    read.advance(head + length);
    Ok(length)
}
