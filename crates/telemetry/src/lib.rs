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
    let filter =
        EnvFilter::try_new(bounded(filter)).map_err(|e| format!("the log filter {filter:?} cannot be read: {e}"))?;
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(Redacted).with_ansi(false);
    match format {
        Format::Text => builder.compact().try_init(),
        Format::Json => builder.json().flatten_event(true).try_init(),
    }
    .map_err(|e| format!("logging cannot be started: {e}"))
}

/// A bare level is for our own crates: libraries tell at `debug` and `trace` what goes over their wires, and may be asked for by name.
/// Not the client of PostgreSQL, whatever is asked: it prints the parameters of every statement, tokens and letters among them.
fn bounded(filter: &str) -> String {
    const LIBRARIES: &str = "h2=info,hyper=info,hyper_util=info,reqwest=info,rustls=info";
    const NEVER: &str = "tokio_postgres=info";
    let quiet = ["off", "error", "warn"].contains(&filter.trim());
    if filter.trim().is_empty() || quiet { filter.to_owned() } else { format!("{LIBRARIES},{filter},{NEVER}") }
}

/// Standard error behind [`redact`]. A line is written whole: the formatter hands it over in one piece. One that cannot be written (the
/// disk is full, nobody reads) is lost: the formatter would complain on standard error, too, and panic.
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
        let _ = io::stderr().lock().write_all(redact(&text).as_bytes());
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
