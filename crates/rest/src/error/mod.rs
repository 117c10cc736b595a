//! Everything that a client can be told went wrong. Codes are PostgREST's: numbered, grouped and never used anew.
//!
//! `PGRST0xx` connection · `1xx` request · `2xx` schema · `3xx` token · `X00` ours. Hints are made where the error is made, and are
//! plain text here.

mod database;
mod jwt;

use http::StatusCode;
use serde_json::{Value, json};

use crate::request::query::ParseError;
use crate::request::ranges::Unsatisfiable;
pub use jwt::JwtError;

/// Why a request got no answer.
#[derive(Debug)]
pub enum Error {
    /// PGRST002
    NoCatalog,
    /// PGRST100
    QueryString(ParseError),
    /// PGRST101, with the method.
    InvalidRpcMethod(String),
    /// PGRST102
    InvalidBody(String),
    /// PGRST102, status 413: ours.
    BodyTooLarge,
    /// The client took too long over the body.
    BodyTooSlow,
    /// PGRST103
    Range(Unsatisfiable),
    /// PGRST105
    InvalidPutFilters,
    /// PGRST106
    UnacceptableSchema {
        /// Asked for.
        schema: String,
        /// Those there are.
        exposed: Vec<String>,
    },
    /// PGRST107, with the media types asked for.
    UnacceptableMedia(Vec<String>),
    /// PGRST108
    NotEmbedded {
        /// The name used.
        name: String,
        /// The alias to use instead, where old names are refused.
        alias: Option<String>,
    },
    /// PGRST111
    BadResponseHeaders,
    /// PGRST112
    BadResponseStatus,
    /// PGRST114
    PutLimit,
    /// PGRST115
    PutKeyMismatch,
    /// PGRST116, with the number of rows.
    NotSingular(u64),
    /// PGRST117, with the method.
    UnsupportedMethod(String),
    /// PGRST118
    RelatedOrderNotToOne {
        /// The relation that is ordered.
        origin: String,
        /// The embed it was to be ordered by.
        target: String,
    },
    /// PGRST122, with the preferences.
    InvalidPreferences(Vec<String>),
    /// PGRST123
    AggregatesNotAllowed,
    /// PGRST124, with the number of rows.
    MaxAffected(u64),
    /// PGRST125
    InvalidPath,
    /// PGRST126
    OpenApiDisabled,
    /// PGRST127, with what is not there.
    NotImplemented(&'static str),
    /// PGRST128
    MaxAffectedOnSingle,
    /// PGRST200
    NoRelationship {
        /// Where it was to start.
        parent: String,
        /// Where it was to lead.
        child: String,
        /// How it was narrowed.
        embed_hint: Option<String>,
        /// In which schema.
        schema: String,
        /// What may have been meant.
        hint: Option<String>,
    },
    /// PGRST201
    AmbiguousRelationship {
        /// Where it starts.
        parent: String,
        /// Where it leads.
        child: String,
        /// The candidates.
        details: Box<Value>,
        /// How to name each.
        hint: String,
    },
    /// PGRST202
    NoFunction {
        /// The whole message.
        message: String,
        /// How it was searched.
        details: String,
        /// What may have been meant.
        hint: Option<String>,
    },
    /// PGRST203, with the candidates.
    AmbiguousFunction(String),
    /// PGRST204
    NoColumn {
        /// The relation.
        relation: String,
        /// The column.
        column: String,
    },
    /// PGRST205
    NoTable {
        /// `schema.name`
        table: String,
        /// What may have been meant.
        hint: Option<String>,
    },
    /// PGRST300 to PGRST303
    Jwt(JwtError),
    /// What PostgreSQL said; `authenticated` if a token was sent.
    Database {
        /// Its error.
        error: pg::Error,
        /// Was the caller known?
        authenticated: bool,
    },
    /// PGRSTX00: our fault; the text is for the log.
    Internal(String),
}

impl From<JwtError> for Error {
    fn from(error: JwtError) -> Self {
        Self::Jwt(error)
    }
}

/// What is shown of an error.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Shown {
    pub(crate) status: StatusCode,
    /// In place of the usual words after the number.
    pub(crate) reason: Option<String>,
    pub(crate) code: String,
    pub(crate) message: String,
    pub(crate) details: Value,
    pub(crate) hint: Value,
    pub(crate) headers: Vec<(String, String)>,
}

impl Shown {
    /// The body: all, or only code and message.
    pub(crate) fn body(&self, minimal: bool) -> Vec<u8> {
        let body = if minimal {
            json!({"code": self.code, "message": self.message})
        } else {
            json!({"code": self.code, "details": self.details, "hint": self.hint, "message": self.message})
        };
        body.to_string().into_bytes()
    }
}

/// What the most errors are: a status, a code, a message.
fn shown(status: u16, code: &str, message: impl Into<String>) -> Shown {
    Shown {
        status: StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR),
        reason: None,
        code: code.to_owned(),
        message: message.into(),
        details: Value::Null,
        hint: Value::Null,
        headers: Vec::new(),
    }
}

impl Shown {
    fn details(self, details: impl Into<Value>) -> Self {
        Self { details: details.into(), ..self }
    }

    fn hint(self, hint: impl Into<Value>) -> Self {
        Self { hint: hint.into(), ..self }
    }
}

impl Error {
    /// Did PostgreSQL refuse a value before it began?
    pub(crate) fn is_of_parameter(&self) -> bool {
        matches!(self, Self::Database { error, .. } if error.is_of_parameter())
    }

    /// What the client sees.
    pub(crate) fn shown(&self) -> Shown {
        match self {
            Self::NoCatalog => shown(503, "PGRST002", "Could not query the database for the schema cache. Retrying."),
            Self::Jwt(error) => error.shown(),
            Self::Database { error, authenticated } => database::shown_error(error, *authenticated),
            Self::Internal(_) => shown(500, "PGRSTX00", "Internal error"),
            Self::NoRelationship { .. }
            | Self::AmbiguousRelationship { .. }
            | Self::NoFunction { .. }
            | Self::AmbiguousFunction(_)
            | Self::NoColumn { .. }
            | Self::NoTable { .. } => self.shown_of_schema(),
            _ => self.shown_of_request(),
        }
    }

    fn shown_of_request(&self) -> Shown {
        match self {
            Self::QueryString(error) => shown(400, "PGRST100", &error.message).details(error.details.clone()),
            Self::InvalidRpcMethod(method) => shown(405, "PGRST101", format!("Cannot use the {method} method on RPC")),
            Self::InvalidBody(message) => shown(400, "PGRST102", message),
            Self::BodyTooLarge => shown(413, "PGRST102", "The body is too large"),
            Self::BodyTooSlow => shown(408, "PGRST102", "The body came too slowly"),
            Self::Range(why) => shown(416, "PGRST103", "Requested range not satisfiable").details(range_details(why)),
            Self::InvalidPutFilters => {
                shown(405, "PGRST105", "Filters must include all and only primary key columns with 'eq' operators")
            }
            Self::UnacceptableSchema { schema, exposed } => shown(406, "PGRST106", format!("Invalid schema: {schema}"))
                .hint(format!("Only the following schemas are exposed: {}", exposed.join(", "))),
            Self::UnacceptableMedia(asked) => {
                shown(406, "PGRST107", format!("None of these media types are available: {}", asked.join(", ")))
            }
            Self::NotEmbedded { name, alias } => not_embedded(name, alias.as_deref()),
            Self::BadResponseHeaders => shown(
                500,
                "PGRST111",
                "response.headers guc must be a JSON array composed of objects with a single key and a string value",
            ),
            Self::BadResponseStatus => shown(500, "PGRST112", "response.status guc must be a valid status code"),
            Self::PutLimit => shown(400, "PGRST114", "limit/offset querystring parameters are not allowed for PUT"),
            Self::PutKeyMismatch => shown(400, "PGRST115", "Payload values do not match URL in primary key column(s)"),
            Self::NotSingular(rows) => shown(406, "PGRST116", "Cannot coerce the result to a single JSON object")
                .details(format!("The result contains {rows} rows")),
            Self::UnsupportedMethod(method) => shown(405, "PGRST117", format!("Unsupported HTTP method: {method}")),
            Self::RelatedOrderNotToOne { origin, target } => {
                shown(400, "PGRST118", format!("A related order on '{target}' is not possible"))
                    .details(format!("'{origin}' and '{target}' do not form a many-to-one or one-to-one relationship"))
            }
            Self::InvalidPreferences(names) => shown(400, "PGRST122", "Invalid preferences given with handling=strict")
                .details(format!("Invalid preferences: {}", names.join(", "))),
            Self::AggregatesNotAllowed => shown(400, "PGRST123", "Use of aggregate functions is not allowed"),
            Self::MaxAffected(rows) => {
                shown(400, "PGRST124", "Query result exceeds max-affected preference constraint")
                    .details(format!("The query affects {rows} rows"))
            }
            Self::InvalidPath => shown(404, "PGRST125", "Invalid path specified in request URL"),
            Self::OpenApiDisabled => shown(404, "PGRST126", "Root endpoint metadata is disabled"),
            Self::NotImplemented(what) => shown(400, "PGRST127", "Feature not implemented").details(*what),
            Self::MaxAffectedOnSingle => shown(
                400,
                "PGRST128",
                "Function must return SETOF or TABLE when max-affected preference is used with handling=strict",
            ),
            _ => shown(500, "PGRSTX00", "Internal error"),
        }
    }

    fn shown_of_schema(&self) -> Shown {
        match self {
            Self::NoRelationship { parent, child, embed_hint, schema, hint } => {
                let using = embed_hint.as_ref().map(|h| format!("' using the hint '{h}")).unwrap_or_default();
                shown(
                    400,
                    "PGRST200",
                    format!("Could not find a relationship between '{parent}' and '{child}' in the schema cache"),
                )
                .details(format!(
                    "Searched for a foreign key relationship between '{parent}' and '{child}{using}' in the schema \
                     '{schema}', but no matches were found."
                ))
                .hint(hint.clone())
            }
            Self::AmbiguousRelationship { parent, child, details, hint } => shown(
                300,
                "PGRST201",
                format!(
                    "Could not embed because more than one relationship was found for '{parent}' and '{child}'"
                ),
            )
            .details(Value::clone(details))
            .hint(hint.clone()),
            Self::NoFunction { message, details, hint } => {
                shown(404, "PGRST202", message).details(details.clone()).hint(hint.clone())
            }
            Self::AmbiguousFunction(candidates) => shown(
                300,
                "PGRST203",
                format!("Could not choose the best candidate function between: {candidates}"),
            )
            .hint(
                "Try renaming the parameters or the function itself in the database so function overloading can be resolved",
            ),
            Self::NoColumn { relation, column } => shown(
                400,
                "PGRST204",
                format!("Could not find the '{column}' column of '{relation}' in the schema cache"),
            ),
            Self::NoTable { table, hint } => {
                shown(404, "PGRST205", format!("Could not find the table '{table}' in the schema cache"))
                    .hint(hint.clone())
            }
            _ => shown(500, "PGRSTX00", "Internal error"),
        }
    }
}

fn not_embedded(name: &str, alias: Option<&str>) -> Shown {
    let error = shown(400, "PGRST108", format!("'{name}' is not an embedded resource in this request"));
    match alias {
        None => error.hint(format!("Verify that '{name}' is included in the 'select' query parameter.")),
        Some(alias) => error
            .details("Target names are not allowed in filters if they have an alias")
            .hint(format!("Change '{name}' to '{alias}' in filters, orders or limits.")),
    }
}

fn range_details(why: &Unsatisfiable) -> String {
    match why {
        Unsatisfiable::NegativeLimit => "Limit should be greater than or equal to zero.".to_owned(),
        Unsatisfiable::LowerAboveUpper => {
            "The lower boundary must be lower than or equal to the upper boundary in the Range header.".to_owned()
        }
        Unsatisfiable::OutOfBounds { offset, total } => {
            format!("An offset of {offset} was requested, but there are only {total} rows.")
        }
    }
}
