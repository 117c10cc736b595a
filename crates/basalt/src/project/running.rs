use std::sync::Arc;
use std::time::Duration;

use base::Clock;
use service::{Tasks, Workers};
use web::Listener;

use super::readiness::Watch;
use super::run_file::{RunFile, RunInfo};
use super::{Database, Plan, schema, services, status};
use crate::progress::Progress;

/// An end of the certificate that is this near is named at each start.
const SOON: Duration = Duration::from_secs(14 * 24 * 3600);

/// A project that runs.
pub struct Running {
    front: web::Running,
    database: Database,
    tasks: Tasks,
    project: String,
    rows: Vec<status::Row>,
    production: bool,
    /// Dropped last: the home is free when all else has ended.
    _run_file: RunFile,
}

impl Running {
    /// Brings a project up; what was started is stopped again where a stage fails.
    pub async fn up(plan: Plan, workers: &Workers, progress: &Progress) -> anyhow::Result<Self> {
        let mut run_file = RunFile::take(plan.location.home())?;
        tell_dates(&plan, progress)?;
        let listener = listen(&plan).await?;
        let tasks = Tasks::default();
        let inbox = services::inbox(&plan, &tasks).await?;
        progress.step(if plan.overrides.database_url.is_some() {
            "Connecting to the database"
        } else {
            "Starting PostgreSQL"
        });
        let mut database = match Database::open(&plan, progress).await {
            Ok(database) => database,
            Err(error) => {
                tasks.stop().await;
                return Err(error);
            }
        };
        let stages = async {
            progress.step("Preparing the database");
            database.install_platform(&plan, progress).await?;
            progress.step("Applying migrations");
            schema::apply(&plan, &database, progress).await?;
            progress.step("Starting services");
            let watch = Watch::start(&database, &tasks);
            services::start(&plan, &database, &tasks, watch, inbox).await
        };
        let services = match stages.await {
            Ok(started) => started,
            Err(error) => {
                tasks.stop().await;
                return database.finish(Err(error)).await;
            }
        };
        let front = listener.on(workers).serve(&Arc::new(services.edge))?;
        let inbox_url = services.inbox_url;
        let info = RunInfo {
            pid: std::process::id(),
            project: plan.config.project_id.clone(),
            api_url: plan.api_url(),
            socket: database.server.as_ref().map(|server| (server.socket_dir().to_owned(), server.port())),
            db_port: database.server.as_ref().map(pgserver::Server::port),
            database_url: plan.overrides.database_url.clone(),
            inbox_url: inbox_url.clone(),
            production: plan.production,
        };
        run_file.publish(&info)?;
        let rows = status::of(&plan, &info.api_url, inbox_url.as_deref());
        let (project, production) = (info.project, info.production);
        Ok(Self { front, database, tasks, project, rows, production, _run_file: run_file })
    }

    /// What to print when the project is ready; with secrets only to a terminal, and never in production.
    pub fn summary(&self, terminal: bool) -> String {
        format!("{} is ready.\n{}", self.project, status::summary(self.rows.clone(), terminal && !self.production))
    }

    /// Lets requests finish, ends background work, stops PostgreSQL.
    pub async fn down(self, grace: Duration) {
        self.front.stop(grace).await;
        self.tasks.stop().await;
        if let Err(error) = self.database.close().await {
            crate::say::err(format_args!("error: {error}"));
        }
    }
}

/// Says so where clients will not accept the certificate. It is served all the same: another may be put in its place.
fn tell_dates(plan: &Plan, progress: &Progress) -> anyhow::Result<()> {
    let Some(certificate) = plan.certificate() else { return Ok(()) };
    let Some(validity) = certificate.validity()? else { return Ok(()) };
    let now = Clock::system().now();
    let file = certificate.chain.display();
    if validity.until < now {
        progress.note(&format!(
            "the TLS certificate {file} expired on {}: clients refuse it; put a new one in its place and start again",
            validity.until.date()
        ));
    } else if validity.until < now + SOON {
        progress.note(&format!("the TLS certificate {file} expires on {}", validity.until.date()));
    } else if validity.from > now {
        progress.note(&format!(
            "the TLS certificate {file} holds from {} on: until then clients refuse it",
            validity.from.date()
        ));
    }
    Ok(())
}

/// Binds the port first: a taken one is known before anything is started.
async fn listen(plan: &Plan) -> anyhow::Result<Listener> {
    let tls = plan.certificate().map(|certificate| certificate.load()).transpose()?;
    let address = plan.api_address();
    Listener::bind(&[address], tls).await.map_err(|error| match error.kind() {
        std::io::ErrorKind::AddrInUse => anyhow::anyhow!(
            "port {} is in use by another program\n  give another: --port, or `[api] port` in {}",
            address.port(),
            plan.config_file().display()
        ),
        _ => anyhow::Error::new(error).context(format!("cannot listen on {address}")),
    })
}
