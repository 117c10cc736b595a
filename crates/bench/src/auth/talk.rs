//! Conversations over kept connections, where what is said next depends on what was heard. For few requests per second: `load` is
//! lighter.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::load::Seen;

/// What one connection says.
pub trait Talk: Send {
    /// The bytes of the next request.
    fn next(&mut self) -> Vec<u8>;

    /// Reads an answer, and says how long to wait before the next request.
    ///
    /// # Errors
    /// The answer is none that the talk can go on with.
    fn heard(&mut self, status: u16, body: &[u8]) -> anyhow::Result<Duration>;
}

/// Runs a connection for each talk, on a thread of its own.
pub async fn run(address: SocketAddr, time: Duration, talks: Vec<Box<dyn Talk>>) -> anyhow::Result<Seen> {
    tokio::task::spawn_blocking(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(all(address, time, talks))
    })
    .await?
}

async fn all(address: SocketAddr, time: Duration, talks: Vec<Box<dyn Talk>>) -> anyhow::Result<Seen> {
    let local = tokio::task::LocalSet::new();
    let started = Instant::now();
    let end = started + time;
    let tasks: Vec<_> = talks.into_iter().map(|talk| local.spawn_local(converse(address, end, talk))).collect();
    let mut seen = Seen::default();
    local
        .run_until(async {
            for task in tasks {
                seen.latencies_us.extend(task.await??);
            }
            anyhow::Ok(())
        })
        .await?;
    seen.per_second = seen.latencies_us.len() as f64 / started.elapsed().as_secs_f64();
    seen.latencies_us.sort_unstable();
    Ok(seen)
}

async fn converse(address: SocketAddr, end: Instant, mut talk: Box<dyn Talk>) -> anyhow::Result<Vec<u32>> {
    let mut stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let (mut latencies, mut read) = (Vec::new(), Vec::with_capacity(64 * 1024));
    loop {
        let sent = Instant::now();
        stream.write_all(&talk.next()).await?;
        let (status, body) = answer(&mut stream, &mut read).await?;
        latencies.push(sent.elapsed().as_micros() as u32);
        let pause = talk.heard(status, body)?;
        if Instant::now() + pause >= end {
            return Ok(latencies);
        }
        if !pause.is_zero() {
            tokio::time::sleep(pause).await;
        }
    }
}

/// Reads one whole answer: its status and its body.
async fn answer<'a>(stream: &mut TcpStream, read: &'a mut Vec<u8>) -> anyhow::Result<(u16, &'a [u8])> {
    read.clear();
    let head = loop {
        ensure!(stream.read_buf(read).await? > 0, "the server closed the connection");
        if let Some(end) = memchr::memmem::find(read, b"\r\n\r\n") {
            break end + 4;
        }
    };
    let text = std::str::from_utf8(&read[..head])?;
    let status = text.get(9..12).and_then(|status| status.parse().ok()).context("a status")?;
    let length: usize = text
        .lines()
        .find_map(|line| line.split_once(':').filter(|(name, _)| name.eq_ignore_ascii_case("content-length")))
        .map_or(Ok(0), |(_, value)| value.trim().parse())?;
    while read.len() < head + length {
        ensure!(stream.read_buf(read).await? > 0, "the server closed the connection");
    }
    Ok((status, &read[head..head + length]))
}
