//! One run of one job, on a connection of its own.

use base::Secret;
use pg::tokio_postgres::SimpleQueryMessage;
use pg::{Purpose, ident};

use super::{Cron, Job};

const STARTED: &str = "insert into cron.job_run_details (jobid, database, username, command, status, start_time)
    values ($1, $2, $3, $4, 'running', clock_timestamp()) returning runid";
const ENDED: &str = "update cron.job_run_details
    set status = $2, return_message = $3, end_time = clock_timestamp() where runid = $1";
const THERE: &str = "select to_regclass('cron.job_run_details') is not null";
const INTERRUPTED: &str = "update cron.job_run_details
    set status = 'failed', return_message = 'server restarted', end_time = clock_timestamp()
    where status in ('starting', 'running')";

impl Cron {
    /// Says of runs that a crash cut off that they failed.
    pub(super) async fn close_interrupted_runs(&self) -> Result<(), pg::Error> {
        let tx = self.0.db.as_platform(Purpose::Jobs).await?;
        if tx.row(THERE, &[]).await?.is_some_and(|row| row.get(0)) {
            tx.execute(INTERRUPTED, &[]).await?;
        }
        tx.commit().await
    }

    /// Runs the command and writes how it went to `cron.job_run_details`.
    pub(super) async fn run(&self, job: &Job) {
        let run = match self.record_start(job).await {
            Ok(run) => run,
            Err(error) => {
                tracing::warn!(target: "jobs", job = job.id, %error, "cannot record the start of a cron job");
                return;
            }
        };
        let (status, message) = match self.execute(job).await {
            Ok(message) => ("succeeded", message),
            Err(error) => {
                tracing::warn!(target: "jobs", job = job.id, %error, "a cron job failed");
                ("failed", format!("ERROR: {error}"))
            }
        };
        if let Err(error) = self.record_end(run, status, &message).await {
            tracing::warn!(target: "jobs", job = job.id, %error, "cannot record the end of a cron job");
        }
    }

    async fn record_start(&self, job: &Job) -> Result<i64, pg::Error> {
        let tx = self.0.db.as_platform(Purpose::Jobs).await?;
        let row = tx.row(STARTED, &[&job.id, &job.database, &job.username, &job.command]).await?;
        tx.commit().await?;
        row.map(|row| row.get(0)).ok_or_else(|| pg::Error::Unexpected("no run id".into()))
    }

    async fn record_end(&self, run: i64, status: &str, message: &str) -> Result<(), pg::Error> {
        let tx = self.0.db.as_platform(Purpose::Jobs).await?;
        tx.execute(ENDED, &[&run, &status, &message]).await?;
        tx.commit().await
    }

    /// A session that logs in as the job's owner, as upstream's do: from one that only became him a job could return to who we are.
    /// A role that may not log in cannot run jobs (upstream neither). On a managed PostgreSQL we have no other login than our own.
    async fn execute(&self, job: &Job) -> Result<String, pg::Error> {
        let target = self.0.db.target().with_database(&job.database);
        let client = if self.0.superuser {
            target.as_role(&job.username, &Secret::default()).connect().await?
        } else {
            let client = target.connect().await?;
            client.batch_execute(&format!("set role {}", ident(&job.username))).await?;
            client
        };
        client.batch_execute("set application_name = 'pg_cron'").await?;
        let answer = client.simple_query(&job.command).await;
        Ok(summary(&answer?))
    }
}

/// `1 row`, as upstream words it.
fn summary(messages: &[SimpleQueryMessage]) -> String {
    let rows = messages.iter().rev().find_map(|message| match message {
        SimpleQueryMessage::CommandComplete(rows) => Some(*rows),
        _ => None,
    });
    match rows {
        Some(1) => "1 row".to_owned(),
        Some(rows) => format!("{rows} rows"),
        None => String::new(),
    }
}
