//! Go's `text/template` and `html/template`, as far as mail templates use them, so that templates written for GoTrue work here.
//!
//! Text, actions, pipes, `if`/`else if`/`else`, `with`, `range` (`break`, `continue`), variables, comments, trim markers,
//! `define`/`template`/`block`, and the predefined functions. In HTML, what an action prints is escaped for the place where it
//! stands: text, attribute, URL, CSS, script. A missing key prints nothing, as html/template does.

mod escape;
mod eval;
mod functions;
mod lex;
mod parse;
mod place;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use serde_json::Value;

use parse::Node;

/// Longest output of one template, in bytes: a `range` in a `range` must not fill the memory.
const MAX_OUTPUT_BYTES: usize = 1024 * 1024;

/// A template that cannot be parsed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TemplateError {
    /// File name or kind of the template.
    pub name: String,
    /// Line, from 1.
    pub line: usize,
    /// What is wrong.
    pub message: String,
}

impl fmt::Display for TemplateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "template {}, line {}: {}", self.name, self.line, self.message)
    }
}

impl std::error::Error for TemplateError {}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Text,
    Html,
}

/// A parsed template.
#[derive(Debug, Clone)]
pub struct Template(Arc<Parsed>);

#[derive(Debug)]
struct Parsed {
    name: String,
    kind: Kind,
    body: Vec<Node>,
    defined: HashMap<String, Vec<Node>>,
}

impl Template {
    /// Parses `text/template`: for subjects and text messages. Nothing is escaped.
    ///
    /// # Errors
    /// The first mistake, with its line.
    pub fn text(name: &str, source: &str) -> Result<Self, TemplateError> {
        Self::parse(name, source, Kind::Text)
    }

    /// Parses `html/template`: for bodies.
    ///
    /// # Errors
    /// The first mistake, with its line.
    pub fn html(name: &str, source: &str) -> Result<Self, TemplateError> {
        Self::parse(name, source, Kind::Html)
    }

    fn parse(name: &str, source: &str, kind: Kind) -> Result<Self, TemplateError> {
        let (body, defined) =
            parse::parse(source).map_err(|(line, message)| TemplateError { name: name.to_owned(), line, message })?;
        Ok(Self(Arc::new(Parsed { name: name.to_owned(), kind, body, defined })))
    }

    /// Fills it in; `data` is what `.` stands for.
    ///
    /// # Errors
    /// What only shows with data: an index out of range, a comparison of things that cannot be compared, too long an output.
    pub fn render(&self, data: &Value) -> Result<String, TemplateError> {
        let parsed = &self.0;
        eval::render(&parsed.body, &parsed.defined, parsed.kind == Kind::Html, data, MAX_OUTPUT_BYTES)
            .map_err(|(line, message)| TemplateError { name: parsed.name.clone(), line, message })
    }
}
