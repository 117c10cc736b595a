use pg::PlatformTx;
use pg::tokio_postgres::Row;
use time::OffsetDateTime;
use uuid::Uuid;

use super::get;
use crate::model::{FlowState, Method};
use crate::rules::pkce::Challenge;

/// What binds a browser's round trip to the request that began it.
#[derive(Debug, Clone, Default)]
pub(crate) struct NewFlowState<'a> {
    pub provider: &'a str,
    pub user_id: Option<Uuid>,
    pub challenge: Option<Challenge>,
    pub invite_token: Option<&'a str>,
    pub referrer: Option<&'a str>,
    pub oauth_client_state_id: Option<Uuid>,
    pub linking_target_id: Option<Uuid>,
    pub email_optional: bool,
}

const INSERT: &str = "insert into auth.flow_state (id, user_id, auth_code, code_challenge_method, code_challenge, provider_type,
        created_at, updated_at, authentication_method, invite_token, referrer, oauth_client_state_id, linking_target_id, email_optional)
    values ($1, $2, $3, $4::text::auth.code_challenge_method, $5, $6, $7, $7, $8, $9, $10, $11, $12, $13)";

/// The id is OAuth's `state`; the code is what a client exchanges.
pub(crate) async fn insert(
    tx: &PlatformTx,
    new: &NewFlowState<'_>,
    method: Method,
    now: OffsetDateTime,
) -> Result<Uuid, pg::Error> {
    let id = crypto::random::uuid();
    let code = new.challenge.as_ref().map(|_| crypto::random::uuid().to_string());
    let challenge_method = new.challenge.as_ref().map(|c| c.method);
    let challenge = new.challenge.as_ref().map(|c| c.challenge.as_str());
    tx.execute(
        INSERT,
        &[
            &id,
            &new.user_id,
            &code,
            &challenge_method,
            &challenge,
            &new.provider,
            &now,
            &method.as_str(),
            &new.invite_token,
            &new.referrer,
            &new.oauth_client_state_id,
            &new.linking_target_id,
            &new.email_optional,
        ],
    )
    .await?;
    Ok(id)
}

macro_rules! select_flow {
    ($($rest:literal)*) => {
        concat!("select id, user_id, auth_code, code_challenge_method::text as code_challenge_method, code_challenge, provider_type,
            provider_access_token, provider_refresh_token, authentication_method, auth_code_issued_at,
            coalesce(created_at, 'epoch'::timestamptz) as created_at, invite_token, referrer, oauth_client_state_id,
            linking_target_id, email_optional from auth.flow_state ", $($rest),*)
    };
}

const LATEST: &str = select_flow!("where user_id = $1 and authentication_method = $2 order by created_at desc limit 1");
const BY_CODE: &str = select_flow!("where auth_code = $1 for update");
const BY_ID: &str = select_flow!("where id = $1 for update");

/// The newest flow of a user and method: an e-mailed link does not name its flow.
pub(crate) async fn latest(tx: &PlatformTx, user_id: Uuid, method: Method) -> Result<Option<FlowState>, pg::Error> {
    tx.row(LATEST, &[&user_id, &method.as_str()]).await?.as_ref().map(from_row).transpose()
}

/// Locks it: a code is exchanged once.
pub(crate) async fn by_code(tx: &PlatformTx, code: &str) -> Result<Option<FlowState>, pg::Error> {
    tx.row(BY_CODE, &[&code]).await?.as_ref().map(from_row).transpose()
}

/// Locks it: a state is used once.
pub(crate) async fn by_id(tx: &PlatformTx, id: Uuid) -> Result<Option<FlowState>, pg::Error> {
    tx.row(BY_ID, &[&id]).await?.as_ref().map(from_row).transpose()
}

const ISSUE: &str = "update auth.flow_state set auth_code_issued_at = $2, updated_at = $2, user_id = coalesce($3, user_id),
    provider_access_token = coalesce($4, provider_access_token), provider_refresh_token = coalesce($5, provider_refresh_token)
    where id = $1";

/// The browser gets the code now; the tokens of the provider wait here for its exchange.
pub(crate) async fn issue_code(
    tx: &PlatformTx,
    id: Uuid,
    user_id: Option<Uuid>,
    provider_tokens: (Option<&str>, Option<&str>),
    now: OffsetDateTime,
) -> Result<(), pg::Error> {
    tx.execute(ISSUE, &[&id, &now, &user_id, &provider_tokens.0, &provider_tokens.1]).await?;
    Ok(())
}

const DELETE: &str = "delete from auth.flow_state where id = $1";

pub(crate) async fn delete(tx: &PlatformTx, id: Uuid) -> Result<(), pg::Error> {
    tx.execute(DELETE, &[&id]).await?;
    Ok(())
}

fn from_row(row: &Row) -> Result<FlowState, pg::Error> {
    Ok(FlowState {
        id: get(row, "id")?,
        user_id: get(row, "user_id")?,
        auth_code: get(row, "auth_code")?,
        code_challenge: get(row, "code_challenge")?,
        code_challenge_method: get(row, "code_challenge_method")?,
        provider_type: get(row, "provider_type")?,
        provider_access_token: get(row, "provider_access_token")?,
        provider_refresh_token: get(row, "provider_refresh_token")?,
        authentication_method: get(row, "authentication_method")?,
        auth_code_issued_at: get(row, "auth_code_issued_at")?,
        created_at: get(row, "created_at")?,
        invite_token: get(row, "invite_token")?,
        referrer: get(row, "referrer")?,
        oauth_client_state_id: get(row, "oauth_client_state_id")?,
        linking_target_id: get(row, "linking_target_id")?,
        email_optional: get(row, "email_optional")?,
    })
}
