use super::Allow;

/// What a schema does not say itself.
#[derive(Debug, Clone)]
pub struct Context {
    /// Schemas that the API serves: `[api] schemas`.
    pub exposed: Vec<String>,
    /// `[auth] enable_anonymous_sign_ins`: does anybody get the role `authenticated` for the asking?
    pub anonymous_sign_ins: bool,
    /// Schemas that findings are about; empty: all of the project's.
    pub only: Vec<String>,
    /// Findings that the project takes as they are.
    pub allow: Vec<Allow>,
    /// What was measured or tried on the database.
    pub observed: Observed,
}

impl Default for Context {
    fn default() -> Self {
        Self {
            exposed: vec!["public".to_owned()],
            anonymous_sign_ins: false,
            only: Vec::new(),
            allow: Vec::new(),
            observed: Observed::default(),
        }
    }
}

/// What only a connection can tell: see [`super::observe`].
#[derive(Debug, Clone, Default)]
pub struct Observed {
    /// `oid`s of tables that hold much more space than their rows need, with the bytes that are wasted.
    pub bloated: Vec<(u32, i64)>,
    /// Functions whose source PostgreSQL no longer accepts.
    pub uncompilable: Vec<Uncompilable>,
}

/// A function that cannot be made anew.
#[derive(Debug, Clone)]
pub struct Uncompilable {
    /// Its `oid`.
    pub function: u32,
    /// What PostgreSQL says.
    pub error: String,
}
