use pg::PlatformTx;
use time::OffsetDateTime;
use uuid::Uuid;

use super::get;
use crate::model::OtpKind;

/// One live token per user and kind: a new one replaces the old.
const UPSERT: &str =
    "insert into auth.one_time_tokens (id, user_id, token_type, token_hash, relates_to, created_at, updated_at)
    values (gen_random_uuid(), $1, $2::text::auth.one_time_token_type, $3, $4, $5::timestamptz at time zone 'utc',
        $5::timestamptz at time zone 'utc')
    on conflict (user_id, token_type) do update
        set id = excluded.id, token_hash = excluded.token_hash, relates_to = excluded.relates_to,
            created_at = excluded.created_at, updated_at = excluded.updated_at";

pub(crate) async fn put(
    tx: &PlatformTx,
    user_id: Uuid,
    kind: OtpKind,
    hash: &str,
    relates_to: &str,
    now: OffsetDateTime,
) -> Result<(), pg::Error> {
    let relates_to = relates_to.to_lowercase();
    tx.execute(UPSERT, &[&user_id, &kind.as_str(), &hash, &relates_to, &now]).await?;
    tx.execute(FORGET_ATTEMPTS, &[&user_id, &Some(kind.as_str())]).await?;
    Ok(())
}

const BY_HASH: &str = "select user_id, token_type::text as kind from auth.one_time_tokens
    where token_hash = any($1) and token_type::text = any($2) limit 1";

/// Whose token has one of these hashes, and of which of these kinds is it?
pub(crate) async fn find(
    tx: &PlatformTx,
    hashes: &[String],
    kinds: &[OtpKind],
) -> Result<Option<(Uuid, OtpKind)>, pg::Error> {
    let names: Vec<&str> = kinds.iter().map(|kind| kind.as_str()).collect();
    let Some(row) = tx.row(BY_HASH, &[&hashes, &names]).await? else { return Ok(None) };
    let kind: String = get(&row, "kind")?;
    let kind = kinds.iter().copied().find(|known| known.as_str() == kind);
    kind.map(|kind| get(&row, "user_id").map(|user| (user, kind))).transpose()
}

const CLEAR_ALL: &str = "delete from auth.one_time_tokens where user_id = $1";

pub(crate) async fn clear_all(tx: &PlatformTx, user_id: Uuid) -> Result<(), pg::Error> {
    tx.execute(CLEAR_ALL, &[&user_id]).await?;
    tx.execute(FORGET_ATTEMPTS, &[&user_id, &None::<&str>]).await?;
    Ok(())
}

const CLEAR: &str = "delete from auth.one_time_tokens where user_id = $1 and token_type::text = any($2)";

pub(crate) async fn clear(tx: &PlatformTx, user_id: Uuid, kinds: &[OtpKind]) -> Result<(), pg::Error> {
    let names: Vec<&str> = kinds.iter().map(|kind| kind.as_str()).collect();
    tx.execute(CLEAR, &[&user_id, &names]).await?;
    Ok(())
}

const FORGET_ATTEMPTS: &str = "delete from _basalt.otp_attempts where user_id = $1 and ($2::text is null or kind = $2)";
const COUNT_ATTEMPT: &str = "insert into _basalt.otp_attempts as a (user_id, kind, attempts) values ($1, $2, 1)
    on conflict (user_id, kind) do update set attempts = a.attempts + 1 returning attempts";

/// Counts a wrong code against the live token of a kind, and says how many there were.
pub(crate) async fn count_attempt(tx: &PlatformTx, user_id: Uuid, kind: OtpKind) -> Result<i32, pg::Error> {
    match tx.row(COUNT_ATTEMPT, &[&user_id, &kind.as_str()]).await? {
        Some(row) => get(&row, "attempts"),
        None => Ok(0),
    }
}
