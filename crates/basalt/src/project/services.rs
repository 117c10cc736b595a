//! All wiring there is: which services a project has, and what each is given.

mod post;
mod token_keys;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use anyhow::bail;
use auth::{Auth, AuthConfig, OutboxMessages};
use base::{Clock, Revocations};
use crypto::password::{Hasher, Scheme};
use pg::{Address, Db, Heard, Target};
use rest::Rest;
use rest::jwt::{Authenticator, JwtRules};
use rest::server::{Site, Sources};
use service::{Routed, Tasks};
use web::gateway::ApiKeys;
use web::{Edge, Limits};

pub use self::post::{OpenInbox, inbox};
use self::token_keys::TokenKeys;
use super::readiness::Watch;
use super::{Database, Plan};

/// How long the first look at the schema may take; a schema of thousands of tables needs seconds.
const FIRST_CATALOG: Duration = Duration::from_secs(60);
/// NOTIFY of the event triggers and of users: `notify pgrst`.
const REST_CHANNEL: &str = "pgrst";

/// A project's services, behind one edge.
pub struct Services {
    pub edge: Edge,
    /// Where the development inbox can be read.
    pub inbox_url: Option<String>,
}

/// Starts the services of a project.
pub async fn start(
    plan: &Plan,
    database: &Database,
    tasks: &Tasks,
    watch: Watch,
    inbox: Option<OpenInbox>,
) -> anyhow::Result<Services> {
    let db = database.doors()?;
    let revocations = Arc::new(Revocations::default());
    let post = post::start(plan, &db, inbox, tasks)?;
    let auth = start_auth(plan, &db, &post, tasks, &revocations).await?;
    let site = start_rest(plan, database, tasks, &revocations).await?;
    let (cron, net) = start_jobs(plan, database, &db, tasks)?;
    token_keys::follow(plan, &database.callers, &auth, &site, tasks)?;

    // One connection hears for all: a listener each would cost a PostgreSQL process each.
    let (target, wake_mail, wake_rest) = (database.admin.clone(), post.outbox.clone(), Arc::clone(&site));
    let on_lost = watch.on_lost();
    tasks.spawn_until_stop(async move {
        let channels = [REST_CHANNEL, platform::CRON_CHANNEL, platform::NET_CHANNEL, mail::CHANNEL];
        pg::listen(&target, &channels, |heard| match heard {
            Heard::Connected => {
                wake_rest.reload_catalog();
                cron.wake();
                net.wake();
                wake_mail.wake();
            }
            Heard::Lost(error) => {
                tracing::debug!(target: "pg", error, "not listening for a moment");
                on_lost();
            }
            Heard::Payload { channel, text } => match (channel.as_str(), text.as_str()) {
                (platform::CRON_CHANNEL, _) => cron.wake(),
                (platform::NET_CHANNEL, _) => net.wake(),
                (mail::CHANNEL, _) => wake_mail.wake(),
                (_, "reload config") => wake_rest.reload_config(),
                _ => wake_rest.reload_catalog(),
            },
        })
        .await;
    });

    let mut edge = Edge::new(Some(api_keys(plan)), Limits::default(), watch.readiness, Arc::default());
    if plan.config.api.enabled {
        edge = edge.with(Arc::clone(&site.app) as Arc<dyn service::Service>);
    }
    if plan.config.auth.enabled {
        edge = edge.with(Arc::new(Routed::new("auth", auth.router())));
    }
    Ok(Services { edge, inbox_url: post.inbox_url })
}

fn api_keys(plan: &Plan) -> ApiKeys {
    ApiKeys {
        publishable: plan.keys.publishable_key.clone(),
        secret: plan.keys.secret_key.clone(),
        anon_token: plan.keys.anon_key.clone(),
        service_token: plan.keys.service_role_key.clone(),
        required: plan.production,
    }
}

async fn start_auth(
    plan: &Plan,
    db: &Db,
    post: &post::Post,
    tasks: &Tasks,
    revocations: &Arc<Revocations>,
) -> anyhow::Result<Arc<Auth>> {
    let keys = TokenKeys::of(plan, plan.keys.signing_keys.as_ref(), &Clock::system())?;
    let messages = OutboxMessages::new(post.outbox.clone(), jobs::net::client()?);
    let auth = Auth::new(auth::Parts {
        config: AuthConfig::from_project(&plan.config.auth, &plan.api_url()),
        db: db.clone(),
        keys: Arc::new(keys.set),
        hasher: Arc::new(Hasher::new(Scheme::default())?),
        letters: Arc::new(post.outbox.clone()),
        messages: Arc::new(messages),
        clock: Clock::system(),
        revocations: Arc::clone(revocations),
    })?;
    auth.load_revocations().await?;
    auth.start_jobs(tasks);
    Ok(auth)
}

/// REST as `serve rest` runs it, with config.toml in place of PostgREST's file.
async fn start_rest(
    plan: &Plan,
    database: &Database,
    tasks: &Tasks,
    revocations: &Arc<Revocations>,
) -> anyhow::Result<Arc<Site<Rest>>> {
    let keys = TokenKeys::of(plan, plan.keys.signing_keys.as_ref(), &Clock::system())?;
    let sources = Sources { environment: postgrest(plan, &database.callers, keys.for_rest), ..Sources::default() };
    let make = |executor, config: &rest::server::Config| {
        // The site configures it, tokens included, before the first request.
        let nobody = Authenticator::new(JwtRules::default(), Clock::system(), None);
        Rest::new(config.rest(), executor, Arc::new(nobody))
    };
    let site = Site::new(None, sources, Clock::system(), Some(Arc::clone(revocations)), false, make)
        .map_err(anyhow::Error::msg)?;
    let current = Arc::clone(&site);
    tasks.spawn_until_stop(async move { drop(current.keep_current().await) });
    let deadline = tokio::time::Instant::now() + FIRST_CATALOG;
    while !site.is_ready() {
        if tokio::time::Instant::now() > deadline {
            bail!("the schema could not be read within {} s; the log says why", FIRST_CATALOG.as_secs());
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    Ok(site)
}

/// `[api]` in PostgREST's words, as the Supabase CLI hands it to PostgREST.
fn postgrest(plan: &Plan, callers: &Target, jwt_secret: String) -> BTreeMap<String, String> {
    let api = &plan.config.api;
    let variables = [
        ("PGRST_DB_URI", words(callers)),
        ("PGRST_DB_SCHEMAS", api.schemas.join(",")),
        ("PGRST_DB_EXTRA_SEARCH_PATH", api.extra_search_path.join(",")),
        ("PGRST_DB_MAX_ROWS", api.max_rows.to_string()),
        ("PGRST_DB_ANON_ROLE", "anon".to_owned()),
        ("PGRST_DB_CHANNEL_ENABLED", "false".to_owned()),
        ("PGRST_JWT_SECRET", jwt_secret),
        ("PGRST_APP_SETTINGS_JWT_EXP", plan.config.auth.jwt_expiry.to_string()),
        ("PGRST_OPENAPI_SERVER_PROXY_URI", format!("{}/rest/v1", plan.api_url())),
    ];
    variables.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

/// A target in libpq's words.
fn words(target: &Target) -> String {
    let quoted = |value: &str| format!("'{}'", value.replace('\\', "\\\\").replace('\'', "\\'"));
    let (host, mode) = match &target.address {
        Address::Socket(folder) => (folder.display().to_string(), ""),
        Address::Tcp { host, tls } => (
            host.clone(),
            match tls {
                pg::Tls::Disable => " sslmode=disable",
                pg::Tls::Prefer => " sslmode=prefer",
                pg::Tls::Require => " sslmode=require",
                pg::Tls::Verify => " sslmode=verify-full",
            },
        ),
    };
    format!(
        "host={} port={} dbname={} user={} password={}{mode}",
        quoted(&host),
        target.port,
        quoted(&target.database),
        quoted(&target.user),
        quoted(target.password.expose())
    )
}

/// What the database asks for later: cron jobs and outgoing requests.
fn start_jobs(plan: &Plan, database: &Database, db: &Db, tasks: &Tasks) -> anyhow::Result<(jobs::Cron, jobs::Net)> {
    let superuser = database.rights == platform::Rights::Superuser;
    let cron = jobs::Cron::new(db.clone(), superuser, Clock::system(), tasks.clone());
    let gateway = url::Url::parse(&plan.api_url()).ok();
    let net = jobs::Net::new(db.clone(), jobs::net::client()?, gateway, tasks.clone());
    cron.start();
    net.start();
    Ok((cron, net))
}
