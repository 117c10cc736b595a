//! What was found.

use serde::Serialize;

use crate::spec::{Kind, Operation, Right};

/// The outcome of all probes.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Report {
    /// What each identity may do to each object, as seen: the rows of the table for people.
    pub cells: Vec<Cell>,
    /// Where the database and `access.toml` disagree.
    pub differences: Vec<Difference>,
    /// What could not be tried, and why.
    pub untried: Vec<Untried>,
    /// Conditions of which only one side was ever seen: what hangs on them is not proven.
    pub conditions: Vec<OneSided>,
    /// Policies of which it is not known whom they let in.
    pub unproven: Vec<Unproven>,
    /// How many statements were tried as an identity.
    pub probes: usize,
}

/// One identity's right to one operation on one object.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Cell {
    /// What it is.
    pub kind: Kind,
    /// `schema.name`, or the bucket's id.
    pub object: String,
    /// `anon`, `user`, `service` or a kind of the project's.
    pub identity: String,
    /// What is done.
    pub operation: Operation,
    /// The right in the words of `access.toml`, without columns: what the file says where it holds, else what fits what was seen.
    pub right: String,
    /// The same, as it is compared.
    #[serde(skip)]
    pub said: Right,
    /// The columns that it is limited to; `None` where there is no limit.
    pub columns: Option<Vec<String>>,
    /// Does it equal `access.toml`?
    pub agrees: bool,
    /// Is there a right that fits all that was seen? Where there is none, `right` is the nearest.
    pub explained: bool,
    /// How many statements it rests on; 0 proves nothing.
    pub probes: usize,
}

/// One disagreement.
#[derive(Debug, Clone, Serialize)]
pub struct Difference {
    /// `Leak` or the like.
    pub verdict: Verdict,
    /// What it is.
    pub kind: Kind,
    /// `schema.name`, or the bucket's id.
    pub object: String,
    /// Who.
    pub identity: String,
    /// What is done.
    pub operation: Operation,
    /// The column, where one column makes the difference.
    pub column: Option<String>,
    /// The row, as `id=…`.
    pub row: Option<String>,
    /// What `access.toml` says.
    pub expected: String,
    /// What happened.
    pub seen: String,
    /// The policies, grants or the like that let it through, or that stopped it.
    pub because: Vec<String>,
    /// How many statements showed the same.
    pub times: usize,
    /// Of a view's leak: the table whose own leak it is.
    pub behind: Option<String>,
    /// How to see it oneself, on the shadow database.
    pub counterexample: Option<Counterexample>,
}

/// Which way it disagrees.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// More is allowed than said.
    Leak,
    /// It fails, as with a recursion of policies.
    Broken,
    /// Less is allowed than said.
    Refused,
}

/// The same three times.
#[derive(Debug, Clone, Serialize)]
pub struct Counterexample {
    /// For psql, as a superuser or `authenticator`; changes nothing.
    pub sql: String,
    /// For a shell.
    pub curl: String,
    /// For `@supabase/supabase-js`.
    pub js: String,
}

/// Something that was not tried, or proved nothing.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Untried {
    /// The object.
    pub object: String,
    /// What was tried, e.g. `insert as user`.
    pub what: String,
    /// Why, e.g. PostgreSQL's message.
    pub why: String,
    /// For whom it proves nothing; `None`: for everybody.
    pub identity: Option<String>,
    /// Of which operation; `None`: of all.
    pub operation: Option<Operation>,
}

impl Untried {
    /// Of everybody and all operations.
    pub fn new(object: &str, what: &str, why: String) -> Self {
        Self { object: object.to_owned(), what: what.to_owned(), why, identity: None, operation: None }
    }

    /// Of one cell.
    pub fn cell(object: &str, operation: Operation, identity: &str, why: String) -> Self {
        Self {
            object: object.to_owned(),
            what: format!("{} as {identity}", operation.word()),
            why,
            identity: Some(identity.to_owned()),
            operation: Some(operation),
        }
    }

    /// Does it speak of this cell?
    pub fn concerns(&self, cell: &Cell) -> bool {
        self.object == cell.object
            && self.identity.as_ref().is_none_or(|identity| *identity == cell.identity)
            && self.operation.is_none_or(|operation| operation == cell.operation)
    }
}

/// A condition with one side.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct OneSided {
    /// The object.
    pub object: String,
    /// For whom.
    pub identity: String,
    /// The word; or the policy, with the part of its condition that is meant.
    pub condition: String,
    /// The only side that was seen.
    pub always: bool,
}

/// A permissive policy, or a way through it, that is not proven.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Unproven {
    /// The object.
    pub object: String,
    /// The policy's name.
    pub policy: String,
    /// The policy, with the condition and the way through it that is meant.
    pub condition: String,
    /// Why, in words that go on from there.
    pub why: String,
    /// Was it never true? Else it was, and something in it cannot be looked into.
    pub never_true: bool,
    /// Does `access.toml` name the policy as not proven?
    pub acknowledged: bool,
}

impl std::fmt::Display for Unproven {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "not proven: {}: {} {}", self.object, self.condition, self.why)?;
        if self.acknowledged { write!(f, " (access.toml knows)") } else { Ok(()) }
    }
}

impl Report {
    /// Conditions with one side that are not among the policies that are not proven.
    pub fn one_sided(&self) -> Vec<OneSided> {
        let is_named = |one: &&OneSided| {
            let same = |known: &Unproven| known.object == one.object && known.condition == one.condition;
            !one.always && self.unproven.iter().any(same)
        };
        self.conditions.iter().filter(|one| !is_named(one)).cloned().collect()
    }

    /// Is everything as `access.toml` says?
    pub const fn agrees(&self) -> bool {
        self.differences.is_empty()
    }

    /// More rights than said, without what is merely refused.
    pub fn leaks(&self) -> impl Iterator<Item = &Difference> {
        self.differences.iter().filter(|difference| difference.verdict == Verdict::Leak)
    }
}
