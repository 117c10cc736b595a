//! A small SMTP server (RFC 5321) for development: takes every letter, asks for no password but takes any.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use service::Tasks;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;

use super::{Inbox, MAX_MESSAGE_BYTES};

const MAX_CONNECTIONS: usize = 32;
/// RFC 5321 §4.5.3.1.4 asks for 512 at least.
const MAX_LINE_BYTES: u64 = 4_096;
const MAX_RECIPIENTS: usize = 100;
/// A client that says nothing for so long has gone.
const IDLE: Duration = Duration::from_secs(60);

pub(super) fn serve(inbox: Arc<Inbox>, listener: TcpListener, tasks: &Tasks) {
    let places = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    let spawner = tasks.clone();
    tasks.spawn_until_stop(async move {
        loop {
            let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
            let Ok((stream, _)) = listener.accept().await else { continue };
            let inbox = Arc::clone(&inbox);
            spawner.spawn_until_stop(async move {
                if let Err(error) = talk(&inbox, stream).await {
                    tracing::debug!(target: "mail", %error, "an SMTP client went away");
                }
                drop(place);
            });
        }
    });
}

#[derive(Default)]
struct Envelope {
    sender: Option<String>,
    recipients: Vec<String>,
}

async fn talk(inbox: &Inbox, stream: TcpStream) -> io::Result<()> {
    let mut stream = BufReader::new(stream);
    say(&mut stream, "220 basalt development inbox ESMTP").await?;
    let mut envelope = Envelope::default();
    while let Some(line) = line(&mut stream).await? {
        let verb = line.split([' ', ':']).next().unwrap_or_default().to_ascii_uppercase();
        match verb.as_str() {
            "HELO" => say(&mut stream, "250 basalt").await?,
            "EHLO" => {
                envelope = Envelope::default();
                let size = format!("250-SIZE {MAX_MESSAGE_BYTES}");
                let lines =
                    ["250-basalt", "250-8BITMIME", "250-SMTPUTF8", "250-PIPELINING", &size, "250 AUTH PLAIN LOGIN"];
                say(&mut stream, &lines.join("\r\n")).await?;
            }
            "AUTH" => authenticate(&mut stream, &line).await?,
            "MAIL" => match address(&line) {
                Some(sender) => {
                    envelope = Envelope { sender: Some(sender), recipients: Vec::new() };
                    say(&mut stream, "250 2.1.0 OK").await?;
                }
                None => say(&mut stream, "501 5.5.4 MAIL FROM:<address>").await?,
            },
            "RCPT" if envelope.sender.is_none() => say(&mut stream, "503 5.5.1 MAIL comes first").await?,
            "RCPT" => match address(&line).filter(|to| !to.is_empty()) {
                Some(_) if envelope.recipients.len() >= MAX_RECIPIENTS => {
                    say(&mut stream, "452 4.5.3 too many recipients").await?;
                }
                Some(recipient) => {
                    envelope.recipients.push(recipient);
                    say(&mut stream, "250 2.1.5 OK").await?;
                }
                None => say(&mut stream, "501 5.5.4 RCPT TO:<address>").await?,
            },
            "DATA" if envelope.recipients.is_empty() => say(&mut stream, "503 5.5.1 RCPT comes first").await?,
            "DATA" => {
                say(&mut stream, "354 end with a dot on a line of its own").await?;
                let letter = std::mem::take(&mut envelope);
                let answer = match data(&mut stream).await? {
                    Some(raw) => match inbox.receive(letter.sender.unwrap_or_default(), letter.recipients, raw) {
                        Ok(()) => "250 2.0.0 taken",
                        Err(_) => "552 5.3.4 too long",
                    },
                    None => "552 5.3.4 too long",
                };
                say(&mut stream, answer).await?;
            }
            "RSET" => {
                envelope = Envelope::default();
                say(&mut stream, "250 2.0.0 OK").await?;
            }
            "NOOP" => say(&mut stream, "250 2.0.0 OK").await?,
            "VRFY" => say(&mut stream, "252 2.1.5 everybody is here").await?,
            "QUIT" => return say(&mut stream, "221 2.0.0 bye").await,
            _ => say(&mut stream, "500 5.5.2 unknown command").await?,
        }
    }
    Ok(())
}

async fn say(stream: &mut BufReader<TcpStream>, text: &str) -> io::Result<()> {
    stream.write_all(text.as_bytes()).await?;
    stream.write_all(b"\r\n").await
}

/// The next line without its end; `None` at the end of the connection.
async fn line(stream: &mut BufReader<TcpStream>) -> io::Result<Option<String>> {
    let mut bytes = Vec::new();
    let mut bounded = stream.take(MAX_LINE_BYTES);
    let read = bounded.read_until(b'\n', &mut bytes);
    let count = tokio::time::timeout(IDLE, read).await.map_err(|_| io::ErrorKind::TimedOut)??;
    if count as u64 >= MAX_LINE_BYTES && bytes.last() != Some(&b'\n') {
        return Err(io::ErrorKind::InvalidData.into());
    }
    Ok((count > 0).then(|| String::from_utf8_lossy(&bytes).trim_end_matches(['\r', '\n']).to_owned()))
}

/// Any name and password will do.
async fn authenticate(stream: &mut BufReader<TcpStream>, command: &str) -> io::Result<()> {
    let mut words = command.split_whitespace().skip(1);
    let login = words.next().is_some_and(|mechanism| mechanism.eq_ignore_ascii_case("LOGIN"));
    let given = usize::from(words.next().is_some());
    // LOGIN asks for name and password (base64), PLAIN for both at once.
    let asked: &[&str] = if login { &["334 VXNlcm5hbWU6", "334 UGFzc3dvcmQ6"] } else { &["334 "] };
    for question in asked.iter().skip(given) {
        say(stream, question).await?;
        line(stream).await?;
    }
    say(stream, "235 2.7.0 welcome").await
}

/// What stands in `<…>`.
fn address(line: &str) -> Option<String> {
    let (_, rest) = line.split_once(':')?;
    let (start, end) = (rest.find('<')?, rest.find('>')?);
    Some(rest.get(start + 1..end)?.trim().to_owned())
}

/// The letter with its dots unstuffed; `None` when it is too long (it is read to its end nevertheless).
async fn data(stream: &mut BufReader<TcpStream>) -> io::Result<Option<Vec<u8>>> {
    let mut letter = Vec::new();
    let mut too_long = false;
    let mut at_start = true;
    loop {
        let mut bytes = Vec::new();
        let mut bounded = stream.take(64 * 1024);
        let read = bounded.read_until(b'\n', &mut bytes);
        let count = tokio::time::timeout(IDLE, read).await.map_err(|_| io::ErrorKind::TimedOut)??;
        if count == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        if at_start && (bytes == b".\r\n" || bytes == b".\n") {
            return Ok((!too_long).then_some(letter));
        }
        let text = if at_start && bytes.starts_with(b".") { &bytes[1..] } else { &bytes[..] };
        at_start = bytes.ends_with(b"\n");
        if letter.len() + text.len() > MAX_MESSAGE_BYTES {
            too_long = true;
        } else {
            letter.extend_from_slice(text);
        }
    }
}
