use std::path::Path;

use indexmap::IndexMap;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::Error;

/// A value of config.toml with the line it stands on.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Node {
    /// From 1; 0 when it came from the environment.
    pub line: usize,
    pub kind: Kind,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Kind {
    Text(String),
    Integer(i64),
    Other(String),
    Bool(bool),
    Array(Vec<Node>),
    Table(Table),
}

pub(crate) type Table = IndexMap<String, Node>;

impl Node {
    pub(crate) fn text(value: impl Into<String>) -> Self {
        Self { line: 0, kind: Kind::Text(value.into()) }
    }

    pub(crate) fn table(&self) -> Option<&Table> {
        match &self.kind {
            Kind::Table(table) => Some(table),
            _ => None,
        }
    }

    pub(crate) fn table_mut(&mut self) -> Option<&mut Table> {
        match &mut self.kind {
            Kind::Table(table) => Some(table),
            _ => None,
        }
    }

    /// The node at a dotted path.
    pub(crate) fn at(&self, path: &str) -> Option<&Self> {
        path.split('.').try_fold(self, |node, key| node.table()?.get(key))
    }

    /// Takes the node at a dotted path out of the tree.
    pub(crate) fn take(&mut self, path: &str) -> Option<Self> {
        let (parents, key) = path.rsplit_once('.').map_or((None, path), |(p, k)| (Some(p), k));
        let mut node = self;
        for parent in parents.into_iter().flat_map(|p| p.split('.')) {
            node = node.table_mut()?.get_mut(parent)?;
        }
        node.table_mut()?.shift_remove(key)
    }

    /// Puts a node at a dotted path, making tables on the way; a value that stands in the way is left alone.
    pub(crate) fn put(&mut self, path: &str, value: Self) {
        let mut node = self;
        let mut keys = path.split('.').peekable();
        while let Some(key) = keys.next() {
            let Some(table) = node.table_mut() else { return };
            if keys.peek().is_none() {
                table.insert(key.to_owned(), value);
                return;
            }
            node = table.entry(key.to_owned()).or_insert_with(|| Self { line: 0, kind: Kind::Table(Table::new()) });
        }
    }

    /// Lays `over` upon this node: tables merge key by key, everything else is replaced.
    pub(crate) fn merge(&mut self, over: Self) {
        match (&mut self.kind, over.kind) {
            (Kind::Table(base), Kind::Table(over)) => {
                for (key, value) in over {
                    match base.get_mut(&key) {
                        Some(existing) => existing.merge(value),
                        None => {
                            base.insert(key, value);
                        }
                    }
                }
            }
            (_, kind) => *self = Self { line: over.line, kind },
        }
    }
}

/// Parses config.toml.
pub(crate) fn parse(path: &Path, text: &str) -> Result<Node, Error> {
    let starts = line_starts(text);
    match DeTable::parse(text) {
        Ok(table) => Ok(Node { line: 1, kind: Kind::Table(convert_table(table.get_ref(), &starts)) }),
        Err(error) => {
            let offset = error.span().map_or(0, |span| span.start.min(text.len()));
            let line = line_at(&starts, offset);
            let start = starts[line - 1];
            let source_line = text[start..].lines().next().unwrap_or_default();
            let column = text.get(start..offset).map_or(1, |before| before.chars().count() + 1);
            Err(Error::Toml {
                path: path.to_owned(),
                line,
                column,
                text: source_line.to_owned(),
                message: error.message().replace('\n', "; "),
            })
        }
    }
}

fn line_starts(text: &str) -> Vec<usize> {
    std::iter::once(0).chain(text.match_indices('\n').map(|(i, _)| i + 1)).collect()
}

fn line_at(starts: &[usize], offset: usize) -> usize {
    starts.partition_point(|start| *start <= offset).max(1)
}

fn convert_table(table: &DeTable<'_>, starts: &[usize]) -> Table {
    // The parser sorts by key; what a person reads is the order of the file.
    let mut entries: Vec<_> = table.iter().collect();
    entries.sort_by_key(|(key, _)| key.span().start);
    entries
        .into_iter()
        .map(|(key, value)| {
            let mut node = convert(value, starts);
            node.line = line_at(starts, key.span().start);
            (key.get_ref().to_string(), node)
        })
        .collect()
}

fn convert(value: &Spanned<DeValue<'_>>, starts: &[usize]) -> Node {
    let kind = match value.get_ref() {
        DeValue::String(s) => Kind::Text(s.to_string()),
        DeValue::Integer(i) => i64::from_str_radix(i.as_str(), i.radix())
            .map_or_else(|_| Kind::Other(i.as_str().to_owned()), Kind::Integer),
        DeValue::Float(f) => Kind::Other(f.as_str().to_owned()),
        DeValue::Boolean(b) => Kind::Bool(*b),
        DeValue::Datetime(d) => Kind::Other(d.to_string()),
        DeValue::Array(items) => Kind::Array(items.iter().map(|item| convert(item, starts)).collect()),
        DeValue::Table(table) => Kind::Table(convert_table(table, starts)),
    };
    Node { line: line_at(starts, value.span().start), kind }
}
