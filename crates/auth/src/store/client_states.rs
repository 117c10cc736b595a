//! What an OAuth round trip leaves behind besides its flow state.

use pg::PlatformTx;
use time::OffsetDateTime;
use uuid::Uuid;

use super::get;

const INSERT: &str =
    "insert into auth.oauth_client_states (id, provider_type, code_verifier, created_at) values ($1, $2, $3, $4)";

/// Keeps our verifier towards a provider that wants PKCE.
pub(crate) async fn insert(
    tx: &PlatformTx,
    provider: &str,
    verifier: &str,
    now: OffsetDateTime,
) -> Result<Uuid, pg::Error> {
    let id = crypto::random::uuid();
    tx.execute(INSERT, &[&id, &provider, &verifier, &now]).await?;
    Ok(id)
}

const TAKE: &str = "delete from auth.oauth_client_states where id = $1 returning code_verifier";

/// The verifier, once.
pub(crate) async fn take(tx: &PlatformTx, id: Uuid) -> Result<Option<String>, pg::Error> {
    let row = tx.row(TAKE, &[&id]).await?;
    Ok(row.map(|row| get::<Option<String>>(&row, "code_verifier")).transpose()?.flatten())
}

const INVITED: &str = "select id from auth.users where confirmation_token = $1 and $1 <> '' and invited_at is not null
    and email_confirmed_at is null";

/// Who was invited with this token?
pub(crate) async fn invited(tx: &PlatformTx, token: &str) -> Result<Option<Uuid>, pg::Error> {
    tx.row(INVITED, &[&token]).await?.map(|row| get(&row, "id")).transpose()
}
