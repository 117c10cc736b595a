use pg::PlatformTx;
use time::OffsetDateTime;
use uuid::Uuid;

use super::get;

const INSERT: &str = "insert into _basalt.revoked_sessions (session_id, until) select unnest($1::uuid[]), $2
    on conflict (session_id) do update set until = greatest(_basalt.revoked_sessions.until, excluded.until)";

/// Keeps the tokens of ended sessions dead over a restart.
pub(crate) async fn insert(tx: &PlatformTx, sessions: &[Uuid], until: OffsetDateTime) -> Result<(), pg::Error> {
    if !sessions.is_empty() {
        tx.execute(INSERT, &[&sessions, &until]).await?;
    }
    Ok(())
}

const DELETE: &str = "delete from _basalt.revoked_sessions where session_id = any($1)";

/// A ban was lifted: the sessions live again.
pub(crate) async fn delete(tx: &PlatformTx, sessions: &[Uuid]) -> Result<(), pg::Error> {
    tx.execute(DELETE, &[&sessions]).await?;
    Ok(())
}

const PRUNE: &str = "delete from _basalt.revoked_sessions where until <= $1";

pub(crate) async fn prune(tx: &PlatformTx, now: OffsetDateTime) -> Result<(), pg::Error> {
    tx.execute(PRUNE, &[&now]).await?;
    Ok(())
}

const ALL: &str = "select session_id, until from _basalt.revoked_sessions where until > $1";

pub(crate) async fn all(tx: &PlatformTx, now: OffsetDateTime) -> Result<Vec<(Uuid, OffsetDateTime)>, pg::Error> {
    tx.rows(ALL, &[&now]).await?.iter().map(|row| Ok((get(row, "session_id")?, get(row, "until")?))).collect()
}
