//! `basalt serve rest [--config FILE] [--port N]`

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context;
use base::Clock;
use rest::Rest;
use rest::jwt::{Authenticator, JwtRules};
use rest::server::{Site, Sources};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

/// The REST service alone, in place of the PostgREST binary.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Signals: SIGUSR1 reads the schema again, SIGUSR2 options and schema, SIGTERM lets requests finish."
)]
pub struct Args {
    /// PostgREST's configuration file; `PGRST_*` variables go before it.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The same as a bare word, as the PostgREST binary takes it.
    #[arg(value_name = "FILE", conflicts_with = "config", hide = true)]
    file: Option<PathBuf>,
    /// In place of `server-port`.
    #[arg(long, value_name = "PORT")]
    port: Option<u16>,
    /// Print the options that hold and leave.
    #[arg(long)]
    dump_config: bool,
    /// Print the schema as it is read from the database, as JSON, and leave.
    #[arg(long)]
    dump_schema: bool,
    /// Print a configuration file with every option at its default and leave.
    #[arg(long)]
    example: bool,
    /// Ask the admin port of a running server whether it is ready, and leave.
    #[arg(long)]
    ready: bool,
}

/// Serves until a signal.
pub async fn run(args: Args) -> anyhow::Result<()> {
    if args.example {
        print!("{}", rest::server::dump(&rest::server::Config::default()));
        return Ok(());
    }
    let file = args.config.or(args.file);
    let mut sources = Sources { environment: std::env::vars().collect(), ..Sources::default() };
    if let Some(path) = &file {
        let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
        sources.file = Some(text);
    }
    if let Some(port) = args.port {
        sources.environment.insert("PGRST_SERVER_PORT".to_owned(), port.to_string());
    }
    if args.ready {
        let config = sources.config().map_err(anyhow::Error::msg)?;
        println!("{}", rest::server::admin::ask_ready(&config).map_err(anyhow::Error::msg)?);
        return Ok(());
    }
    let make = |executor, config: &rest::server::Config| {
        // The site configures it, tokens included, before the first request.
        let nobody = Authenticator::new(JwtRules::default(), Clock::system(), None);
        Rest::new(config.rest(), executor, Arc::new(nobody))
    };
    let site = Site::new(file, sources, Clock::system(), None, true, make).map_err(anyhow::Error::msg)?;
    if args.dump_config {
        // Those in the database count too, if it can be reached; upstream dumps without as well.
        let options = match site.options().await {
            Ok(options) => options,
            Err(error) => {
                eprintln!("options in the database are not shown: {error}");
                site.own_options().map_err(anyhow::Error::msg)?
            }
        };
        let config = rest::server::Config::from_options(&options).map_err(anyhow::Error::msg)?;
        print!("{}", rest::server::dump(&config));
        return Ok(());
    }
    if args.dump_schema {
        println!("{}", String::from_utf8_lossy(&site.schema_json().await.map_err(anyhow::Error::msg)?));
        return Ok(());
    }
    let (stop, stopping) = watch::channel(false);
    let workers = service::Workers::start()?;
    let mut serving = std::pin::pin!(rest::server::run(Arc::clone(&site), workers, stopping, print_line));
    let (mut schema, mut options) = (signal(SignalKind::user_defined1())?, signal(SignalKind::user_defined2())?);
    let mut told = std::pin::pin!(super::told_to_stop());
    let mut waiting = true;
    loop {
        tokio::select! {
            ended = &mut serving => return ended.map_err(anyhow::Error::msg),
            _ = schema.recv() => site.reload_catalog(),
            _ = options.recv() => site.reload_config(),
            signalled = &mut told, if waiting => {
                signalled?;
                waiting = false;
                let _ = stop.send(true);
            }
        }
    }
}

/// A line of the access log; without the secrets that its URL may hold.
fn print_line(line: &str) {
    use std::io::Write;
    // Nobody may be reading.
    let _ = std::io::stdout().lock().write_all(telemetry::redact(line).as_bytes());
}
