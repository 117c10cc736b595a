use pg::PlatformTx;
use pg::tokio_postgres::types::Json;
use time::OffsetDateTime;
use uuid::Uuid;

use super::get;
use crate::model::Object;

const INSERT: &str = "insert into auth.identities (id, provider_id, user_id, identity_data, provider, last_sign_in_at, created_at, updated_at)
    values ($1, $2, $3, $4, $5, $6, $6, $6)";

pub(crate) async fn insert(
    tx: &PlatformTx,
    user_id: Uuid,
    provider: &str,
    provider_id: &str,
    data: &Object,
    now: OffsetDateTime,
) -> Result<Uuid, pg::Error> {
    let id = crypto::random::uuid();
    tx.execute(INSERT, &[&id, &provider_id, &user_id, &Json(data), &provider, &now]).await?;
    Ok(id)
}

const MERGE: &str =
    "update auth.identities set identity_data = identity_data || $2::jsonb, updated_at = $3 where id = $1";

/// Merges into `identity_data`.
pub(crate) async fn merge_data(tx: &PlatformTx, id: Uuid, data: &Object, now: OffsetDateTime) -> Result<(), pg::Error> {
    tx.execute(MERGE, &[&id, &Json(data), &now]).await?;
    Ok(())
}

const SIGNED_IN: &str =
    "update auth.identities set identity_data = $2, last_sign_in_at = $3, updated_at = $3 where id = $1";

/// A sign-in through the identity's provider, with what the provider says of the user now.
pub(crate) async fn signed_in(tx: &PlatformTx, id: Uuid, data: &Object, now: OffsetDateTime) -> Result<(), pg::Error> {
    tx.execute(SIGNED_IN, &[&id, &Json(data), &now]).await?;
    Ok(())
}

const DELETE: &str = "delete from auth.identities where id = $1";

pub(crate) async fn delete(tx: &PlatformTx, id: Uuid) -> Result<(), pg::Error> {
    tx.execute(DELETE, &[&id]).await?;
    Ok(())
}

const DELETE_OTHERS: &str = "delete from auth.identities where user_id = $1 and id <> $2";

/// Keeps only one identity of a user.
pub(crate) async fn delete_others(tx: &PlatformTx, user_id: Uuid, keep: Uuid) -> Result<(), pg::Error> {
    tx.execute(DELETE_OTHERS, &[&user_id, &keep]).await?;
    Ok(())
}

const SERIALIZE: &str =
    "select pg_catalog.pg_advisory_xact_lock(pg_catalog.hashtextextended('auth.identities ' || $1 || ' ' || $2, 0))";

/// Waits for other transactions in which the same user of a provider arrives.
pub(crate) async fn serialize(tx: &PlatformTx, provider: &str, provider_id: &str) -> Result<(), pg::Error> {
    tx.rows(SERIALIZE, &[&provider, &provider_id]).await?;
    Ok(())
}

const OWNER: &str = "select user_id from auth.identities where provider_id = $1 and provider = $2";

/// Whose identity at a provider is this?
pub(crate) async fn owner(tx: &PlatformTx, provider: &str, provider_id: &str) -> Result<Option<Uuid>, pg::Error> {
    tx.row(OWNER, &[&provider_id, &provider]).await?.map(|row| get(&row, "user_id")).transpose()
}

const PROVIDERS: &str = "select provider from auth.identities where user_id = $1 order by created_at, provider, id";

/// The user's providers, oldest first, each once: `app_metadata.providers`.
pub(crate) async fn providers(tx: &PlatformTx, user_id: Uuid) -> Result<Vec<String>, pg::Error> {
    let mut names: Vec<String> = Vec::new();
    for row in tx.rows(PROVIDERS, &[&user_id]).await? {
        let name: String = get(&row, "provider")?;
        if !names.contains(&name) {
            names.push(name);
        }
    }
    Ok(names)
}

const OBSCURE: &str =
    "update auth.identities set provider_id = $2, identity_data = '{}'::jsonb, updated_at = $3 where id = $1";

/// Takes the person out of an identity.
pub(crate) async fn obscure(
    tx: &PlatformTx,
    id: Uuid,
    provider_id: &str,
    now: OffsetDateTime,
) -> Result<(), pg::Error> {
    tx.execute(OBSCURE, &[&id, &provider_id, &now]).await?;
    Ok(())
}

/// A user whose address this is, or who proved it by an identity. An address that a provider did not vouch for joins nobody: its holder
/// would get the account of whoever proves it later.
const PROVED_HOLDERS: &str = "select u.id from auth.users u
    where u.aud = $2 and not u.is_sso_user and (lower(u.email) = $1 or exists (select from auth.identities i
        where i.user_id = u.id and i.email = $1 and i.provider not like 'sso:%'
            and lower(i.identity_data ->> 'email_verified') = 'true'))
    order by (lower(u.email) = $1) desc nulls last limit 2";

/// Who holds this address (in lower case) so that a proof of it leads to his account? At most two: more than one is a mistake.
pub(crate) async fn proved_holders(tx: &PlatformTx, email: &str, aud: &str) -> Result<Vec<Uuid>, pg::Error> {
    tx.rows(PROVED_HOLDERS, &[&email, &aud]).await?.iter().map(|row| get(row, "id")).collect()
}

const HOLDERS_AT: &str = "select distinct user_id from auth.identities where provider = $1 and email = $2 limit 2";

/// Who has this address (in lower case) at this one provider? At most two: more than one is a mistake.
pub(crate) async fn holders_at(tx: &PlatformTx, provider: &str, email: &str) -> Result<Vec<Uuid>, pg::Error> {
    tx.rows(HOLDERS_AT, &[&provider, &email]).await?.iter().map(|row| get(row, "user_id")).collect()
}
