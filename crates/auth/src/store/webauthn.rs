//! Passkeys, the challenges of their ceremonies, and what factors keep of WebAuthn.

use pg::PlatformTx;
use pg::tokio_postgres::Row;
use pg::tokio_postgres::types::Json;
use serde_json::Value;
use time::OffsetDateTime;
use uuid::Uuid;

use super::get;

/// `auth.webauthn_credentials`.
#[derive(Debug, Clone)]
pub(crate) struct Passkey {
    pub id: Uuid,
    pub user_id: Uuid,
    pub credential_id: Vec<u8>,
    pub public_key: Vec<u8>,
    pub sign_count: i64,
    pub friendly_name: String,
    pub created_at: OffsetDateTime,
    pub last_used_at: Option<OffsetDateTime>,
}

/// What a new passkey has besides.
#[derive(Debug, Clone)]
pub(crate) struct NewPasskey<'a> {
    pub user_id: Uuid,
    pub credential_id: &'a [u8],
    pub public_key: &'a [u8],
    pub attestation_type: &'a str,
    pub aaguid: Uuid,
    pub sign_count: i64,
    pub transports: &'a [String],
    pub backup_eligible: bool,
    pub backed_up: bool,
}

macro_rules! select_passkey {
    ($rest:literal) => {
        concat!(
            "select id, user_id, credential_id, public_key, sign_count, friendly_name, created_at, last_used_at
            from auth.webauthn_credentials ",
            $rest
        )
    };
}

const OF_USER: &str = select_passkey!("where user_id = $1 order by created_at, id");
const BY_CREDENTIAL: &str = select_passkey!("where credential_id = $1 for update");

pub(crate) async fn of_user(tx: &PlatformTx, user_id: Uuid) -> Result<Vec<Passkey>, pg::Error> {
    tx.rows(OF_USER, &[&user_id]).await?.iter().map(from_row).collect()
}

/// Locks it: its counter is compared and written.
pub(crate) async fn by_credential(tx: &PlatformTx, credential_id: &[u8]) -> Result<Option<Passkey>, pg::Error> {
    tx.row(BY_CREDENTIAL, &[&credential_id]).await?.as_ref().map(from_row).transpose()
}

const INSERT: &str =
    "insert into auth.webauthn_credentials (id, user_id, credential_id, public_key, attestation_type, aaguid,
        sign_count, transports, backup_eligible, backed_up, created_at, updated_at)
    values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $11)";

pub(crate) async fn insert(tx: &PlatformTx, new: &NewPasskey<'_>, now: OffsetDateTime) -> Result<Uuid, pg::Error> {
    let id = crypto::random::uuid();
    tx.execute(
        INSERT,
        &[
            &id,
            &new.user_id,
            &new.credential_id,
            &new.public_key,
            &new.attestation_type,
            &new.aaguid,
            &new.sign_count,
            &Json(new.transports),
            &new.backup_eligible,
            &new.backed_up,
            &now,
        ],
    )
    .await?;
    Ok(id)
}

const USED: &str =
    "update auth.webauthn_credentials set sign_count = $2, backed_up = $3, last_used_at = $4, updated_at = $4
    where id = $1";

pub(crate) async fn used(
    tx: &PlatformTx,
    id: Uuid,
    sign_count: i64,
    backed_up: bool,
    now: OffsetDateTime,
) -> Result<(), pg::Error> {
    tx.execute(USED, &[&id, &sign_count, &backed_up, &now]).await?;
    Ok(())
}

const RENAME: &str =
    "update auth.webauthn_credentials set friendly_name = $3, updated_at = $4 where id = $1 and user_id = $2";

/// Was it his?
pub(crate) async fn rename(
    tx: &PlatformTx,
    id: Uuid,
    user_id: Uuid,
    name: &str,
    now: OffsetDateTime,
) -> Result<bool, pg::Error> {
    Ok(tx.execute(RENAME, &[&id, &user_id, &name, &now]).await? > 0)
}

const DELETE: &str = "delete from auth.webauthn_credentials where id = $1 and user_id = $2";

/// Was it his?
pub(crate) async fn delete(tx: &PlatformTx, id: Uuid, user_id: Uuid) -> Result<bool, pg::Error> {
    Ok(tx.execute(DELETE, &[&id, &user_id]).await? > 0)
}

const CHALLENGE: &str =
    "insert into auth.webauthn_challenges (id, user_id, challenge_type, session_data, created_at, expires_at)
    values ($1, $2, $3, $4, $5, $6)";
const FORGET: &str = "delete from auth.webauthn_challenges where id in (
        select id from auth.webauthn_challenges where expires_at < $1 limit 100)";

/// Keeps a challenge, and forgets some old ones.
pub(crate) async fn put_challenge(
    tx: &PlatformTx,
    user_id: Option<Uuid>,
    kind: &str,
    data: &Value,
    now: OffsetDateTime,
    expires_at: OffsetDateTime,
) -> Result<Uuid, pg::Error> {
    let id = crypto::random::uuid();
    tx.execute(FORGET, &[&now]).await?;
    tx.execute(CHALLENGE, &[&id, &user_id, &kind, data, &now, &expires_at]).await?;
    Ok(id)
}

const TAKE: &str =
    "delete from auth.webauthn_challenges where id = $1 and challenge_type = $2 and user_id is not distinct from $3
    returning session_data, expires_at";

/// The challenge, once: its data and when it ends.
pub(crate) async fn take_challenge(
    tx: &PlatformTx,
    id: Uuid,
    kind: &str,
    user_id: Option<Uuid>,
) -> Result<Option<(Value, OffsetDateTime)>, pg::Error> {
    let row = tx.row(TAKE, &[&id, &kind, &user_id]).await?;
    row.map(|row| Ok((get(&row, "session_data")?, get(&row, "expires_at")?))).transpose()
}

const SET_SESSION: &str = "update auth.mfa_challenges set web_authn_session_data = $2 where id = $1";

/// What a factor's challenge must be answered with.
pub(crate) async fn set_factor_session(tx: &PlatformTx, challenge: Uuid, data: &Value) -> Result<(), pg::Error> {
    tx.execute(SET_SESSION, &[&challenge, data]).await?;
    Ok(())
}

const FACTOR_STATE: &str = "select c.web_authn_session_data as session, f.web_authn_credential as credential
    from auth.mfa_challenges c join auth.mfa_factors f on f.id = c.factor_id where c.id = $1 for update of f";

/// Session data of a factor's challenge, and the factor's credential.
pub(crate) async fn factor_state(
    tx: &PlatformTx,
    challenge: Uuid,
) -> Result<Option<(Option<Value>, Option<Value>)>, pg::Error> {
    let row = tx.row(FACTOR_STATE, &[&challenge]).await?;
    row.map(|row| Ok((get(&row, "session")?, get(&row, "credential")?))).transpose()
}

const FACTOR_CREDENTIAL: &str = "select web_authn_credential as credential from auth.mfa_factors where id = $1";

/// The credential of a factor.
pub(crate) async fn factor_credential(tx: &PlatformTx, factor: Uuid) -> Result<Option<Value>, pg::Error> {
    Ok(tx.row(FACTOR_CREDENTIAL, &[&factor]).await?.map(|row| get(&row, "credential")).transpose()?.flatten())
}

const SET_CREDENTIAL: &str =
    "update auth.mfa_factors set web_authn_credential = $2, web_authn_aaguid = $3, updated_at = $4 where id = $1";

/// Keeps a factor's credential.
pub(crate) async fn set_factor_credential(
    tx: &PlatformTx,
    factor: Uuid,
    credential: &Value,
    aaguid: Option<Uuid>,
    now: OffsetDateTime,
) -> Result<(), pg::Error> {
    tx.execute(SET_CREDENTIAL, &[&factor, credential, &aaguid, &now]).await?;
    Ok(())
}

fn from_row(row: &Row) -> Result<Passkey, pg::Error> {
    Ok(Passkey {
        id: get(row, "id")?,
        user_id: get(row, "user_id")?,
        credential_id: get(row, "credential_id")?,
        public_key: get(row, "public_key")?,
        sign_count: get(row, "sign_count")?,
        friendly_name: get(row, "friendly_name")?,
        created_at: get(row, "created_at")?,
        last_used_at: get(row, "last_used_at")?,
    })
}
