//! What the access matrix and the linter need to know of a project.

use std::path::PathBuf;

use access::lint::{self, Allow};
use access::matrix::Options;
use anyhow::Context;

use super::Plan;

/// Where the project says who may do what.
pub fn spec_file(plan: &Plan) -> PathBuf {
    plan.paths.project.join("access.toml")
}

/// SQL of the project's own that adds to the made-up rows.
pub fn fixtures(plan: &Plan) -> PathBuf {
    plan.paths.supabase.join("tests/fixtures.sql")
}

/// How it is tried.
///
/// # Errors
/// The fixtures cannot be read.
pub fn options(plan: &Plan) -> anyhow::Result<Options> {
    let api = &plan.config.api;
    let file = fixtures(plan);
    let fixtures = match file.exists() {
        true => Some(std::fs::read_to_string(&file).with_context(|| format!("cannot read {}", file.display()))?),
        false => None,
    };
    let exposed = api.schemas.iter().filter(|schema| schema.as_str() != "graphql_public").cloned().collect();
    Ok(Options { exposed, search_path: api.extra_search_path.clone(), fixtures, ..Options::default() })
}

/// What the linter takes into account: what the API shows, and what access.toml allows.
///
/// # Errors
/// access.toml cannot be read.
pub fn lint_context(plan: &Plan) -> anyhow::Result<lint::Context> {
    let path = spec_file(plan);
    let allow = match std::fs::read_to_string(&path) {
        Ok(text) => Allow::parse(&text).map_err(anyhow::Error::msg).with_context(|| path.display().to_string())?,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Vec::new(),
        Err(error) => return Err(error).with_context(|| format!("cannot read {}", path.display())),
    };
    Ok(lint::Context {
        exposed: plan.config.api.schemas.clone(),
        anonymous_sign_ins: plan.config.auth.enable_anonymous_sign_ins,
        allow,
        ..lint::Context::default()
    })
}
