//! Providers that an admin keeps in the database: `custom:<identifier>`.

use pg::PlatformTx;
use pg::tokio_postgres::Row;
use pg::tokio_postgres::types::Json;
use time::OffsetDateTime;
use uuid::Uuid;

use super::get;
use crate::model::Object;

/// `auth.custom_oauth_providers`.
#[derive(Clone)]
pub(crate) struct CustomProvider {
    pub id: Uuid,
    pub provider_type: String,
    pub identifier: String,
    pub name: String,
    pub client_id: String,
    pub client_secret: String,
    pub acceptable_client_ids: Vec<String>,
    pub scopes: Vec<String>,
    pub pkce_enabled: bool,
    pub attribute_mapping: Object,
    pub authorization_params: Object,
    pub enabled: bool,
    pub email_optional: bool,
    pub issuer: Option<String>,
    pub discovery_url: Option<String>,
    pub skip_nonce_check: bool,
    pub authorization_url: Option<String>,
    pub token_url: Option<String>,
    pub userinfo_url: Option<String>,
    pub jwks_uri: Option<String>,
    pub custom_claims_allowlist: Vec<String>,
    pub created_at: OffsetDateTime,
    pub updated_at: OffsetDateTime,
}

macro_rules! columns {
    ($before:literal $after:literal) => {
        concat!(
            $before,
            " id, provider_type, identifier, name, client_id, client_secret, acceptable_client_ids, scopes, pkce_enabled,
            attribute_mapping, authorization_params, enabled, email_optional, issuer, discovery_url, skip_nonce_check,
            authorization_url, token_url, userinfo_url, jwks_uri, custom_claims_allowlist, created_at, updated_at ",
            $after
        )
    };
}

const FIND: &str = columns!("select" "from auth.custom_oauth_providers where identifier = $1");
const LIST: &str = columns!("select" "from auth.custom_oauth_providers where $1::text is null or provider_type = $1 order by created_at");

pub(crate) async fn find(tx: &PlatformTx, identifier: &str) -> Result<Option<CustomProvider>, pg::Error> {
    tx.row(FIND, &[&identifier]).await?.as_ref().map(from_row).transpose()
}

/// All, or those of a type.
pub(crate) async fn list(tx: &PlatformTx, of_type: Option<&str>) -> Result<Vec<CustomProvider>, pg::Error> {
    tx.rows(LIST, &[&of_type]).await?.iter().map(from_row).collect()
}

const PUT: &str = columns!(
    "insert into auth.custom_oauth_providers ("
    ") values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23)
    on conflict (id) do update set name = $4, client_id = $5, client_secret = $6, acceptable_client_ids = $7, scopes = $8,
        pkce_enabled = $9, attribute_mapping = $10, authorization_params = $11, enabled = $12, email_optional = $13, issuer = $14,
        discovery_url = $15, skip_nonce_check = $16, authorization_url = $17, token_url = $18, userinfo_url = $19, jwks_uri = $20,
        custom_claims_allowlist = $21, updated_at = $23"
);

/// Inserts it, or writes it over.
pub(crate) async fn put(tx: &PlatformTx, p: &CustomProvider) -> Result<(), pg::Error> {
    tx.execute(
        PUT,
        &[
            &p.id,
            &p.provider_type,
            &p.identifier,
            &p.name,
            &p.client_id,
            &p.client_secret,
            &p.acceptable_client_ids,
            &p.scopes,
            &p.pkce_enabled,
            &Json(&p.attribute_mapping),
            &Json(&p.authorization_params),
            &p.enabled,
            &p.email_optional,
            &p.issuer,
            &p.discovery_url,
            &p.skip_nonce_check,
            &p.authorization_url,
            &p.token_url,
            &p.userinfo_url,
            &p.jwks_uri,
            &p.custom_claims_allowlist,
            &p.created_at,
            &p.updated_at,
        ],
    )
    .await?;
    Ok(())
}

const DELETE: &str = "delete from auth.custom_oauth_providers where identifier = $1";

/// Was it there?
pub(crate) async fn delete(tx: &PlatformTx, identifier: &str) -> Result<bool, pg::Error> {
    Ok(tx.execute(DELETE, &[&identifier]).await? > 0)
}

fn from_row(row: &Row) -> Result<CustomProvider, pg::Error> {
    let object = |column: &str| get::<Json<Object>>(row, column).map(|Json(object)| object);
    Ok(CustomProvider {
        id: get(row, "id")?,
        provider_type: get(row, "provider_type")?,
        identifier: get(row, "identifier")?,
        name: get(row, "name")?,
        client_id: get(row, "client_id")?,
        client_secret: get(row, "client_secret")?,
        acceptable_client_ids: get(row, "acceptable_client_ids")?,
        scopes: get(row, "scopes")?,
        pkce_enabled: get(row, "pkce_enabled")?,
        attribute_mapping: object("attribute_mapping")?,
        authorization_params: object("authorization_params")?,
        enabled: get(row, "enabled")?,
        email_optional: get(row, "email_optional")?,
        issuer: get(row, "issuer")?,
        discovery_url: get(row, "discovery_url")?,
        skip_nonce_check: get(row, "skip_nonce_check")?,
        authorization_url: get(row, "authorization_url")?,
        token_url: get(row, "token_url")?,
        userinfo_url: get(row, "userinfo_url")?,
        jwks_uri: get(row, "jwks_uri")?,
        custom_claims_allowlist: get(row, "custom_claims_allowlist")?,
        created_at: get(row, "created_at")?,
        updated_at: get(row, "updated_at")?,
    })
}
