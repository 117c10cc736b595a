//! `/admin/sso/providers`: the identity providers of a project.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::response::IntoResponse;
use http::StatusCode;
use pg::PlatformTx;
use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

use super::assertion::Mapping;
use super::metadata::IdentityProvider;
use super::provider::fetch;
use crate::Auth;
use crate::error::{Code, Error};
use crate::model::Object;
use crate::request::Req;
use crate::routes::{Answer, ok};
use crate::store::sso::{self, SsoProvider};
use crate::wire::timestamp;

const NAME_ID_FORMATS: [&str; 4] = [
    "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent",
    "urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress",
    "urn:oasis:names:tc:SAML:2.0:nameid-format:transient",
    "urn:oasis:names:tc:SAML:1.1:nameid-format:unspecified",
];

#[derive(Deserialize, Default)]
#[serde(default)]
struct Params {
    r#type: String,
    resource_id: Option<String>,
    metadata_url: String,
    metadata_xml: String,
    domains: Option<Vec<String>>,
    attribute_mapping: Option<Mapping>,
    name_id_format: String,
    disabled: Option<bool>,
}

impl Params {
    fn check(&self, is_new: bool) -> Result<(), Error> {
        let (url, xml) = (self.metadata_url.as_str(), self.metadata_xml.as_str());
        if is_new && self.r#type != "saml" {
            return Err(Error::invalid("Only 'saml' supported for SSO provider type"));
        }
        if !url.is_empty() && !xml.is_empty() {
            return Err(Error::invalid("Only one of metadata_xml or metadata_url needs to be set"));
        }
        if is_new && url.is_empty() && xml.is_empty() {
            return Err(Error::invalid("Either metadata_xml or metadata_url must be set"));
        }
        if !url.is_empty() {
            let parsed = url::Url::parse(url).map_err(|_| Error::invalid("metadata_url is not a valid URL"))?;
            if parsed.scheme() != "https" {
                return Err(Error::invalid("metadata_url is not a HTTPS URL"));
            }
        }
        if !self.name_id_format.is_empty() && !NAME_ID_FORMATS.contains(&self.name_id_format.as_str()) {
            let all = NAME_ID_FORMATS.join(", ");
            return Err(Error::invalid(format!("name_id_format must be unspecified or one of {all}")));
        }
        if self.domains.iter().flatten().any(String::is_empty) {
            return Err(Error::invalid("A domain must not be empty"));
        }
        if self.resource_id.as_deref().is_some_and(|id| id.len() > 255) {
            return Err(Error::invalid("resource_id must not be longer than 255 characters"));
        }
        Ok(())
    }

    /// What the request gives, text and meaning; `None` where it gives nothing.
    async fn metadata(&self, auth: &Auth) -> Result<Option<(String, IdentityProvider)>, Error> {
        let text = match (self.metadata_xml.as_str(), self.metadata_url.as_str()) {
            ("", "") => return Ok(None),
            ("", url) => fetch(auth, url).await?,
            (xml, _) => xml.to_owned(),
        };
        let parsed = IdentityProvider::parse(&text).map_err(Error::invalid)?;
        Ok(Some((text, parsed)))
    }
}

fn missing() -> Error {
    Error::not_found(Code::SsoProviderNotFound, "SSO Identity Provider not found")
}

/// By its id, or by `resource_…`.
async fn of_path(tx: &PlatformTx, path: &str) -> Result<SsoProvider, Error> {
    let found = match path.parse::<Uuid>() {
        Ok(id) => sso::find(tx, id).await?,
        Err(_) if path.starts_with("resource_") => sso::by_resource_id(tx, path).await?,
        Err(_) => None,
    };
    found.ok_or_else(missing)
}

pub(super) async fn list(State(auth): State<Arc<Auth>>, req: Req) -> Answer {
    auth.require_admin(&req)?;
    auth.saml()?;
    let tx = auth.begin().await?;
    let (id, prefix) = (req.query("resource_id"), req.query("resource_id_prefix"));
    let all = sso::list(&tx, id.filter(|id| !id.is_empty()), prefix.filter(|prefix| !prefix.is_empty())).await?;
    tx.commit().await?;
    let items: Vec<Value> = all.iter().map(|provider| wire(provider, false)).collect();
    ok(json!({ "items": items }))
}

pub(super) async fn get(State(auth): State<Arc<Auth>>, Path(id): Path<String>, req: Req) -> Answer {
    auth.require_admin(&req)?;
    auth.saml()?;
    let tx = auth.begin().await?;
    let provider = of_path(&tx, &id).await?;
    tx.commit().await?;
    ok(wire(&provider, true))
}

pub(super) async fn create(State(auth): State<Arc<Auth>>, req: Req) -> Answer {
    auth.require_admin(&req)?;
    auth.saml()?;
    let params: Params = req.json()?;
    params.check(true)?;
    let (metadata_xml, parsed) = params
        .metadata(&auth)
        .await?
        .ok_or_else(|| Error::invalid("Either metadata_xml or metadata_url must be set"))?;
    let tx = auth.begin().await?;
    if sso::by_entity_id(&tx, &parsed.entity_id).await?.is_some() {
        return Err(exists(&parsed.entity_id));
    }
    let now = auth.clock.now();
    let filled = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
    let provider = SsoProvider {
        id: crypto::random::uuid(),
        resource_id: params.resource_id.as_deref().and_then(filled),
        disabled: params.disabled.unwrap_or_default(),
        entity_id: parsed.entity_id,
        metadata_xml,
        metadata_url: filled(&params.metadata_url),
        metadata_updated_at: now,
        attribute_mapping: json!(params.attribute_mapping.unwrap_or_default()),
        name_id_format: filled(&params.name_id_format),
        domains: domains(&tx, params.domains.unwrap_or_default(), None).await?,
        created_at: now,
        updated_at: now,
    };
    sso::insert(&tx, &provider).await.map_err(|error| conflict(error, &provider))?;
    tx.commit().await?;
    Ok((StatusCode::CREATED, axum::Json(wire(&provider, true))).into_response())
}

pub(super) async fn update(State(auth): State<Arc<Auth>>, Path(id): Path<String>, req: Req) -> Answer {
    auth.require_admin(&req)?;
    auth.saml()?;
    let params: Params = req.json()?;
    params.check(false)?;
    let given = params.metadata(&auth).await?;
    let tx = auth.begin().await?;
    let mut provider = of_path(&tx, &id).await?;
    let now = auth.clock.now();
    if let Some((text, parsed)) = given {
        if parsed.entity_id != provider.entity_id {
            let message = format!(
                "SAML Metadata can be updated only if the EntityID matches for the provider; expected '{}' but got '{}'",
                provider.entity_id, parsed.entity_id
            );
            return Err(Error::bad_request(Code::SamlEntityIdMismatch, message));
        }
        provider.metadata_xml = text;
        provider.metadata_updated_at = now;
        if !params.metadata_url.is_empty() {
            provider.metadata_url = Some(params.metadata_url);
        }
    }
    if let Some(given) = params.domains {
        provider.domains = domains(&tx, given, Some(provider.id)).await?;
    }
    // As upstream: what is absent from these two is taken for empty.
    provider.attribute_mapping = json!(params.attribute_mapping.unwrap_or_default());
    provider.name_id_format = Some(params.name_id_format).filter(|format| !format.is_empty());
    if let Some(disabled) = params.disabled {
        provider.disabled = disabled;
    }
    if let Some(id) = params.resource_id {
        provider.resource_id = Some(id).filter(|id| !id.is_empty());
    }
    provider.updated_at = now;
    sso::update(&tx, &provider).await.map_err(|error| conflict(error, &provider))?;
    tx.commit().await?;
    ok(wire(&provider, true))
}

pub(super) async fn delete(State(auth): State<Arc<Auth>>, Path(id): Path<String>, req: Req) -> Answer {
    auth.require_admin(&req)?;
    auth.saml()?;
    let tx = auth.begin().await?;
    let provider = of_path(&tx, &id).await?;
    sso::delete(&tx, provider.id).await?;
    tx.commit().await?;
    ok(wire(&provider, true))
}

/// Each domain once, and none that another provider has.
async fn domains(tx: &PlatformTx, given: Vec<String>, own: Option<Uuid>) -> Result<Vec<String>, Error> {
    let mut all: Vec<String> = Vec::new();
    for domain in given {
        if all.iter().any(|known| known.eq_ignore_ascii_case(&domain)) {
            continue;
        }
        if let Some(holder) = sso::by_domain(tx, &domain).await?.filter(|holder| Some(holder.id) != own) {
            let id = holder.id;
            let message = format!("SSO Domain '{domain}' is already assigned to an SSO identity provider ({id})");
            return Err(Error::bad_request(Code::SsoDomainAlreadyExists, message));
        }
        all.push(domain);
    }
    Ok(all)
}

fn exists(entity_id: &str) -> Error {
    let message = format!("SAML Identity Provider with this EntityID ({entity_id}) already exists");
    Error::unprocessable(Code::SamlIdpAlreadyExists, message)
}

/// A unique index refused: two administrators at once.
fn conflict(error: pg::Error, provider: &SsoProvider) -> Error {
    if error.violates("saml_providers_entity_id_key") {
        return exists(&provider.entity_id);
    }
    match error.code() {
        Some("23505") => {
            Error::unprocessable(Code::Conflict, "Updating SSO provider failed, likely due to a conflict. Try again?")
        }
        _ => Error::Database(error),
    }
}

/// As upstream; lists leave the metadata out.
fn wire(provider: &SsoProvider, whole: bool) -> Value {
    let mut saml = Object::new();
    saml.insert("entity_id".into(), json!(provider.entity_id));
    if whole {
        saml.insert("metadata_xml".into(), json!(provider.metadata_xml));
    }
    if let Some(url) = &provider.metadata_url {
        saml.insert("metadata_url".into(), json!(url));
    }
    saml.insert("attribute_mapping".into(), provider.attribute_mapping.clone());
    if let Some(format) = &provider.name_id_format {
        saml.insert("name_id_format".into(), json!(format));
    }
    let domains: Vec<Value> = provider.domains.iter().map(|domain| json!({ "domain": domain })).collect();
    let mut out = Object::new();
    out.insert("id".into(), json!(provider.id));
    if let Some(id) = &provider.resource_id {
        out.insert("resource_id".into(), json!(id));
    }
    out.insert("disabled".into(), json!(provider.disabled));
    out.insert("saml".into(), Value::Object(saml));
    out.insert("domains".into(), json!(domains));
    out.insert("created_at".into(), json!(timestamp(provider.created_at)));
    out.insert("updated_at".into(), json!(timestamp(provider.updated_at)));
    Value::Object(out)
}
