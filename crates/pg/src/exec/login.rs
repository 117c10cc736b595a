//! From a socket to a session: start-up message, authentication, parameters.

use std::time::Duration;

use bytes::BytesMut;
use postgres_protocol::authentication::md5_hash;
use postgres_protocol::authentication::sasl::{ChannelBinding, SCRAM_SHA_256, ScramSha256};
use postgres_protocol::message::frontend;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::decode::{frame, server_error};
use super::link::Socket;
use crate::{Error, Target};

/// A server that does not answer the start-up within this time counts as away.
const LOGIN_TIMEOUT: Duration = Duration::from_secs(10);

/// A logged-in connection.
pub(super) struct Session {
    pub(super) socket: Socket,
    pub(super) cancel: CancelKey,
    /// `DateStyle` as the server reported it.
    date_style: String,
}

/// What a `CancelRequest` names.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct CancelKey {
    process: i32,
    secret: i32,
}

impl CancelKey {
    /// The process that serves the session, as it said at login.
    pub(super) fn process(self) -> i32 {
        self.process
    }
}

/// Connects and logs in. `settings` are session defaults, so that `RESET ALL` comes back to them.
///
/// The text of dates must be ISO, since rows are written as JSON from their text: another `DateStyle` of the database is overruled.
pub(super) async fn open(target: &Target, settings: &[(&str, &str)]) -> Result<Session, Error> {
    let late = |_| Error::Connect("the server did not answer in time".to_owned());
    let session = tokio::time::timeout(LOGIN_TIMEOUT, login(target, settings)).await.map_err(late)??;
    if session.date_style.is_empty() || session.date_style.starts_with("ISO") {
        return Ok(session);
    }
    let order = session.date_style.split(", ").nth(1).unwrap_or("MDY");
    let iso = format!("ISO, {order}");
    let mut settings = settings.to_vec();
    settings.push(("DateStyle", &iso));
    tokio::time::timeout(LOGIN_TIMEOUT, login(target, &settings)).await.map_err(late)?
}

/// Asks the server to stop what a session is doing, and waits until the request was handled.
pub(super) async fn cancel(target: &Target, key: CancelKey) -> Result<(), Error> {
    let lost = |e: std::io::Error| Error::Connect(format!("cancel: {e}"));
    let mut socket = Socket::open(target).await?;
    let mut out = BytesMut::new();
    frontend::cancel_request(key.process, key.secret, &mut out);
    socket.write_all(&out).await.map_err(lost)?;
    socket.flush().await.map_err(lost)?;
    // The server closes once the signal is sent.
    let _ = socket.read_u8().await;
    Ok(())
}

async fn login(target: &Target, settings: &[(&str, &str)]) -> Result<Session, Error> {
    let mut wire = Wire { socket: Socket::open(target).await?, out: BytesMut::new(), read: BytesMut::new() };
    let mut parameters =
        vec![("user", target.user.as_str()), ("database", target.database.as_str()), ("client_encoding", "UTF8")];
    parameters.extend(target.parameters());
    parameters.extend_from_slice(settings);
    frontend::startup_message(parameters, &mut wire.out).map_err(bad)?;
    wire.flush().await?;
    authenticate(target, &mut wire).await?;
    let (mut cancel, mut date_style) = (CancelKey::default(), String::new());
    loop {
        let (tag, body) = wire.message().await?;
        match (tag, &body[..]) {
            (b'K', [p0, p1, p2, p3, s0, s1, s2, s3]) => {
                cancel.process = i32::from_be_bytes([*p0, *p1, *p2, *p3]);
                cancel.secret = i32::from_be_bytes([*s0, *s1, *s2, *s3]);
            }
            (b'S', text) => {
                let mut words = text.split(|b| *b == 0);
                if words.next() == Some(b"DateStyle") {
                    date_style = String::from_utf8_lossy(words.next().unwrap_or_default()).into_owned();
                }
            }
            (b'Z', _) => return Ok(Session { socket: wire.socket, cancel, date_style }),
            _ => {}
        }
    }
}

async fn authenticate(target: &Target, wire: &mut Wire) -> Result<(), Error> {
    let password = target.password.expose().as_bytes();
    let mut scram: Option<ScramSha256> = None;
    loop {
        let (tag, body) = wire.message().await?;
        let Some((code, data)) = body.split_first_chunk::<4>().filter(|_| tag == b'R') else { continue };
        match i32::from_be_bytes(*code) {
            0 => return Ok(()),
            3 => frontend::password_message(password, &mut wire.out).map_err(bad)?,
            5 => {
                let salt: [u8; 4] = data.try_into().map_err(|_| Error::Connect("malformed salt".into()))?;
                let hash = md5_hash(target.user.as_bytes(), password, salt);
                frontend::password_message(hash.as_bytes(), &mut wire.out).map_err(bad)?;
            }
            10 => {
                if !data.split(|b| *b == 0).any(|m| m == SCRAM_SHA_256.as_bytes()) {
                    return Err(Error::Connect("the server asks for an unknown SASL mechanism".into()));
                }
                let fresh = ScramSha256::new(password, ChannelBinding::unsupported());
                frontend::sasl_initial_response(SCRAM_SHA_256, fresh.message(), &mut wire.out).map_err(bad)?;
                scram = Some(fresh);
            }
            11 => {
                let scram = scram.as_mut().ok_or_else(|| Error::Connect("SASL out of order".into()))?;
                scram.update(data).map_err(bad)?;
                frontend::sasl_response(scram.message(), &mut wire.out).map_err(bad)?;
            }
            12 => {
                let scram = scram.as_mut().ok_or_else(|| Error::Connect("SASL out of order".into()))?;
                scram.finish(data).map_err(bad)?;
            }
            other => return Err(Error::Connect(format!("the server asks for authentication method {other}"))),
        }
        wire.flush().await?;
    }
}

#[expect(clippy::needless_pass_by_value, reason = "the shape that map_err takes")]
fn bad(error: std::io::Error) -> Error {
    Error::Connect(error.to_string())
}

/// A socket read message by message; only for the start.
struct Wire {
    socket: Socket,
    out: BytesMut,
    read: BytesMut,
}

impl Wire {
    async fn flush(&mut self) -> Result<(), Error> {
        self.socket.write_all(&self.out).await.map_err(bad)?;
        self.out.clear();
        self.socket.flush().await.map_err(bad)
    }

    /// The next message; an `ErrorResponse` becomes an error.
    async fn message(&mut self) -> Result<(u8, BytesMut), Error> {
        loop {
            if let Some((tag, end)) = frame(&self.read, 0) {
                let body = self.read.split_to(end).split_off(5);
                if tag == b'E' {
                    let error = server_error(&body).0;
                    return Err(Error::Connect(format!("{}: {}", error.severity, error)));
                }
                return Ok((tag, body));
            }
            if self.socket.read_buf(&mut self.read).await.map_err(bad)? == 0 {
                return Err(Error::Connect("the server closed the connection during the start".into()));
            }
        }
    }
}
