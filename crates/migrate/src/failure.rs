use std::fmt;
use std::path::PathBuf;

use pg::tokio_postgres;
use tokio_postgres::error::ErrorPosition;

use crate::split::Statement;

/// A statement that PostgreSQL refused, with all that helps to find and mend it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// The file.
    pub file: PathBuf,
    /// Line of the mistake, from 1: where PostgreSQL points, else where the statement starts.
    pub line: usize,
    /// Column in that line, from 1, where PostgreSQL points.
    pub column: Option<usize>,
    /// That line.
    pub line_text: String,
    /// Line of the statement's first word.
    pub statement_line: usize,
    /// The statement.
    pub statement: String,
    /// PostgreSQL's message.
    pub message: String,
    /// SQLSTATE; empty where the error is not the server's.
    pub code: String,
    /// PostgreSQL's detail.
    pub detail: Option<String>,
    /// PostgreSQL's hints and ours.
    pub hints: Vec<String>,
    /// PostgreSQL's context (which function, which row).
    pub context: Option<String>,
    /// Statements of this file that ran outside of a transaction before, and stay.
    pub stayed: Vec<Stayed>,
}

/// A statement that cannot be undone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stayed {
    /// Its line.
    pub line: usize,
    /// Its beginning.
    pub statement: String,
}

impl Failure {
    /// What PostgreSQL said about `statement` of `file`.
    pub(crate) fn of_server(
        file: PathBuf,
        statement: &Statement<'_>,
        error: &tokio_postgres::Error,
        stayed: &[Stayed],
        major: u32,
    ) -> Self {
        let text = |s: Option<&str>| s.filter(|s| !s.is_empty()).map(str::to_owned);
        let Some(db) = error.as_db_error() else {
            return Self::of_us(file, statement, chain(error), stayed);
        };
        let position = match db.position() {
            Some(ErrorPosition::Original(at)) => Some(*at as usize),
            // It ran with more rights, inside of our function.
            Some(ErrorPosition::Internal { position, query }) if query == statement.text => Some(*position as usize),
            _ => None,
        };
        let place = place(statement, position);
        let mut hints: Vec<String> = text(db.hint()).into_iter().collect();
        hints.extend(own_hint(db.code().code(), db.message(), major));
        Self {
            file,
            line: place.line,
            column: place.column,
            line_text: place.text,
            statement_line: statement.line,
            statement: statement.text.to_owned(),
            message: db.message().to_owned(),
            code: db.code().code().to_owned(),
            detail: text(db.detail()),
            hints,
            context: text(db.where_()).filter(|context| !context.contains("_basalt.elevated")),
            stayed: stayed.to_vec(),
        }
    }

    /// Our own words about `statement`.
    pub(crate) fn of_us(file: PathBuf, statement: &Statement<'_>, message: String, stayed: &[Stayed]) -> Self {
        let place = place(statement, None);
        Self {
            file,
            line: place.line,
            column: None,
            line_text: place.text,
            statement_line: statement.line,
            statement: statement.text.to_owned(),
            message,
            code: String::new(),
            detail: None,
            hints: Vec::new(),
            context: None,
            stayed: stayed.to_vec(),
        }
    }
}

struct Place {
    line: usize,
    column: Option<usize>,
    text: String,
}

/// PostgreSQL counts characters of the statement from 1; people count lines of the file.
fn place(statement: &Statement<'_>, position: Option<usize>) -> Place {
    let line_of = |n: usize| statement.text.lines().nth(n).unwrap_or_default().to_owned();
    match position.filter(|at| *at > 0) {
        None => Place { line: statement.line, column: None, text: line_of(statement.line - statement.first_line) },
        Some(at) => {
            let before: String = statement.text.chars().take(at - 1).collect();
            let row = before.matches('\n').count();
            let column = before.rsplit('\n').next().map_or(0, |last| last.chars().count()) + 1;
            Place { line: statement.first_line + row, column: Some(column), text: line_of(row) }
        }
    }
}

/// What PostgreSQL's message does not say and a person would look up.
fn own_hint(code: &str, message: &str, major: u32) -> Option<String> {
    let quoted = |n: usize| message.split('"').nth(n).unwrap_or_default();
    match code {
        "0A000" | "58P01" | "22023" if message.contains("extension") && !message.contains("must be installed in") => {
            let name = match quoted(1).rsplit('/').next() {
                Some(file) => file.strip_suffix(".control").unwrap_or(file),
                None => return None,
            };
            Some(extension_hint(name, major))
        }
        "42501" if message.contains("must be superuser") || message.contains("permission denied to") => Some(
            "migrations run as postgres, which is not a superuser here or on the hosted platform; docs/guides/your-own-folder.md says what it may do"
                .to_owned(),
        ),
        "42501" if message.contains("must be owner") => {
            Some("another role owns it: migrations run as postgres, which may change what it made itself".to_owned())
        }
        "25001" => Some("this statement cannot run in a transaction: put it into a migration of its own".to_owned()),
        "42883" if message.contains("uuid_generate_v") || message.contains("gen_salt") || message.contains("crypt(") => {
            Some("functions of extensions live in the schema extensions: write extensions.<function>, or use gen_random_uuid()".to_owned())
        }
        _ => None,
    }
}

fn extension_hint(name: &str, major: u32) -> String {
    let package = match name {
        "vector" => format!("postgresql-{major}-pgvector"),
        "postgis" | "postgis_topology" | "postgis_raster" | "postgis_tiger_geocoder" => {
            format!("postgresql-{major}-postgis-3")
        }
        "pgtap" => format!("postgresql-{major}-pgtap"),
        "pgrouting" => format!("postgresql-{major}-pgrouting"),
        "hypopg" => format!("postgresql-{major}-hypopg"),
        "pgaudit" => format!("postgresql-{major}-pgaudit"),
        "rum" => format!("postgresql-{major}-rum"),
        "pg_hint_plan" => format!("postgresql-{major}-pg-hint-plan"),
        "plpgsql_check" => format!("postgresql-{major}-plpgsql-check"),
        "timescaledb" | "pgroonga" | "plv8" | "pljava" | "wrappers" | "pg_jsonschema" => {
            return format!(
                "{name} needs compiled code that this PostgreSQL {major} does not have; install it from its own project beside PostgreSQL"
            );
        }
        "address_standardizer" => format!("postgresql-{major}-postgis-3"),
        _ => {
            return format!(
                "PostgreSQL {major} on this machine has no extension {name}: install its package (Debian: apt search postgresql-{major}), then start again"
            );
        }
    };
    format!(
        "{name} is not installed beside PostgreSQL {major}: on Debian `apt install {package}`, with Homebrew `brew install {}`, then start again",
        if name == "vector" { "pgvector" } else { name }
    )
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.file.display(), self.line, self.message)?;
        if !self.code.is_empty() {
            write!(f, " (SQLSTATE {})", self.code)?;
        }
        let gutter = self.line.to_string();
        write!(f, "\n  {gutter} | {}", clip(&self.line_text, 160))?;
        if let Some(column) = self.column.filter(|c| *c <= 160) {
            // Tabs stay tabs, so that the mark stands under what it means.
            let blanks: String =
                self.line_text.chars().take(column - 1).map(|c| if c == '\t' { '\t' } else { ' ' }).collect();
            write!(f, "\n  {} | {blanks}^", " ".repeat(gutter.len()))?;
        }
        if self.statement_line != self.line {
            write!(f, "\n  in the statement at line {}: {}", self.statement_line, summary(&self.statement))?;
        }
        for (label, text) in [("detail", &self.detail), ("context", &self.context)] {
            if let Some(text) = text {
                write!(f, "\n{label}: {text}")?;
            }
        }
        for hint in &self.hints {
            write!(f, "\nhint: {hint}")?;
        }
        if self.stayed.is_empty() {
            return f.write_str("\nThe database is as it was before this file.");
        }
        f.write_str("\nThese statements of the file ran outside of a transaction and stay; remove or guard them before the next try:")?;
        for stayed in &self.stayed {
            write!(f, "\n  line {}: {}", stayed.line, stayed.statement)?;
        }
        Ok(())
    }
}

/// The first line of a statement that is not a comment.
pub(crate) fn summary(statement: &str) -> String {
    let line = statement.lines().map(str::trim).find(|l| !l.is_empty() && !l.starts_with("--")).unwrap_or_default();
    clip(line, 100)
}

fn clip(text: &str, most: usize) -> String {
    if text.chars().count() <= most { text.to_owned() } else { text.chars().take(most).chain(['…']).collect() }
}

/// The whole chain of causes: tokio-postgres prints only its own part.
fn chain(error: &tokio_postgres::Error) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(next) = cause {
        text.push_str(": ");
        text.push_str(&next.to_string());
        cause = next.source();
    }
    text
}
