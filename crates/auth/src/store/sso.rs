//! `auth.sso_*` and `auth.saml_*`: one provider is a row in two of them, and its domains.

use pg::PlatformTx;
use pg::tokio_postgres::Row;
use pg::tokio_postgres::types::Json;
use serde_json::Value;
use time::OffsetDateTime;
use uuid::Uuid;

use super::get;

/// A SAML identity provider.
#[derive(Debug, Clone)]
pub(crate) struct SsoProvider {
    pub id: Uuid,
    pub resource_id: Option<String>,
    pub disabled: bool,
    pub entity_id: String,
    pub metadata_xml: String,
    pub metadata_url: Option<String>,
    pub metadata_updated_at: OffsetDateTime,
    pub attribute_mapping: Value,
    pub name_id_format: Option<String>,
    pub domains: Vec<String>,
    pub created_at: OffsetDateTime,
    pub updated_at: OffsetDateTime,
}

macro_rules! select_provider {
    ($($rest:literal)*) => {
        concat!("select p.id, p.resource_id, coalesce(p.disabled, false) as disabled, s.entity_id, s.metadata_xml, s.metadata_url,
            coalesce(s.updated_at, 'epoch'::timestamptz) as metadata_updated_at,
            coalesce(s.attribute_mapping, '{}'::jsonb) as attribute_mapping, s.name_id_format,
            array(select d.domain from auth.sso_domains d where d.sso_provider_id = p.id order by d.created_at, d.domain) as domains,
            coalesce(p.created_at, 'epoch'::timestamptz) as created_at, coalesce(p.updated_at, 'epoch'::timestamptz) as updated_at
            from auth.sso_providers p join auth.saml_providers s on s.sso_provider_id = p.id ", $($rest),*)
    };
}

const BY_ID: &str = select_provider!("where p.id = $1");
const BY_RESOURCE_ID: &str = select_provider!("where lower(p.resource_id) = lower($1)");
const BY_ENTITY_ID: &str = select_provider!("where s.entity_id = $1");
const BY_DOMAIN: &str = select_provider!(
    "where exists (select from auth.sso_domains d where d.sso_provider_id = p.id and lower(d.domain) = lower($1))"
);
const ALL: &str = select_provider!(
    "where ($1::text is null or p.resource_id = $1) and ($2::text is null or starts_with(p.resource_id, $2))
    order by p.created_at, p.id"
);

async fn one(tx: &PlatformTx, sql: &'static str, text: &str) -> Result<Option<SsoProvider>, pg::Error> {
    tx.row(sql, &[&text]).await?.as_ref().map(from_row).transpose()
}

pub(crate) async fn find(tx: &PlatformTx, id: Uuid) -> Result<Option<SsoProvider>, pg::Error> {
    tx.row(BY_ID, &[&id]).await?.as_ref().map(from_row).transpose()
}

/// By the name that another system gave it.
pub(crate) async fn by_resource_id(tx: &PlatformTx, id: &str) -> Result<Option<SsoProvider>, pg::Error> {
    one(tx, BY_RESOURCE_ID, id).await
}

pub(crate) async fn by_entity_id(tx: &PlatformTx, entity_id: &str) -> Result<Option<SsoProvider>, pg::Error> {
    one(tx, BY_ENTITY_ID, entity_id).await
}

/// Whose users have addresses in this domain?
pub(crate) async fn by_domain(tx: &PlatformTx, domain: &str) -> Result<Option<SsoProvider>, pg::Error> {
    one(tx, BY_DOMAIN, domain).await
}

/// All of them, or those of one resource id or of a prefix of one.
pub(crate) async fn list(
    tx: &PlatformTx,
    resource_id: Option<&str>,
    prefix: Option<&str>,
) -> Result<Vec<SsoProvider>, pg::Error> {
    tx.rows(ALL, &[&resource_id, &prefix]).await?.iter().map(from_row).collect()
}

const INSERT: &str = "with p as (insert into auth.sso_providers (id, resource_id, disabled, created_at, updated_at)
        values ($1, $2, $3, $9, $9) returning id)
    insert into auth.saml_providers (id, sso_provider_id, entity_id, metadata_xml, metadata_url, attribute_mapping, name_id_format,
        created_at, updated_at)
    select gen_random_uuid(), p.id, $4, $5, $6, $7, $8, $9, $9 from p";

pub(crate) async fn insert(tx: &PlatformTx, new: &SsoProvider) -> Result<(), pg::Error> {
    tx.execute(
        INSERT,
        &[
            &new.id,
            &new.resource_id,
            &new.disabled,
            &new.entity_id,
            &new.metadata_xml,
            &new.metadata_url,
            &Json(&new.attribute_mapping),
            &new.name_id_format,
            &new.created_at,
        ],
    )
    .await?;
    put_domains(tx, new).await
}

const UPDATE: &str = "with p as (update auth.sso_providers set resource_id = $2, disabled = $3, updated_at = $9 where id = $1 returning id)
    update auth.saml_providers s set metadata_xml = $4, metadata_url = $5, attribute_mapping = $6, name_id_format = $7, updated_at = $8
    from p where s.sso_provider_id = p.id";

pub(crate) async fn update(tx: &PlatformTx, provider: &SsoProvider) -> Result<(), pg::Error> {
    tx.execute(
        UPDATE,
        &[
            &provider.id,
            &provider.resource_id,
            &provider.disabled,
            &provider.metadata_xml,
            &provider.metadata_url,
            &Json(&provider.attribute_mapping),
            &provider.name_id_format,
            &provider.metadata_updated_at,
            &provider.updated_at,
        ],
    )
    .await?;
    put_domains(tx, provider).await
}

const DROP_DOMAINS: &str = "delete from auth.sso_domains where sso_provider_id = $1 and domain <> all($2)";
const ADD_DOMAINS: &str = "insert into auth.sso_domains (id, sso_provider_id, domain, created_at, updated_at)
    select gen_random_uuid(), $1, d, $3, $3 from unnest($2::text[]) d
    where not exists (select from auth.sso_domains k where k.sso_provider_id = $1 and k.domain = d)";

/// The provider has these domains, and no others.
async fn put_domains(tx: &PlatformTx, provider: &SsoProvider) -> Result<(), pg::Error> {
    tx.execute(DROP_DOMAINS, &[&provider.id, &provider.domains]).await?;
    tx.execute(ADD_DOMAINS, &[&provider.id, &provider.domains, &provider.updated_at]).await?;
    Ok(())
}

const SET_METADATA: &str =
    "update auth.saml_providers set metadata_xml = $2, updated_at = $3 where sso_provider_id = $1";

/// Keeps metadata that were fetched anew.
pub(crate) async fn set_metadata(tx: &PlatformTx, id: Uuid, xml: &str, now: OffsetDateTime) -> Result<(), pg::Error> {
    tx.execute(SET_METADATA, &[&id, &xml, &now]).await?;
    Ok(())
}

const DELETE: &str = "delete from auth.sso_providers where id = $1";

pub(crate) async fn delete(tx: &PlatformTx, id: Uuid) -> Result<(), pg::Error> {
    tx.execute(DELETE, &[&id]).await?;
    Ok(())
}

/// What a request to a provider leaves behind: its answer names it.
#[derive(Debug, Clone)]
pub(crate) struct NewRelayState<'a> {
    pub provider_id: Uuid,
    pub request_id: &'a str,
    pub redirect_to: &'a str,
    pub flow_state_id: Option<Uuid>,
}

const INSERT_RELAY: &str =
    "insert into auth.saml_relay_states (id, sso_provider_id, request_id, redirect_to, flow_state_id, created_at,
        updated_at) values ($1, $2, $3, $4, $5, $6, $6)";

pub(crate) async fn insert_relay_state(
    tx: &PlatformTx,
    new: &NewRelayState<'_>,
    now: OffsetDateTime,
) -> Result<Uuid, pg::Error> {
    let id = crypto::random::uuid();
    let (request_id, redirect_to) = (&new.request_id, &new.redirect_to);
    tx.execute(INSERT_RELAY, &[&id, &new.provider_id, request_id, redirect_to, &new.flow_state_id, &now]).await?;
    Ok(id)
}

/// A request that was made.
#[derive(Debug, Clone)]
pub(crate) struct RelayState {
    pub provider_id: Uuid,
    pub request_id: String,
    pub redirect_to: String,
    pub flow_state_id: Option<Uuid>,
    pub created_at: OffsetDateTime,
}

const TAKE_RELAY: &str = "delete from auth.saml_relay_states where id = $1 returning sso_provider_id, request_id,
    coalesce(redirect_to, '') as redirect_to, flow_state_id, coalesce(created_at, 'epoch'::timestamptz) as created_at";

/// Takes it, once.
pub(crate) async fn take_relay_state(tx: &PlatformTx, id: Uuid) -> Result<Option<RelayState>, pg::Error> {
    let Some(row) = tx.row(TAKE_RELAY, &[&id]).await? else { return Ok(None) };
    Ok(Some(RelayState {
        provider_id: get(&row, "sso_provider_id")?,
        request_id: get(&row, "request_id")?,
        redirect_to: get(&row, "redirect_to")?,
        flow_state_id: get(&row, "flow_state_id")?,
        created_at: get(&row, "created_at")?,
    }))
}

const FORGET_ASSERTIONS: &str = "delete from _basalt.saml_assertions where until < $1";
const REMEMBER_ASSERTION: &str =
    "insert into _basalt.saml_assertions (sso_provider_id, assertion_id, until) values ($1, $2, $3)
    on conflict do nothing";

/// Uses an assertion up; `false`: it was used before. Kept until it would be refused for its age.
pub(crate) async fn remember_assertion(
    tx: &PlatformTx,
    provider: Uuid,
    assertion: &str,
    until: OffsetDateTime,
    now: OffsetDateTime,
) -> Result<bool, pg::Error> {
    tx.execute(FORGET_ASSERTIONS, &[&now]).await?;
    Ok(tx.execute(REMEMBER_ASSERTION, &[&provider, &assertion, &until]).await? == 1)
}

const SET_SESSION_END: &str =
    "insert into _basalt.flow_session_ends (flow_state_id, session_not_after) values ($1, $2)";

/// Keeps the end of a session that a code is to be exchanged for.
pub(crate) async fn set_session_end(
    tx: &PlatformTx,
    flow_state_id: Uuid,
    end: Option<OffsetDateTime>,
) -> Result<(), pg::Error> {
    if let Some(end) = end {
        tx.execute(SET_SESSION_END, &[&flow_state_id, &end]).await?;
    }
    Ok(())
}

const SESSION_END: &str = "select session_not_after from _basalt.flow_session_ends where flow_state_id = $1";

/// When the session of a code ends, where the provider wants it to.
pub(crate) async fn session_end(tx: &PlatformTx, flow_state_id: Uuid) -> Result<Option<OffsetDateTime>, pg::Error> {
    tx.row(SESSION_END, &[&flow_state_id]).await?.map(|row| get(&row, "session_not_after")).transpose()
}

fn from_row(row: &Row) -> Result<SsoProvider, pg::Error> {
    Ok(SsoProvider {
        id: get(row, "id")?,
        resource_id: get(row, "resource_id")?,
        disabled: get(row, "disabled")?,
        entity_id: get(row, "entity_id")?,
        metadata_xml: get(row, "metadata_xml")?,
        metadata_url: get(row, "metadata_url")?,
        metadata_updated_at: get(row, "metadata_updated_at")?,
        attribute_mapping: get::<Json<Value>>(row, "attribute_mapping")?.0,
        name_id_format: get(row, "name_id_format")?,
        domains: get(row, "domains")?,
        created_at: get(row, "created_at")?,
        updated_at: get(row, "updated_at")?,
    })
}
