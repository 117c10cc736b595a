use std::path::{Path, PathBuf};

use crate::node::{self, Node};
use crate::reference::keys_table;
use crate::setting::{Reader, Setting};
use crate::{Bytes, Env, Error, ProjectConfig, Warning, sanitize_project_id};

/// A project folder, read.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// The sections, with paths made absolute.
    pub config: ProjectConfig,
    /// What its owner should know.
    pub warnings: Vec<Warning>,
    /// Where things are.
    pub paths: Paths,
    /// Names of `[remotes.*]`.
    pub remotes: Vec<String>,
}

/// Where the parts of a project are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Paths {
    /// The folder that holds `supabase/`.
    pub project: PathBuf,
    /// `supabase/`.
    pub supabase: PathBuf,
    /// `supabase/config.toml`.
    pub config: PathBuf,
}

impl Paths {
    /// The paths of a project folder.
    pub fn of(project: &Path) -> Self {
        let supabase = project.join("supabase");
        Self { project: project.to_owned(), config: supabase.join("config.toml"), supabase }
    }

    /// `supabase/migrations`.
    pub fn migrations(&self) -> PathBuf {
        self.supabase.join("migrations")
    }

    /// `supabase/rollback`.
    pub fn rollback(&self) -> PathBuf {
        self.supabase.join("rollback")
    }
}

/// Older names that still mean the same: taken from the old place unless the new one is there.
pub(crate) const RENAMED: &[(&str, &str)] = &[
    ("inbucket", "local_smtp"),
    ("auth.email.enable_signup", "auth.email.enabled"),
    ("auth.sms.enable_signup", "auth.sms.enabled"),
    ("experimental.orioledb_version", "db.orioledb_version"),
];

/// Tables of the CLI and the hosted platform that say nothing to a server like this one.
pub(crate) const ELSEWHERE: &[&str] = &["compute", "local", "db.migrations.checks"];

/// Goes up from `dir` until a folder with `supabase/config.toml` is found.
pub fn find_project(dir: &Path) -> Option<PathBuf> {
    dir.ancestors().find(|dir| Paths::of(dir).config.is_file()).map(Path::to_owned)
}

/// Reads `supabase/config.toml` of a project folder. `env` should hold the `.env` files already, see [`Env::with_files`].
///
/// # Errors
/// No config.toml, broken TOML, a known key with a value that does not fit.
pub fn load(project_dir: &Path, env: &Env) -> Result<Loaded, Error> {
    read(project_dir, env, None)
}

/// As [`load`], with the tables of `[remotes.NAME]` laid upon the others. A remote is not seeded unless it says so, as in the CLI.
///
/// # Errors
/// As [`load`], or no remote of that name.
pub fn load_remote(project_dir: &Path, env: &Env, remote: &str) -> Result<Loaded, Error> {
    read(project_dir, env, Some(remote))
}

fn read(project_dir: &Path, env: &Env, remote: Option<&str>) -> Result<Loaded, Error> {
    let paths = Paths::of(project_dir);
    let text = match std::fs::read_to_string(&paths.config) {
        Ok(text) => text,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => {
            return Err(Error::NoProject { dir: project_dir.to_owned() });
        }
        Err(source) => return Err(Error::Read { path: paths.config, source }),
    };
    let mut tree = node::parse(&paths.config, &text)?;
    let remotes = tree.take("remotes");
    let names: Vec<String> =
        remotes.as_ref().and_then(Node::table).map(|t| t.keys().cloned().collect()).unwrap_or_default();
    rename_old(&mut tree);
    if let Some(name) = remote {
        let Some(mut over) = remotes.and_then(|mut all| all.take(name)) else {
            return Err(Error::NoRemote { name: name.to_owned(), known: names });
        };
        rename_old(&mut over);
        if over.at("db.seed.enabled").is_none() {
            over.put("db.seed.enabled", Node { line: 0, kind: node::Kind::Bool(false) });
        }
        tree.merge(over);
    }
    for path in ELSEWHERE {
        tree.take(path);
    }
    lay_environment(&mut tree, env);

    let mut reader = Reader { file: &paths.config, env, path: Vec::new(), muted: 0, warnings: Vec::new() };
    let mut config = ProjectConfig::default();
    config.read(&mut reader, &tree)?;
    let mut warnings = reader.warnings;
    warnings.retain(|w| !matches!(w, Warning::UnsetEnv { key, .. } if is_unused(key)));
    finish(&mut config, &paths, &mut warnings);
    validate(&config, &paths, &tree)?;
    Ok(Loaded { config, warnings, paths, remotes: names })
}

fn rename_old(tree: &mut Node) {
    for (old, new) in RENAMED {
        if let Some(value) = tree.take(old)
            && tree.at(new).is_none()
        {
            tree.put(new, value);
        }
    }
}

/// Keys that the CLI's template fills with `env(…)` and that nothing here uses.
fn is_unused(key: &str) -> bool {
    key == "studio.openai_api_key" || key.starts_with("experimental.")
}

/// The variable that goes before a key of config.toml.
pub(crate) fn variable_of(key: &str) -> String {
    format!("SUPABASE_{}", key.to_ascii_uppercase().replace('.', "_"))
}

/// `SUPABASE_AUTH_SITE_URL` overrides `auth.site_url`, as in the CLI; keys below names of the project's own have no variable.
fn lay_environment(tree: &mut Node, env: &Env) {
    for key in keys_table() {
        if key.kind == "table" || key.path.contains('<') {
            continue;
        }
        let name = variable_of(&key.path);
        // The CLI's own variables of these names mean the hosted project, not this folder.
        if matches!(name.as_str(), "SUPABASE_PROJECT_ID" | "SUPABASE_DB_PASSWORD") {
            continue;
        }
        if let Some(value) = env.get(&name).filter(|v| !v.is_empty()) {
            tree.put(&key.path, Node::text(value));
        }
    }
}

/// What depends on other values or on the folder: names, URLs, absolute paths, texts of templates.
fn finish(config: &mut ProjectConfig, paths: &Paths, warnings: &mut Vec<Warning>) {
    finish_project_id(config, paths, warnings);
    if config.api.external_url.is_empty() {
        let scheme = if config.api.tls.enabled { "https" } else { "http" };
        config.api.external_url = format!("{scheme}://127.0.0.1:{}", config.api.port);
    }
    config.api.external_url.truncate(config.api.external_url.trim_end_matches('/').len());
    if config.auth.external_url.is_empty() {
        config.auth.external_url = format!("{}/auth/v1", config.api.external_url);
    }
    if config.auth.jwt_issuer.is_empty() {
        config.auth.jwt_issuer = config.auth.external_url.clone();
    }
    if config.db.pooler.enabled {
        warnings.push(Warning::Note("[db.pooler] is not needed: requests share connections already".to_owned()));
    }
    if !config.db.orioledb_version.is_empty() {
        warnings.push(Warning::Note(
            "db.orioledb_version is ignored: only PostgreSQL's own storage is supported".to_owned(),
        ));
    }
    if config.auth.jwt_expiry > 604_800 {
        warnings.push(Warning::Note("auth.jwt_expiry is more than a week (604800); a week is used".to_owned()));
        config.auth.jwt_expiry = 604_800;
    }
    finish_paths(config, paths, warnings);
}

/// The id of config.toml, as far as its characters are allowed, else the folder's name.
fn finish_project_id(config: &mut ProjectConfig, paths: &Paths, warnings: &mut Vec<Warning>) {
    let mut id = sanitize_project_id(&config.project_id);
    if id.is_empty() {
        let folder = paths.project.canonicalize().unwrap_or_else(|_| paths.project.clone());
        id = sanitize_project_id(&folder.file_name().unwrap_or_default().to_string_lossy());
    }
    if id.is_empty() {
        id = "project".to_owned();
    }
    if !config.project_id.is_empty() && id != config.project_id {
        warnings.push(Warning::Note(format!(
            "project_id {:?} is used as {id:?}: an id has letters, digits, `_`, `.` and `-` only",
            config.project_id
        )));
    }
    config.project_id = id;
}

fn finish_paths(config: &mut ProjectConfig, paths: &Paths, warnings: &mut Vec<Warning>) {
    let absolute = |base: &Path, path: &mut String| {
        if !path.is_empty() {
            *path = join(base, path);
        }
    };
    let base = paths.supabase.as_path();
    absolute(base, &mut config.api.tls.cert_path);
    absolute(base, &mut config.api.tls.key_path);
    absolute(base, &mut config.auth.signing_keys_path);
    for pattern in config.db.seed.sql_paths.iter_mut().chain(&mut config.db.migrations.schema_paths) {
        absolute(base, pattern);
    }
    let limit: Bytes = config.storage.file_size_limit;
    for bucket in config.storage.buckets.values_mut() {
        absolute(base, &mut bucket.objects_path);
        bucket.file_size_limit = bucket.file_size_limit.filter(|b| b.0 > 0).or(Some(limit));
    }
    for (name, function) in &mut config.functions {
        if function.entrypoint.is_empty() {
            function.entrypoint = format!("functions/{name}/index.ts");
        }
        absolute(base, &mut function.entrypoint);
        absolute(base, &mut function.import_map);
        for file in &mut function.static_files {
            absolute(base, file);
        }
    }
    for (name, template) in &mut config.auth.email.template {
        let key = format!("auth.email.template.{name}");
        read_template(&key, &mut template.content_path, &mut template.content, [&paths.project, base], warnings);
    }
    for (name, notice) in &mut config.auth.email.notification {
        let key = format!("auth.email.notification.{name}");
        read_template(&key, &mut notice.content_path, &mut notice.content, [base, &paths.project], warnings);
    }
}

/// The CLI takes one kind of template from the project folder and the other from `supabase/`; both are tried, in its order.
fn read_template(
    key: &str,
    path: &mut String,
    content: &mut Option<String>,
    bases: [&Path; 2],
    warnings: &mut Vec<Warning>,
) {
    if path.is_empty() {
        return;
    }
    let found = bases.iter().find_map(|base| {
        let file = join(base, path);
        std::fs::read_to_string(&file).ok().map(|text| (file, text))
    });
    match found {
        Some((file, text)) => {
            *path = file;
            *content = Some(text);
        }
        None => {
            warnings.push(Warning::Note(format!("{key}.content_path: cannot read {path}; the built-in text is used")));
        }
    }
}

fn join(base: &Path, path: &str) -> String {
    base.join(path.strip_prefix("./").unwrap_or(path)).to_string_lossy().into_owned()
}

/// Values that no default can mend.
fn validate(config: &ProjectConfig, paths: &Paths, tree: &Node) -> Result<(), Error> {
    let refuse = |key: &str, message: String| {
        let line = tree.at(key).map_or(0, |node| node.line);
        Err(Error::Invalid { path: paths.config.clone(), line, key: key.to_owned(), message })
    };
    for (key, port) in [("api.port", config.api.port), ("db.port", config.db.port)] {
        if port == 0 {
            return refuse(key, "a port from 1 to 65535 is needed".to_owned());
        }
    }
    if config.api.enabled && config.api.schemas.is_empty() {
        return refuse("api.schemas", "name at least one schema, for example [\"public\"]".to_owned());
    }
    if !(13..=99).contains(&config.db.major_version) {
        return refuse(
            "db.major_version",
            format!("{} is not a version of PostgreSQL that is supported (15 to 18)", config.db.major_version),
        );
    }
    if config.api.tls.enabled && config.api.tls.cert_path.is_empty() != config.api.tls.key_path.is_empty() {
        return refuse("api.tls", "cert_path and key_path go together".to_owned());
    }
    if config.auth.jwt_secret.as_ref().is_some_and(|s| s.expose().len() < 32) {
        return refuse("auth.jwt_secret", "32 characters at least".to_owned());
    }
    if let Some(name) = config.storage.buckets.keys().find(|name| !is_bucket_name(name)) {
        return refuse(
            &format!("storage.buckets.{name}"),
            "a bucket's name has letters, digits, spaces and !-_.*'()&$@=;:+,? only".to_owned(),
        );
    }
    Ok(())
}

fn is_bucket_name(name: &str) -> bool {
    !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || " !-_.*'()&$@=;:+,?/".contains(c))
}

#[cfg(test)]
mod tests;
