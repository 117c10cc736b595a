//! The side of an OAuth server: clients, authorizations under way, consents.

use pg::PlatformTx;
use pg::tokio_postgres::Row;
use time::OffsetDateTime;
use uuid::Uuid;

use super::get;
use crate::rules::pkce::Challenge;

/// `auth.oauth_clients`.
#[derive(Clone)]
pub(crate) struct Client {
    pub id: Uuid,
    pub secret_hash: Option<String>,
    /// `dynamic`, `manual`
    pub registration_type: String,
    pub redirect_uris: Vec<String>,
    pub grant_types: Vec<String>,
    pub name: Option<String>,
    pub uri: Option<String>,
    pub logo_uri: Option<String>,
    /// `public`, `confidential`
    pub client_type: String,
    pub auth_method: String,
    pub created_at: OffsetDateTime,
    pub updated_at: OffsetDateTime,
}

macro_rules! select_client {
    ($rest:literal) => {
        concat!(
            "select id, client_secret_hash, registration_type::text as registration_type, redirect_uris, grant_types, client_name,
            client_uri, logo_uri, client_type::text as client_type, token_endpoint_auth_method, created_at, updated_at
            from auth.oauth_clients where deleted_at is null ",
            $rest
        )
    };
}

const CLIENT: &str = select_client!("and id = $1");
const CLIENTS: &str = select_client!("order by created_at desc");

pub(crate) async fn client(tx: &PlatformTx, id: Uuid) -> Result<Option<Client>, pg::Error> {
    tx.row(CLIENT, &[&id]).await?.as_ref().map(client_from).transpose()
}

pub(crate) async fn clients(tx: &PlatformTx) -> Result<Vec<Client>, pg::Error> {
    tx.rows(CLIENTS, &[]).await?.iter().map(client_from).collect()
}

const PUT_CLIENT: &str = "insert into auth.oauth_clients (id, client_secret_hash, registration_type, redirect_uris, grant_types,
        client_name, client_uri, logo_uri, client_type, token_endpoint_auth_method, created_at, updated_at)
    values ($1, $2, $3::text::auth.oauth_registration_type, $4, $5, $6, $7, $8, $9::text::auth.oauth_client_type, $10, $11, $12)
    on conflict (id) do update set client_secret_hash = $2, redirect_uris = $4, grant_types = $5, client_name = $6, client_uri = $7,
        logo_uri = $8, updated_at = $12";

/// Inserts it, or writes it over.
pub(crate) async fn put_client(tx: &PlatformTx, c: &Client) -> Result<(), pg::Error> {
    let (uris, grants) = (c.redirect_uris.join(","), c.grant_types.join(","));
    tx.execute(
        PUT_CLIENT,
        &[
            &c.id,
            &c.secret_hash,
            &c.registration_type,
            &uris,
            &grants,
            &c.name,
            &c.uri,
            &c.logo_uri,
            &c.client_type,
            &c.auth_method,
            &c.created_at,
            &c.updated_at,
        ],
    )
    .await?;
    Ok(())
}

const DELETE_CLIENT: &str = "delete from auth.oauth_clients where id = $1";

pub(crate) async fn delete_client(tx: &PlatformTx, id: Uuid) -> Result<(), pg::Error> {
    tx.execute(DELETE_CLIENT, &[&id]).await?;
    Ok(())
}

const USERS_OF_CLIENT: &str = "select distinct user_id from auth.sessions where oauth_client_id = $1";

/// Who has a session by this client?
pub(crate) async fn users_of_client(tx: &PlatformTx, id: Uuid) -> Result<Vec<Uuid>, pg::Error> {
    tx.rows(USERS_OF_CLIENT, &[&id]).await?.iter().map(|row| get(row, "user_id")).collect()
}

/// A request that waits for a decision.
#[derive(Debug, Clone)]
pub(crate) struct NewAuthorization<'a> {
    pub client_id: Uuid,
    pub redirect_uri: &'a str,
    pub scope: String,
    pub state: Option<&'a str>,
    pub nonce: Option<&'a str>,
    pub resource: Option<&'a str>,
    pub challenge: Challenge,
}

const INSERT_AUTHORIZATION: &str =
    "insert into auth.oauth_authorizations (id, authorization_id, client_id, redirect_uri, scope, state,
        nonce, resource, code_challenge, code_challenge_method, created_at, expires_at)
    values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10::text::auth.code_challenge_method, $11, $12)";
const FORGET: &str = "delete from auth.oauth_authorizations where id in (
        select id from auth.oauth_authorizations where expires_at < $1 limit 100)";

/// Keeps a request, and forgets some old ones; returns the id that the consent page gets.
pub(crate) async fn insert_authorization(
    tx: &PlatformTx,
    new: &NewAuthorization<'_>,
    now: OffsetDateTime,
    expires_at: OffsetDateTime,
) -> Result<String, pg::Error> {
    let (id, public_id) = (crypto::random::uuid(), crypto::random::alphanumeric(32));
    tx.execute(FORGET, &[&now]).await?;
    tx.execute(
        INSERT_AUTHORIZATION,
        &[
            &id,
            &public_id,
            &new.client_id,
            &new.redirect_uri,
            &new.scope,
            &new.state,
            &new.nonce,
            &new.resource,
            &new.challenge.challenge,
            &new.challenge.method,
            &now,
            &expires_at,
        ],
    )
    .await?;
    Ok(public_id)
}

/// `auth.oauth_authorizations`.
#[derive(Clone)]
pub(crate) struct Authorization {
    pub id: Uuid,
    pub authorization_id: String,
    pub client_id: Uuid,
    pub user_id: Option<Uuid>,
    pub redirect_uri: String,
    pub scope: String,
    pub state: Option<String>,
    pub nonce: Option<String>,
    pub resource: Option<String>,
    pub code_challenge: Option<String>,
    pub code_challenge_method: Option<String>,
    pub status: String,
    pub expires_at: OffsetDateTime,
}

macro_rules! authorization_columns {
    ($before:literal $after:literal) => {
        concat!(
            $before,
            " id, authorization_id, client_id, user_id, redirect_uri, scope, state, nonce, resource, code_challenge,
            code_challenge_method::text as code_challenge_method, status::text as status, expires_at ",
            $after
        )
    };
}

const LOCK: &str =
    authorization_columns!("select" "from auth.oauth_authorizations where authorization_id = $1 for update");
const TAKE_CODE: &str = authorization_columns!(
    "delete from auth.oauth_authorizations where authorization_code = $1 and status = 'approved' returning" ""
);

/// Locks it: it is decided once.
pub(crate) async fn lock_authorization(tx: &PlatformTx, public_id: &str) -> Result<Option<Authorization>, pg::Error> {
    tx.row(LOCK, &[&public_id]).await?.as_ref().map(authorization_from).transpose()
}

/// The authorization of a code, once.
pub(crate) async fn take_code(tx: &PlatformTx, code: &str) -> Result<Option<Authorization>, pg::Error> {
    tx.row(TAKE_CODE, &[&code]).await?.as_ref().map(authorization_from).transpose()
}

const BIND: &str = "update auth.oauth_authorizations set user_id = $2 where id = $1";

pub(crate) async fn bind_authorization(tx: &PlatformTx, id: Uuid, user_id: Uuid) -> Result<(), pg::Error> {
    tx.execute(BIND, &[&id, &user_id]).await?;
    Ok(())
}

const APPROVE: &str =
    "update auth.oauth_authorizations set status = 'approved', authorization_code = $2, approved_at = $3
    where id = $1";

pub(crate) async fn approve(tx: &PlatformTx, id: Uuid, code: &str, now: OffsetDateTime) -> Result<(), pg::Error> {
    tx.execute(APPROVE, &[&id, &code, &now]).await?;
    Ok(())
}

const DENY: &str = "update auth.oauth_authorizations set status = 'denied' where id = $1";

pub(crate) async fn deny(tx: &PlatformTx, id: Uuid) -> Result<(), pg::Error> {
    tx.execute(DENY, &[&id]).await?;
    Ok(())
}

const CONSENT: &str =
    "select scopes from auth.oauth_consents where user_id = $1 and client_id = $2 and revoked_at is null";

/// What the user let the client know until now.
pub(crate) async fn consent(tx: &PlatformTx, user_id: Uuid, client_id: Uuid) -> Result<Option<String>, pg::Error> {
    tx.row(CONSENT, &[&user_id, &client_id]).await?.map(|row| get(&row, "scopes")).transpose()
}

const PUT_CONSENT: &str = "insert into auth.oauth_consents (id, user_id, client_id, scopes, granted_at)
    values ($1, $2, $3, $4, $5)
    on conflict (user_id, client_id) do update set scopes = $4, granted_at = $5, revoked_at = null";

pub(crate) async fn put_consent(
    tx: &PlatformTx,
    user_id: Uuid,
    client_id: Uuid,
    scopes: &str,
    now: OffsetDateTime,
) -> Result<(), pg::Error> {
    tx.execute(PUT_CONSENT, &[&crypto::random::uuid(), &user_id, &client_id, &scopes, &now]).await?;
    Ok(())
}

const CONSENTS: &str = "select client_id, scopes, granted_at from auth.oauth_consents
    where user_id = $1 and revoked_at is null order by granted_at desc";

/// Client, scopes, and since when.
pub(crate) async fn consents(tx: &PlatformTx, user_id: Uuid) -> Result<Vec<(Uuid, String, OffsetDateTime)>, pg::Error> {
    let read = |row: &Row| Ok((get(row, "client_id")?, get(row, "scopes")?, get(row, "granted_at")?));
    tx.rows(CONSENTS, &[&user_id]).await?.iter().map(read).collect()
}

const REVOKE: &str = "update auth.oauth_consents set revoked_at = greatest($3, granted_at)
    where user_id = $1 and client_id = $2 and revoked_at is null";
const FORGET_CODES: &str = "delete from auth.oauth_authorizations where user_id = $1 and client_id = $2";

/// Was there one? Codes under way die with it.
pub(crate) async fn revoke_consent(
    tx: &PlatformTx,
    user_id: Uuid,
    client_id: Uuid,
    now: OffsetDateTime,
) -> Result<bool, pg::Error> {
    tx.execute(FORGET_CODES, &[&user_id, &client_id]).await?;
    Ok(tx.execute(REVOKE, &[&user_id, &client_id, &now]).await? > 0)
}

fn client_from(row: &Row) -> Result<Client, pg::Error> {
    let list = |column: &str| {
        let text: String = get(row, column)?;
        Ok::<_, pg::Error>(text.split(',').filter(|one| !one.is_empty()).map(str::to_owned).collect())
    };
    Ok(Client {
        id: get(row, "id")?,
        secret_hash: get(row, "client_secret_hash")?,
        registration_type: get(row, "registration_type")?,
        redirect_uris: list("redirect_uris")?,
        grant_types: list("grant_types")?,
        name: get(row, "client_name")?,
        uri: get(row, "client_uri")?,
        logo_uri: get(row, "logo_uri")?,
        client_type: get(row, "client_type")?,
        auth_method: get(row, "token_endpoint_auth_method")?,
        created_at: get(row, "created_at")?,
        updated_at: get(row, "updated_at")?,
    })
}

fn authorization_from(row: &Row) -> Result<Authorization, pg::Error> {
    Ok(Authorization {
        id: get(row, "id")?,
        authorization_id: get(row, "authorization_id")?,
        client_id: get(row, "client_id")?,
        user_id: get(row, "user_id")?,
        redirect_uri: get(row, "redirect_uri")?,
        scope: get(row, "scope")?,
        state: get(row, "state")?,
        nonce: get(row, "nonce")?,
        resource: get(row, "resource")?,
        code_challenge: get(row, "code_challenge")?,
        code_challenge_method: get(row, "code_challenge_method")?,
        status: get(row, "status")?,
        expires_at: get(row, "expires_at")?,
    })
}
