//! Rows into a table: by `COPY`, each batch in a transaction or savepoint of its own, and what PostgreSQL says about those it refuses.

use bytes::{BufMut as _, BytesMut};
use futures_util::SinkExt as _;
use pg::tokio_postgres::Client;
use pg::{ServerError, ident};

use super::rules::Cell;
use crate::Error;
use crate::schema::Relation;

/// A batch that was refused as a whole.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Refusal {
    /// PostgreSQL's message; of a check, its name.
    pub message: String,
    /// The same for all that is refused for the same reason, though the words name the row.
    pub kind: String,
    /// The row that it stumbled over, from 0, where it says.
    pub row: Option<usize>,
    /// Did the statement run out of time?
    pub slow: bool,
}

impl Refusal {
    /// Ours.
    pub fn new(message: &str) -> Self {
        Self { message: message.to_owned(), kind: message.to_owned(), row: None, slow: false }
    }

    fn of(error: &ServerError) -> Self {
        let row = error.context.as_deref().and_then(line).map(|line| line - 1);
        let place = error.context.as_deref().and_then(|context| context.lines().find(|line| line.starts_with("PL/")));
        let (message, kind) = match (error.code.as_str(), &error.constraint, place) {
            ("23514", Some(name), _) => (unmet(name), name.clone()),
            // A place in a trigger, whatever its words are.
            (_, _, Some(place)) => (error.message.clone(), place.to_owned()),
            (_, Some(name), None) => (error.message.clone(), name.clone()),
            (_, None, None) => (error.message.clone(), format!("{} {}", error.code, general(&error.message))),
        };
        // Which limit it was PostgreSQL says in its own words only.
        let slow = error.code == "57014" && error.message.contains("timeout");
        let message = match place.filter(|_| slow) {
            Some(place) => format!("{message} ({place})"),
            None => message,
        };
        Self { message, kind, row, slow }
    }

    /// Of a statement on a table that ran out of time: what may take it.
    pub fn of_table(mut self, table: &Relation) -> Self {
        let names: Vec<String> = table
            .triggers
            .iter()
            .filter(|trigger| trigger.enabled)
            .map(|trigger| format!("\"{}\"", trigger.name))
            .collect();
        if self.slow {
            self.message = match names.as_slice() {
                [] => format!("stopped: {}", self.message),
                [one] => format!("stopped, the trigger {one} takes too long: {}", self.message),
                more => format!("stopped, one of the triggers {} takes too long: {}", more.join(", "), self.message),
            };
        }
        self
    }
}

/// Of a check that was not met.
pub fn unmet(name: &str) -> String {
    format!("no row was found that satisfies the check \"{name}\"")
}

/// A message without the values in it.
fn general(message: &str) -> String {
    let mut quoted = false;
    let kept = message.chars().filter(|c| {
        let mark = matches!(c, '"' | '\'');
        quoted ^= mark;
        !quoted && !mark && !c.is_ascii_digit()
    });
    kept.collect()
}

/// What a batch came to.
pub type Outcome = Result<u64, Refusal>;

/// A connection that inserts.
#[derive(Clone, Copy)]
pub struct Inserter<'c> {
    /// The connection, outside of a transaction unless `nested`.
    pub client: &'c Client,
    /// Inside of a transaction that the caller began: savepoints instead of transactions.
    pub nested: bool,
}

impl Inserter<'_> {
    /// Copies rows into `columns` of a table.
    ///
    /// # Errors
    /// The connection is lost. What PostgreSQL refuses is an [`Outcome`].
    pub async fn copy(&self, table: &Relation, columns: &[usize], rows: &[Vec<Cell>]) -> Result<Outcome, Error> {
        let names = columns.iter().map(|at| ident(&table.columns[*at].name)).collect::<Vec<_>>().join(", ");
        let statement = format!("copy {} ({names}) from stdin", table.sql());
        let mut data = BytesMut::with_capacity(rows.len() * 128);
        for row in rows {
            for (n, at) in columns.iter().enumerate() {
                if n > 0 {
                    data.put_u8(b'\t');
                }
                match row[*at].text() {
                    Some(text) => escape(text, &mut data),
                    None => data.put_slice(b"\\N"),
                }
            }
            data.put_u8(b'\n');
        }
        self.guarded(async || {
            let sink = self.client.copy_in::<_, bytes::Bytes>(&statement).await?;
            futures_util::pin_mut!(sink);
            sink.send(data.freeze()).await?;
            sink.finish().await
        })
        .await
    }

    /// Runs `work` so that it happens whole or not at all; deferred constraints are checked too.
    pub async fn guarded<E: Into<pg::Error>>(
        &self,
        work: impl AsyncFnOnce() -> Result<u64, E>,
    ) -> Result<Outcome, Error> {
        let (begin, commit, back) = if self.nested {
            (
                "savepoint basalt_rows",
                "release savepoint basalt_rows",
                "rollback to savepoint basalt_rows; release savepoint basalt_rows",
            )
        } else {
            ("begin; set local synchronous_commit = off", "commit", "rollback")
        };
        self.client.batch_execute(begin).await?;
        let mut result = work().await.map_err(Into::into);
        if result.is_ok() {
            let end = format!("set constraints all immediate; set constraints all deferred; {commit}");
            if let Err(error) = self.client.batch_execute(&end).await {
                result = Err(error.into());
            }
        }
        match result {
            Ok(count) => Ok(Ok(count)),
            Err(pg::Error::Server(error)) => {
                self.client.batch_execute(back).await?;
                // No room: the next row would fare no better.
                if error.code == "53100" {
                    return Err(Error::DiskFull(error.message.clone()));
                }
                Ok(Err(Refusal::of(&error)))
            }
            Err(other) => Err(other.into()),
        }
    }
}

/// The line in `COPY courses, line 3, column title: …`.
fn line(context: &str) -> Option<usize> {
    let copy = context.lines().rev().find(|line| line.starts_with("COPY "))?;
    let (_, rest) = copy.split_once(", line ")?;
    let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
    rest[..digits].parse().ok().filter(|line| *line > 0)
}

/// The text format of `COPY` (PostgreSQL, "File Formats").
fn escape(text: &str, data: &mut BytesMut) {
    for byte in text.bytes() {
        match byte {
            b'\\' => data.put_slice(b"\\\\"),
            b'\n' => data.put_slice(b"\\n"),
            b'\r' => data.put_slice(b"\\r"),
            b'\t' => data.put_slice(b"\\t"),
            0 => {}
            byte => data.put_u8(byte),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_trigger_says_of_each_row_is_one_reason() {
        let error = |message: &str, context: &str| ServerError {
            code: "P0001".to_owned(),
            message: message.to_owned(),
            context: Some(context.to_owned()),
            ..ServerError::default()
        };
        let place = "PL/pgSQL function public.no() line 1 at RAISE";
        let one = Refusal::of(&error("Ann is not welcome", &format!("{place}\nCOPY people, line 3: \"Ann\"")));
        let two = Refusal::of(&error("Bob is not welcome", &format!("{place}\nCOPY people, line 9: \"Bob\"")));
        assert_eq!((&one.kind, one.row, two.row), (&two.kind, Some(2), Some(8)));
        let plain = |message: &str| Refusal::of(&ServerError { message: message.to_owned(), ..ServerError::default() });
        assert_eq!(plain("value \"a b\" at 7 is bad").kind, plain("value \"c\" at 11 is bad").kind);
        assert_ne!(plain("bad").kind, plain("worse").kind);
    }
}
