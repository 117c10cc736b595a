//! Logs, for people or for machines, with secrets taken out.

mod redact;

use std::io::{self, Write};

use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;

pub use redact::redact;

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Format {
    /// For a terminal.
    #[default]
    Text,
    /// One JSON object a line, for a collector.
    Json,
}

/// Starts logging to standard error. `filter`: `info`, or `info,rest=debug`; targets are the names of crates.
///
/// # Errors
/// The filter cannot be read, or logging was started already.
pub fn start(format: Format, filter: &str) -> Result<(), String> {
    let filter = EnvFilter::try_new(filter).map_err(|e| format!("the log filter {filter:?} cannot be read: {e}"))?;
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(Redacted).with_ansi(false);
    match format {
        Format::Text => builder.compact().try_init(),
        Format::Json => builder.json().flatten_event(true).try_init(),
    }
    .map_err(|e| format!("logging cannot be started: {e}"))
}

/// Standard error behind [`redact`]. A line is written whole: the formatter hands it over in one piece.
struct Redacted;

impl<'a> MakeWriter<'a> for Redacted {
    type Writer = Line;

    fn make_writer(&'a self) -> Self::Writer {
        Line
    }
}

struct Line;

impl Write for Line {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(bytes);
        io::stderr().lock().write_all(redact(&text).as_bytes())?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}
