use std::collections::BTreeMap;
use std::path::Path;

use base::Secret;

use crate::node::{Kind, Node};
use crate::reference::Key;
use crate::{Bytes, Env, Error, GoDuration, Warning};

/// A value of config.toml: how it is read, and how it is described on the reference page. Sections are declared by [`section!`].
pub(crate) trait Setting {
    /// Reads `node` into `self`. `false`: the node names a variable that is not set, `self` is as it was.
    fn read(&mut self, at: &mut Reader<'_>, node: &Node) -> Result<bool, Error>;

    /// Adds the rows of the reference page; `self` holds the defaults.
    fn describe(&self, path: &str, doc: &str, out: &mut Vec<Key>);
}

/// Where reading stands, and what was noticed on the way.
pub(crate) struct Reader<'a> {
    pub file: &'a Path,
    pub env: &'a Env,
    pub path: Vec<String>,
    /// Depth of sections that are switched off: nobody misses their variables.
    pub muted: usize,
    pub warnings: Vec<Warning>,
}

impl Reader<'_> {
    pub(crate) fn key(&self) -> String {
        self.path.join(".")
    }

    pub(crate) fn invalid(&self, node: &Node, message: impl Into<String>) -> Error {
        Error::Invalid { path: self.file.to_owned(), line: node.line, key: self.key(), message: message.into() }
    }

    /// Text with `env(NAME)` resolved; `None` when the variable is not set.
    fn resolve(&mut self, text: &str) -> Option<String> {
        let Some(name) = env_name(text) else { return Some(text.to_owned()) };
        match self.env.get(name) {
            Some(value) if !value.is_empty() => Some(value.to_owned()),
            _ => {
                if self.muted == 0 {
                    self.warnings.push(Warning::UnsetEnv { key: self.key(), name: name.to_owned() });
                }
                None
            }
        }
    }

    /// A scalar as text, or `None` when it names a variable that is not set.
    pub(crate) fn scalar(&mut self, node: &Node, expected: &str) -> Result<Option<String>, Error> {
        match &node.kind {
            Kind::Text(text) => Ok(self.resolve(text)),
            Kind::Integer(i) => Ok(Some(i.to_string())),
            Kind::Bool(b) => Ok(Some(b.to_string())),
            Kind::Other(raw) => Ok(Some(raw.clone())),
            Kind::Array(_) | Kind::Table(_) => Err(self.invalid(node, format!("expected {expected}"))),
        }
    }

    pub(crate) fn unknown(&mut self, key: &str, node: &Node, known: &[&str]) {
        let suggestion =
            known.iter().map(|k| (distance(key, k), *k)).min().filter(|(d, _)| *d <= 2).map(|(_, k)| k.to_owned());
        self.path.push(key.to_owned());
        self.warnings.push(Warning::UnknownKey { key: self.key(), line: node.line, suggestion });
        self.path.pop();
    }
}

/// The variable in `env(NAME)`.
pub(crate) fn env_name(text: &str) -> Option<&str> {
    text.trim().strip_prefix("env(")?.strip_suffix(')').map(str::trim)
}

/// Edits between two short words (Levenshtein), to guess what a mistyped key meant.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, ca) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, cb) in b.iter().enumerate() {
            let cost = if ca == *cb { diagonal } else { diagonal + 1 };
            diagonal = row[j + 1];
            row[j + 1] = cost.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

pub(crate) fn row(path: &str, kind: &'static str, default: impl Into<String>, doc: &str, out: &mut Vec<Key>) {
    out.push(Key { path: path.to_owned(), kind, default: default.into(), doc: doc.to_owned() });
}

impl Setting for bool {
    fn read(&mut self, at: &mut Reader<'_>, node: &Node) -> Result<bool, Error> {
        let Some(text) = at.scalar(node, "true or false")? else { return Ok(false) };
        // The spellings that Go's ParseBool takes, since that is what applications put into variables.
        *self = match text.trim() {
            "1" | "t" | "T" | "true" | "TRUE" | "True" => true,
            "0" | "f" | "F" | "false" | "FALSE" | "False" => false,
            _ => return Err(at.invalid(node, format!("expected true or false, found {text:?}"))),
        };
        Ok(true)
    }

    fn describe(&self, path: &str, doc: &str, out: &mut Vec<Key>) {
        row(path, "boolean", self.to_string(), doc, out);
    }
}

macro_rules! integer {
    ($($ty:ty),*) => {$(
        impl Setting for $ty {
            fn read(&mut self, at: &mut Reader<'_>, node: &Node) -> Result<bool, Error> {
                let Some(text) = at.scalar(node, "a whole number")? else { return Ok(false) };
                *self = text.trim().parse().map_err(|_| {
                    at.invalid(node, format!("expected a whole number from 0 to {}, found {text:?}", <$ty>::MAX))
                })?;
                Ok(true)
            }

            fn describe(&self, path: &str, doc: &str, out: &mut Vec<Key>) {
                row(path, "integer", self.to_string(), doc, out);
            }
        }
    )*};
}
integer!(u16, u32, u64);

impl Setting for String {
    fn read(&mut self, at: &mut Reader<'_>, node: &Node) -> Result<bool, Error> {
        let Some(text) = at.scalar(node, "a string")? else { return Ok(false) };
        *self = text;
        Ok(true)
    }

    fn describe(&self, path: &str, doc: &str, out: &mut Vec<Key>) {
        row(path, "string", format!("{self:?}"), doc, out);
    }
}

impl Setting for Secret<String> {
    fn read(&mut self, at: &mut Reader<'_>, node: &Node) -> Result<bool, Error> {
        let Some(text) = at.scalar(node, "a string")? else { return Ok(false) };
        if text.starts_with("encrypted:") {
            let key = at.key();
            at.warnings.push(Warning::Note(format!(
                "{key}: encrypted values (dotenvx) cannot be read; use env(NAME) and keep the value in supabase/.env"
            )));
            return Ok(false);
        }
        *self = Self::new(text);
        Ok(true)
    }

    fn describe(&self, path: &str, doc: &str, out: &mut Vec<Key>) {
        row(path, "secret", "", doc, out);
    }
}

macro_rules! parsed {
    ($ty:ty, $kind:literal) => {
        impl $crate::setting::Setting for $ty {
            fn read(
                &mut self,
                at: &mut $crate::setting::Reader<'_>,
                node: &$crate::node::Node,
            ) -> Result<bool, $crate::Error> {
                let Some(text) = at.scalar(node, $kind)? else { return Ok(false) };
                *self = <$ty>::parse(&text).map_err(|message| at.invalid(node, message))?;
                Ok(true)
            }

            fn describe(&self, path: &str, doc: &str, out: &mut Vec<$crate::reference::Key>) {
                $crate::setting::row(path, $kind, format!("\"{self}\""), doc, out);
            }
        }
    };
}
parsed!(GoDuration, "duration");
parsed!(Bytes, "size");

impl<T: Setting + Default> Setting for Option<T> {
    fn read(&mut self, at: &mut Reader<'_>, node: &Node) -> Result<bool, Error> {
        let mut value = self.take().unwrap_or_default();
        let found = value.read(at, node)?;
        if found {
            *self = Some(value);
        }
        Ok(found)
    }

    fn describe(&self, path: &str, doc: &str, out: &mut Vec<Key>) {
        let from = out.len();
        T::default().describe(path, doc, out);
        if let [only] = &mut out[from..] {
            only.default = String::new();
        }
    }
}

impl<T: Setting + Default> Setting for Vec<T> {
    fn read(&mut self, at: &mut Reader<'_>, node: &Node) -> Result<bool, Error> {
        let split: Vec<Node>;
        let items = match &node.kind {
            Kind::Array(items) => items,
            // A list in a variable is separated by commas, as in the CLI.
            Kind::Text(text) => {
                let Some(text) = at.resolve(text) else { return Ok(false) };
                split = text
                    .split(',')
                    .map(str::trim)
                    .filter(|s| !s.is_empty())
                    .map(|s| Node { line: node.line, kind: Kind::Text(s.to_owned()) })
                    .collect();
                &split
            }
            _ => return Err(at.invalid(node, "expected a list in square brackets")),
        };
        let mut values = Self::with_capacity(items.len());
        for item in items {
            let mut value = T::default();
            if value.read(at, item)? {
                values.push(value);
            }
        }
        *self = values;
        Ok(true)
    }

    fn describe(&self, path: &str, doc: &str, out: &mut Vec<Key>) {
        let items: Vec<String> = self
            .iter()
            .flat_map(|item| {
                let mut rows = Vec::new();
                item.describe("", "", &mut rows);
                rows.into_iter().map(|key| key.default)
            })
            .collect();
        row(path, "list", format!("[{}]", items.join(", ")), doc, out);
    }
}

impl<T: Setting + Default> Setting for BTreeMap<String, T> {
    fn read(&mut self, at: &mut Reader<'_>, node: &Node) -> Result<bool, Error> {
        let Some(table) = node.table() else { return Err(at.invalid(node, "expected a table")) };
        for (name, child) in table {
            at.path.push(name.clone());
            let mut value = self.remove(name).unwrap_or_default();
            if value.read(at, child)? {
                self.insert(name.clone(), value);
            }
            at.path.pop();
        }
        Ok(true)
    }

    fn describe(&self, path: &str, doc: &str, out: &mut Vec<Key>) {
        T::default().describe(&format!("{path}.<name>"), doc, out);
    }
}

/// Declares a section: the struct, its defaults, how it is read, and its rows on the reference page, from one list.
macro_rules! section {
    (
        $(#[doc = $about:literal])*
        pub struct $name:ident {
            $( $(#[doc = $doc:literal])* $field:ident : $ty:ty $(= $default:expr)? ),* $(,)?
        }
    ) => {
        $(#[doc = $about])*
        #[derive(Debug, Clone, PartialEq)]
        pub struct $name {
            $( $(#[doc = $doc])* pub $field: $ty, )*
        }

        impl Default for $name {
            fn default() -> Self {
                Self { $( $field: $crate::setting::default_or!($($default)?), )* }
            }
        }

        impl $crate::setting::Setting for $name {
            fn read(
                &mut self,
                at: &mut $crate::setting::Reader<'_>,
                node: &$crate::node::Node,
            ) -> Result<bool, $crate::Error> {
                let Some(table) = node.table() else { return Err(at.invalid(node, "expected a table")) };
                let off = table.get("enabled").is_some_and(|n| n.kind == $crate::node::Kind::Bool(false));
                at.muted += usize::from(off);
                $( if let Some(child) = table.get(stringify!($field)) {
                    at.path.push(stringify!($field).to_owned());
                    self.$field.read(at, child)?;
                    at.path.pop();
                } )*
                at.muted -= usize::from(off);
                let known: &[&str] = &[$(stringify!($field)),*];
                for (key, child) in table {
                    if !known.contains(&key.as_str()) {
                        at.unknown(key, child, known);
                    }
                }
                Ok(true)
            }

            fn describe(&self, path: &str, doc: &str, out: &mut Vec<$crate::reference::Key>) {
                let about = concat!($($about),*).trim();
                let about = if doc.is_empty() { about } else { doc };
                out.push($crate::reference::Key::section(path, about));
                $( {
                    let doc: &str = concat!($($doc),*);
                    let path = if path.is_empty() { stringify!($field).to_owned() } else { format!("{path}.{}", stringify!($field)) };
                    self.$field.describe(&path, doc.trim(), out);
                } )*
            }
        }
    };
}

macro_rules! default_or {
    () => {
        Default::default()
    };
    ($default:expr) => {
        $default
    };
}

/// Declares a choice among words.
macro_rules! choice {
    (
        $(#[doc = $about:literal])*
        pub enum $name:ident { $( $(#[doc = $doc:literal])* $variant:ident = $word:literal ),* $(,)? }
    ) => {
        $(#[doc = $about])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
        pub enum $name { #[default] $( $(#[doc = $doc])* $variant, )* }

        impl $name {
            /// The word in config.toml.
            pub fn as_str(self) -> &'static str {
                match self { $( Self::$variant => $word, )* }
            }

            fn parse(text: &str) -> Result<Self, String> {
                match text {
                    $( $word => Ok(Self::$variant), )*
                    other => Err(format!("{other:?} is not one of: {}", [$($word),*].map(|w: &str| format!("{w:?}")).join(", "))),
                }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }

        $crate::setting::parsed!($name, "choice");
    };
}

pub(crate) use {choice, default_or, parsed, section};
