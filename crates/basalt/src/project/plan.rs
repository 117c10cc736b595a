use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

use anyhow::Context;
use base::{Clock, Secret};
use config::keys::Keys;
use config::{Env, Mode, Paths, ProjectConfig};

use super::{Location, Overrides};
use crate::progress::Progress;

/// The password of `postgres` on every local stack.
const DEVELOPMENT_PASSWORD: &str = "postgres";

/// What is to be brought up, as files and flags say. Nothing is started yet.
#[derive(Clone)]
pub struct Plan {
    /// The folder and the data directory.
    pub location: Location,
    /// config.toml.
    pub config: ProjectConfig,
    /// Where its parts are.
    pub paths: Paths,
    /// What the command line says.
    pub overrides: Overrides,
    /// Keys of tokens and API.
    pub keys: Keys,
    /// Password of role `postgres`.
    pub postgres_password: Secret<String>,
    /// Own keys instead of the well-known ones?
    pub production: bool,
}

impl Plan {
    /// Reads a project folder; `progress` hears its warnings.
    pub fn read(folder: &Path, overrides: &Overrides, progress: &Progress) -> anyhow::Result<Self> {
        let location = Location::new(folder, overrides.data_dir.as_deref());
        let env = Env::from_iter(std::env::vars()).with_files(location.folder())?;
        let loaded = match &overrides.remote {
            Some(remote) => config::load_remote(location.folder(), &env, remote)?,
            None => config::load(location.folder(), &env)?,
        };
        for warning in &loaded.warnings {
            progress.note(&warning.to_string());
        }
        let mut loaded = loaded;
        if let Some(port) = overrides.port {
            loaded.config.listen_on(port);
        }
        if overrides.tls_cert.is_some() {
            loaded.config.serve_https();
        }
        let signing_keys = Path::new(&loaded.config.auth.signing_keys_path);
        if !loaded.config.auth.signing_keys_path.is_empty() && !signing_keys.exists() {
            progress.note(&format!("{} is not there: tokens are signed with the secret", signing_keys.display()));
        }
        let production = overrides.is_production();
        pgserver::check_home(location.home())?;
        // Made before its secrets are: those are for its owner alone, the cluster in it belongs to PostgreSQL's user.
        std::fs::create_dir_all(location.home()).with_context(|| {
            format!("cannot create the data directory {} (--data-dir puts it elsewhere)", location.home().display())
        })?;
        let keys = config::keys::open(location.home(), mode_of(production), &loaded, &Clock::system())?;
        let postgres_password = match &loaded.config.db.password {
            Some(given) => given.clone(),
            None if production => kept_password(&location)?,
            None => DEVELOPMENT_PASSWORD.into(),
        };
        let (config, paths) = (loaded.config, loaded.paths);
        Ok(Self { location, config, paths, overrides: overrides.clone(), keys, postgres_password, production })
    }

    /// Own keys, or the well-known ones.
    pub fn mode(&self) -> Mode {
        mode_of(self.production)
    }

    /// The file to change.
    pub fn config_file(&self) -> &Path {
        &self.paths.config
    }

    /// The address to listen on.
    pub fn host(&self) -> IpAddr {
        self.overrides.host.unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST))
    }

    /// Where the API listens.
    pub fn api_address(&self) -> SocketAddr {
        SocketAddr::new(self.host(), self.overrides.port.unwrap_or(self.config.api.port))
    }

    /// Where PostgreSQL listens for applications.
    pub fn db_port(&self) -> u16 {
        self.overrides.db_port.unwrap_or(self.config.db.port)
    }

    /// Where the development inbox listens, if there is one. With another API port than config.toml's it is not the only
    /// project on this machine, and takes a free port.
    pub fn inbox_port(&self) -> Option<u16> {
        let inbox = &self.config.local_smtp;
        (inbox.enabled && !self.production).then(|| if self.overrides.port.is_some() { 0 } else { inbox.port })
    }

    /// All ports that the project takes, with the section of config.toml that says so.
    pub fn ports(&self) -> Vec<(&'static str, u16)> {
        let mut ports = vec![("[api]", self.api_address().port())];
        if self.overrides.database_url.is_none() {
            ports.push(("[db]", self.db_port()));
        }
        ports.extend(self.inbox_port().map(|port| ("[local_smtp]", port)));
        ports.retain(|(_, port)| *port != 0);
        ports
    }

    /// The URL under which clients reach the API.
    pub fn api_url(&self) -> String {
        self.config.api.external_url.clone()
    }

    /// The certificate for HTTPS: flags, else `[api.tls]`.
    pub fn certificate(&self) -> Option<web::Certificate> {
        if let (Some(chain), Some(key)) = (&self.overrides.tls_cert, &self.overrides.tls_key) {
            return Some(web::Certificate { chain: chain.clone(), key: key.clone() });
        }
        let tls = &self.config.api.tls;
        let given = tls.enabled && !tls.cert_path.is_empty() && !tls.key_path.is_empty();
        given
            .then(|| web::Certificate { chain: self.in_supabase(&tls.cert_path), key: self.in_supabase(&tls.key_path) })
    }

    /// What applications connect with.
    pub fn db_url(&self) -> String {
        match &self.overrides.database_url {
            Some(url) => url.clone(),
            None => format!(
                "postgresql://postgres:{}@{}:{}/postgres",
                self.postgres_password.expose(),
                if self.host().is_unspecified() { IpAddr::V4(Ipv4Addr::LOCALHOST) } else { self.host() },
                self.db_port()
            ),
        }
    }

    fn in_supabase(&self, path: &str) -> PathBuf {
        self.paths.supabase.join(path)
    }
}

fn mode_of(production: bool) -> Mode {
    if production { Mode::Production } else { Mode::Development }
}

/// A random password that is made once for a production project.
fn kept_password(location: &Location) -> anyhow::Result<Secret<String>> {
    let path = location.secrets().join("postgres-password");
    config::create_private(&path, &crypto::random::alphanumeric(32))
        .with_context(|| format!("cannot write {}", path.display()))?;
    let text = std::fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
    Ok(text.trim().into())
}
