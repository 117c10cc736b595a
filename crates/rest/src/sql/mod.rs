//! Plans as SQL: text with parameters. Identifiers go through `pg::ident`, values are never part of the text.

pub(crate) mod body;
pub(crate) mod call;
pub(crate) mod condition;
pub(crate) mod direct;
pub(crate) mod handler;
pub(crate) mod read;
pub(crate) mod write;

use bytes::Bytes;
use catalog::QualifiedName;

use crate::request::ast::Value;

/// A statement under construction.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Sql {
    pub(crate) text: String,
    pub(crate) params: Vec<Param>,
}

/// A parameter, or where it comes from each time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Param {
    /// `None` for NULL.
    Given(Option<Bytes>),
    /// A value of the query string, see [`Value::slot`].
    Slot {
        number: u16,
        /// `*` stands for `%`.
        pattern: bool,
    },
}

impl Sql {
    /// Starts with a text.
    pub(crate) fn new(text: &str) -> Self {
        Self { text: text.to_owned(), params: Vec::new() }
    }

    /// Adds text of ours.
    pub(crate) fn push(&mut self, text: &str) -> &mut Self {
        self.text.push_str(text);
        self
    }

    /// Adds a quoted name.
    pub(crate) fn ident(&mut self, name: &str) -> &mut Self {
        self.text.push_str(&pg::ident(name));
        self
    }

    /// Adds a quoted qualified name.
    pub(crate) fn name(&mut self, name: &QualifiedName) -> &mut Self {
        self.text.push_str(&name.sql());
        self
    }

    /// Adds `table.column` or `table.*`.
    pub(crate) fn column(&mut self, table: &QualifiedName, column: &str) -> &mut Self {
        self.name(table).push(".");
        if column == "*" { self.push("*") } else { self.ident(column) }
    }

    /// Adds a parameter. A NUL ends it, as for a client that speaks in C strings.
    pub(crate) fn param(&mut self, value: &str) -> &mut Self {
        self.raw_param(Bytes::copy_from_slice(until_nul(value).as_bytes()))
    }

    /// Adds a parameter as it is.
    pub(crate) fn raw_param(&mut self, value: Bytes) -> &mut Self {
        self.place(Param::Given(Some(value)))
    }

    /// Adds a parameter as it is, or NULL.
    pub(crate) fn nullable(&mut self, value: Option<Bytes>) -> &mut Self {
        self.place(Param::Given(value))
    }

    /// Adds a value of the query string.
    pub(crate) fn value(&mut self, value: &Value, pattern: bool) -> &mut Self {
        match value.slot {
            Some(number) => self.place(Param::Slot { number, pattern }),
            None if pattern => self.param(&value.text.replace('*', "%")),
            None => self.param(&value.text),
        }
    }

    fn place(&mut self, param: Param) -> &mut Self {
        self.params.push(param);
        let number = self.params.len();
        self.text.push('$');
        self.text.push_str(itoa::Buffer::new().format(number));
        self
    }

    /// Adds parts with something in between.
    pub(crate) fn list<T>(
        &mut self,
        separator: &str,
        items: impl IntoIterator<Item = T>,
        mut add: impl FnMut(&mut Self, T),
    ) -> &mut Self {
        for (n, item) in items.into_iter().enumerate() {
            if n > 0 {
                self.push(separator);
            }
            add(self, item);
        }
        self
    }
}

/// Text up to the first NUL.
pub(crate) fn until_nul(text: &str) -> &str {
    text.split('\0').next().unwrap_or_default()
}

/// The text of an array of texts, for a parameter: `{"a","b"}`.
pub(crate) fn array_literal<'a>(items: impl IntoIterator<Item = &'a str>) -> String {
    let mut out = String::from("{");
    for (n, item) in items.into_iter().enumerate() {
        if n > 0 {
            out.push(',');
        }
        out.push('"');
        for c in until_nul(item).chars() {
            if matches!(c, '"' | '\\') {
                out.push('\\');
            }
            out.push(c);
        }
        out.push('"');
    }
    out.push('}');
    out
}

/// A literal, for names that come from the database itself and must be part of the text.
pub(crate) fn literal(text: &str) -> String {
    let text = until_nul(text);
    let doubled = text.replace('\'', "''");
    if text.contains('\\') { format!("E'{}'", doubled.replace('\\', "\\\\")) } else { format!("'{doubled}'") }
}
