//! A full disk, said so: PostgreSQL ends when it cannot write ahead, and all that a command sees is a lost connection.

use pgserver::Server;

/// What PostgreSQL says when it has just died, or cannot go on, of whatever cause.
const DEATHS: &[&str] = &[
    "connection to PostgreSQL was lost",
    "connection closed",
    "cannot connect",
    "error connecting",
    "checkpoint request failed",
    "terminating connection",
    "terminated by",
    "the database system is",
];

/// An error for which a full disk is to blame gets its name.
pub fn named<T>(server: &Server, result: anyhow::Result<T>) -> anyhow::Result<T> {
    result.map_err(|error| {
        let text = format!("{error:#}");
        let told = [
            "SQLSTATE 53100",
            "No space left on device",
            "Disk quota exceeded",
            "Check free disk space",
            "the disk is full",
        ];
        let to_blame = told.iter().any(|words| text.contains(words))
            || (DEATHS.iter().any(|words| text.contains(words)) && server.lacks_room());
        if !to_blame || text.contains("no space left on the disk of") {
            return error;
        }
        error.context(format!(
            "no space left on the disk of {}: free some, then run this again (nothing acknowledged is lost)",
            server.data_dir().display()
        ))
    })
}
