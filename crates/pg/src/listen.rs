//! LISTEN on a connection of its own, which comes back by itself.

use std::future::poll_fn;
use std::time::Duration;

use tokio_postgres::tls::{MakeTlsConnect, NoTls, TlsConnect};
use tokio_postgres::{AsyncMessage, Socket};

use crate::tls::MakeTls;
use crate::{Address, Error, Target, Tls, ident};

/// The longest wait between two tries to connect.
const LONGEST_BACK_OFF: Duration = Duration::from_secs(32);

/// What a listener hears.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Heard {
    /// It listens (again): what was said meanwhile is lost, so the listener looks for himself.
    Connected,
    /// The connection broke, or none could be had.
    Lost(String),
    /// A notification.
    Payload {
        /// On which channel.
        channel: String,
        /// What was said.
        text: String,
    },
}

/// Listens on channels for as long as the future is polled; connects anew with a growing pause.
pub async fn listen(target: &Target, channels: &[&str], mut hear: impl FnMut(Heard)) {
    let mut pause = Duration::from_millis(100);
    loop {
        let lost = match target.address {
            Address::Tcp { tls, .. } if tls != Tls::Disable => once(target, MakeTls(tls), channels, &mut hear).await,
            _ => once(target, NoTls, channels, &mut hear).await,
        };
        match lost {
            // It worked for a while: the next try may come soon.
            Ok(()) => {
                hear(Heard::Lost("the server closed the connection".into()));
                pause = Duration::from_millis(100);
            }
            Err(error) => {
                hear(Heard::Lost(error.to_string()));
                pause = (pause * 2).min(LONGEST_BACK_OFF);
            }
        }
        tokio::time::sleep(pause).await;
    }
}

/// One connection's life. `Ok` when it listened before it ended.
async fn once<T>(target: &Target, tls: T, channels: &[&str], hear: &mut impl FnMut(Heard)) -> Result<(), Error>
where
    T: MakeTlsConnect<Socket>,
    T::TlsConnect: TlsConnect<Socket>,
{
    let (client, mut connection) = target.to_config().connect(tls).await?;
    let words: String = channels.iter().map(|channel| format!("listen {};", ident(channel))).collect();
    let mut asked = std::pin::pin!(client.batch_execute(&words));
    let mut listening = false;
    loop {
        let message = tokio::select! {
            done = &mut asked, if !listening => {
                done?;
                listening = true;
                hear(Heard::Connected);
                continue;
            }
            message = poll_fn(|cx| connection.poll_message(cx)) => message,
        };
        match message {
            Some(Ok(AsyncMessage::Notification(n))) => {
                hear(Heard::Payload { channel: n.channel().to_owned(), text: n.payload().to_owned() });
            }
            Some(Ok(_)) => {}
            Some(Err(error)) if !listening => return Err(error.into()),
            Some(Err(_)) | None => return Ok(()),
        }
    }
}
