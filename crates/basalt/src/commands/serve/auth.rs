//! `basalt serve auth [--config FILE] [--port N]`

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use auth::{Auth, GoTrueEnv, OutboxMessages};
use base::{Clock, Revocations};
use crypto::jwt::KeySet;
use crypto::password::{Hasher, Scheme};
use mail::{EmailRoute, Letters, Outbox, Smtp};
use pg::{Db, Target};
use service::{Routed, Tasks};
use tokio::sync::watch;
use web::{Edge, Limits, Listener, Readiness};

/// How long open requests may go on after SIGTERM.
const GRACE: Duration = Duration::from_secs(20);
/// Connections of the pool.
const CONNECTIONS: usize = 20;

/// The auth service alone, in place of the GoTrue binary.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// A file of `GOTRUE_*=…` lines; variables of the environment go before it.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// In place of `PORT`.
    #[arg(long, value_name = "PORT")]
    port: Option<u16>,
}

/// Serves until a signal.
pub async fn run(args: Args) -> anyhow::Result<()> {
    let settings = GoTrueEnv::read(&variables(args.config.as_ref())?)?;
    let target = Target::parse(&settings.database_url).map_err(anyhow::Error::msg)?;
    prepare(&target, &settings).await?;
    // The URL's role does all: GoTrue's own is not made, nor needed.
    let db = Db::new(&target, &target, false, CONNECTIONS)?;
    let tasks = Tasks::default();
    let auth = build(&settings, &db, &tasks)?;
    auth.load_revocations().await?;
    auth.start_jobs(&tasks);

    let (_ready, readiness) = watch::channel(Readiness::Ready);
    let edge = Edge::new(None, Limits::default(), readiness, Arc::default())
        .with_prefix("", Arc::new(Routed::new("auth", auth.router())));
    let host: IpAddr = settings.host.parse().unwrap_or(IpAddr::from([0, 0, 0, 0]));
    let address = SocketAddr::new(host, args.port.unwrap_or(settings.port));
    let listener = Listener::bind(&[address], None).await.with_context(|| format!("cannot listen on {address}"))?;
    let running = listener.on(&service::Workers::start()?).serve(&Arc::new(edge))?;
    crate::say::err(format_args!("auth listens on {}", running.address()));
    super::told_to_stop().await?;
    running.stop(GRACE).await;
    tasks.stop().await;
    Ok(())
}

/// The environment, upon the lines of a file.
pub(crate) fn variables(file: Option<&PathBuf>) -> anyhow::Result<HashMap<String, String>> {
    let mut variables: HashMap<String, String> = HashMap::new();
    if let Some(path) = file {
        let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
        for line in text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')) {
            let line = line.strip_prefix("export ").unwrap_or(line);
            let (name, value) =
                line.split_once('=').with_context(|| format!("{}: no NAME=value: {line}", path.display()))?;
            variables.insert(name.trim().to_owned(), value.trim().trim_matches(['"', '\'']).to_owned());
        }
    }
    variables.extend(std::env::vars());
    Ok(variables)
}

/// The tables of schema `auth`, as GoTrue migrates its own at start.
async fn prepare(target: &Target, settings: &GoTrueEnv) -> anyhow::Result<()> {
    let mut client = target.connect().await?;
    let none = base::Secret::default();
    let how = platform::Install {
        rights: platform::Rights::Managed,
        postgres_password: &none,
        authenticator_password: &none,
        jwt_secret: &settings.jwt_secret,
        jwt_exp: settings.config.jwt.exp_seconds,
        publish_jwt_settings: false,
        vault_key_file: None,
    };
    platform::install(&mut client, &how).await.context("cannot prepare the database")?;
    platform::apply_further(&mut client, "auth", auth::MIGRATIONS).await?;
    platform::apply_further(&mut client, "mail", mail::MIGRATIONS).await?;
    Ok(())
}

fn build(settings: &GoTrueEnv, db: &Db, tasks: &Tasks) -> anyhow::Result<Arc<Auth>> {
    let mailing = settings.mailing.clone();
    let email = match mailing.smtp {
        Some(smtp) => EmailRoute::Smtp(Smtp::new(smtp)?),
        None => EmailRoute::Nowhere,
    };
    let client = jobs::net::client()?;
    let outbox = Outbox::new(mail::Parts {
        db: db.clone(),
        clock: Clock::system(),
        tasks: tasks.clone(),
        letters: Letters::new(&mailing.templates)?,
        email,
        sms: mailing.sms,
        client: client.clone(),
    });
    outbox.start();
    let given = |secret: &base::Secret| Some(secret.expose().clone()).filter(|text| !text.is_empty());
    let keys = KeySet::from_gotrue(given(&settings.jwt_keys).as_deref(), given(&settings.jwt_secret).as_deref())?;
    Ok(Auth::new(auth::Parts {
        config: settings.config.clone(),
        db: db.clone(),
        keys: Arc::new(keys),
        hasher: Arc::new(Hasher::new(Scheme::default())?),
        letters: Arc::new(outbox.clone()),
        messages: Arc::new(OutboxMessages::new(outbox, client)),
        clock: Clock::system(),
        revocations: Arc::new(Revocations::default()),
    })?)
}
