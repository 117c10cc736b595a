use std::net::IpAddr;

use pg::PlatformTx;
use time::OffsetDateTime;
use uuid::Uuid;

use super::get;
use crate::model::{FactorKind, FactorStatus};

/// What a new factor has.
#[derive(Debug, Clone)]
pub(crate) struct NewFactor<'a> {
    pub id: Uuid,
    pub user_id: Uuid,
    pub kind: FactorKind,
    pub friendly_name: &'a str,
    pub secret: Option<&'a str>,
    pub phone: Option<&'a str>,
}

const INSERT: &str = "insert into auth.mfa_factors (id, user_id, friendly_name, factor_type, status, created_at, updated_at, secret, phone)
    values ($1, $2, $3, $4::text::auth.factor_type, 'unverified', $5, $5, $6, $7)";

pub(crate) async fn insert(tx: &PlatformTx, new: &NewFactor<'_>, now: OffsetDateTime) -> Result<(), pg::Error> {
    tx.execute(INSERT, &[&new.id, &new.user_id, &new.friendly_name, &new.kind.as_str(), &now, &new.secret, &new.phone])
        .await?;
    Ok(())
}

const SECRET: &str = "select secret from auth.mfa_factors where id = $1 for update";

/// The secret of a TOTP factor; locks it, so that a code is tried once at a time.
pub(crate) async fn lock_secret(tx: &PlatformTx, id: Uuid) -> Result<Option<String>, pg::Error> {
    Ok(tx.row(SECRET, &[&id]).await?.map(|row| get(&row, "secret")).transpose()?.flatten())
}

const SET_STATUS: &str =
    "update auth.mfa_factors set status = $2::text::auth.factor_status, updated_at = $3 where id = $1";

pub(crate) async fn set_status(
    tx: &PlatformTx,
    id: Uuid,
    status: FactorStatus,
    now: OffsetDateTime,
) -> Result<(), pg::Error> {
    tx.execute(SET_STATUS, &[&id, &status.as_str(), &now]).await?;
    Ok(())
}

const UPDATE: &str =
    "update auth.mfa_factors set friendly_name = coalesce($2, friendly_name), phone = coalesce($3, phone),
    updated_at = $4 where id = $1";

pub(crate) async fn update(
    tx: &PlatformTx,
    id: Uuid,
    friendly_name: Option<&str>,
    phone: Option<&str>,
    now: OffsetDateTime,
) -> Result<(), pg::Error> {
    tx.execute(UPDATE, &[&id, &friendly_name, &phone, &now]).await?;
    Ok(())
}

const DELETE: &str = "delete from auth.mfa_factors where id = $1";

pub(crate) async fn delete(tx: &PlatformTx, id: Uuid) -> Result<(), pg::Error> {
    tx.execute(DELETE, &[&id]).await?;
    Ok(())
}

const DELETE_ALL: &str = "delete from auth.mfa_factors where user_id = $1";
const DELETE_PASSKEYS: &str = "delete from auth.webauthn_credentials where user_id = $1";

/// Factors and passkeys.
pub(crate) async fn delete_all(tx: &PlatformTx, user_id: Uuid) -> Result<(), pg::Error> {
    tx.execute(DELETE_ALL, &[&user_id]).await?;
    tx.execute(DELETE_PASSKEYS, &[&user_id]).await?;
    Ok(())
}

const DELETE_UNVERIFIED: &str = "delete from auth.mfa_factors where user_id = $1 and status = 'unverified'
    and ($2::text is null or factor_type::text = $2) and ($3::timestamptz is null or created_at < $3)";

/// Enrolments that were never finished: of a kind, or older than a time.
pub(crate) async fn delete_unverified(
    tx: &PlatformTx,
    user_id: Uuid,
    kind: Option<FactorKind>,
    older_than: Option<OffsetDateTime>,
) -> Result<(), pg::Error> {
    let kind = kind.map(FactorKind::as_str);
    tx.execute(DELETE_UNVERIFIED, &[&user_id, &kind, &older_than]).await?;
    Ok(())
}

const DOWNGRADE_CLAIMS: &str =
    "delete from auth.mfa_amr_claims where authentication_method in ('totp', 'mfa/phone', 'mfa/webauthn')
    and session_id in (select id from auth.sessions where user_id = $1 and factor_id = $2)";
const DOWNGRADE: &str = "update auth.sessions set aal = 'aal1', factor_id = null, updated_at = $3
    where user_id = $1 and factor_id = $2";

/// Sessions that this factor had raised are what they were before.
pub(crate) async fn downgrade_sessions(
    tx: &PlatformTx,
    user_id: Uuid,
    factor_id: Uuid,
    now: OffsetDateTime,
) -> Result<(), pg::Error> {
    tx.execute(DOWNGRADE_CLAIMS, &[&user_id, &factor_id]).await?;
    tx.execute(DOWNGRADE, &[&user_id, &factor_id, &now]).await?;
    Ok(())
}

/// `auth.mfa_challenges`.
#[derive(Debug, Clone)]
pub(crate) struct Challenge {
    pub id: Uuid,
    pub created_at: OffsetDateTime,
    pub verified_at: Option<OffsetDateTime>,
    pub ip: IpAddr,
    pub otp_code: Option<String>,
}

const CHALLENGE: &str = "insert into auth.mfa_challenges (id, factor_id, created_at, ip_address, otp_code)
    values ($1, $2, $3, $4::text::inet, $5)";
/// The column is unique over all factors: two challenges in one microsecond must not collide.
const CHALLENGED: &str = "update auth.mfa_factors f set last_challenged_at = case
        when exists (select from auth.mfa_factors o where o.last_challenged_at = $2 and o.id <> f.id)
        then $2::timestamptz + random() * interval '1 second' else $2 end
    where f.id = $1";

pub(crate) async fn challenge(
    tx: &PlatformTx,
    factor_id: Uuid,
    ip: IpAddr,
    otp_code: Option<&str>,
    now: OffsetDateTime,
) -> Result<Uuid, pg::Error> {
    let id = crypto::random::uuid();
    tx.execute(CHALLENGE, &[&id, &factor_id, &now, &ip.to_string(), &otp_code]).await?;
    tx.execute(CHALLENGED, &[&factor_id, &now]).await?;
    Ok(id)
}

const FIND_CHALLENGE: &str = "select id, created_at, verified_at, host(ip_address) as ip, otp_code
    from auth.mfa_challenges where id = $1 and factor_id = $2 for update";

/// Locks it: a challenge is answered once.
pub(crate) async fn find_challenge(tx: &PlatformTx, id: Uuid, factor_id: Uuid) -> Result<Option<Challenge>, pg::Error> {
    let Some(row) = tx.row(FIND_CHALLENGE, &[&id, &factor_id]).await? else { return Ok(None) };
    let ip: String = get(&row, "ip")?;
    Ok(Some(Challenge {
        id: get(&row, "id")?,
        created_at: get(&row, "created_at")?,
        verified_at: get(&row, "verified_at")?,
        ip: ip.parse().map_err(|_| pg::Error::Unexpected(format!("an address {ip:?}")))?,
        otp_code: get(&row, "otp_code")?,
    }))
}

const VERIFIED: &str = "update auth.mfa_challenges set verified_at = $2 where id = $1";

pub(crate) async fn challenge_verified(tx: &PlatformTx, id: Uuid, now: OffsetDateTime) -> Result<(), pg::Error> {
    tx.execute(VERIFIED, &[&id, &now]).await?;
    Ok(())
}

const DELETE_CHALLENGE: &str = "delete from auth.mfa_challenges where id = $1";

pub(crate) async fn delete_challenge(tx: &PlatformTx, id: Uuid) -> Result<(), pg::Error> {
    tx.execute(DELETE_CHALLENGE, &[&id]).await?;
    Ok(())
}

const TAKE_STEP: &str = "insert into _basalt.totp_steps as s (factor_id, step) values ($1, $2)
    on conflict (factor_id) do update set step = excluded.step where s.step < excluded.step returning step";

/// A time step of TOTP counts once. `false`: this code, or a later one, was used already.
pub(crate) async fn take_step(tx: &PlatformTx, factor_id: Uuid, step: i64) -> Result<bool, pg::Error> {
    Ok(tx.row(TAKE_STEP, &[&factor_id, &step]).await?.is_some())
}
