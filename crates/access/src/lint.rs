//! What can be seen wrong in a database without trying anything.
//!
//! A rule is a pure function over [`Facts`]: the schema, what is known of the project, and what several rules need. [`rules::ALL`] is
//! the table of them; a new one is a file in `rules/` and a line there. Where Supabase's advisor has the same rule, its name, level and
//! cache key are the same, so that findings can be compared and ignored in one way.

mod allow;
mod caller;
mod compile;
mod context;
mod facts;
mod observe;
pub mod report;
mod rewrite;
pub mod rules;

pub use allow::{Allow, allowed_by};
pub use context::{Context, Observed, Uncompilable};
pub use facts::{Clause, Facts, PolicyFacts};
pub use observe::observe;

use serde_json::{Map, Value as Json};

use crate::Schema;

/// How bad a finding is, as the advisor words it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// Worth knowing.
    Info,
    /// Worth mending.
    Warn,
    /// Somebody reads or writes what he must not, or a query fails.
    Error,
}

impl Level {
    /// `INFO`, `WARN`, `ERROR`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Info => "INFO",
            Self::Warn => "WARN",
            Self::Error => "ERROR",
        }
    }
}

/// What a finding endangers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Category {
    /// Who sees or writes what.
    Security,
    /// How long it takes.
    Performance,
}

impl Category {
    /// `SECURITY`, `PERFORMANCE`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Security => "SECURITY",
            Self::Performance => "PERFORMANCE",
        }
    }
}

/// A rule.
#[derive(Debug)]
pub struct Rule {
    /// Unique; the advisor's name where it has the rule.
    pub name: &'static str,
    /// Four digits: below 1000 the advisor's number, from 1001 on ours.
    pub code: &'static str,
    /// A headline.
    pub title: &'static str,
    /// How bad it is.
    pub level: Level,
    /// What it endangers.
    pub category: Category,
    /// Why it matters.
    pub why: &'static str,
    /// How to mend it.
    pub remedy: &'static str,
    /// Finds it.
    pub check: fn(&Facts<'_>) -> Vec<Hit>,
}

/// What a finding is about.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Object {
    /// `table`, `view`, `materialized view`, `foreign table`, `function`, `extension`, `role`, `bucket`.
    pub kind: &'static str,
    /// Its schema; empty for what has none.
    pub schema: String,
    /// Its name.
    pub name: String,
    /// The column, where it is about one.
    pub column: Option<String>,
    /// The policy, where it is about one.
    pub policy: Option<String>,
}

impl Object {
    /// `schema.name` or `schema.name.column`, as people write it.
    pub fn path(&self) -> String {
        let parts = [Some(&self.schema).filter(|schema| !schema.is_empty()), Some(&self.name), self.column.as_ref()];
        parts.into_iter().flatten().map(String::as_str).collect::<Vec<_>>().join(".")
    }
}

/// What a rule finds.
#[derive(Debug, Clone, Default)]
pub struct Hit {
    /// What it is about.
    pub object: Object,
    /// What is wrong with it, in a sentence.
    pub detail: String,
    /// SQL that mends it.
    pub sql: Option<String>,
    /// Tells it from other findings of the rule: the end of the cache key.
    pub key: String,
    /// What else the advisor's `metadata` says.
    pub metadata: Map<String, Json>,
}

/// A finding.
#[derive(Debug, Clone)]
pub struct Finding {
    /// By which rule.
    pub rule: &'static Rule,
    /// What it is about.
    pub object: Object,
    /// What is wrong with it.
    pub detail: String,
    /// SQL that mends it.
    pub remedy_sql: Option<String>,
    /// Stable name of this finding.
    pub cache_key: String,
    /// What else the advisor's `metadata` says.
    pub metadata: Map<String, Json>,
    /// Why the project takes it as it is: from `access.toml` or a comment.
    pub allowed: Option<String>,
}

/// All findings, errors first, in a stable order. What the project allows is among them, marked.
pub fn lint(schema: &Schema, context: &Context) -> Vec<Finding> {
    let facts = Facts::new(schema, context);
    let mut findings = Vec::new();
    for rule in rules::ALL {
        for hit in (rule.check)(&facts) {
            let mut finding = Finding {
                rule,
                cache_key: format!("{}_{}", cache_prefix(rule.name), hit.key),
                object: hit.object,
                detail: hit.detail,
                remedy_sql: hit.sql,
                metadata: hit.metadata,
                allowed: None,
            };
            finding.allowed = allowed_by(&finding, schema, &context.allow);
            findings.push(finding);
        }
    }
    let order = |finding: &Finding| {
        let rule = finding.rule;
        (std::cmp::Reverse(rule.level), rule.category, rule.code, finding.object.clone(), finding.cache_key.clone())
    };
    findings.sort_by_cached_key(order);
    findings
}

/// The advisor's cache keys start with the rule's name, but for these.
fn cache_prefix(rule: &str) -> &str {
    match rule {
        "auth_rls_initplan" => "auth_rls_init_plan",
        "insecure_queue_exposed_in_api" => "rls_disabled_in_public",
        other => other,
    }
}
