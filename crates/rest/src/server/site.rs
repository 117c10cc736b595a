//! Options and catalog, kept up to date while requests run.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use arc_swap::{ArcSwap, ArcSwapOption};
use base::{Clock, Revocations};
use catalog::Catalog;
use http::Response;
use pg::exec::{ExecConfig, Executor};
use pg::{Heard, Target};
use tokio::sync::Notify;

use super::access_log::Seen;
use super::config::LogLevel;
use super::config_file::Value;
use super::database::NoCatalog;
use super::metrics::Metrics;
use super::{Application, Config, Sources, database};
use crate::jwt::Authenticator;

/// Changes that come within this time of each other are read once more together.
const DEBOUNCE: Duration = Duration::from_millis(100);
/// The longest wait between two tries to load the catalog.
const LONGEST_BACK_OFF: Duration = Duration::from_secs(32);

/// A server's state, shared by its doors and its background work.
pub struct Site<A> {
    /// What answers.
    pub app: Arc<A>,
    executor: Executor,
    target: Target,
    clock: Clock,
    /// Dead sessions; `None` where nobody tells of them, as in PostgREST.
    revocations: Option<Arc<Revocations>>,
    stands_in: bool,
    /// The configuration file, read again at each reload.
    file: Option<PathBuf>,
    sources: ArcSwap<Sources>,
    config: ArcSwap<Config>,
    authenticator: ArcSwap<Authenticator>,
    catalog: ArcSwapOption<Catalog>,
    wanted: Notify,
    config_wanted: AtomicBool,
    listening: AtomicBool,
    loaded: AtomicBool,
    metrics: Metrics,
}

impl<A: Application> Site<A> {
    /// Reads the options and makes the service by `make`; nothing is connected yet. `stands_in`: for the PostgREST binary, which refuses
    /// schemas that are not there; a project may name some that come later.
    ///
    /// # Errors
    /// A sentence on the option that cannot be used.
    pub fn new(
        file: Option<PathBuf>,
        sources: Sources,
        clock: Clock,
        revocations: Option<Arc<Revocations>>,
        stands_in: bool,
        make: impl FnOnce(Executor, &Config) -> A,
    ) -> Result<Arc<Self>, String> {
        let config = sources.config()?;
        let target = Target::parse_in(config.db_uri.expose(), |name| sources.environment.get(name).cloned())?;
        let executor = Executor::new(&target, exec_config(&config));
        let authenticator = Arc::new(Authenticator::new(config.jwt_rules()?, clock.clone(), revocations.clone()));
        let app = Arc::new(make(executor.clone(), &config));
        app.configure(&config, authenticator.clone());
        Ok(Arc::new(Self {
            app,
            executor,
            target,
            clock,
            revocations,
            stands_in,
            file,
            sources: ArcSwap::from_pointee(sources),
            config: ArcSwap::from_pointee(config),
            authenticator: ArcSwap::new(authenticator),
            catalog: ArcSwapOption::empty(),
            wanted: Notify::new(),
            config_wanted: AtomicBool::new(true),
            listening: AtomicBool::new(false),
            loaded: AtomicBool::new(false),
            metrics: Metrics::default(),
        }))
    }

    /// The options that hold now.
    pub fn config(&self) -> Arc<Config> {
        self.config.load_full()
    }

    /// `log-level`, as it is now.
    pub(super) fn log_level(&self) -> LogLevel {
        self.config.load().log_level
    }

    /// A request's line in the access log.
    pub(super) fn access_line<B>(&self, seen: &Seen, response: &Response<B>) -> String {
        // Known already to the cache of tokens, so that this costs little.
        let caller = self.authenticator.load().authenticate(seen.authorization()).ok();
        let role = caller.as_ref().map(|caller| String::from_utf8_lossy(&caller.role));
        seen.line(response, role.as_deref(), self.clock.unix_seconds())
    }

    /// Does it answer: the catalog is loaded, and changes are heard of?
    pub fn is_ready(&self) -> bool {
        let heard = self.listening.load(Ordering::Relaxed) || !self.config.load().db_channel_enabled;
        self.loaded.load(Ordering::Relaxed) && heard
    }

    /// Is there a catalog?
    pub(super) fn is_loaded(&self) -> bool {
        self.loaded.load(Ordering::Relaxed)
    }

    /// The catalog as JSON; `None` before it is loaded.
    pub(super) fn catalog_json(&self) -> Option<Vec<u8>> {
        serde_json::to_vec(self.catalog.load_full()?.as_ref()).ok()
    }

    pub(super) fn metrics_text(&self) -> String {
        self.metrics.text(self.executor.stats(), self.authenticator.load().cache_stats())
    }

    /// Reads the catalog again soon.
    pub fn reload_catalog(&self) {
        self.wanted.notify_one();
    }

    /// Reads options and catalog again soon.
    pub fn reload_config(&self) {
        self.config_wanted.store(true, Ordering::Relaxed);
        self.wanted.notify_one();
    }

    /// Takes other variables in place of the environment's, and what follows from them, before it returns.
    ///
    /// # Errors
    /// A sentence on the option that cannot be used; the old ones stay.
    pub async fn replace_environment(&self, environment: BTreeMap<String, String>) -> Result<(), String> {
        let before = self.sources.load_full();
        self.sources.store(Arc::new(Sources { environment, ..Sources::clone(&before) }));
        let loaded = self.load_config().await;
        if loaded.is_err() {
            self.sources.store(before);
        }
        loaded
    }

    /// Loads now, and again whenever something changed. Ends with the reason where a database that is away shall not be waited for
    /// (`db-pool-automatic-recovery`).
    pub async fn keep_current(&self) -> String {
        self.wanted.notify_one();
        let mut pause = DEBOUNCE;
        loop {
            self.wanted.notified().await;
            match self.load().await {
                Ok(()) => pause = DEBOUNCE,
                Err(NoCatalog::Locked) => {
                    tracing::debug!(target: "rest", "the schema is being changed; the cache is loaded in a moment");
                    pause = DEBOUNCE;
                    self.wanted.notify_one();
                }
                Err(NoCatalog::Away(error)) if !self.config.load().db_pool_automatic_recovery => return error,
                Err(NoCatalog::Away(error) | NoCatalog::Failed(error)) => {
                    self.metrics.catalog_failed();
                    self.loaded.store(false, Ordering::Relaxed);
                    tracing::error!(target: "rest", %error, "cannot load the schema cache; trying again");
                    pause = (pause * 2).min(LONGEST_BACK_OFF);
                    self.wanted.notify_one();
                }
            }
            tokio::time::sleep(pause).await;
        }
    }

    /// Hears of changes through the database. Ends as [`Site::keep_current`] does.
    pub async fn listen(&self) -> String {
        let config = self.config();
        if !config.db_channel_enabled {
            return std::future::pending().await;
        }
        let lost = Notify::new();
        let channels = [config.db_channel.as_str()];
        let listening = pg::listen(&self.target, &channels, |heard| {
            self.listening.store(heard_is_well(&heard), Ordering::Relaxed);
            match heard {
                Heard::Connected => self.reload_catalog(),
                Heard::Lost(error) if config.db_pool_automatic_recovery => {
                    tracing::warn!(target: "rest", error, "not listening for changes; trying again");
                }
                Heard::Lost(_) => lost.notify_one(),
                Heard::Payload { text, .. } => match text.as_str() {
                    "" | "reload schema" => self.reload_catalog(),
                    "reload config" => self.reload_config(),
                    other => tracing::debug!(target: "rest", other, "unknown notification"),
                },
            }
        });
        tokio::select! {
            () = listening => std::future::pending().await,
            () = lost.notified() => "the connection to PostgreSQL was lost".to_owned(),
        }
    }

    async fn load(&self) -> Result<(), NoCatalog> {
        if self.config_wanted.swap(false, Ordering::Relaxed)
            && let Err(error) = self.load_config().await
        {
            // Wrong options keep the old ones; a database that is away is asked again.
            self.config_wanted.store(self.catalog.load().is_none(), Ordering::Relaxed);
            tracing::error!(target: "rest", %error, "cannot read the configuration; the old one stays");
        }
        let started = Instant::now();
        let catalog = Arc::new(database::catalog(&self.executor, &self.config.load(), self.stands_in).await?);
        self.metrics.catalog_loaded(started.elapsed());
        tracing::info!(target: "rest", summary = catalog.summary(), "schema cache loaded");
        self.executor.invalidate();
        self.app.set_catalog(catalog.clone());
        self.catalog.store(Some(catalog));
        self.loaded.store(true, Ordering::Relaxed);
        Ok(())
    }

    /// The options by name, those in the database included: `--dump-config`.
    ///
    /// # Errors
    /// What cannot be read, in a sentence.
    pub async fn options(&self) -> Result<BTreeMap<String, Value>, String> {
        self.all_sources().await?.options()
    }

    /// The same without those in the database.
    ///
    /// # Errors
    /// What cannot be read, in a sentence.
    pub fn own_options(&self) -> Result<BTreeMap<String, Value>, String> {
        self.sources.load().options()
    }

    /// The schema as it is read now: `--dump-schema`.
    ///
    /// # Errors
    /// What PostgreSQL said.
    pub async fn schema_json(&self) -> Result<Vec<u8>, String> {
        let catalog = database::catalog(&self.executor, &self.config.load(), self.stands_in)
            .await
            .map_err(|why| why.to_string())?;
        serde_json::to_vec(&catalog).map_err(|e| e.to_string())
    }

    async fn all_sources(&self) -> Result<Sources, String> {
        let mut sources = Sources::clone(&self.sources.load());
        if let Some(file) = &self.file {
            sources.file = Some(std::fs::read_to_string(file).map_err(|e| format!("{}: {e}", file.display()))?);
        }
        let own = sources.config()?;
        sources.database = database::settings(&self.executor, &own).await.map_err(|e| e.to_string())?;
        Ok(sources)
    }

    async fn load_config(&self) -> Result<(), String> {
        let config = self.all_sources().await?.config()?;
        let rules = config.jwt_rules()?;
        if config != **self.config.load() {
            let authenticator = Arc::new(Authenticator::new(rules, self.clock.clone(), self.revocations.clone()));
            self.app.configure(&config, authenticator.clone());
            self.authenticator.store(authenticator);
            self.config.store(Arc::new(config));
        }
        Ok(())
    }
}

fn heard_is_well(heard: &Heard) -> bool {
    !matches!(heard, Heard::Lost(_))
}

/// `db-pool` counts the connections that serve one request at a time; short reads share a few besides.
fn exec_config(config: &Config) -> ExecConfig {
    let defaults = ExecConfig::default();
    ExecConfig {
        short_connections: std::thread::available_parallelism().map_or(2, |n| n.get()),
        wide_connections: config.db_pool.unwrap_or(defaults.wide_connections),
        acquisition_timeout: config.db_pool_acquisition_timeout,
        max_idle: config.db_pool_max_idletime,
        max_lifetime: config.db_pool_max_lifetime,
        ..defaults
    }
}
