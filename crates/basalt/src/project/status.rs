//! What `basalt status` and the end of `basalt start` show, under the names of the Supabase CLI.

use super::run_file::RunInfo;
use super::{Location, Overrides, Plan};
use crate::progress::Progress;

/// `KEY` and value.
pub type Row = (&'static str, String);

/// The rows of a project that runs.
pub fn rows(location: &Location, info: &RunInfo) -> anyhow::Result<Vec<Row>> {
    let overrides = Overrides {
        data_dir: Some(location.home().to_owned()),
        db_port: info.db_port,
        production: info.production,
        database_url: info.database_url.clone(),
        ..Overrides::default()
    };
    let plan = Plan::read(location.folder(), &overrides, &Progress::silent())?;
    Ok(of(&plan, &info.api_url, info.inbox_url.as_deref()))
}

/// The rows of a plan that was brought up: a service that is not there has none.
pub fn of(plan: &Plan, api_url: &str, inbox_url: Option<&str>) -> Vec<Row> {
    let mut rows =
        vec![("API_URL", api_url.to_owned()), ("REST_URL", format!("{api_url}/rest/v1")), ("DB_URL", plan.db_url())];
    if let Some(inbox) = inbox_url {
        rows.push(("MAILPIT_URL", inbox.to_owned()));
        rows.push(("INBUCKET_URL", inbox.to_owned()));
    }
    let keys = &plan.keys;
    rows.extend([
        ("PUBLISHABLE_KEY", keys.publishable_key.expose().clone()),
        ("SECRET_KEY", keys.secret_key.expose().clone()),
        ("JWT_SECRET", keys.jwt_secret.expose().clone()),
        ("ANON_KEY", keys.anon_key.expose().clone()),
        ("SERVICE_ROLE_KEY", keys.service_role_key.expose().clone()),
    ]);
    rows
}

/// For people.
pub fn pretty(rows: &[Row]) -> String {
    let titles = [
        ("API_URL", "API URL"),
        ("DB_URL", "DB URL"),
        ("MAILPIT_URL", "Inbox"),
        ("PUBLISHABLE_KEY", "Publishable key"),
        ("SECRET_KEY", "Secret key"),
        ("JWT_SECRET", "JWT secret"),
        ("ANON_KEY", "anon key"),
        ("SERVICE_ROLE_KEY", "service_role key"),
    ];
    let line = |(key, title): &(&str, &str)| {
        rows.iter().find(|row| row.0 == *key).map(|(_, value)| format!("{title:>18}: {value}\n"))
    };
    titles.iter().filter_map(line).collect()
}

/// The lines that `basalt start` ends with. Secrets are for a terminal in development only: elsewhere a log may keep them.
pub fn summary(mut rows: Vec<Row>, secrets: bool) -> String {
    if secrets {
        return pretty(&rows).trim_end_matches('\n').to_owned();
    }
    rows.retain(|(key, _)| matches!(*key, "API_URL" | "MAILPIT_URL"));
    format!("{}Keys and database: basalt status", pretty(&rows))
}

/// What `start --detach` shows of the project that it has started.
pub fn background_summary(location: &Location, info: &RunInfo, terminal: bool) -> anyhow::Result<String> {
    Ok(summary(rows(location, info)?, terminal && !info.production))
}
