use pg::PlatformTx;
use pg::tokio_postgres::Row;
use pg::tokio_postgres::types::Json;
use serde_json::Value;
use time::OffsetDateTime;

use super::users::INSTANCE;

const INSERT: &str = "insert into auth.audit_log_entries (instance_id, id, payload, created_at, ip_address)
    values ($1, gen_random_uuid(), $2, $3, $4)";

pub(crate) async fn insert(tx: &PlatformTx, payload: &Value, ip: &str, now: OffsetDateTime) -> Result<(), pg::Error> {
    tx.execute(INSERT, &[&INSTANCE, &Json(payload), &now, &ip]).await?;
    Ok(())
}

const LIST: &str = "select id, payload, coalesce(created_at, 'epoch'::timestamptz) as created_at, ip_address, count(*) over () as total
    from auth.audit_log_entries
    where instance_id = $1 and ($2::text is null or case $2
        when 'author' then concat_ws(' ', payload ->> 'actor_username', payload ->> 'actor_name') ilike '%' || $3 || '%'
        when 'action' then payload ->> 'action' ilike '%' || $3 || '%'
        when 'type' then payload ->> 'log_type' ilike '%' || $3 || '%'
        else false end)
    order by created_at desc, id limit $4 offset $5";

/// Entries, newest first; each row says how many there are in all.
pub(crate) async fn list(
    tx: &PlatformTx,
    query: Option<(&str, &str)>,
    limit: i64,
    offset: i64,
) -> Result<Vec<Row>, pg::Error> {
    let (column, text) = query.unzip();
    tx.rows(LIST, &[&INSTANCE, &column, &text, &limit, &offset]).await
}
