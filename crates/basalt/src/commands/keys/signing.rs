//! The keys of access tokens, in rotation.

use std::time::Duration;

use anyhow::{Context as _, bail};
use clap::ValueEnum;
use config::{GoDuration, Mode};
use crypto::jwt::{Algorithm, KeyRing, KeyState};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::Project;
use crate::project::run_file;

/// A token that was signed in the moment of the rotation lives as long as the others.
const MARGIN: Duration = Duration::from_secs(60);
/// How long to wait for a running project to take up the keys.
const PATIENCE: Duration = Duration::from_secs(10);

/// How to rotate.
#[derive(Debug, clap::Args)]
pub(super) struct Rotation {
    /// Algorithm of the new key.
    #[arg(long, value_enum, ignore_case = true, default_value_t = Kind::Es256)]
    algorithm: Kind,
    /// How long tokens of the old key stay good, e.g. `2h`; the default is the life of an access token and a minute.
    #[arg(long, value_name = "DURATION", value_parser = GoDuration::parse)]
    grace: Option<GoDuration>,
    /// Publish a new key, but let the old one sign: for clients that keep the list of keys for long.
    #[arg(long)]
    standby: bool,
    /// Sign with this key, which stands by, in place of a new one.
    #[arg(long, value_name = "KID", conflicts_with_all = ["standby", "algorithm"])]
    kid: Option<String>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Kind {
    #[value(name = "ES256")]
    Es256,
    #[value(name = "RS256")]
    Rs256,
    #[value(name = "EdDSA")]
    EdDsa,
}

impl From<Kind> for Algorithm {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::Es256 => Self::ES256,
            Kind::Rs256 => Self::RS256,
            Kind::EdDsa => Self::EdDSA,
        }
    }
}

pub(super) fn list(project: &Project) -> anyhow::Result<()> {
    let ring = read(project)?;
    if !signs(&ring) {
        println!("{:<38} {:<6} signs (the project's secret)", "-", "HS256");
    }
    for (key, (kid, state)) in ring.keys().iter().zip(ring.states()) {
        let algorithm = key.text("alg").or(key.text("kty")).unwrap_or_default();
        println!("{kid:<38} {algorithm:<6} {}", says(state));
    }
    Ok(())
}

/// Is there a key that signs? Else the secret does.
fn signs(ring: &KeyRing) -> bool {
    ring.states().iter().any(|(_, state)| *state == KeyState::Current)
}

fn says(state: KeyState) -> String {
    match state {
        KeyState::Standby => "stands by: verifies, does not sign yet".to_owned(),
        KeyState::Current => "signs".to_owned(),
        KeyState::Previous { until } => {
            let until = OffsetDateTime::from_unix_timestamp(until).ok().and_then(|at| at.format(&Rfc3339).ok());
            format!("verifies until {}", until.unwrap_or_else(|| "its end".to_owned()))
        }
    }
}

pub(super) async fn rotate(project: &Project, rotation: &Rotation) -> anyhow::Result<()> {
    let mut ring = read(project)?;
    let by_secret = !signs(&ring);
    let now = project.clock.unix_seconds();
    let life = Duration::from_secs(u64::from(project.loaded.config.auth.jwt_expiry));
    let grace = rotation.grace.map_or(life + MARGIN, |given| given.0);
    let kid = match &rotation.kid {
        Some(kid) => kid.clone(),
        None => {
            let key = crypto::jwt::generate(rotation.algorithm.into())?;
            let kid = key.kid().unwrap_or_default().to_owned();
            ring.add_standby(key)?;
            kid
        }
    };
    if rotation.standby {
        keep(project, &ring)?;
        println!("{kid} stands by: it is published and verifies; basalt keys rotate --kid {kid} makes it sign");
    } else {
        ring.rotate_to(&kid, now, i64::try_from(grace.as_secs()).unwrap_or(i64::MAX))?;
        ring.prune(now);
        keep(project, &ring)?;
        let before = match by_secret {
            true => "tokens of the project's secret stay good, as its API keys do".to_owned(),
            false => format!("tokens of the key before it are good for another {}", GoDuration(grace)),
        };
        println!("{kid} signs access tokens; {before}");
    }
    tell(project, &ring).await
}

pub(super) async fn revoke(project: &Project, kid: &str) -> anyhow::Result<()> {
    let mut ring = read(project)?;
    ring.revoke(kid)?;
    ring.prune(project.clock.unix_seconds());
    keep(project, &ring)?;
    println!("{kid} is forgotten: its tokens are refused");
    tell(project, &ring).await
}

fn read(project: &Project) -> anyhow::Result<KeyRing> {
    let (home, auth) = (project.location.home(), &project.loaded.config.auth);
    // In the sense of development: a file that is not there yet is made.
    let Some(text) = config::signing_keys::read(home, Mode::Development, auth)? else { return Ok(KeyRing::default()) };
    let path = config::signing_keys::path(home, auth);
    KeyRing::parse(text.expose()).with_context(|| format!("the keys in {} cannot rotate", path.display()))
}

fn keep(project: &Project, ring: &KeyRing) -> anyhow::Result<()> {
    let path = config::signing_keys::replace(project.location.home(), &project.loaded.config.auth, &ring.to_json())?;
    eprintln!("Written to {}", path.display());
    Ok(())
}

/// Tells a running project, and waits until it publishes the keys.
async fn tell(project: &Project, ring: &KeyRing) -> anyhow::Result<()> {
    let Some(info) = run_file::running(project.location.home())? else {
        eprintln!("The project does not run: it uses them from its next start on");
        return Ok(());
    };
    let pid = i32::try_from(info.pid).context("the process id of the project")?;
    kill(Pid::from_raw(pid), Signal::SIGUSR2).with_context(|| format!("process {pid} cannot be told"))?;
    let url = format!("{}/auth/v1/.well-known/jwks.json", info.api_url);
    let public = ring.keys().iter().filter(|key| key.public().is_some());
    let wanted: Vec<&str> = public.filter_map(|key| key.kid()).collect();
    let client = jobs::net::client()?;
    let deadline = tokio::time::Instant::now() + PATIENCE;
    while tokio::time::Instant::now() < deadline {
        let published = async {
            let answer = client.get(&url).timeout(Duration::from_secs(3)).send().await?;
            anyhow::Ok(serde_json::from_str::<serde_json::Value>(&answer.text().await?)?)
        };
        if published.await.is_ok_and(|jwks| kids(&jwks) == wanted) {
            eprintln!("The running project (process {pid}) uses them");
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    bail!("the project runs (process {pid}) and was told, but {url} does not show the keys; its log may say why")
}

fn kids(jwks: &serde_json::Value) -> Vec<&str> {
    jwks["keys"].as_array().into_iter().flatten().filter_map(|key| key["kid"].as_str()).collect()
}
