//! Runs the jobs of `cron.job`, as pg_cron's background worker does.
//!
//! A job that is still running is not started again; times that passed while the server was down are not made up for
//! (both as upstream). With several servers on one database an advisory lock lets one of them run jobs.

mod run;
mod schedule;

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;
use std::time::Duration;

use base::Clock;
use parking_lot::Mutex;
use pg::{Db, Purpose};
use service::Tasks;
use time::OffsetDateTime;
use tokio::sync::Notify;

pub use schedule::{InvalidSchedule, Schedule};

/// `cron.job` is read at least this often, also when nobody woke us. Each look opens a connection.
const LOOK_AGAIN: Duration = Duration::from_secs(600);
/// The clock is looked at this often: the machine may have slept meanwhile.
const LOOK_AT_CLOCK: Duration = Duration::from_secs(60);
/// The database did not answer: it is asked again after this.
const DATABASE_AWAY: Duration = Duration::from_secs(10);

/// The runner of one project's cron jobs.
#[derive(Clone)]
pub struct Cron(Arc<Inner>);

struct Inner {
    db: Db,
    /// May we become the role that scheduled a job? Not without superuser.
    superuser: bool,
    clock: Clock,
    tasks: Tasks,
    wake: Notify,
    /// Job id → its schedule and when it last was due.
    due: Mutex<HashMap<i64, (String, OffsetDateTime)>>,
    running: Mutex<Vec<i64>>,
}

/// A row of `cron.job`.
#[derive(Debug, Clone)]
struct Job {
    id: i64,
    schedule: String,
    command: String,
    database: String,
    username: String,
}

impl Cron {
    /// A runner; [`Cron::start`] sets it to work.
    pub fn new(db: Db, superuser: bool, clock: Clock, tasks: Tasks) -> Self {
        Self(Arc::new(Inner {
            db,
            superuser,
            clock,
            tasks,
            wake: Notify::new(),
            due: Mutex::default(),
            running: Mutex::default(),
        }))
    }

    /// `cron.job` has changed.
    pub fn wake(&self) {
        self.0.wake.notify_one();
    }

    /// Runs jobs until the project stops.
    pub fn start(&self) {
        let cron = self.clone();
        self.0.tasks.spawn_until_stop(async move {
            if let Err(error) = cron.close_interrupted_runs().await {
                tracing::debug!(target: "jobs", %error, "no cron table yet");
            }
            loop {
                let pause = match cron.run_due().await {
                    Ok(pause) => pause,
                    Err(error) => {
                        tracing::warn!(target: "jobs", %error, "cannot read cron.job");
                        DATABASE_AWAY
                    }
                };
                cron.wait(pause).await;
            }
        });
    }

    /// Waits so long by the clock, or until somebody wakes us.
    async fn wait(&self, pause: Duration) {
        let until = self.0.clock.now() + pause;
        while let Ok(left) = Duration::try_from(until - self.0.clock.now())
            && !left.is_zero()
        {
            tokio::select! {
                () = tokio::time::sleep(left.min(LOOK_AT_CLOCK)) => {}
                () = self.0.wake.notified() => return,
            }
        }
    }

    /// Starts what is due by the clock and returns how long nothing will be. Tests turn the clock and call this.
    ///
    /// # Errors
    /// `cron.job` cannot be read.
    pub async fn run_due(&self) -> Result<Duration, pg::Error> {
        let jobs = self.jobs().await?;
        if jobs.is_empty() {
            self.0.due.lock().clear();
            return Ok(LOOK_AGAIN);
        }
        let now = self.0.clock.now();
        let mut next_look = now + LOOK_AGAIN;
        let mut start = Vec::new();
        {
            let mut due = self.0.due.lock();
            due.retain(|id, _| jobs.iter().any(|job| job.id == *id));
            for job in jobs {
                let Ok(schedule) = job.schedule.parse::<Schedule>() else { continue };
                // A new job, or one with a new schedule, is first due after now.
                let last = match due.entry(job.id) {
                    Entry::Occupied(entry) if entry.get().0 == job.schedule => entry.get().1,
                    Entry::Occupied(mut entry) => {
                        entry.insert((job.schedule.clone(), now));
                        now
                    }
                    Entry::Vacant(entry) => entry.insert((job.schedule.clone(), now)).1,
                };
                match schedule.next_after(last) {
                    Some(at) if at <= now => {
                        due.insert(job.id, (job.schedule.clone(), now));
                        if let Some(at) = schedule.next_after(now) {
                            next_look = next_look.min(at);
                        }
                        start.push(job);
                    }
                    Some(at) => next_look = next_look.min(at),
                    None => {}
                }
            }
        }
        for job in start {
            self.start_job(job);
        }
        let pause = (next_look - self.0.clock.now()).max(time::Duration::milliseconds(10));
        Ok(pause.unsigned_abs())
    }

    fn start_job(&self, job: Job) {
        {
            let mut running = self.0.running.lock();
            if running.contains(&job.id) {
                tracing::info!(target: "jobs", job = job.id, "still running, not started again");
                return;
            }
            running.push(job.id);
        }
        let cron = self.clone();
        self.0.tasks.spawn_until_stop(async move {
            cron.run(&job).await;
            cron.0.running.lock().retain(|id| *id != job.id);
        });
    }

    /// The active jobs, if the extension is there and no other server runs them.
    async fn jobs(&self) -> Result<Vec<Job>, pg::Error> {
        const THERE: &str = "select to_regclass('cron.job') is not null";
        const JOBS: &str =
            "select jobid, schedule, command, database, username from cron.job where active order by jobid";
        let tx = self.0.db.as_platform(Purpose::Jobs).await?;
        let there = tx.row(THERE, &[]).await?.is_some_and(|row| row.get(0));
        if !there {
            tx.rollback().await?;
            return Ok(Vec::new());
        }
        let rows = tx.rows(JOBS, &[]).await?;
        tx.commit().await?;
        let job = |row: &pg::tokio_postgres::Row| Job {
            id: row.get(0),
            schedule: row.get(1),
            command: row.get(2),
            database: row.get(3),
            username: row.get(4),
        };
        Ok(rows.iter().map(job).collect())
    }
}

impl std::fmt::Debug for Cron {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Cron")
    }
}
