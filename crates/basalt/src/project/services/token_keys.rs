//! The keys of access tokens: read at start, and again when `basalt keys` has changed them.

use std::sync::Arc;
use std::time::Duration;

use auth::Auth;
use base::{Clock, Secret};
use crypto::jwt::{Jwk, KeyRing, KeySet};
use pg::Target;
use rest::Rest;
use rest::server::Site;
use serde_json::Value;
use service::Tasks;
use tokio::signal::unix::{SignalKind, signal};

use super::postgrest;
use crate::project::Plan;

/// The file is looked at this often, for who changes it by hand; the command says at once.
const LOOK_AGAIN: Duration = Duration::from_secs(30);

/// The keys as the two services want them.
pub(super) struct TokenKeys {
    /// Signs and verifies.
    pub set: KeySet,
    /// `PGRST_JWT_SECRET`: the public halves and the secret, or the secret alone.
    pub for_rest: String,
    /// When a key is to be forgotten next (Unix seconds).
    next_end: Option<i64>,
}

impl TokenKeys {
    /// From the text of the signing keys, else from the secret; a key whose grace is over is left out.
    pub fn of(plan: &Plan, signing_keys: Option<&Secret>, clock: &Clock) -> anyhow::Result<Self> {
        let secret = plan.keys.jwt_secret.expose();
        let Some(text) = signing_keys else {
            let set = KeySet::from_gotrue(None, Some(secret))?;
            return Ok(Self { set, for_rest: secret.clone(), next_end: None });
        };
        let (set, next_end) = match KeyRing::parse(text.expose()) {
            Ok(mut ring) => {
                ring.prune(clock.unix_seconds());
                (ring.key_set(Some(secret))?, ring.next_end())
            }
            // Keys without names cannot rotate, but sign they can.
            Err(_) => (KeySet::from_signing_keys(text.expose(), Some(secret))?, None),
        };
        let mut jwks = set.public_jwks();
        if let Some(keys) = jwks.get_mut("keys").and_then(Value::as_array_mut) {
            keys.push(Value::Object(Jwk::from_secret(secret.as_bytes(), None).members().clone()));
        }
        Ok(Self { set, for_rest: jwks.to_string(), next_end })
    }
}

/// Takes up other keys while requests go on: at SIGUSR2, when a key's grace is over, and once in a while.
pub(super) fn follow(
    plan: &Plan,
    callers: &Target,
    auth: &Arc<Auth>,
    site: &Arc<Site<Rest>>,
    tasks: &Tasks,
) -> anyhow::Result<()> {
    let mut told = signal(SignalKind::user_defined2())?;
    let (plan, callers, auth, site) = (plan.clone(), callers.clone(), Arc::clone(auth), Arc::clone(site));
    tasks.spawn_until_stop(async move {
        let clock = Clock::system();
        let (mut known, mut next_end): (Option<String>, Option<i64>) = (None, None);
        loop {
            match take_up(&plan, &callers, &auth, &site, known.as_deref(), &clock).await {
                Ok((now_known, end)) => (known, next_end) = (Some(now_known), end),
                Err(error) => tracing::error!(target: "auth", error = %format!("{error:#}"), "the signing keys cannot be read; the old ones stay"),
            }
            let until_end = next_end.map(|end| u64::try_from(end - clock.unix_seconds()).unwrap_or_default());
            let pause = until_end.map_or(LOOK_AGAIN, |seconds| LOOK_AGAIN.min(Duration::from_secs(seconds.max(1))));
            tokio::select! {
                _ = told.recv() => {}
                () = tokio::time::sleep(pause) => {}
            }
        }
    });
    Ok(())
}

async fn take_up(
    plan: &Plan,
    callers: &Target,
    auth: &Auth,
    site: &Site<Rest>,
    known: Option<&str>,
    clock: &Clock,
) -> anyhow::Result<(String, Option<i64>)> {
    let text = config::signing_keys::read(plan.location.home(), plan.mode(), &plan.config.auth)?;
    let keys = TokenKeys::of(plan, text.as_ref(), clock)?;
    // The secret is always last: equal text is equal keys, but for which of them signs.
    let signs = keys.set.signing_kid().unwrap_or_default().to_owned();
    let now_known = format!("{signs} {}", keys.for_rest);
    if known != Some(now_known.as_str()) {
        // REST first: no token is given out that it would refuse.
        let environment = postgrest(plan, callers, keys.for_rest);
        site.replace_environment(environment).await.map_err(anyhow::Error::msg)?;
        auth.set_keys(Arc::new(keys.set));
        if known.is_some() {
            tracing::info!(target: "auth", signs, "other signing keys are in use");
        }
    }
    Ok((now_known, keys.next_end))
}
