//! The keys of a project: what signs its tokens and what opens its API.
//!
//! In development they are the well-known ones of the Supabase CLI, so that an application's `.env.local` works as it stands. In
//! production they are made once, kept in `<home>/secrets/keys.json` with owner-only permissions, and the well-known ones are
//! refused. A home remembers which of the two it has served; going from one to the other is an explicit rotation.

use std::path::{Path, PathBuf};

use base::{Clock, Secret};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::jwt::api_key;
use crate::private_file::{private_folder, replace_private};
use crate::{Auth, Env, Loaded, signing_keys};

/// Secret of the CLI's local projects.
pub const DEV_JWT_SECRET: &str = "super-secret-jwt-token-with-at-least-32-characters-long";
/// Publishable key of the CLI's local projects.
pub const DEV_PUBLISHABLE_KEY: &str = "sb_publishable_ACJWlzQHlZjBrEguHvfOxg_3BJgxAaH";
/// Secret key of the CLI's local projects.
pub const DEV_SECRET_KEY: &str = "sb_secret_N7UND0UgjKTVK-Uodkm0Hg_xSvEMPvz";
/// Issuer of the CLI's local API keys.
const DEV_ISSUER: &str = "supabase-demo";
/// When the CLI's local API keys expire: November 2032.
const DEV_EXPIRES_AT: i64 = 1_983_812_996;
/// Ten years, the life of a generated API key.
const API_KEY_LIFE_SECONDS: i64 = 10 * 365 * 24 * 3600;

/// What the project is started for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// Well-known keys, loopback only.
    Development,
    /// Own keys.
    Production,
}

impl std::fmt::Display for Mode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Development => "development",
            Self::Production => "production",
        })
    }
}

/// A production secret has so many different characters at least. 32 random hex digits have fewer about once in 30 million times.
const DISTINCT_CHARACTERS: usize = 8;

/// The keys of a project.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Keys {
    /// Signs access tokens and the two JWT keys (HS256).
    pub jwt_secret: Secret,
    /// JWT with the role anon.
    pub anon_key: Secret,
    /// JWT with the role service_role.
    pub service_role_key: Secret,
    /// `sb_publishable_…`, stands for anon.
    pub publishable_key: Secret,
    /// `sb_secret_…`, stands for service_role.
    pub secret_key: Secret,
    /// Private JWKs as their file has them (a JSON list); see [`crate::signing_keys`].
    pub signing_keys: Option<Secret>,
}

/// Why the keys of a project cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KeysError {
    /// Well-known keys in production.
    #[error(
        "{key} is the well-known development value, which anyone can use: remove it from config.toml and the environment, or set your own"
    )]
    WellKnown {
        /// Dotted key in config.toml.
        key: &'static str,
    },
    /// A secret that can be guessed, in production.
    #[error(
        "auth.jwt_secret repeats a few characters and can be guessed: remove it, and one is made and kept, or set a random one (`openssl rand -base64 48` makes one)"
    )]
    Guessable,
    /// Tokens signed with the well-known secret may be around.
    #[error(
        "the data in {} was served with the public development keys; run `basalt keys rotate --production` once to give it keys of its own",
        home.display()
    )]
    ServedInDevelopment {
        /// The data directory.
        home: PathBuf,
    },
    /// Development keys would open production data.
    #[error(
        "the data in {} has production keys; start with --production, use another --data-dir, or run `basalt keys rotate --development`",
        home.display()
    )]
    ServedInProduction {
        /// The data directory.
        home: PathBuf,
    },
    /// The file of keys cannot be read or written.
    #[error("cannot use {}: {source}", path.display())]
    File {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The file of keys is not ours.
    #[error("{} is not a file of keys: {message}", path.display())]
    Broken {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        message: String,
    },
}

/// What is kept in `<home>/secrets/keys.json`.
#[derive(Serialize, Deserialize)]
struct Kept {
    mode: Mode,
    #[serde(skip_serializing_if = "Option::is_none")]
    jwt_secret: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    publishable_key: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    secret_key: Option<String>,
    /// Unix seconds; the JWT keys are signed with it, so that they stay the same.
    #[serde(default)]
    issued_at: i64,
}

impl Keys {
    /// The development keys of a project: the CLI's, unless config.toml sets its own.
    pub fn development(auth: &Auth) -> Self {
        let given = |key: &Option<Secret>| key.clone().filter(|s| !s.expose().is_empty());
        let jwt_secret = given(&auth.jwt_secret).unwrap_or_else(|| DEV_JWT_SECRET.into());
        let sign = |role| Secret::new(api_key(jwt_secret.expose(), DEV_ISSUER, role, None, DEV_EXPIRES_AT));
        Self {
            anon_key: given(&auth.anon_key).unwrap_or_else(|| sign("anon")),
            service_role_key: given(&auth.service_role_key).unwrap_or_else(|| sign("service_role")),
            publishable_key: given(&auth.publishable_key).unwrap_or_else(|| DEV_PUBLISHABLE_KEY.into()),
            secret_key: given(&auth.secret_key).unwrap_or_else(|| DEV_SECRET_KEY.into()),
            signing_keys: None,
            jwt_secret,
        }
    }

    /// Are these, in whole or in part, keys that everyone knows?
    pub fn are_well_known(&self) -> bool {
        self.well_known().is_some()
    }

    fn well_known(&self) -> Option<&'static str> {
        let dev = Self::development(&Auth::default());
        [
            ("auth.jwt_secret", &self.jwt_secret, &dev.jwt_secret),
            ("auth.anon_key", &self.anon_key, &dev.anon_key),
            ("auth.service_role_key", &self.service_role_key, &dev.service_role_key),
            ("auth.publishable_key", &self.publishable_key, &dev.publishable_key),
            ("auth.secret_key", &self.secret_key, &dev.secret_key),
        ]
        .into_iter()
        .find(|(_, ours, theirs)| ours == theirs)
        .map(|(key, _, _)| key)
    }
}

/// The keys for a start in `mode` with the data in `home`; makes and keeps production keys when there are none.
///
/// # Errors
/// Data served in the other mode before, well-known keys in production, a file that cannot be read or written.
pub fn open(home: &Path, mode: Mode, loaded: &Loaded, clock: &Clock) -> Result<Keys, KeysError> {
    let kept = read(home)?;
    match (&kept, mode) {
        (Some(Kept { mode: Mode::Development, .. }), Mode::Production) => {
            return Err(KeysError::ServedInDevelopment { home: home.to_owned() });
        }
        (Some(Kept { mode: Mode::Production, .. }), Mode::Development) => {
            return Err(KeysError::ServedInProduction { home: home.to_owned() });
        }
        _ => {}
    }
    let kept = match kept {
        Some(kept) => kept,
        None => first(home, mode, clock)?,
    };
    assemble(home, &kept, loaded)
}

/// The first keys of a home. Of two starts at once one makes them and the other takes them.
fn first(home: &Path, mode: Mode, clock: &Clock) -> Result<Kept, KeysError> {
    let secrets = home.join("secrets");
    private_folder(&secrets).map_err(|source| KeysError::File { path: secrets.clone(), source })?;
    let path = secrets.join("keys.lock");
    let locked = std::fs::File::create(&path).and_then(|file| file.lock().map(|()| file));
    let _until_written = locked.map_err(|source| KeysError::File { path, source })?;
    match read(home)? {
        Some(kept) if kept.mode == mode => Ok(kept),
        Some(Kept { mode: Mode::Production, .. }) => Err(KeysError::ServedInProduction { home: home.to_owned() }),
        Some(_) => Err(KeysError::ServedInDevelopment { home: home.to_owned() }),
        None => fresh(home, mode, clock),
    }
}

/// New keys for the data in `home`: every token and API key given out before stops working. The next start must be in `mode`.
///
/// # Errors
/// A file that cannot be written; well-known keys in config.toml for production.
pub fn rotate(home: &Path, mode: Mode, loaded: &Loaded, clock: &Clock) -> Result<Keys, KeysError> {
    signing_keys::forget(home)?;
    assemble(home, &fresh(home, mode, clock)?, loaded)
}

/// The mode that the data in `home` was served in, if it ever was.
///
/// # Errors
/// A file that cannot be read.
pub fn mode_of(home: &Path) -> Result<Option<Mode>, KeysError> {
    Ok(read(home)?.map(|kept| kept.mode))
}

fn assemble(home: &Path, kept: &Kept, loaded: &Loaded) -> Result<Keys, KeysError> {
    let auth = &loaded.config.auth;
    let mut keys = match kept.mode {
        Mode::Development => Keys::development(auth),
        Mode::Production => production(kept, auth)?,
    };
    keys.signing_keys = signing_keys::read(home, kept.mode, auth)?;
    Ok(keys)
}

fn production(kept: &Kept, auth: &Auth) -> Result<Keys, KeysError> {
    let pick = |given: &Option<Secret>, kept: &Option<String>| {
        given
            .clone()
            .filter(|s| !s.expose().is_empty())
            .unwrap_or_else(|| Secret::new(kept.clone().unwrap_or_default()))
    };
    let jwt_secret = pick(&auth.jwt_secret, &kept.jwt_secret);
    let expires_at = kept.issued_at + API_KEY_LIFE_SECONDS;
    let sign = |role| Some(api_key(jwt_secret.expose(), "supabase", role, Some(kept.issued_at), expires_at));
    let keys = Keys {
        anon_key: pick(&auth.anon_key, &sign("anon")),
        service_role_key: pick(&auth.service_role_key, &sign("service_role")),
        publishable_key: pick(&auth.publishable_key, &kept.publishable_key),
        secret_key: pick(&auth.secret_key, &kept.secret_key),
        signing_keys: None,
        jwt_secret,
    };
    if let Some(key) = keys.well_known() {
        return Err(KeysError::WellKnown { key });
    }
    let distinct: std::collections::BTreeSet<char> = keys.jwt_secret.expose().chars().collect();
    if distinct.len() < DISTINCT_CHARACTERS {
        return Err(KeysError::Guessable);
    }
    Ok(keys)
}

fn fresh(home: &Path, mode: Mode, clock: &Clock) -> Result<Kept, KeysError> {
    let kept = match mode {
        Mode::Development => Kept { mode, jwt_secret: None, publishable_key: None, secret_key: None, issued_at: 0 },
        Mode::Production => Kept {
            mode,
            jwt_secret: Some(random_text::<48>()),
            publishable_key: Some(opaque_key("sb_publishable_")),
            secret_key: Some(opaque_key("sb_secret_")),
            issued_at: clock.unix_seconds(),
        },
    };
    write(home, &kept)?;
    Ok(kept)
}

fn random_text<const BYTES: usize>() -> String {
    let bytes: [u8; BYTES] = rand::random();
    URL_SAFE_NO_PAD.encode(bytes)
}

/// Prefix, 22 random characters, and 8 that check them, so that a mistyped key can be told from a revoked one.
fn opaque_key(prefix: &str) -> String {
    let body = format!("{prefix}{}", random_text::<16>());
    let check = URL_SAFE_NO_PAD.encode(&Sha256::digest(&body)[..6]);
    format!("{body}_{check}")
}

fn file_of(home: &Path) -> PathBuf {
    home.join("secrets").join("keys.json")
}

fn read(home: &Path) -> Result<Option<Kept>, KeysError> {
    let path = file_of(home);
    let text = match std::fs::read_to_string(&path) {
        Ok(text) => text,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(source) => return Err(KeysError::File { path, source }),
    };
    let kept: Kept = serde_json::from_str(&text)
        .map_err(|e| KeysError::Broken { path: path.clone(), message: format!("line {}", e.line()) })?;
    let whole = kept.jwt_secret.is_some() && kept.publishable_key.is_some() && kept.secret_key.is_some();
    if kept.mode == Mode::Production && !whole {
        return Err(KeysError::Broken { path, message: "a key is missing".to_owned() });
    }
    Ok(Some(kept))
}

fn write(home: &Path, kept: &Kept) -> Result<(), KeysError> {
    let path = file_of(home);
    let text = serde_json::to_string_pretty(kept)
        .map_err(|e| KeysError::Broken { path: path.clone(), message: e.to_string() })?;
    let written = private_folder(&home.join("secrets")).and_then(|()| replace_private(&path, &text));
    written.map_err(|source| KeysError::File { path, source })
}

/// The environment as functions and children should see it: the project's keys under the names of the hosted platform.
pub fn function_env(keys: &Keys, api_url: &str, db_url: &str) -> Env {
    Env::from_iter([
        ("SUPABASE_URL", api_url),
        ("SUPABASE_ANON_KEY", keys.anon_key.expose().as_str()),
        ("SUPABASE_SERVICE_ROLE_KEY", keys.service_role_key.expose().as_str()),
        ("SUPABASE_DB_URL", db_url),
    ])
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use time::OffsetDateTime;

    use super::*;

    fn loaded(config: &str) -> Loaded {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("supabase")).unwrap();
        std::fs::write(dir.path().join("supabase/config.toml"), config).unwrap();
        crate::load(dir.path(), &Env::default()).unwrap()
    }

    fn clock() -> Clock {
        Clock::frozen(OffsetDateTime::UNIX_EPOCH)
    }

    #[test]
    fn two_first_starts_at_once_have_the_same_keys() {
        let home = tempfile::tempdir().unwrap();
        let (project, clock) = (loaded(""), clock());
        let start = || open(home.path(), Mode::Production, &project, &clock).unwrap();
        let secrets: Vec<String> = std::thread::scope(|threads| {
            let starts: Vec<_> = (0..8).map(|_| threads.spawn(|| start().jwt_secret.expose().to_owned())).collect();
            starts.into_iter().map(|start| start.join().unwrap()).collect()
        });
        assert!(secrets.iter().all(|secret| *secret == secrets[0]));
    }

    #[test]
    fn development_keys_are_those_of_the_cli() {
        let keys = Keys::development(&Auth::default());
        assert_eq!(
            keys.anon_key.expose(),
            "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJpc3MiOiJzdXBhYmFzZS1kZW1vIiwicm9sZSI6ImFub24iLCJleHAiOjE5ODM4MTI5OTZ9.CRXP1A7WOeoJeXxjNni43kdQwgnWNReilDMblYTn_I0"
        );
        assert_eq!(
            keys.service_role_key.expose(),
            "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJpc3MiOiJzdXBhYmFzZS1kZW1vIiwicm9sZSI6InNlcnZpY2Vfcm9sZSIsImV4cCI6MTk4MzgxMjk5Nn0.EGIM96RAZx35lJzdJsyH-qQwv8Hdp7fsn3W0YpN81IU"
        );
        assert!(keys.are_well_known());
    }

    #[test]
    fn production_keys_are_made_once_and_kept_for_their_owner_only() {
        let home = tempfile::tempdir().unwrap();
        let first = open(home.path(), Mode::Production, &loaded(""), &clock()).unwrap();
        assert!(!first.are_well_known());
        assert_eq!(open(home.path(), Mode::Production, &loaded(""), &clock()).unwrap(), first);
        let mode = |path: &str| std::fs::metadata(home.path().join(path)).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode("secrets"), mode("secrets/keys.json")), (0o700, 0o600));
        assert_eq!(first.secret_key.expose().len(), DEV_SECRET_KEY.len());
        let rotated = rotate(home.path(), Mode::Production, &loaded(""), &clock()).unwrap();
        assert_ne!(rotated.jwt_secret, first.jwt_secret);
    }

    #[test]
    fn one_data_directory_changes_mode_only_by_rotation() {
        let home = tempfile::tempdir().unwrap();
        open(home.path(), Mode::Development, &loaded(""), &clock()).unwrap();
        let error = open(home.path(), Mode::Production, &loaded(""), &clock()).unwrap_err().to_string();
        assert!(error.contains("basalt keys rotate --production"), "{error}");
        rotate(home.path(), Mode::Production, &loaded(""), &clock()).unwrap();
        open(home.path(), Mode::Production, &loaded(""), &clock()).unwrap();
        let error = open(home.path(), Mode::Development, &loaded(""), &clock()).unwrap_err();
        assert!(matches!(error, KeysError::ServedInProduction { .. }), "{error}");
    }

    #[test]
    fn production_refuses_what_everyone_knows() {
        let home = tempfile::tempdir().unwrap();
        let config = format!("[auth]\njwt_secret = '{DEV_JWT_SECRET}'\n");
        let error = open(home.path(), Mode::Production, &loaded(&config), &clock()).unwrap_err().to_string();
        assert!(error.contains("auth.jwt_secret") && !error.contains(DEV_JWT_SECRET), "{error}");
    }

    #[test]
    fn production_refuses_what_can_be_guessed() {
        let home = tempfile::tempdir().unwrap();
        let open = |secret: &str| {
            let config = format!("[auth]\njwt_secret = '{secret}'\n");
            open(home.path(), Mode::Production, &loaded(&config), &clock())
        };
        let error = open(&"a".repeat(40)).unwrap_err().to_string();
        assert!(error.contains("auth.jwt_secret") && error.contains("openssl"), "{error}");
        assert!(open(&"1234567".repeat(6)).is_err());
        assert!(open("6f1d02b7c9a84e53a1b0ffde0c2a9e77").is_ok());
    }

    #[test]
    fn a_broken_file_of_keys_is_not_replaced() {
        let home = tempfile::tempdir().unwrap();
        std::fs::create_dir(home.path().join("secrets")).unwrap();
        std::fs::write(home.path().join("secrets/keys.json"), "{\"mode\":\"production\"}").unwrap();
        let error = open(home.path(), Mode::Production, &loaded(""), &clock()).unwrap_err().to_string();
        assert!(error.contains("a key is missing"), "{error}");
    }
}
