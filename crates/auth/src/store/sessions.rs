use std::net::IpAddr;

use pg::PlatformTx;
use pg::tokio_postgres::Row;
use serde_json::Value;
use time::OffsetDateTime;
use uuid::Uuid;

use super::get;
use crate::model::{Aal, AmrClaim, Method, Session};

/// A session in one row, with its `amr` claims.
macro_rules! select_session {
    ($($rest:literal)*) => {
        concat!("select s.id, s.user_id, coalesce(s.created_at, 'epoch'::timestamptz) as created_at, s.factor_id,
            coalesce(s.aal::text, 'aal1') as aal, s.not_after, s.refreshed_at at time zone 'utc' as refreshed_at, s.tag,
            s.oauth_client_id, s.scopes, s.refresh_token_hmac_key, s.refresh_token_counter,
            (select jsonb_agg(jsonb_build_object('method', a.authentication_method,
                'at', (extract(epoch from a.updated_at) * 1000000)::bigint))
                from auth.mfa_amr_claims a where a.session_id = s.id) as amr
            from auth.sessions s ", $($rest),*)
    };
}

const BY_ID: &str = select_session!("where s.id = $1");
const BY_ID_SKIP_LOCKED: &str = select_session!("where s.id = $1 for update of s skip locked");
const BY_USER: &str = select_session!("where s.user_id = $1 order by s.created_at");
const BY_USER_SKIP_LOCKED: &str = select_session!("where s.user_id = $1 for update of s skip locked");

pub(crate) async fn find(tx: &PlatformTx, id: Uuid) -> Result<Option<Session>, pg::Error> {
    tx.row(BY_ID, &[&id]).await?.as_ref().map(from_row).transpose()
}

/// Locks the session; `None` also where another request holds it: the caller tries again, no connection waits.
pub(crate) async fn lock(tx: &PlatformTx, id: Uuid) -> Result<Option<Session>, pg::Error> {
    tx.row(BY_ID_SKIP_LOCKED, &[&id]).await?.as_ref().map(from_row).transpose()
}

pub(crate) async fn of_user(tx: &PlatformTx, user_id: Uuid) -> Result<Vec<Session>, pg::Error> {
    tx.rows(BY_USER, &[&user_id]).await?.iter().map(from_row).collect()
}

pub(crate) async fn lock_of_user(tx: &PlatformTx, user_id: Uuid) -> Result<Vec<Session>, pg::Error> {
    tx.rows(BY_USER_SKIP_LOCKED, &[&user_id]).await?.iter().map(from_row).collect()
}

/// What a new session has.
#[derive(Debug, Clone)]
pub(crate) struct NewSession<'a> {
    pub id: Uuid,
    pub user_id: Uuid,
    pub aal: Aal,
    pub factor_id: Option<Uuid>,
    pub user_agent: Option<&'a str>,
    pub ip: Option<IpAddr>,
    pub tag: Option<&'a str>,
    pub oauth_client_id: Option<Uuid>,
    pub scopes: Option<&'a str>,
    pub hmac_key: Option<&'a str>,
    pub counter: Option<i64>,
    pub method: Method,
    pub not_after: Option<OffsetDateTime>,
}

/// Session and first claim in one statement.
const INSERT: &str =
    "with s as (insert into auth.sessions (id, user_id, created_at, updated_at, factor_id, aal, user_agent, ip, tag,
        oauth_client_id, scopes, refresh_token_hmac_key, refresh_token_counter, not_after)
    values ($1, $2, $3, $3, $4, $5::text::auth.aal_level, $6, $7::text::inet, $8, $9, $10, $11, $12, $14) returning id)
    insert into auth.mfa_amr_claims (id, session_id, created_at, updated_at, authentication_method)
    select gen_random_uuid(), s.id, $3, $3, $13 from s";

pub(crate) async fn insert(tx: &PlatformTx, new: &NewSession<'_>, now: OffsetDateTime) -> Result<Session, pg::Error> {
    let ip = new.ip.map(|ip| ip.to_string());
    tx.execute(
        INSERT,
        &[
            &new.id,
            &new.user_id,
            &now,
            &new.factor_id,
            &new.aal.as_str(),
            &new.user_agent,
            &ip,
            &new.tag,
            &new.oauth_client_id,
            &new.scopes,
            &new.hmac_key,
            &new.counter,
            &new.method.as_str(),
            &new.not_after,
        ],
    )
    .await?;
    Ok(Session {
        id: new.id,
        user_id: new.user_id,
        created_at: now,
        aal: new.aal,
        not_after: new.not_after,
        refreshed_at: None,
        tag: new.tag.map(str::to_owned),
        oauth_client_id: new.oauth_client_id,
        scopes: new.scopes.map(str::to_owned),
        hmac_key: new.hmac_key.map(str::to_owned),
        counter: new.counter,
        amr: vec![AmrClaim { method: new.method.as_str().to_owned(), at: now }],
    })
}

const ADD_CLAIM: &str =
    "insert into auth.mfa_amr_claims (id, session_id, created_at, updated_at, authentication_method)
    values (gen_random_uuid(), $1, $2, $2, $3)
    on conflict on constraint mfa_amr_claims_session_id_authentication_method_pkey do update set updated_at = $2";

pub(crate) async fn add_claim(
    tx: &PlatformTx,
    session_id: Uuid,
    method: Method,
    now: OffsetDateTime,
) -> Result<(), pg::Error> {
    tx.execute(ADD_CLAIM, &[&session_id, &now, &method.as_str()]).await?;
    Ok(())
}

const SET_AAL: &str =
    "update auth.sessions set aal = $2::text::auth.aal_level, factor_id = $3, updated_at = $4 where id = $1";

pub(crate) async fn set_aal(
    tx: &PlatformTx,
    id: Uuid,
    aal: Aal,
    factor_id: Option<Uuid>,
    now: OffsetDateTime,
) -> Result<(), pg::Error> {
    tx.execute(SET_AAL, &[&id, &aal.as_str(), &factor_id, &now]).await?;
    Ok(())
}

const SET_COUNTER: &str =
    "update auth.sessions set refresh_token_hmac_key = $2, refresh_token_counter = $3, updated_at = $4 where id = $1";

/// Version 2 tokens: the key of the session, and how far it has come.
pub(crate) async fn set_counter(
    tx: &PlatformTx,
    id: Uuid,
    hmac_key: &str,
    counter: i64,
    now: OffsetDateTime,
) -> Result<(), pg::Error> {
    tx.execute(SET_COUNTER, &[&id, &hmac_key, &counter, &now]).await?;
    Ok(())
}

const REFRESHED: &str = "update auth.sessions set refreshed_at = $2::timestamptz at time zone 'utc', updated_at = $2,
    user_agent = coalesce($3, user_agent), ip = coalesce($4::text::inet, ip) where id = $1";

/// Device facts at a refresh: a user sees where his sessions are.
pub(crate) async fn refreshed(
    tx: &PlatformTx,
    id: Uuid,
    user_agent: Option<&str>,
    ip: Option<IpAddr>,
    now: OffsetDateTime,
) -> Result<(), pg::Error> {
    let ip = ip.map(|ip| ip.to_string());
    tx.execute(REFRESHED, &[&id, &now, &user_agent, &ip]).await?;
    Ok(())
}

/// Which sessions of a user end.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Which {
    /// All of them.
    All,
    /// This one.
    One(Uuid),
    /// All but this one.
    Except(Uuid),
    /// Those below aal2, but not this one.
    LowExcept(Uuid),
    /// Those of an OAuth client.
    Client(Uuid),
}

const DELETE: &str = "delete from auth.sessions where user_id = $1 and ($2::uuid is null or id = $2)
    and ($3::uuid is null or id <> $3) and (not $4 or aal is null or aal < 'aal2') and ($5::uuid is null or oauth_client_id = $5)
    returning id";

/// Ends sessions; their refresh tokens and claims go with them. The ids are for the set of revoked sessions.
pub(crate) async fn delete(tx: &PlatformTx, user_id: Uuid, which: Which) -> Result<Vec<Uuid>, pg::Error> {
    let (one, except, low, client) = match which {
        Which::All => (None, None, false, None),
        Which::One(id) => (Some(id), None, false, None),
        Which::Except(id) => (None, Some(id), false, None),
        Which::LowExcept(id) => (None, Some(id), true, None),
        Which::Client(id) => (None, None, false, Some(id)),
    };
    tx.rows(DELETE, &[&user_id, &one, &except, &low, &client]).await?.iter().map(|row| get(row, "id")).collect()
}

const DEVICES: &str = "select id, created_at, updated_at, refreshed_at at time zone 'utc' as refreshed_at, user_agent, host(ip) as ip,
    coalesce(aal::text, 'aal1') as aal, not_after, oauth_client_id
    from auth.sessions where user_id = $1 order by coalesce(refreshed_at at time zone 'utc', created_at) desc limit 1000";

/// The sessions of a user as he sees them: device facts, no keys.
pub(crate) async fn devices(tx: &PlatformTx, user_id: Uuid) -> Result<Vec<Row>, pg::Error> {
    tx.rows(DEVICES, &[&user_id]).await
}

fn from_row(row: &Row) -> Result<Session, pg::Error> {
    let amr: Option<Value> = get(row, "amr")?;
    let aal: String = get(row, "aal")?;
    Ok(Session {
        id: get(row, "id")?,
        user_id: get(row, "user_id")?,
        created_at: get(row, "created_at")?,
        aal: Aal::parse(&aal),
        not_after: get(row, "not_after")?,
        refreshed_at: get(row, "refreshed_at")?,
        tag: get(row, "tag")?,
        oauth_client_id: get(row, "oauth_client_id")?,
        scopes: get(row, "scopes")?,
        hmac_key: get(row, "refresh_token_hmac_key")?,
        counter: get(row, "refresh_token_counter")?,
        amr: amr
            .and_then(|claims| claims.as_array().map(|list| list.iter().filter_map(claim).collect()))
            .unwrap_or_default(),
    })
}

fn claim(value: &Value) -> Option<AmrClaim> {
    let micros = value.get("at")?.as_i64()?;
    Some(AmrClaim {
        method: value.get("method")?.as_str()?.to_owned(),
        at: OffsetDateTime::from_unix_timestamp_nanos(i128::from(micros) * 1_000).ok()?,
    })
}
