use std::fmt;

/// A value as PostgreSQL reads it: text for `$n::text::TYPE`, or a field of `COPY`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Literal {
    /// The text, unquoted.
    pub text: String,
    /// The type that it is cast to, as `format_type` prints it: with schema and length.
    pub type_sql: String,
}

impl Literal {
    /// `$n::text::TYPE`, for a parameter that is sent as text.
    pub fn parameter(&self, n: usize) -> String {
        format!("${n}::text::{}", self.type_sql)
    }
}

impl fmt::Display for Literal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}
