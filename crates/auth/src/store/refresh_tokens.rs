use pg::PlatformTx;
use pg::tokio_postgres::Row;
use time::OffsetDateTime;
use uuid::Uuid;

use super::get;
use super::users::INSTANCE;
use crate::model::RefreshToken;

const COLUMNS_BY_TOKEN: &str = "select id, token, parent, coalesce(revoked, false) as revoked,
    coalesce(updated_at, 'epoch'::timestamptz) as updated_at, session_id, user_id
    from auth.refresh_tokens where token = $1";
const LOCK: &str = "select id, token, parent, coalesce(revoked, false) as revoked,
    coalesce(updated_at, 'epoch'::timestamptz) as updated_at, session_id, user_id
    from auth.refresh_tokens where token = $1 for update skip locked";

/// A token and the user who got it.
pub(crate) async fn find(tx: &PlatformTx, token: &str) -> Result<Option<(RefreshToken, Option<Uuid>)>, pg::Error> {
    tx.row(COLUMNS_BY_TOKEN, &[&token]).await?.as_ref().map(with_user).transpose()
}

/// Locks the token; `None` also where another request holds it.
pub(crate) async fn lock(tx: &PlatformTx, token: &str) -> Result<Option<RefreshToken>, pg::Error> {
    tx.row(LOCK, &[&token]).await?.as_ref().map(from_row).transpose()
}

const ACTIVE: &str =
    "select id, token, parent, false as revoked, coalesce(updated_at, 'epoch'::timestamptz) as updated_at, session_id
    from auth.refresh_tokens where session_id = $1 and revoked = false order by id desc limit 1";

/// The newest token of a session that is not revoked.
pub(crate) async fn active(tx: &PlatformTx, session_id: Uuid) -> Result<Option<RefreshToken>, pg::Error> {
    tx.row(ACTIVE, &[&session_id]).await?.as_ref().map(from_row).transpose()
}

const INSERT: &str =
    "insert into auth.refresh_tokens (instance_id, token, user_id, revoked, created_at, updated_at, parent, session_id)
    values ($1, $2, $3, false, $4, $4, $5, $6)";

pub(crate) async fn insert(
    tx: &PlatformTx,
    token: &str,
    user_id: Uuid,
    session_id: Uuid,
    parent: Option<&str>,
    now: OffsetDateTime,
) -> Result<(), pg::Error> {
    let user = user_id.to_string();
    tx.execute(INSERT, &[&INSTANCE, &token, &user, &now, &parent, &session_id]).await?;
    Ok(())
}

const REVOKE: &str = "update auth.refresh_tokens set revoked = true, updated_at = $2 where id = $1";

pub(crate) async fn revoke(tx: &PlatformTx, id: i64, now: OffsetDateTime) -> Result<(), pg::Error> {
    tx.execute(REVOKE, &[&id, &now]).await?;
    Ok(())
}

const REVOKE_FAMILY: &str =
    "update auth.refresh_tokens set revoked = true, updated_at = $2 where session_id = $1 and revoked = false";

/// Somebody presented a used token: all of its session end, as if `at` that time.
pub(crate) async fn revoke_family(tx: &PlatformTx, session_id: Uuid, at: OffsetDateTime) -> Result<u64, pg::Error> {
    tx.execute(REVOKE_FAMILY, &[&session_id, &at]).await
}

fn from_row(row: &Row) -> Result<RefreshToken, pg::Error> {
    Ok(RefreshToken {
        id: get(row, "id")?,
        token: get(row, "token")?,
        parent: get(row, "parent")?,
        revoked: get(row, "revoked")?,
        updated_at: get(row, "updated_at")?,
        session_id: get(row, "session_id")?,
    })
}

fn with_user(row: &Row) -> Result<(RefreshToken, Option<Uuid>), pg::Error> {
    let user: Option<String> = get(row, "user_id")?;
    Ok((from_row(row)?, user.and_then(|id| id.parse().ok())))
}
