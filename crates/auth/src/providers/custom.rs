//! /admin/custom-providers: OAuth 2 and OIDC providers that are kept in the database.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::response::IntoResponse;
use http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::Auth;
use crate::error::{Code, Error};
use crate::model::Object;
use crate::request::Req;
use crate::routes::{Answer, ok};
use crate::store::custom_providers::{self, CustomProvider};
use crate::wire::timestamp;

#[derive(Deserialize, Default)]
#[serde(default)]
struct Params {
    provider_type: Option<String>,
    identifier: Option<String>,
    name: Option<String>,
    client_id: Option<String>,
    client_secret: Option<String>,
    acceptable_client_ids: Option<Vec<String>>,
    scopes: Option<Vec<String>>,
    pkce_enabled: Option<bool>,
    attribute_mapping: Option<Object>,
    authorization_params: Option<Object>,
    enabled: Option<bool>,
    email_optional: Option<bool>,
    issuer: Option<String>,
    discovery_url: Option<String>,
    skip_nonce_check: Option<bool>,
    authorization_url: Option<String>,
    token_url: Option<String>,
    userinfo_url: Option<String>,
    jwks_uri: Option<String>,
    custom_claims_allowlist: Option<Vec<String>>,
}

fn admitted(auth: &Auth, req: &Req) -> Result<(), Error> {
    auth.require_admin(req)?;
    if auth.config.custom_providers_enabled {
        return Ok(());
    }
    Err(Error::not_found(Code::FeatureDisabled, "Custom OAuth providers are not enabled"))
}

fn missing() -> Error {
    Error::not_found(Code::CustomProviderNotFound, "Custom provider not found")
}

/// The identifier without its prefix, as the table has it.
fn bare(identifier: &str) -> &str {
    identifier.strip_prefix("custom:").unwrap_or(identifier)
}

pub(crate) async fn list(State(auth): State<Arc<Auth>>, req: Req) -> Answer {
    admitted(&auth, &req)?;
    let tx = auth.begin().await?;
    let all = custom_providers::list(&tx, req.query("type").filter(|kind| !kind.is_empty())).await?;
    tx.commit().await?;
    ok(json!({"providers": all.iter().map(wire).collect::<Vec<_>>()}))
}

pub(crate) async fn get(State(auth): State<Arc<Auth>>, Path(identifier): Path<String>, req: Req) -> Answer {
    admitted(&auth, &req)?;
    let tx = auth.begin().await?;
    let found = custom_providers::find(&tx, bare(&identifier)).await?.ok_or_else(missing)?;
    tx.commit().await?;
    ok(wire(&found))
}

pub(crate) async fn create(State(auth): State<Arc<Auth>>, req: Req) -> Answer {
    admitted(&auth, &req)?;
    let params: Params = req.json()?;
    let now = auth.clock.now();
    let required = |value: &Option<String>, name: &str| {
        value.clone().filter(|text| !text.is_empty()).ok_or_else(|| Error::invalid(format!("{name} is required")))
    };
    let identifier = bare(&required(&params.identifier, "identifier")?).to_owned();
    let kind = required(&params.provider_type, "provider_type")?;
    if kind != "oidc" && kind != "oauth2" {
        return Err(Error::invalid("provider_type must be either oidc or oauth2"));
    }
    let provider = CustomProvider {
        id: crypto::random::uuid(),
        provider_type: kind,
        identifier,
        name: required(&params.name, "name")?,
        client_id: required(&params.client_id, "client_id")?,
        client_secret: required(&params.client_secret, "client_secret")?,
        acceptable_client_ids: Vec::new(),
        scopes: Vec::new(),
        pkce_enabled: true,
        attribute_mapping: Object::new(),
        authorization_params: Object::new(),
        enabled: true,
        email_optional: false,
        issuer: None,
        discovery_url: None,
        skip_nonce_check: false,
        authorization_url: None,
        token_url: None,
        userinfo_url: None,
        jwks_uri: None,
        custom_claims_allowlist: Vec::new(),
        created_at: now,
        updated_at: now,
    };
    let provider = changed(provider, params);
    let tx = auth.begin().await?;
    if custom_providers::find(&tx, &provider.identifier).await?.is_some() {
        return Err(Error::new(StatusCode::CONFLICT, Code::Conflict, "A provider with this identifier already exists"));
    }
    custom_providers::put(&tx, &provider).await.map_err(refused)?;
    tx.commit().await?;
    Ok((StatusCode::CREATED, axum::Json(wire(&provider))).into_response())
}

pub(crate) async fn update(State(auth): State<Arc<Auth>>, Path(identifier): Path<String>, req: Req) -> Answer {
    admitted(&auth, &req)?;
    let params: Params = req.json()?;
    let tx = auth.begin().await?;
    let mut provider = custom_providers::find(&tx, bare(&identifier)).await?.ok_or_else(missing)?;
    provider.updated_at = auth.clock.now();
    let provider = changed(provider, params);
    custom_providers::put(&tx, &provider).await.map_err(refused)?;
    tx.commit().await?;
    ok(wire(&provider))
}

pub(crate) async fn delete(State(auth): State<Arc<Auth>>, Path(identifier): Path<String>, req: Req) -> Answer {
    admitted(&auth, &req)?;
    let tx = auth.begin().await?;
    if !custom_providers::delete(&tx, bare(&identifier)).await? {
        return Err(missing());
    }
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// What the request names; type and identifier stay.
fn changed(mut p: CustomProvider, new: Params) -> CustomProvider {
    macro_rules! take {
        ($($field:ident),*) => { $(if let Some(value) = new.$field { p.$field = value; })* };
    }
    macro_rules! take_optional {
        ($($field:ident),*) => { $(if let Some(value) = new.$field { p.$field = Some(value).filter(|text| !text.is_empty()); })* };
    }
    take!(
        name,
        client_id,
        client_secret,
        acceptable_client_ids,
        scopes,
        pkce_enabled,
        attribute_mapping,
        authorization_params,
        enabled,
        email_optional,
        skip_nonce_check,
        custom_claims_allowlist
    );
    take_optional!(issuer, discovery_url, authorization_url, token_url, userinfo_url, jwks_uri);
    p
}

/// The table's own rules (https, lengths, what a type needs) are the check.
fn refused(error: pg::Error) -> Error {
    match error.code() {
        Some("23514") => {
            let rule = error.server().and_then(|server| server.constraint.clone()).unwrap_or_default();
            Error::invalid(format!(
                "The provider breaks the rule {}",
                rule.trim_start_matches("custom_oauth_providers_")
            ))
        }
        _ => Error::Database(error),
    }
}

/// Without its secret.
fn wire(p: &CustomProvider) -> Value {
    json!({
        "id": p.id, "provider_type": p.provider_type, "identifier": format!("custom:{}", p.identifier), "name": p.name,
        "client_id": p.client_id, "acceptable_client_ids": p.acceptable_client_ids, "scopes": p.scopes,
        "pkce_enabled": p.pkce_enabled, "attribute_mapping": p.attribute_mapping,
        "authorization_params": p.authorization_params, "enabled": p.enabled, "email_optional": p.email_optional,
        "issuer": p.issuer, "discovery_url": p.discovery_url, "skip_nonce_check": p.skip_nonce_check,
        "authorization_url": p.authorization_url, "token_url": p.token_url, "userinfo_url": p.userinfo_url,
        "jwks_uri": p.jwks_uri, "custom_claims_allowlist": p.custom_claims_allowlist,
        "created_at": timestamp(p.created_at), "updated_at": timestamp(p.updated_at),
    })
}
