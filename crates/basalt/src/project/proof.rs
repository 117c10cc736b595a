//! What the access matrix and the linter need to know of a project.

use std::io::ErrorKind;
use std::path::PathBuf;

use access::Spec;
use access::lint::{self, Allow};
use access::matrix::Options;
use anyhow::{Context, bail};

use super::Plan;

/// Where the project says who may do what.
pub fn spec_file(plan: &Plan) -> PathBuf {
    plan.paths.project.join("access.toml")
}

/// What it says, read. `None` where there is no such file.
///
/// # Errors
/// It cannot be read or understood.
pub fn spec(plan: &Plan) -> anyhow::Result<Option<Spec>> {
    let Some(text) = spec_text(plan)? else { return Ok(None) };
    Ok(Some(Spec::parse(&text).with_context(|| format!("cannot use {}", spec_file(plan).display()))?))
}

/// Its text; `None` where there is no such file. One that is there and cannot be read is an error: it must not pass for none.
///
/// # Errors
/// It is a folder, a link to nowhere, not text, or not for us to read.
fn spec_text(plan: &Plan) -> anyhow::Result<Option<String>> {
    let file = spec_file(plan);
    // Of the link itself: `exists` says no of one that leads nowhere.
    if file.symlink_metadata().is_err_and(|error| error.kind() == ErrorKind::NotFound) {
        return Ok(None);
    }
    // A pipe would be waited for without end.
    if file.metadata().is_ok_and(|found| !found.is_file()) {
        bail!("cannot read {}: it is no regular file", file.display());
    }
    let text = std::fs::read_to_string(&file);
    text.map(Some).with_context(|| match file.read_link() {
        Ok(to) => format!("cannot read {}, a link to {}", file.display(), to.display()),
        Err(_) => format!("cannot read {}", file.display()),
    })
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
    let allow = match spec_text(plan)? {
        Some(text) => {
            Allow::parse(&text).map_err(anyhow::Error::msg).with_context(|| spec_file(plan).display().to_string())?
        }
        None => Vec::new(),
    };
    Ok(lint::Context {
        exposed: plan.config.api.schemas.clone(),
        anonymous_sign_ins: plan.config.auth.enable_anonymous_sign_ins,
        allow,
        ..lint::Context::default()
    })
}
