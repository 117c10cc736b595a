use std::fmt;
use std::path::PathBuf;

/// Why a project folder cannot be used. Every message says where and what to do.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The folder has no `supabase/config.toml`.
    #[error("no supabase/config.toml in {}: run `basalt init` there, or name the folder that has one", dir.display())]
    NoProject {
        /// The folder that was looked into.
        dir: PathBuf,
    },
    /// A file exists and cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// Not TOML.
    #[error("{}:{line}:{column}: {message}\n  {line} | {text}", path.display())]
    Toml {
        /// The file.
        path: PathBuf,
        /// Line, from 1.
        line: usize,
        /// Column in characters, from 1.
        column: usize,
        /// The line itself.
        text: String,
        /// What the parser said.
        message: String,
    },
    /// A known key with a value that does not fit.
    #[error("{}: {message}", place(path, *line, key))]
    Invalid {
        /// The file.
        path: PathBuf,
        /// Line, from 1; 0 when the value came from the environment.
        line: usize,
        /// Dotted key.
        key: String,
        /// What is wrong and what would be right.
        message: String,
    },
    /// A `.env` file that cannot be parsed. The value is never shown.
    #[error("{}:{line}: {message}", path.display())]
    EnvFile {
        /// The file.
        path: PathBuf,
        /// Line, from 1.
        line: usize,
        /// What is wrong.
        message: String,
    },
    /// `[remotes.NAME]` was asked for and is not there.
    #[error("config.toml has no [remotes.{name}]; it has: {}", if known.is_empty() { "none".to_owned() } else { known.join(", ") })]
    NoRemote {
        /// The name asked for.
        name: String,
        /// The names that are there.
        known: Vec<String>,
    },
}

/// Where a value came from: a line of the file, or the variable that goes before it.
fn place(path: &std::path::Path, line: usize, key: &str) -> String {
    match line {
        0 => format!("{key} (from the environment: {})", crate::load::variable_of(key)),
        line => format!("{}:{line}: {key}", path.display()),
    }
}

/// Something that does not stop the project but that its owner should know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Warning {
    /// A key that no section knows; it is ignored.
    UnknownKey {
        /// Dotted key.
        key: String,
        /// Line in config.toml, from 1.
        line: usize,
        /// A known key of the same section that looks like it.
        suggestion: Option<String>,
    },
    /// `env(NAME)` of a variable that is not set; the default is used.
    UnsetEnv {
        /// Dotted key.
        key: String,
        /// The variable.
        name: String,
    },
    /// Anything else, as a sentence.
    Note(String),
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownKey { key, line, suggestion } => {
                write!(f, "config.toml:{line}: unknown key {key} is ignored")?;
                match suggestion {
                    Some(known) => write!(f, " (did you mean {known}?)"),
                    None => Ok(()),
                }
            }
            Self::UnsetEnv { key, name } => {
                write!(f, "{key}: environment variable {name} is not set; set it or put it in supabase/.env")
            }
            Self::Note(text) => f.write_str(text),
        }
    }
}
