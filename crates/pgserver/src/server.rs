//! The handle on a running server.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use base::Secret;
use nix::sys::signal::Signal;
use tokio::sync::{oneshot, watch};
use tokio::task::JoinHandle;

use crate::error::Error;
use crate::find::{self, Installation};
use crate::home::Home;
use crate::options::Options;
use crate::site::{Site, Started};
use crate::supervise::{self, Plan, State};
use crate::{SUPERUSER, cluster, failure, postmaster, room, superuser};

/// A server that accepts connections answers at once; a longer silence is a defect worth an error.
const FIRST_WORDS_TIMEOUT: Duration = Duration::from_secs(30);

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
    /// Where in the log its words begin, in bytes.
    log_start: u64,
    state: watch::Receiver<State>,
    stop: Option<oneshot::Sender<()>>,
    task: Option<JoinHandle<Result<(), Error>>>,
    /// Dropped last: the home is free when the server is gone.
    home: Home,
}

impl Server {
    /// Finds or obtains a PostgreSQL, makes the cluster on a first start, and returns when it accepts connections.
    /// `progress` hears of steps that take long.
    ///
    /// # Errors
    /// See [`Error`]: each says what to do. Nothing that was there is changed by a start that fails.
    pub async fn start(options: Options, progress: impl Fn(&str) + Send + Sync) -> Result<Self, Error> {
        let mut site = Site::survey(&options, &progress).await?;
        let log_start = site.home.log_file()?.metadata().map_or(0, |log| log.len());
        let Started { plan, running, port, share, socket_dir } = site.raise(&options, &progress).await?;
        let plan = Arc::new(plan);
        let (stop, stopped) = oneshot::channel();
        let (state_sender, state) = watch::channel(State::Ready);
        let watched = Arc::clone(&plan);
        let task = tokio::spawn(async move { supervise::watch(&watched, running, state_sender, stopped).await });
        let Site { home, installation, notes, fresh, .. } = site;
        let mut server = Self {
            plan,
            installation,
            search_path: options.search_path.clone(),
            socket_dir,
            port,
            password: Secret::default(),
            fresh,
            notes,
            log_start,
            state,
            stop: Some(stop),
            task: Some(task),
            home,
        };
        if let Err(error) = server.first_words(&share).await {
            let _ = server.stop().await;
            return Err(error);
        }
        if fresh && !options.promises_nothing() {
            let Plan { user, data, .. } = &*server.plan;
            tokio::spawn(cluster::sync_to_disk(user.clone(), server.installation.clone(), data.clone()));
        }
        Ok(server)
    }

    /// The first connection: sets the superuser's password where it has none, and checks that our extensions are seen.
    async fn first_words(&mut self, share: &Path) -> Result<(), Error> {
        let secrets = self.home.secrets()?;
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

    /// Has it met a full disk since it was started? Its log says so, or is what could not be written any more: then there is no room.
    pub fn lacks_room(&self) -> bool {
        failure::names_no_room(&self.plan.log, self.log_start) || room::is_short(&self.plan.data)
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
