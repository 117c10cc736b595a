//! From a home to a running server: the order of things.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use base::Secret;
use nix::sys::signal::Signal;
use nix::unistd::{Uid, User};
use tokio::sync::{oneshot, watch};
use tokio::task::JoinHandle;

use crate::cluster::{self, Found};
use crate::conf::{self, Conf};
use crate::error::Error;
use crate::find::{self, Installation};
use crate::home::Home;
use crate::options::Options;
use crate::postmaster::{self, Holder};
use crate::prefix;
use crate::supervise::{self, Plan, Running, State};
use crate::user::RunUser;
use crate::watchdog::Watchdog;
use crate::{Progress, SUPERUSER, choose, superuser};

/// A running PostgreSQL and the task that watches it. Stop it by [`Server::stop`]; dropped, it is told to stop and not waited for.
#[derive(Debug)]
pub struct Server {
    plan: Arc<Plan>,
    installation: Installation,
    search_path: Option<std::ffi::OsString>,
    socket_dir: PathBuf,
    port: u16,
    password: Secret<String>,
    fresh: bool,
    notes: Vec<String>,
    state: watch::Receiver<State>,
    stop: Option<oneshot::Sender<()>>,
    task: Option<JoinHandle<Result<(), Error>>>,
    _watchdog: Option<Watchdog>,
    /// Dropped last: the home is free when the server is gone.
    _home: Home,
}

impl Server {
    /// Finds or obtains a PostgreSQL, makes the cluster on a first start, and returns when it accepts connections.
    /// `progress` hears of steps that take long.
    ///
    /// # Errors
    /// See [`Error`]: each says what to do. Nothing that was there is changed by a start that fails.
    pub async fn start(options: Options, progress: impl Fn(&str) + Send + Sync) -> Result<Self, Error> {
        let mut notes = Vec::new();
        let mut home = Home::open(&options.home)?;
        let user = RunUser::choose(home.data_owner(), &mut notes).await?;
        let place = home.place(&user, &mut notes)?;
        let data = place.join("pgdata");
        let found = cluster::inspect(&data)?;
        refuse_other_owner(&data, &user)?;
        let installation = choose::installation(&options, &home, &user, &data, &found, &mut notes, &progress).await?;

        let prefix_root = place.join(format!("postgres-{}", installation.major));
        let mut holder = postmaster::holder(&data, &place)?;
        if let Holder::Foreign { pid, program } = holder {
            return Err(Error::DataInUse { path: data, pid, program });
        }
        if !prefix::is_current(&prefix_root, &installation, &options.extension_files) {
            holder = end_earlier(holder).await?;
        }
        let port = match &holder {
            Holder::Ours(file) if options.port == 0 || options.port == file.port => file.port,
            _ => crate::ports::claim(&options.listen, options.port)?,
        };
        let prefix = prefix::ensure(&prefix_root, &installation, &options.extension_files)?;
        let fresh = found == Found::Nothing;
        if fresh {
            let cache = options.cache_dir.as_deref().and_then(choose::own_cache);
            cluster::create(&user, &installation, &data, cache.as_deref(), &progress).await?;
        }

        let socket_dir = home.socket_dir(&user)?;
        let seat =
            Seat { options: &options, installation: &installation, user: &user, data: &data, socket_dir: &socket_dir };
        let configured = seat.configure(port)?;
        let plan = Arc::new(Plan {
            user: user.clone(),
            postgres: prefix.postgres.clone(),
            data: data.clone(),
            place,
            log: home.log_file()?,
            socket_dir: socket_dir.clone(),
            pid: AtomicU32::new(0),
        });
        let watchdog = Watchdog::start(options.lifetime, &data, &home.root)?;
        let (running, port) = match holder {
            Holder::Ours(file) if file.ready && !configured && file.socket_dir == socket_dir => {
                tracing::info!(pid = file.pid, "adopting the PostgreSQL that an earlier process left running");
                plan.pid.store(file.pid, Ordering::Relaxed);
                (Running::Adopted(file.pid), port)
            }
            holder => {
                if let Holder::Dead { reused } = end_earlier(holder).await? {
                    postmaster::clear_remains(&data, reused).await?;
                }
                supervise::keep_log_small(&plan.log);
                seat.launch(&plan, port, &progress).await?
            }
        };

        let (stop, stopped) = oneshot::channel();
        let (state_sender, state) = watch::channel(State::Ready);
        let watched = Arc::clone(&plan);
        let task = tokio::spawn(async move { supervise::watch(&watched, running, state_sender, stopped).await });
        let mut server = Self {
            plan,
            installation,
            search_path: options.search_path.clone(),
            socket_dir,
            port,
            password: Secret::default(),
            fresh,
            notes,
            state,
            stop: Some(stop),
            task: Some(task),
            _watchdog: watchdog,
            _home: home,
        };
        match server.first_words(&prefix.share).await {
            Ok(()) => {}
            Err(error) => {
                let _ = server.stop().await;
                return Err(error);
            }
        }
        if fresh && !options.settings.iter().any(|(name, value)| name == "fsync" && value == "off") {
            tokio::spawn(cluster::sync_to_disk(user, server.installation.clone(), data));
        }
        Ok(server)
    }

    /// The first connection: sets the superuser's password where it has none, and checks that our extensions are seen.
    async fn first_words(&mut self, share: &Path) -> Result<(), Error> {
        let secrets = self._home.secrets()?;
        let config = self.admin_config("postgres");
        let told = tokio::time::timeout(FIRST_WORDS_TIMEOUT, superuser::introduce(&config, &secrets)).await.map_err(
            |_| Error::StartTimeout { seconds: FIRST_WORDS_TIMEOUT.as_secs(), log: self.plan.log.clone() },
        )??;
        self.password = told.password;
        if Path::new(&told.share).canonicalize().ok() != share.canonicalize().ok() {
            self.notes.push(format!(
                "PostgreSQL looks for extensions in {} and not in our prefix; pg_net, pg_cron and the like cannot be created",
                told.share
            ));
        }
        Ok(())
    }

    /// The private folder with the socket; with [`Server::port`] it is where we connect ourselves.
    pub fn socket_dir(&self) -> &Path {
        &self.socket_dir
    }

    /// The TCP port for applications, which also names the socket's file.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The superuser: `supabase_admin`. Over the private socket it needs no password.
    pub fn superuser(&self) -> &str {
        SUPERUSER
    }

    /// The superuser's password over TCP; random, kept in `<home>/secrets`.
    pub fn superuser_password(&self) -> &Secret<String> {
        &self.password
    }

    /// How to connect as the superuser through the private socket.
    pub fn admin_config(&self, database: &str) -> tokio_postgres::Config {
        let mut config = tokio_postgres::Config::new();
        config
            .host_path(&self.socket_dir)
            .port(self.port)
            .user(SUPERUSER)
            .password(self.password.expose())
            .dbname(database);
        config
    }

    /// The server's major version.
    pub fn major(&self) -> u32 {
        self.installation.major
    }

    /// The installation that runs.
    pub fn installation(&self) -> &Installation {
        &self.installation
    }

    /// A program such as `pg_dump` or `psql`: the server's own, or another of this machine that is not older.
    pub async fn bin(&self, tool: &str) -> Option<PathBuf> {
        find::tool(&self.installation.bin, tool, self.search_path.as_deref(), self.installation.major).await
    }

    /// Was the cluster made by this start?
    pub fn fresh(&self) -> bool {
        self.fresh
    }

    /// What the user should hear: another major than asked for, a data directory elsewhere, …
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// Where the cluster's data is.
    pub fn data_dir(&self) -> &Path {
        &self.plan.data
    }

    /// The server's log.
    pub fn log_file(&self) -> &Path {
        &self.plan.log
    }

    /// The postmaster's process id; `None` while it is being started again.
    pub fn pid(&self) -> Option<u32> {
        Some(self.plan.pid.load(Ordering::Relaxed)).filter(|pid| *pid != 0)
    }

    /// Whether connections are accepted, to look at and to wait on.
    pub fn state(&self) -> watch::Receiver<State> {
        self.state.clone()
    }

    /// Ends all connections, writes everything to disk, and returns when the process is gone.
    ///
    /// # Errors
    /// [`Error::StopTimeout`] when it does not end even after SIGQUIT.
    pub async fn stop(mut self) -> Result<(), Error> {
        if let Some(stop) = self.stop.take() {
            let _ = stop.send(());
        }
        let Some(task) = self.task.take() else { return Ok(()) };
        let stopped = match task.await {
            Ok(result) => result,
            Err(error) => {
                Err(Error::Program { program: "the supervisor of PostgreSQL".to_owned(), message: error.to_string() })
            }
        };
        let _ = std::fs::remove_dir(&self.socket_dir);
        stopped
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // The task may be gone with its runtime: tell the server directly. A second signal does no harm.
        if self.task.is_some()
            && let Some(pid) = self.pid()
        {
            let _ = postmaster::signal_to(pid, Some(Signal::SIGINT));
        }
    }
}

/// Stops a server that an earlier process left running and that cannot be adopted.
async fn end_earlier(holder: Holder) -> Result<Holder, Error> {
    let Holder::Ours(file) = holder else { return Ok(holder) };
    tracing::info!(pid = file.pid, "stopping the PostgreSQL that an earlier process left running");
    postmaster::stop(file.pid, || !postmaster::alive(file.pid)).await?;
    Ok(Holder::Nobody)
}

/// PostgreSQL refuses data of another user than its own; as root we would hand it to the owner, if that one had a name here.
fn refuse_other_owner(data: &Path, user: &RunUser) -> Result<(), Error> {
    let owner = data.join("PG_VERSION").metadata().ok().map(|meta| meta.uid());
    if owner.is_none_or(|owner| owner == user.uid) {
        return Ok(());
    }
    let (name, path) = (&user.name, data.display());
    let hint = format!("it belongs to another user; start as that one, or run `sudo chown -R {name} {path}`");
    Err(Error::Permission { what: "use", path: data.to_owned(), hint })
}

/// A server that accepts connections answers at once; a longer silence is a defect worth an error.
const FIRST_WORDS_TIMEOUT: Duration = Duration::from_secs(30);

/// How often another free port is tried when nobody asked for a certain one.
const PORT_ATTEMPTS: u32 = 5;

/// What a first launch needs beside the plan.
struct Seat<'a> {
    options: &'a Options,
    installation: &'a Installation,
    user: &'a RunUser,
    data: &'a Path,
    socket_dir: &'a Path,
}

impl Seat<'_> {
    /// Writes the three configuration files; `true` when one changed.
    fn configure(&self, port: u16) -> Result<bool, Error> {
        let statements = self.installation.has_library("pg_stat_statements");
        let Options { listen, settings: extra, .. } = self.options;
        let major = self.installation.major;
        let settings = Conf { listen, port, socket_dir: self.socket_dir, major, statements, extra }.settings()?;
        let me = User::from_uid(Uid::effective()).ok().flatten().map_or_else(|| self.user.name.clone(), |me| me.name);
        let mut names = vec![self.user.name.as_str()];
        if me != self.user.name {
            names.push(&me);
        }
        let access = conf::host_access();
        let identities = conf::identities(&names);
        let files = [("postgresql.conf", settings), ("pg_hba.conf", access), ("pg_ident.conf", identities)];
        let mut changed = false;
        for (name, text) in files {
            changed |= conf::write_if_changed(self.user, &self.data.join(name), &text)?;
        }
        Ok(changed)
    }

    /// Launches, and returns the port. One may be lost between our look and the server's: any free one is replaced by another, a
    /// certain one is an error that says who has it.
    async fn launch(&self, plan: &Plan, port: u16, progress: Progress<'_>) -> Result<(Running, u16), Error> {
        let mut port = port;
        let mut attempt = 1;
        loop {
            match plan.launch(progress).await {
                Ok(running) => return Ok((running, port)),
                Err(Error::PortTaken { .. }) if self.options.port == 0 && attempt < PORT_ATTEMPTS => {
                    port = crate::ports::claim(&self.options.listen, 0)?;
                    self.configure(port)?;
                }
                Err(Error::PortTaken { address, .. }) => {
                    return Err(Error::PortTaken { address, port, holder: crate::ports::listener_on(port) });
                }
                Err(Error::BackendsLeft { .. }) if attempt < PORT_ATTEMPTS => {
                    progress("waiting for the backends of an earlier PostgreSQL");
                    tokio::time::sleep(postmaster::ORPHAN_PATIENCE).await;
                }
                Err(error) => return Err(error),
            }
            attempt += 1;
        }
    }
}
