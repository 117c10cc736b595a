//! The database of a project: an embedded cluster, one that another process of ours runs, or one given by URL.

use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use base::Secret;
use pg::{Address, Db, Target};
use pgserver::{ExtensionFile, Lifetime, Options, Server};
use platform::Rights;

use super::{Plan, room, run_file};
use crate::progress::Progress;

/// Connections of the pool for our own work; requests of users have the executor's.
const CONNECTIONS: usize = 12;
/// The oldest PostgreSQL that is supported.
const OLDEST: i32 = 150_000;

/// A database that can be worked on.
pub struct Database {
    /// As its most powerful role: `supabase_admin`, or whoever the URL names.
    pub admin: Target,
    /// As callers connect.
    pub callers: Target,
    /// What `admin` may do.
    pub rights: Rights,
    /// The cluster, if this process runs it.
    pub server: Option<Server>,
}

impl Database {
    /// Starts or finds the database of `plan`.
    pub async fn open(plan: &Plan, progress: &Progress) -> anyhow::Result<Self> {
        match &plan.overrides.database_url {
            Some(url) => by_url(url).await,
            None => embedded(plan, For::Users, progress).await,
        }
    }

    /// For a command: uses the project that runs, or starts its database for as long as the command takes.
    pub async fn open_or_join(plan: &Plan, progress: &Progress) -> anyhow::Result<Self> {
        if let Some(url) = &plan.overrides.database_url {
            return by_url(url).await;
        }
        if let Some(info) = run_file::running(plan.location.home())? {
            let admin = match (info.socket, info.database_url) {
                (Some((socket, port)), _) => superuser(&socket, port),
                (None, Some(url)) => return by_url(&url).await,
                (None, None) => bail!("the running project does not tell where its database is; stop and start it"),
            };
            return Ok(Self { callers: admin.clone(), admin, rights: Rights::Superuser, server: None });
        }
        let mut database = embedded(plan, For::Command, progress).await?;
        match database.install_platform(plan, progress).await {
            Ok(()) => Ok(database),
            Err(error) => database.finish(Err(error)).await,
        }
    }

    /// Brings roles, schemas and extensions to what projects expect.
    pub async fn install_platform(&mut self, plan: &Plan, progress: &Progress) -> anyhow::Result<()> {
        let vault_key = match &self.server {
            Some(server) => {
                let given = plan.config.db.root_key.as_ref().filter(|key| !key.expose().is_empty());
                if given.is_none() {
                    self.miss_no_vault_key(server).await?;
                }
                Some(vault_key_file(server, given)?)
            }
            None => None,
        };
        let authenticator = Secret::new(crypto::random::alphanumeric(32));
        let mut client = self.admin.connect().await?;
        let how = platform::Install {
            rights: self.rights,
            postgres_password: &plan.postgres_password,
            authenticator_password: &authenticator,
            jwt_secret: &plan.keys.jwt_secret,
            jwt_exp: plan.config.auth.jwt_expiry as i64,
            publish_jwt_settings: !plan.production,
            vault_key_file: vault_key.as_deref(),
        };
        let report = platform::install(&mut client, &how).await.context("cannot prepare the database")?;
        for note in &report.notes {
            progress.note(note);
        }
        platform::apply_further(&mut client, "auth", auth::MIGRATIONS).await?;
        platform::apply_further(&mut client, "mail", mail::MIGRATIONS).await?;
        drop(client);
        // A managed PostgreSQL may not let us make the login role: then requests connect as who we are, and step down.
        let authenticator = self.admin.as_role("authenticator", &authenticator);
        if self.rights == Rights::Superuser || authenticator.connect().await.is_ok() {
            self.callers = authenticator;
        }
        Ok(())
    }

    /// A new key would not open what was sealed with a lost one.
    async fn miss_no_vault_key(&self, server: &Server) -> anyhow::Result<()> {
        let path = vault_key_path(server)?;
        if path.exists() {
            return Ok(());
        }
        let client = self.admin.connect().await?;
        let table = client.query_opt("select 1 where to_regclass('vault.secrets') is not null", &[]).await;
        if table.map_err(pg::Error::from)?.is_none() {
            return Ok(());
        }
        let row = client.query_one("select count(*) from vault.secrets", &[]).await.map_err(pg::Error::from)?;
        match row.get::<_, i64>(0) {
            0 => Ok(()),
            sealed => bail!(
                "the key of the vault is missing, with which {sealed} secret(s) were sealed: put {} back from a backup. To give the \
                 secrets up, write a new key into config.toml as [db] root_key (`openssl rand -hex 32` makes one)",
                path.display()
            ),
        }
    }

    /// The doors that services use.
    pub fn doors(&self) -> anyhow::Result<Db> {
        Ok(Db::new(&self.callers, &self.admin, self.rights == Rights::Superuser, CONNECTIONS)?)
    }

    /// Stops the cluster, if it is ours, whatever came of the work; a full disk is named in an error.
    pub async fn finish<T>(self, result: anyhow::Result<T>) -> anyhow::Result<T> {
        let result = match &self.server {
            Some(server) => room::named(server, result),
            None => result,
        };
        let closed = self.close().await;
        let value = result?;
        closed?;
        Ok(value)
    }

    /// Stops the cluster, if it is ours.
    pub async fn close(self) -> anyhow::Result<()> {
        match self.server {
            Some(server) => Ok(server.stop().await?),
            None => Ok(()),
        }
    }
}

/// A cluster of this project's PostgreSQL in `home`, with our extensions.
pub(super) fn cluster_options(plan: &Plan, home: &Path, port: u16) -> Options {
    let mut options = Options::new(home, port);
    options.major = Some(plan.config.db.major_version);
    options.fetch = plan.overrides.fetch_postgres;
    options.archive_url.clone_from(&plan.overrides.postgres_archive);
    let settings = plan.config.db.settings.given();
    options.settings = settings.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    options.cache_dir = cache_dir();
    options.search_path = std::env::var_os("PATH");
    options.extension_files = platform::extension_files()
        .into_iter()
        .map(|file| ExtensionFile { name: file.name.to_owned(), contents: file.contents.as_bytes().into() })
        .collect();
    options
}

/// For whom a cluster is started.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum For {
    /// For whoever connects to it: it has the port of config.toml.
    Users,
    /// For one command: nobody else is to connect, the port may be another project's by now, and it ends with the command, however
    /// that one ends.
    Command,
}

async fn embedded(plan: &Plan, whom: For, progress: &Progress) -> anyhow::Result<Database> {
    let mut options = match whom {
        For::Users => cluster_options(plan, plan.location.home(), plan.db_port()),
        For::Command => cluster_options(plan, plan.location.home(), 0),
    };
    match whom {
        For::Users => options.listen = vec![plan.host()],
        For::Command => {
            options.listen = Vec::new();
            options.lifetime = Lifetime::Process;
        }
    }
    let server = start(options, progress).await?;
    for note in server.notes() {
        progress.note(note);
    }
    let admin = superuser(server.socket_dir(), server.port());
    if migrate::recover_from_reset(&admin, crate::commands::platform_schema::ROLES).await? {
        progress.note("an earlier `basalt db reset` did not come to its end; the database is as it was before");
    }
    Ok(Database { callers: admin.clone(), admin, rights: Rights::Superuser, server: Some(server) })
}

/// Starts the cluster. An earlier process that was killed while it brought PostgreSQL back may leave a postmaster that has not
/// written its pid file yet when we look; then the lock is there a moment later, and the next look adopts or ends it.
async fn start(options: Options, progress: &Progress) -> anyhow::Result<Server> {
    const TRIES: usize = 10;
    let mut tries = 0;
    loop {
        match Server::start(options.clone(), |step| progress.step(step)).await {
            Err(error) if tries < TRIES && error.to_string().contains("\"postmaster.pid\" already exists") => {
                tries += 1;
                tokio::time::sleep(std::time::Duration::from_millis(500)).await;
            }
            other => return Ok(other?),
        }
    }
}

/// The superuser needs no password on the private socket.
pub(super) fn superuser(socket: &Path, port: u16) -> Target {
    Target {
        address: Address::Socket(socket.to_owned()),
        port,
        database: "postgres".to_owned(),
        user: pgserver::SUPERUSER.to_owned(),
        password: Secret::default(),
        startup: Vec::new(),
    }
}

async fn by_url(url: &str) -> anyhow::Result<Database> {
    let admin = Target::parse(url).map_err(anyhow::Error::msg)?;
    let client = admin.connect().await.with_context(|| format!("cannot reach the database {}", place(&admin)))?;
    let row = client
        .query_one(
            "select current_setting('server_version_num')::int, current_setting('transaction_read_only') = 'on'",
            &[],
        )
        .await
        .map_err(pg::Error::from)?;
    let (version, read_only): (i32, bool) = (row.get(0), row.get(1));
    if version < OLDEST {
        bail!("the database {} is PostgreSQL {}; 15 or later is needed", place(&admin), version / 10_000);
    }
    if read_only {
        bail!("the database {} is read-only (a replica?); give the URL of the primary", place(&admin));
    }
    Ok(Database { callers: admin.clone(), admin, rights: Rights::Managed, server: None })
}

fn place(target: &Target) -> String {
    let host = match &target.address {
        Address::Socket(folder) => folder.display().to_string(),
        Address::Tcp { host, .. } => host.clone(),
    };
    format!("{} at {host}:{} (as {})", target.database, target.port, target.user)
}

fn vault_key_path(server: &Server) -> anyhow::Result<PathBuf> {
    let data = server.data_dir();
    let Some(place) = data.parent() else { bail!("the cluster {} has no folder around it", data.display()) };
    Ok(place.join("vault.key"))
}

/// The vault's key: outside of the cluster's files, readable by PostgreSQL's user and nobody else. `given`: `[db] root_key`, which holds
/// for a new database; secrets of an older one could not be read with another key.
pub(super) fn vault_key_file(server: &Server, given: Option<&Secret>) -> anyhow::Result<PathBuf> {
    let path = vault_key_path(server)?;
    if path.exists() {
        return Ok(path);
    }
    let key = match given.filter(|key| !key.expose().is_empty()) {
        Some(key) => hex::decode(key.expose()).ok().filter(|key| key.len() >= 32).context(
            "[db] root_key is no key: 64 or more hexadecimal digits are needed (make one with `openssl rand -hex 32`)",
        )?,
        None => crypto::random::bytes::<32>().to_vec(),
    };
    let fresh = path.with_extension("key.new");
    let _ = std::fs::remove_file(&fresh);
    let mut file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o400).open(&fresh)?;
    std::io::Write::write_all(&mut file, &key)?;
    file.sync_all()?;
    let owner = std::fs::metadata(server.data_dir())?;
    if owner.uid() != nix::unistd::Uid::effective().as_raw() {
        std::os::unix::fs::chown(&fresh, Some(owner.uid()), Some(owner.gid()))?;
    }
    std::fs::rename(&fresh, &path).with_context(|| format!("cannot write {}", path.display()))?;
    Ok(path)
}

/// `$XDG_CACHE_HOME/basalt`, else `~/.cache/basalt`.
fn cache_dir() -> Option<PathBuf> {
    #[expect(clippy::disallowed_methods, reason = "the binary is where the environment is read")]
    let var = |name| std::env::var(name).ok().filter(|value| !value.is_empty());
    var("XDG_CACHE_HOME")
        .map(PathBuf::from)
        .or_else(|| Some(PathBuf::from(var("HOME")?).join(".cache")))
        .map(|dir| dir.join("basalt"))
}
