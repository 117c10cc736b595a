//! The access matrix: what each identity may really do, by trying it on a database that may be thrown away.
//!
//!     prepare   people → rows → for each object and identity: what to try, and what `access.toml` makes of it
//!     probe     as `authenticator`, in somebody's name, in transactions that are rolled back → what happened
//!     judge     what happened against what is said → differences, each with its reason and a way to see it
//!
//! [`prepare`] asks the spec and the tables, not the policies: mutants of policies are probed with one preparation.

mod always;
mod caller;
mod chance;
mod conditions;
mod draft;
mod evidence;
mod fixtures;
mod functions;
mod groups;
mod hints;
mod infer;
mod judge;
mod learn;
mod needs;
mod paths;
mod plan;
mod probe;
mod render;
mod report;
mod roles;
mod run;
mod says;
mod scripts;
mod sides;
mod subject;
mod unfold;
mod views;

use pg::Target;

pub(crate) use groups::groups;
pub(crate) use render::one_sided;
pub use render::{render, unseen};
pub use report::{Cell, Counterexample, Difference, OneSided, Report, Unproven, Untried, Verdict};
pub use run::{Prepared, prepare, probe};
pub(crate) use subject::roles_of;

use crate::{Error, Schema, Spec};

/// How it is done.
#[derive(Debug, Clone)]
pub struct Options {
    /// The login that requests use; without one a superuser's session is given up for `authenticator`.
    pub authenticator: Option<Target>,
    /// Schemas that the API shows.
    pub exposed: Vec<String>,
    /// Schemas behind the first of them in `search_path`.
    pub search_path: Vec<String>,
    /// SQL of the project's own that is run after the generated rows.
    pub fixtures: Option<String>,
    /// What chance starts from.
    pub seed: u64,
}

impl Default for Options {
    fn default() -> Self {
        let text = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        Self {
            authenticator: None,
            exposed: text(&["public"]),
            search_path: text(&["public", "extensions"]),
            fixtures: None,
            seed: 1,
        }
    }
}

/// Prepares and probes. `shadow` is a superuser's way to a database that may be thrown away.
///
/// # Errors
/// The connection is lost, or `access.toml` says what cannot be asked.
pub async fn run(shadow: &Target, schema: &Schema, spec: Option<&Spec>, options: &Options) -> Result<Report, Error> {
    let prepared = prepare(shadow, schema, spec, options).await?;
    probe(shadow, schema, &prepared, None).await
}
