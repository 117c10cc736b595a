//! Reads from the server's log why it did not start.

use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

use crate::error::Error;

/// How much of the log is looked at and shown, in bytes and lines.
const TAIL_BYTES: u64 = 64 * 1024;
const TAIL_LINES: usize = 12;

/// The error that the log since `from` (bytes) tells of.
pub(crate) fn explain(data: &Path, log: &Path, from: u64) -> Error {
    classify(&read_from(log, from), data, log)
}

/// Does the log since `from` (bytes) tell of a full disk?
pub(crate) fn names_no_room(log: &Path, from: u64) -> bool {
    tells_of_no_room(&read_from(log, from))
}

pub(crate) fn tells_of_no_room(text: &str) -> bool {
    // The last: a write that was done in part.
    ["No space left on device", "Disk quota exceeded", "Check free disk space"].iter().any(|words| text.contains(words))
}

fn classify(text: &str, data: &Path, log: &Path) -> Error {
    if tells_of_no_room(text) {
        return Error::DiskFull { path: data.to_owned() };
    }
    if let Some(line) = text.lines().find(|line| line.contains("could not bind IP")) {
        let address = between(line, "address \"", "\"").unwrap_or("the address");
        let port = port_in(text).unwrap_or(0);
        return Error::PortTaken { address: address.to_owned(), port, holder: None };
    }
    if text.contains("pre-existing shared memory block") {
        return Error::BackendsLeft { path: data.to_owned() };
    }
    if text.contains("Permission denied") {
        let hint = format!("PostgreSQL itself was refused; see {}", log.display());
        return Error::Permission { what: "start PostgreSQL in", path: data.to_owned(), hint };
    }
    Error::StartFailed { log: log.to_owned(), tail: last_lines(text) }
}

fn port_in(text: &str) -> Option<u16> {
    between(text, "on port ", "?")?.parse().ok()
}

fn between<'a>(text: &'a str, before: &str, after: &str) -> Option<&'a str> {
    let (_, rest) = text.split_once(before)?;
    rest.split_once(after).map(|(found, _)| found)
}

fn last_lines(text: &str) -> String {
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(TAIL_LINES)..].join("\n")
}

fn read_from(log: &Path, from: u64) -> String {
    let mut bytes = Vec::new();
    if let Ok(mut file) = std::fs::File::open(log) {
        let len = file.metadata().map(|meta| meta.len()).unwrap_or(0);
        let start = from.max(len.saturating_sub(TAIL_BYTES)).min(len);
        if file.seek(SeekFrom::Start(start)).is_ok() {
            let _ = file.take(TAIL_BYTES).read_to_end(&mut bytes);
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_log_says_becomes_a_plain_error() {
        let (data, log) = (Path::new("/p/.basalt/pgdata"), Path::new("/p/.basalt/logs/postgresql.log"));
        let full =
            classify("PANIC:  could not write to file \"pg_wal/xlogtemp.1\": No space left on device\n", data, log);
        assert!(matches!(full, Error::DiskFull { .. }));
        let other = classify("FATAL:  invalid value for parameter \"shared_buffers\"\n", data, log);
        assert!(other.to_string().contains("shared_buffers"), "{other}");
    }
}
