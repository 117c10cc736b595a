//! The words of the command line, in the habits of the Supabase CLI.

use clap::{Parser, Subcommand, ValueEnum};

use crate::commands;

/// Runs a Supabase project folder: PostgreSQL, REST, auth, mail, cron, in one process.
#[derive(Debug, Parser)]
#[command(
    name = "basalt",
    version,
    propagate_version = true,
    arg_required_else_help = true,
    after_help = "Begin with an example:\n  basalt new --blueprint course-market my-school\n  basalt start my-school\n\n\
                  Or in a folder with supabase/config.toml:\n  basalt start\n  basalt status"
)]
pub struct Cli {
    /// How log lines look.
    #[arg(long, global = true, value_enum, default_value_t = LogFormat::Text, help_heading = "Logging")]
    pub log_format: LogFormat,
    /// What is logged, e.g. `info` or `warn,rest=debug`.
    #[arg(long, global = true, value_name = "FILTER", env = "BASALT_LOG", help_heading = "Logging")]
    pub log: Option<String>,
    /// The same as `--log debug`, as in the Supabase CLI.
    #[arg(long, global = true, help_heading = "Logging")]
    pub debug: bool,
    #[command(subcommand)]
    pub command: Command,
}

impl Cli {
    /// The filter that the two flags come to.
    pub fn log_filter(&self) -> String {
        match (&self.log, self.debug) {
            (Some(filter), _) => filter.clone(),
            (None, true) => "debug,hyper=info,h2=info,rustls=info,tokio_postgres=info".to_owned(),
            (None, false) if matches!(self.command, Command::Start(_)) => "info,tokio_postgres=warn".to_owned(),
            (None, false) => "warn".to_owned(),
        }
    }
}

/// For people or for a collector.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum LogFormat {
    Text,
    Json,
}

impl From<LogFormat> for telemetry::Format {
    fn from(format: LogFormat) -> Self {
        match format {
            LogFormat::Text => Self::Text,
            LogFormat::Json => Self::Json,
        }
    }
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run one or more projects until Ctrl-C.
    Start(commands::start::Args),
    /// Stop a project that runs.
    Stop(commands::stop::Args),
    /// Show URLs and keys of a project that runs.
    Status(commands::status::Args),
    /// Make supabase/config.toml in a folder.
    Init(commands::init::Args),
    /// Make a project from a blueprint.
    New(commands::new::Args),
    /// Work on the project's migrations.
    Migration(commands::migration::Args),
    /// Work on the project's database.
    Db(commands::db::Args),
    /// Run the project's tests.
    Test(commands::test::Args),
    /// Write code from the database.
    Gen(commands::r#gen::Args),
    /// Try out what the auth service is configured with.
    Auth(commands::auth::Args),
    /// Show or replace the keys of a project.
    Keys(commands::keys::Args),
    /// Run one service alone, as a drop-in for PostgREST or GoTrue.
    #[command(subcommand)]
    Serve(commands::serve::Command),
}
