//! Letters and text messages: made from templates, kept in an outbox, sent after the commit.
//!
//! - [`template`]: Go's templates.
//! - [`Letters`]: the template and subject of each kind, ours or the project's.
//! - [`Outbox`]: `queue` on the caller's transaction; the worker sends, retries, and gives up with a dead letter.
//! - [`Smtp`] and [`Sms`]: how they leave.
//! - [`Inbox`]: where they arrive in development, with Mailpit's API.

mod inbox;
mod letters;
mod outbox;
mod plain;
mod sms;
mod smtp;
pub mod template;

pub use inbox::{Inbox, InboxError, ReceivedMessage, Servers};
pub use letters::{KINDS, Letter, Letters, LettersError, Source};
pub use outbox::{CHANNEL, DeadLetter, EmailRoute, Outbox, Parts};
pub use sms::{Sms, SmsError};
pub use smtp::{Security, Smtp, SmtpError, SmtpSettings};

/// `(file name, SQL)`, to run in order as the owner of the database, after schema `auth` and its roles exist.
pub const MIGRATIONS: &[(&str, &str)] = &[("0001_outbox.sql", include_str!("../migrations/0001_outbox.sql"))];
