//! What an explanation is made of.

use serde::Serialize;

/// What a caller wants to do with a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// See it.
    Select,
    /// Put it there: the row as it stands is taken for the new one.
    Insert,
    /// Change it: the row as it stands is taken for the old and the new one.
    Update,
    /// Remove it.
    Delete,
}

impl Action {
    /// The SQL word, lower-case.
    pub fn word(self) -> &'static str {
        match self {
            Self::Select => "select",
            Self::Insert => "insert",
            Self::Update => "update",
            Self::Delete => "delete",
        }
    }
}

/// The answer.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Explanation {
    /// `schema.name`.
    pub table: String,
    /// The row's key, `column=value`.
    pub key: Vec<String>,
    /// What was asked about.
    pub action: Action,
    /// Who asks, as given: an address, a role.
    pub caller: String,
    /// The PostgreSQL role.
    pub role: String,
    /// The claims of the token.
    pub claims: serde_json::Value,
    /// Is the row there at all?
    pub row_exists: bool,
    /// What the role was granted.
    pub grants: Grants,
    /// Do policies decide?
    pub security: Security,
    /// All policies that could matter, those that do not apply with the reason.
    pub policies: Vec<PolicyAnswer>,
    /// What came of reading the row as the caller.
    pub seen: Option<Seen>,
    /// The end of it.
    pub verdict: Verdict,
}

/// Privileges of the role, of its own and by membership.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Grants {
    /// May it use the schema?
    pub schema: bool,
    /// The privilege on the whole relation?
    pub whole: bool,
    /// The columns on which it has the privilege, where it is not the whole relation.
    pub columns: Vec<String>,
}

/// Do policies decide about this role?
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Security {
    /// Yes.
    On,
    /// Row-level security is off: grants alone decide.
    Off,
    /// It does not bind this role (superuser, `BYPASSRLS`, or the owner without `FORCE`).
    Bypassed,
    /// A view: what is below it decides, for whoever asks.
    ViewOfInvoker,
    /// A view that reads with its owner's rights.
    ViewOfOwner,
}

/// A policy and what it says about the row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PolicyAnswer {
    /// Its name.
    pub name: String,
    /// Permissive policies let in, restrictive ones must all agree.
    pub permissive: bool,
    /// What it is for: `select`, …, `all`.
    pub command: String,
    /// Does it apply to this role and action?
    pub applies: Applies,
    /// Which rows may be touched; on the row as it is.
    pub using: Option<Condition>,
    /// What a row may become; on the row as it is.
    pub check: Option<Condition>,
}

/// Does a policy apply?
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Applies {
    /// It decides about the action itself.
    Yes,
    /// It decides whether the row can be seen, which changing it needs.
    ToSee,
    /// No; the sentence says why.
    No(String),
}

/// A condition and its truth; with its parts where it is joined of some.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Condition {
    /// As PostgreSQL prints it.
    pub text: String,
    /// Evaluated on the row.
    pub truth: Truth,
    /// `and`, `or`, `not`; empty for a condition without parts.
    pub joined_by: &'static str,
    /// The parts.
    pub parts: Vec<Condition>,
}

/// Three-valued, or an error.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Truth {
    /// True.
    True,
    /// False.
    False,
    /// Null, which lets nobody in.
    Null,
    /// It cannot be evaluated: what PostgreSQL said.
    Fails(String),
}

/// What came of reading the row for real.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Seen {
    /// It came back.
    Yes,
    /// Nothing came back.
    No,
    /// PostgreSQL refused.
    Refused(String),
}

/// May he?
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Verdict {
    /// May he?
    pub allowed: bool,
    /// The policy that let him in, or the first that stopped him.
    pub policy: Option<String>,
    /// In a sentence.
    pub because: String,
}
