//! From a home to a running server: the order of things.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicU32;

use nix::unistd::{Uid, User};

use crate::Progress;
use crate::choose;
use crate::cluster::{self, Found};
use crate::conf::{self, Conf};
use crate::error::Error;
use crate::find::Installation;
use crate::home::Home;
use crate::options::Options;
use crate::postmaster::{self, Holder};
use crate::prefix;
use crate::supervise::{self, Plan, Running};
use crate::user::RunUser;
use crate::watchdog::Watchdog;

/// How often another free port is tried when nobody asked for a certain one.
const PORT_ATTEMPTS: u32 = 5;

/// What there is before a server runs: the home that we hold, who runs the cluster, where, and with what.
pub(crate) struct Site {
    pub home: Home,
    pub installation: Installation,
    pub notes: Vec<String>,
    /// There was no cluster.
    pub fresh: bool,
    user: RunUser,
    place: PathBuf,
    data: PathBuf,
    holder: Holder,
}

/// A server that accepts connections.
pub(crate) struct Started {
    pub plan: Plan,
    pub running: Running,
    pub port: u16,
    /// Where the server should look for extensions.
    pub share: PathBuf,
    pub socket_dir: PathBuf,
}

impl Site {
    /// Takes the home, looks at what is in it, and chooses the PostgreSQL. Changes nothing that was there.
    pub async fn survey(options: &Options, progress: Progress<'_>) -> Result<Self, Error> {
        let mut notes = Vec::new();
        let mut home = Home::open(&options.home)?;
        let user = RunUser::choose(home.data_owner(), &mut notes).await?;
        let place = home.place(&user, &mut notes)?;
        let data = place.join("pgdata");
        let found = cluster::inspect(&data)?;
        refuse_other_owner(&data, &user)?;
        let installation = choose::installation(options, &home, &user, &data, &found, &mut notes, progress).await?;
        let holder = postmaster::holder(&data, &place)?;
        if let Holder::Foreign { pid, program } = holder {
            return Err(Error::DataInUse { path: data, pid, program });
        }
        Ok(Self { home, installation, notes, fresh: found == Found::Nothing, user, place, data, holder })
    }

    /// Makes what is missing and brings the server up, or adopts the one that is there.
    pub async fn raise(&mut self, options: &Options, progress: Progress<'_>) -> Result<Started, Error> {
        let prefix_root = self.place.join(format!("postgres-{}", self.installation.major));
        if !prefix::is_current(&prefix_root, &self.installation, &options.extension_files) {
            self.end_earlier().await?;
        }
        let mut port = match &self.holder {
            Holder::Ours(file) if options.port == 0 || options.port == file.port => file.port,
            _ => crate::ports::claim(&options.listen, options.port)?,
        };
        let prefix = prefix::ensure(&prefix_root, &self.installation, &options.extension_files)?;
        if self.fresh {
            let cache = options.cache_dir.as_deref().and_then(choose::own_cache);
            cluster::create(&self.user, &self.installation, &self.data, cache.as_deref(), progress).await?;
        }
        let socket_dir = self.home.socket_dir(&self.user)?;
        let configured = self.configure(options, &socket_dir, port)?;
        // Before the server, so that there is no moment without it.
        let watchdog = Watchdog::start(options.lifetime, &self.data, &self.home.root, &socket_dir)?;
        let plan = Plan {
            user: self.user.clone(),
            postgres: prefix.postgres,
            data: self.data.clone(),
            place: self.place.clone(),
            log: self.home.log_file()?,
            socket_dir: socket_dir.clone(),
            pid: AtomicU32::new(0),
            watchdog,
            patience: if options.promises_nothing() { postmaster::SHORT_PATIENCE } else { postmaster::STOP_PATIENCE },
        };
        let adoptable = match &self.holder {
            Holder::Ours(file) if file.ready && !configured && file.socket_dir == socket_dir => Some(file.pid),
            _ => None,
        };
        let running = if let Some(pid) = adoptable {
            tracing::info!(pid, "adopting the PostgreSQL that an earlier process left running");
            plan.set_pid(pid);
            Running::Adopted(pid)
        } else {
            self.end_earlier().await?;
            if let Holder::Dead { reused } = self.holder {
                postmaster::clear_remains(&self.data, reused).await?;
            }
            supervise::keep_log_small(&plan.log);
            let (running, at) = self.launch(&plan, options, port, progress).await?;
            port = at;
            running
        };
        Ok(Started { plan, running, port, share: prefix.share, socket_dir })
    }

    /// Stops a server that an earlier process left running and that cannot be adopted.
    async fn end_earlier(&mut self) -> Result<(), Error> {
        if let Holder::Ours(file) = &self.holder {
            let pid = file.pid;
            tracing::info!(pid, "stopping the PostgreSQL that an earlier process left running");
            postmaster::stop(pid, postmaster::STOP_PATIENCE, || !postmaster::alive(pid)).await?;
            self.holder = Holder::Nobody;
        }
        Ok(())
    }

    /// Writes the three configuration files; `true` when one changed.
    fn configure(&self, options: &Options, socket_dir: &Path, port: u16) -> Result<bool, Error> {
        let statements = self.installation.has_library("pg_stat_statements");
        let Options { listen, settings: extra, .. } = options;
        let major = self.installation.major;
        let settings = Conf { listen, port, socket_dir, major, statements, extra }.settings()?;
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
            changed |= conf::write_if_changed(&self.user, &self.data.join(name), &text)?;
        }
        Ok(changed)
    }

    /// Launches, and returns the port. One may be lost between our look and the server's: any free one is replaced by another, a
    /// certain one is an error that says who has it.
    async fn launch(
        &self,
        plan: &Plan,
        options: &Options,
        port: u16,
        progress: Progress<'_>,
    ) -> Result<(Running, u16), Error> {
        let mut port = port;
        let mut attempt = 1;
        loop {
            match plan.launch(progress).await {
                Ok(running) => return Ok((running, port)),
                Err(Error::PortTaken { .. }) if options.port == 0 && attempt < PORT_ATTEMPTS => {
                    port = crate::ports::claim(&options.listen, 0)?;
                    self.configure(options, &plan.socket_dir, port)?;
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
