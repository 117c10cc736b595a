//! One kept connection and the answers on it.

use std::net::SocketAddr;

use anyhow::{Context, ensure};
use bytes::{Buf, BytesMut};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// A connection that may be dropped at any moment.
pub struct Connection {
    stream: TcpStream,
    read: BytesMut,
}

/// A whole answer.
pub struct Reply {
    /// Of the status line.
    pub status: u16,
    /// Null where there is no body.
    pub body: Value,
}

impl Reply {
    /// `code` of an error's body.
    pub fn code(&self) -> &str {
        self.body["code"].as_str().unwrap_or_default()
    }
}

impl Connection {
    /// Connects.
    pub async fn open(address: SocketAddr) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, read: BytesMut::new() })
    }

    /// Sends bytes, which need not be a whole request.
    pub async fn send(&mut self, bytes: &[u8]) -> anyhow::Result<()> {
        Ok(self.stream.write_all(bytes).await?)
    }

    /// Reads a few bytes and leaves the rest.
    pub async fn sip(&mut self) -> anyhow::Result<usize> {
        let mut some = [0; 512];
        Ok(self.stream.read(&mut some).await?)
    }

    /// Reads one answer with its body, which must be JSON or absent.
    pub async fn reply(&mut self) -> anyhow::Result<Reply> {
        let head = loop {
            if let Some(end) = memchr::memmem::find(&self.read, b"\r\n\r\n") {
                break end + 4;
            }
            ensure!(self.stream.read_buf(&mut self.read).await? > 0, "the server closed the connection");
        };
        let text = std::str::from_utf8(&self.read[..head])?;
        let status = text.get(9..12).context("a status")?.parse()?;
        let length: usize = text
            .lines()
            .find_map(|line| line.split_once(':').filter(|(name, _)| name.eq_ignore_ascii_case("content-length")))
            .map_or(Ok(0), |(_, value)| value.trim().parse())?;
        while self.read.len() < head + length {
            ensure!(self.stream.read_buf(&mut self.read).await? > 0, "the server closed the connection in a body");
        }
        let body = &self.read[head..head + length];
        let body = if body.is_empty() { Value::Null } else { serde_json::from_slice(body)? };
        self.read.advance(head + length);
        Ok(Reply { status, body })
    }
}

/// The bytes of a request; without a token for nobody.
pub fn request(method: &str, path: &str, token: Option<&str>, prefer: &str, body: &str) -> Vec<u8> {
    let mut text = format!("{method} {path} HTTP/1.1\r\nHost: soak\r\n");
    if let Some(token) = token {
        text.push_str(&format!("Authorization: Bearer {token}\r\n"));
    }
    if !prefer.is_empty() {
        text.push_str(&format!("Prefer: {prefer}\r\n"));
    }
    if !body.is_empty() || method != "GET" {
        text.push_str(&format!("Content-Type: application/json\r\nContent-Length: {}\r\n", body.len()));
    }
    format!("{text}\r\n{body}").into_bytes()
}
