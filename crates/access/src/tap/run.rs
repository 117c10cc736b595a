//! A test file on a connection: statements in order, what they answer is the output.

use std::path::{Path, PathBuf};
use std::time::Duration;

use migrate::{Kind, split};
use pg::tokio_postgres::{Client, SimpleQueryMessage};

use super::parse::Outcome;
use super::variables::Variables;

/// How deep `\ir` may go.
const INCLUDES: usize = 10;
/// How long a statement of a test may take: one that waits for ever would keep all the others from being told.
const LONGEST: Duration = Duration::from_secs(60);

/// A test file, cut into statements.
#[derive(Debug, Clone)]
pub struct Script {
    /// The file.
    pub path: PathBuf,
    steps: Vec<Step>,
    /// It begins a transaction itself.
    begins: bool,
    variables: Variables,
    /// It ends one in a way that lets changes stay.
    pub commits: bool,
    /// How long a statement may take, where neither the file nor its role says.
    pub longest: Duration,
}

/// When to stop, but at the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stop {
    /// Never: all tests are of interest.
    AtEnd,
    /// At the first test that fails: it is enough to know that one does.
    AtFailure,
}

#[derive(Debug, Clone)]
struct Step {
    line: usize,
    what: What,
}

#[derive(Debug, Clone)]
enum What {
    Sql(String),
    /// BEGIN, ROLLBACK and the like: left out where the caller has a transaction.
    Transaction(String),
    /// Something that cannot be run: the sentence says what and why.
    Refused(String),
}

impl Script {
    /// Reads a file and those that it includes by `\i` and `\ir`.
    ///
    /// # Errors
    /// The file cannot be read, or is not UTF-8.
    pub fn read(path: &Path) -> std::io::Result<Self> {
        let text = text_of(path)?;
        let mut script = Self {
            path: path.to_owned(),
            steps: Vec::new(),
            begins: false,
            variables: Variables::default(),
            commits: false,
            longest: LONGEST,
        };
        script.add(&text, path, 0);
        Ok(script)
    }

    /// Does any statement hold this word?
    pub fn mentions(&self, word: &str) -> bool {
        self.steps.iter().any(|step| matches!(&step.what, What::Sql(sql) if sql.contains(word)))
    }

    fn add(&mut self, text: &str, path: &Path, depth: usize) {
        for statement in split(text) {
            let line = statement.line;
            let what = match statement.kind {
                Kind::Meta => match included(statement.text, path) {
                    Some(file) if depth < INCLUDES => match text_of(&file) {
                        Ok(text) => {
                            self.add(&text, &file, depth + 1);
                            continue;
                        }
                        Err(error) => What::Refused(format!("cannot read {}: {error}", file.display())),
                    },
                    Some(_) => What::Refused("files include each other without end".to_owned()),
                    None if self.variables.takes(statement.text) => continue,
                    None if is_setting(statement.text) => continue,
                    None => What::Refused(format!("{} is a command of psql that is not known here", statement.text)),
                },
                Kind::Copy(_) => What::Refused("COPY … FROM stdin does not run in tests; use INSERT".to_owned()),
                Kind::Sql => {
                    let sql = self.variables.replaced(statement.text);
                    match transaction_word(statement.text) {
                        Some(word) => {
                            self.begins |= word == "begin" || word == "start";
                            self.commits |= word == "commit" || word == "end";
                            What::Transaction(sql)
                        }
                        None => What::Sql(sql),
                    }
                }
            };
            self.steps.push(Step { line, what });
        }
    }
}

/// Runs a script. What it changes is rolled back, unless it commits itself. With `within`, the caller's open transaction is used and
/// stays open: what the script says about transactions is left out.
pub async fn run(client: &Client, script: &Script, stop: Stop, within: bool) -> Outcome {
    let mut outcome = Outcome::default();
    if !within && let Err(error) = begin(client, script).await {
        outcome.died = Some(pg::Error::from(error).to_string());
        return outcome;
    }
    for step in &script.steps {
        let sql = match &step.what {
            What::Transaction(_) if within => continue,
            What::Sql(sql) | What::Transaction(sql) => sql,
            What::Refused(why) => {
                outcome.died = Some(format!("line {}: {why}", step.line));
                break;
            }
        };
        match client.simple_query(sql).await {
            Ok(messages) => messages.iter().for_each(|message| answer(message, &mut outcome)),
            Err(error) => {
                outcome.died = Some(format!("line {}: {}", step.line, said(error.into(), client).await));
                break;
            }
        }
        let failed = || outcome.tests.iter().any(|test| test.failed());
        if outcome.bailed_out.is_some() || (stop == Stop::AtFailure && failed()) {
            break;
        }
    }
    // A connection that is lost has rolled back; outside of a transaction this is a notice.
    if !within {
        let _ = client.batch_execute("rollback").await;
    }
    outcome
}

/// What comes before the first statement.
async fn begin(client: &Client, script: &Script) -> Result<(), pg::tokio_postgres::Error> {
    let longest = script.longest.as_millis().to_string();
    client
        .execute(
            "select pg_catalog.set_config('statement_timeout', $1, false) \
             where pg_catalog.current_setting('statement_timeout') = '0'",
            &[&longest],
        )
        .await?;
    if script.begins { Ok(()) } else { client.batch_execute("begin").await }
}

/// An error in words; of a statement that took too long, what to do.
async fn said(error: pg::Error, client: &Client) -> String {
    if error.code() != Some("57014") || !error.to_string().contains("timeout") {
        return error.to_string();
    }
    // The transaction failed: only after its end can it be asked.
    let _ = client.batch_execute("rollback").await;
    let longest =
        client.query_one("show statement_timeout", &[]).await.map_or_else(|_| String::new(), |row| row.get(0));
    format!(
        "stopped, since the statement took longer than {longest}; where it may, let the file begin with \
         `set statement_timeout = '10min';`"
    )
}

/// The text of a file, or where it is none.
fn text_of(path: &Path) -> std::io::Result<String> {
    String::from_utf8(std::fs::read(path)?).map_err(|error| {
        let good = error.utf8_error().valid_up_to();
        let bytes = error.as_bytes();
        let line = bytes[..good].iter().filter(|byte| **byte == b'\n').count() + 1;
        let byte = bytes.get(good).copied().unwrap_or_default();
        let why = format!("not UTF-8: a byte 0x{byte:02X} in line {line}; save the file as UTF-8");
        std::io::Error::new(std::io::ErrorKind::InvalidData, why)
    })
}

/// A row as psql prints it unaligned; a value may have many lines.
fn answer(message: &SimpleQueryMessage, outcome: &mut Outcome) {
    let SimpleQueryMessage::Row(row) = message else { return };
    let values: Vec<&str> = (0..row.len()).map(|column| row.get(column).unwrap_or_default()).collect();
    for line in values.join("|").lines() {
        outcome.line(line);
    }
}

/// The first word, if the statement begins or ends a transaction. Savepoints are none of these.
fn transaction_word(sql: &str) -> Option<String> {
    let mut words = words(sql);
    let first = words.next()?.to_lowercase();
    let second = words.next().unwrap_or_default().to_lowercase();
    match first.as_str() {
        "begin" | "commit" | "end" | "abort" => Some(first),
        "start" if second == "transaction" => Some(first),
        // ROLLBACK TO goes back to a savepoint.
        "rollback" if second != "to" && second != "prepared" => Some(first),
        _ => None,
    }
}

/// The words of a statement, comments left out.
fn words(sql: &str) -> impl Iterator<Item = &str> {
    let mut rest = sql;
    std::iter::from_fn(move || {
        loop {
            rest = rest.trim_start();
            if let Some(comment) = rest.strip_prefix("--") {
                rest = comment.split_once('\n').map_or("", |(_, after)| after);
            } else if let Some(comment) = rest.strip_prefix("/*") {
                rest = comment.split_once("*/").map_or("", |(_, after)| after);
            } else {
                break;
            }
        }
        let end = rest.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(rest.len());
        let (word, after) = rest.split_at(end);
        rest = after;
        (!word.is_empty()).then_some(word)
    })
}

/// The file that `\i FILE` or `\ir FILE` names.
fn included(meta: &str, from: &Path) -> Option<PathBuf> {
    let (command, file) = meta.split_once(char::is_whitespace)?;
    let file = file.trim().trim_matches('\'');
    match command {
        // From the folder in which psql runs, which for `supabase test db` is the tests' own.
        "\\i" | "\\include" | "\\ir" | "\\include_relative" => Some(from.parent()?.join(file)),
        _ => None,
    }
}

/// Commands that only change how psql looks.
fn is_setting(meta: &str) -> bool {
    const SETTINGS: &[&str] =
        &["\\pset", "\\echo", "\\qecho", "\\warn", "\\timing", "\\t", "\\a", "\\x", "\\o", "\\encoding"];
    meta.split_whitespace().next().is_some_and(|command| SETTINGS.contains(&command))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_begins_and_ends_transactions_is_known() {
        let check = |sql: &str, expected: Option<&str>| assert_eq!(transaction_word(sql).as_deref(), expected, "{sql}");
        check("-- a test\nBEGIN", Some("begin"));
        check("/* x */ start transaction", Some("start"));
        check("rollback", Some("rollback"));
        check("rollback to savepoint a", None);
        check("savepoint a", None);
        check("select * from finish()", None);
        check("", None);
    }
}
