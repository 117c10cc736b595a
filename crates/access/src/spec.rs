//! `access.toml`: who may do what, in words that a reviewer reads. The grammar is in `docs/guides/access.md`.
//!
//! [`Spec::parse`] knows the grammar alone; [`Spec::check`] holds its names against a [`Schema`](crate::Schema). What is not said is not allowed.

mod check;
mod parse;
mod right;
mod write;

use serde_json::Value as Json;

pub use right::{Expr, Owner, Right};

/// A whole `access.toml`.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Spec {
    /// The project's own kinds of people.
    pub identities: Vec<Identity>,
    /// Tables, views, functions and buckets, in the order of the file.
    pub objects: Vec<Object>,
    /// The file's text, whose comments and spaces [`Spec::to_toml`] keeps.
    source: String,
}

/// How a person of one kind is made.
#[derive(Debug, Clone, PartialEq)]
pub struct Identity {
    /// Its name in rights.
    pub name: String,
    /// The PostgreSQL role of its requests.
    pub role: String,
    /// Columns that make the kind, in the rows whose key is the user's id.
    pub profile: Vec<Profile>,
    /// Claims that are added to the token.
    pub claims: serde_json::Map<String, Json>,
    /// Columns of `auth.users`; the text `now` of a time means the present, an empty text means NULL.
    pub auth: Vec<(String, Json)>,
    /// Line in the file, from 1.
    pub line: usize,
}

impl Identity {
    /// Whoever comes with this role, by the role's name.
    pub fn of_role(role: &str) -> Self {
        Self {
            name: role.to_owned(),
            role: role.to_owned(),
            profile: Vec::new(),
            claims: serde_json::Map::new(),
            auth: Vec::new(),
            line: 0,
        }
    }
}

/// `"schema.table.column" = value`.
#[derive(Debug, Clone, PartialEq)]
pub struct Profile {
    /// The table's schema.
    pub schema: String,
    /// The table.
    pub table: String,
    /// The column.
    pub column: String,
    /// What it is for people of this kind.
    pub value: Json,
}

/// What an entry is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// `[tables."schema.name"]`
    Table,
    /// `[views."schema.name"]`
    View,
    /// `[functions."schema.name"]`, all of that name.
    Function,
    /// `[buckets.id]`
    Bucket,
}

impl Kind {
    const ALL: [Self; 4] = [Self::Table, Self::View, Self::Function, Self::Bucket];

    /// The section of the file.
    pub const fn section(self) -> &'static str {
        match self {
            Self::Table => "tables",
            Self::View => "views",
            Self::Function => "functions",
            Self::Bucket => "buckets",
        }
    }

    /// The word for people.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Table => "table",
            Self::View => "view",
            Self::Function => "function",
            Self::Bucket => "bucket",
        }
    }
}

/// What may be done to rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Operation {
    /// Read.
    Select,
    /// Add.
    Insert,
    /// Change.
    Update,
    /// Take away.
    Delete,
    /// Call a function.
    Execute,
}

impl Operation {
    /// Those on rows.
    pub const ROWS: [Self; 4] = [Self::Select, Self::Insert, Self::Update, Self::Delete];

    /// The word of the file.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Select => "select",
            Self::Insert => "insert",
            Self::Update => "update",
            Self::Delete => "delete",
            Self::Execute => "execute",
        }
    }
}

/// One table, view, function or bucket.
#[derive(Debug, Clone, PartialEq)]
pub struct Object {
    /// What it is.
    pub kind: Kind,
    /// `schema.name`, or the bucket's id.
    pub name: String,
    /// What `own` means.
    pub owner: Option<Owner>,
    /// Named conditions: SQL over the row, in which `$uid` is the identity's id.
    pub words: Vec<(String, String)>,
    /// Of a bucket: everybody reads by URL.
    pub public: bool,
    /// Policies that are known not to be proven, by name.
    pub not_proven: Vec<String>,
    /// By identity, in the order of the file.
    pub rights: Vec<(String, Rights)>,
    /// Line in the file, from 1; 0 where it comes from no file.
    pub line: usize,
}

impl Object {
    /// An object of which nothing is said.
    pub fn new(kind: Kind, name: &str) -> Self {
        let name = name.to_owned();
        Self {
            kind,
            name,
            owner: None,
            words: Vec::new(),
            public: false,
            not_proven: Vec::new(),
            rights: Vec::new(),
            line: 0,
        }
    }

    /// The SQL of a word.
    pub fn word(&self, name: &str) -> Option<&str> {
        self.words.iter().find(|(word, _)| word == name).map(|(_, sql)| sql.as_str())
    }

    /// The entry of this identity and no other.
    pub fn entry(&self, identity: &str) -> Option<&Rights> {
        self.rights.iter().find(|(name, _)| name == identity).map(|(_, rights)| rights)
    }

    /// What holds for an identity: its own entry, or `user`'s for a kind that has none.
    pub fn rights_of(&self, identity: &str) -> Option<&Rights> {
        let inherits = !matches!(identity, "anon" | "service" | "user");
        self.entry(identity).or_else(|| self.entry("user").filter(|_| inherits))
    }
}

/// What one identity may do to one object.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Rights {
    /// Which rows and columns are seen.
    pub select: Right,
    /// Which rows may come, by which columns.
    pub insert: Right,
    /// Which rows may be changed into which, by which columns.
    pub update: Right,
    /// Which rows may go.
    pub delete: Right,
    /// Of a function: may it be called?
    pub execute: bool,
}

impl Rights {
    /// The right to one operation on rows.
    pub const fn on(&self, operation: Operation) -> &Right {
        match operation {
            Operation::Insert => &self.insert,
            Operation::Update => &self.update,
            Operation::Delete => &self.delete,
            Operation::Select | Operation::Execute => &self.select,
        }
    }

    /// Likewise, to change it.
    pub const fn on_mut(&mut self, operation: Operation) -> &mut Right {
        match operation {
            Operation::Insert => &mut self.insert,
            Operation::Update => &mut self.update,
            Operation::Delete => &mut self.delete,
            Operation::Select | Operation::Execute => &mut self.select,
        }
    }
}

/// What is wrong with the file, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("access.toml:{line}: {message}")]
pub struct Error {
    /// From 1.
    pub line: usize,
    /// What, and what is known instead.
    pub message: String,
}

impl Spec {
    /// An empty one, for `--update`.
    pub fn new() -> Self {
        Self::default()
    }

    /// The entry of an object.
    pub fn object(&self, kind: Kind, name: &str) -> Option<&Object> {
        self.objects.iter().find(|object| object.kind == kind && object.name == name)
    }

    /// Names of all identities: `anon`, `user`, the project's kinds, `service`.
    pub fn identity_names(&self) -> impl Iterator<Item = &str> {
        let own = self.identities.iter().map(|identity| identity.name.as_str());
        ["anon", "user"].into_iter().chain(own).chain(["service"])
    }
}

#[cfg(test)]
mod tests;
