use pg::PlatformTx;
use time::OffsetDateTime;

use crate::config::AuthConfig;

/// Rows that one round deletes of a kind at most.
const BATCH: i64 = 500;

/// GoTrue's deletions, each bounded and passing over rows that somebody holds. `$1`: now, `$2`: how many.
const DELETIONS: [&str; 7] = [
    "delete from auth.refresh_tokens where id in (select id from auth.refresh_tokens
        where revoked and updated_at < $1::timestamptz - interval '24 hours' limit $2 for update skip locked)",
    "delete from auth.flow_state where id in (select id from auth.flow_state
        where created_at < $1::timestamptz - interval '24 hours' limit $2 for update skip locked)",
    "delete from auth.mfa_challenges where id in (select id from auth.mfa_challenges
        where created_at < $1::timestamptz - interval '24 hours' limit $2 for update skip locked)",
    "delete from auth.mfa_factors where id in (select id from auth.mfa_factors
        where status = 'unverified' and created_at < $1::timestamptz - interval '24 hours' limit $2 for update skip locked)",
    "delete from auth.saml_relay_states where id in (select id from auth.saml_relay_states
        where created_at < $1::timestamptz - interval '24 hours' limit $2 for update skip locked)",
    "delete from auth.one_time_tokens where id in (select id from auth.one_time_tokens
        where created_at < ($1::timestamptz - interval '30 days') at time zone 'utc' limit $2 for update skip locked)",
    "delete from auth.webauthn_challenges where id in (select id from auth.webauthn_challenges
        where expires_at < $1::timestamptz - interval '24 hours' limit $2 for update skip locked)",
];

/// Sessions that are over by the settings: they could not be refreshed any more. `$3`, `$4`: seconds, or null.
const SESSIONS: &str = "delete from auth.sessions where id in (select id from auth.sessions
    where not_after < $1::timestamptz - interval '24 hours'
        or created_at + make_interval(secs => $3) < $1::timestamptz - interval '24 hours'
        or coalesce(refreshed_at at time zone 'utc', created_at) + make_interval(secs => $4) < $1::timestamptz - interval '24 hours'
    limit $2 for update skip locked)";

/// Deletes what is old; `true` where a limit was reached.
pub(crate) async fn run(tx: &PlatformTx, now: OffsetDateTime, config: &AuthConfig) -> Result<bool, pg::Error> {
    let mut most = 0;
    for sql in DELETIONS {
        most = most.max(tx.execute(sql, &[&now, &BATCH]).await?);
    }
    let seconds = |limit: Option<std::time::Duration>| limit.map(|limit| limit.as_secs_f64());
    let (timebox, inactivity) = (seconds(config.sessions.timebox), seconds(config.sessions.inactivity_timeout));
    most = most.max(tx.execute(SESSIONS, &[&now, &BATCH, &timebox, &inactivity]).await?);
    Ok(most >= BATCH.unsigned_abs())
}
