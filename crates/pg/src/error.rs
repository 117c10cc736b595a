use std::fmt;

use tokio_postgres::error::ErrorPosition;

/// Why PostgreSQL could not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The server answered with an error; the transaction is rolled back.
    #[error("{0}")]
    Server(Box<ServerError>),
    /// No connection could be had: the server is down, restarting, or refuses us.
    #[error("cannot connect to PostgreSQL: {0}")]
    Connect(String),
    /// The connection broke while a request was under way; whether it took effect is not known.
    #[error("the connection to PostgreSQL was lost: {0}")]
    Closed(String),
    /// All connections were busy for as long as the caller could wait.
    #[error("timed out waiting for a database connection")]
    PoolTimeout,
    /// The answer was not what the protocol or the statement promises: our fault.
    #[error("unexpected answer from PostgreSQL: {0}")]
    Unexpected(String),
}

/// An `ErrorResponse` of the server (protocol 3.0, "Error and Notice Message Fields").
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ServerError {
    /// SQLSTATE, five characters.
    pub code: String,
    /// `ERROR`, `FATAL` or `PANIC`, not localised.
    pub severity: String,
    /// The primary message.
    pub message: String,
    /// More on the cause.
    pub detail: Option<String>,
    /// What to do about it.
    pub hint: Option<String>,
    /// Call stack of procedural code.
    pub context: Option<String>,
    /// Where in the statement's text, in characters from 1.
    pub position: Option<u32>,
    /// Schema of the object that the error is about.
    pub schema: Option<String>,
    /// Its table.
    pub table: Option<String>,
    /// Its column.
    pub column: Option<String>,
    /// The violated constraint.
    pub constraint: Option<String>,
}

impl fmt::Display for ServerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (SQLSTATE {})", self.message, self.code)
    }
}

impl Error {
    /// The SQLSTATE, where the server gave one.
    pub fn code(&self) -> Option<&str> {
        self.server().map(|e| e.code.as_str())
    }

    /// Did PostgreSQL refuse the text of a parameter, before the statement began? Its context then is one line that names the parameter
    /// (`unnamed portal parameter $1 = '...'`), in whatever language.
    pub fn is_of_parameter(&self) -> bool {
        let context = self.server().and_then(|server| server.context.as_deref()).unwrap_or_default();
        let named = context.rsplit_once(" = '").and_then(|(before, _)| before.rsplit_once('$'));
        !context.contains('\n') && named.is_some_and(|(_, n)| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()))
    }

    /// What the server said, where it said something.
    pub fn server(&self) -> Option<&ServerError> {
        match self {
            Self::Server(e) => Some(e),
            _ => None,
        }
    }

    /// Is this a violation of the constraint with this name?
    pub fn violates(&self, constraint: &str) -> bool {
        self.server().and_then(|e| e.constraint.as_deref()) == Some(constraint)
    }
}

impl From<tokio_postgres::Error> for Error {
    fn from(error: tokio_postgres::Error) -> Self {
        if let Some(db) = error.as_db_error() {
            let owned = |s: Option<&str>| s.map(str::to_owned);
            return Self::Server(Box::new(ServerError {
                code: db.code().code().to_owned(),
                severity: db.severity().to_owned(),
                message: db.message().to_owned(),
                detail: owned(db.detail()),
                hint: owned(db.hint()),
                context: owned(db.where_()),
                position: match db.position() {
                    Some(ErrorPosition::Original(at)) => Some(*at),
                    _ => None,
                },
                schema: owned(db.schema()),
                table: owned(db.table()),
                column: owned(db.column()),
                constraint: owned(db.constraint()),
            }));
        }
        let text = chain(&error);
        if error.is_closed() { Self::Closed(text) } else { Self::Unexpected(text) }
    }
}

/// The whole chain of causes in one line: tokio-postgres prints only its own part.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(next) = cause {
        text.push_str(": ");
        text.push_str(&next.to_string());
        cause = next.source();
    }
    text
}

impl From<deadpool_postgres::PoolError> for Error {
    fn from(error: deadpool_postgres::PoolError) -> Self {
        match error {
            deadpool_postgres::PoolError::Timeout(_) => Self::PoolTimeout,
            deadpool_postgres::PoolError::Backend(e) if e.as_db_error().is_some() => e.into(),
            other => Self::Connect(chain(&other)),
        }
    }
}
