//! Who may ask for tokens: registered by an admin, or by themselves (RFC 7591).

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::response::IntoResponse;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::StatusCode;
use pg::PlatformTx;
use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

use super::enabled;
use crate::Auth;
use crate::error::{Code, Error};
use crate::limits::Limited;
use crate::request::Req;
use crate::routes::{Answer, ok};
use crate::store::oauth::{self, Client};
use crate::wire::timestamp;

const MAX_REDIRECT_URIS: usize = 10;
const GRANTS: [&str; 2] = ["authorization_code", "refresh_token"];

#[derive(Deserialize, Default)]
#[serde(default)]
struct Params {
    client_name: Option<String>,
    client_uri: Option<String>,
    logo_uri: Option<String>,
    redirect_uris: Option<Vec<String>>,
    grant_types: Option<Vec<String>>,
    client_type: Option<String>,
    token_endpoint_auth_method: Option<String>,
}

/// The hash under which a secret is stored; 256 random bits need no slow one.
pub(super) fn secret_hash(secret: &str) -> String {
    URL_SAFE_NO_PAD.encode(crypto::sha256(secret.as_bytes()))
}

pub(super) async fn register(State(auth): State<Arc<Auth>>, req: Req) -> Answer {
    enabled(&auth)?;
    if !auth.config.oauth_server.allow_dynamic_registration {
        return Err(Error::forbidden(
            Code::OauthDynamicClientRegistrationDisabled,
            "Dynamic client registration is not enabled",
        ));
    }
    auth.limit(Limited::DynamicRegistration, &req)?;
    insert(&auth, &req, "dynamic").await
}

pub(super) async fn create(State(auth): State<Arc<Auth>>, req: Req) -> Answer {
    admitted(&auth, &req)?;
    insert(&auth, &req, "manual").await
}

fn admitted(auth: &Auth, req: &Req) -> Result<(), Error> {
    auth.require_admin(req)?;
    enabled(auth)
}

async fn insert(auth: &Auth, req: &Req, registration_type: &str) -> Answer {
    let params: Params = req.json()?;
    let now = auth.clock.now();
    let method = params.token_endpoint_auth_method.clone().filter(|method| !method.is_empty());
    let public = match (params.client_type.as_deref().filter(|kind| !kind.is_empty()), method.as_deref()) {
        (Some("public"), None | Some("none")) | (None, Some("none")) => true,
        (Some("confidential") | None, None | Some("client_secret_basic" | "client_secret_post")) => false,
        (Some("public" | "confidential") | None, Some(_)) => {
            return Err(Error::invalid("token_endpoint_auth_method is invalid for this type of client"));
        }
        (Some(_), _) => return Err(Error::invalid("client_type is invalid: it must be public or confidential")),
    };
    let default_method = if public { "none" } else { "client_secret_basic" };
    let secret = (!public).then(crypto::random::base64url::<32>);
    let redirect_uris = params.redirect_uris.clone().unwrap_or_default();
    if redirect_uris.is_empty() {
        return Err(Error::invalid("redirect_uris is required"));
    }
    let client = Client {
        id: crypto::random::uuid(),
        secret_hash: secret.as_deref().map(secret_hash),
        registration_type: registration_type.to_owned(),
        redirect_uris: Vec::new(),
        grant_types: GRANTS.map(str::to_owned).to_vec(),
        name: None,
        uri: None,
        logo_uri: None,
        client_type: if public { "public" } else { "confidential" }.to_owned(),
        auth_method: method.unwrap_or_else(|| default_method.to_owned()),
        created_at: now,
        updated_at: now,
    };
    let client = changed(client, params)?;
    let tx = auth.begin().await?;
    oauth::put_client(&tx, &client).await?;
    tx.commit().await?;
    let mut body = wire(&client);
    if let Some(secret) = secret {
        body["client_secret"] = json!(secret);
    }
    Ok((StatusCode::CREATED, axum::Json(body)).into_response())
}

/// What the request names, checked.
fn changed(mut client: Client, params: Params) -> Result<Client, Error> {
    if let Some(uris) = params.redirect_uris {
        if uris.is_empty() || uris.len() > MAX_REDIRECT_URIS {
            return Err(Error::invalid(format!("redirect_uris must have 1 to {MAX_REDIRECT_URIS} entries")));
        }
        for uri in &uris {
            check_redirect_uri(uri)?;
        }
        client.redirect_uris = uris;
    }
    if let Some(grants) = params.grant_types {
        if grants.is_empty() || grants.iter().any(|grant| !GRANTS.contains(&grant.as_str())) {
            return Err(Error::invalid("grant_types must be authorization_code and refresh_token"));
        }
        client.grant_types = grants;
    }
    if let Some(name) = params.client_name {
        if name.chars().count() > 1024 {
            return Err(Error::invalid("client_name cannot exceed 1024 characters"));
        }
        client.name = Some(name).filter(|name| !name.is_empty());
    }
    for (uri, slot, name) in
        [(params.client_uri, &mut client.uri, "client_uri"), (params.logo_uri, &mut client.logo_uri, "logo_uri")]
    {
        if let Some(uri) = uri {
            let web = url::Url::parse(&uri).is_ok_and(|url| matches!(url.scheme(), "https" | "http"));
            if !uri.is_empty() && (uri.len() > 2048 || !web) {
                return Err(Error::invalid(format!("{name} must be a valid URL")));
            }
            *slot = Some(uri).filter(|uri| !uri.is_empty());
        }
    }
    Ok(client)
}

/// OAuth 2.1 §2.3: https, or http on this machine, or an application's own scheme; never a fragment.
fn check_redirect_uri(uri: &str) -> Result<(), Error> {
    let invalid = |why: &str| Error::invalid(format!("redirect_uris: {uri:?} is invalid: {why}"));
    let url = url::Url::parse(uri).map_err(|_| invalid("not a URL"))?;
    // The column joins them by commas, as GoTrue's does.
    if uri.len() > 2048 || uri.contains(',') || url.fragment().is_some() {
        return Err(invalid("it is too long, or has a comma or a fragment"));
    }
    let local = matches!(url.host_str(), Some("localhost" | "127.0.0.1" | "[::1]"));
    match url.scheme() {
        "https" => Ok(()),
        "http" if local => Ok(()),
        "http" => Err(invalid("http is for this machine only")),
        "javascript" | "data" | "vbscript" | "file" | "blob" | "about" => Err(invalid("this scheme is not allowed")),
        _ => Ok(()),
    }
}

pub(super) async fn list(State(auth): State<Arc<Auth>>, req: Req) -> Answer {
    admitted(&auth, &req)?;
    let tx = auth.begin().await?;
    let all = oauth::clients(&tx).await?;
    tx.commit().await?;
    ok(json!({"clients": all.iter().map(wire).collect::<Vec<_>>()}))
}

async fn of_path(tx: &PlatformTx, id: &str) -> Result<Client, Error> {
    let id: Uuid = id.parse().map_err(|_| Error::not_found(Code::ValidationFailed, "client_id must be an UUID"))?;
    oauth::client(tx, id).await?.ok_or_else(|| Error::not_found(Code::OauthClientNotFound, "OAuth client not found"))
}

pub(super) async fn get(State(auth): State<Arc<Auth>>, Path(id): Path<String>, req: Req) -> Answer {
    admitted(&auth, &req)?;
    let tx = auth.begin().await?;
    let client = of_path(&tx, &id).await?;
    tx.commit().await?;
    ok(wire(&client))
}

pub(super) async fn update(State(auth): State<Arc<Auth>>, Path(id): Path<String>, req: Req) -> Answer {
    admitted(&auth, &req)?;
    let params: Params = req.json()?;
    let tx = auth.begin().await?;
    let mut client = of_path(&tx, &id).await?;
    client.updated_at = auth.clock.now();
    let client = changed(client, params)?;
    oauth::put_client(&tx, &client).await?;
    tx.commit().await?;
    ok(wire(&client))
}

/// Its sessions end with it.
pub(super) async fn delete(State(auth): State<Arc<Auth>>, Path(id): Path<String>, req: Req) -> Answer {
    admitted(&auth, &req)?;
    let tx = auth.begin().await?;
    let client = of_path(&tx, &id).await?;
    let mut ended = Vec::new();
    for user in oauth::users_of_client(&tx, client.id).await? {
        let of_user = auth.end_sessions(&tx, user, crate::store::sessions::Which::Client(client.id)).await?;
        ended.extend(of_user.0);
    }
    oauth::delete_client(&tx, client.id).await?;
    auth.commit_and_announce(tx, &crate::sessions::Ended(ended)).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

pub(super) async fn regenerate_secret(State(auth): State<Arc<Auth>>, Path(id): Path<String>, req: Req) -> Answer {
    admitted(&auth, &req)?;
    let tx = auth.begin().await?;
    let mut client = of_path(&tx, &id).await?;
    if client.client_type == "public" {
        return Err(Error::invalid("Cannot regenerate secret for public client"));
    }
    let secret = crypto::random::base64url::<32>();
    client.secret_hash = Some(secret_hash(&secret));
    client.updated_at = auth.clock.now();
    oauth::put_client(&tx, &client).await?;
    tx.commit().await?;
    let mut body = wire(&client);
    body["client_secret"] = json!(secret);
    ok(body)
}

fn wire(client: &Client) -> Value {
    let mut out = json!({
        "client_id": client.id, "client_type": client.client_type,
        "token_endpoint_auth_method": client.auth_method, "registration_type": client.registration_type,
        "redirect_uris": client.redirect_uris, "grant_types": client.grant_types, "response_types": ["code"],
        "created_at": timestamp(client.created_at), "updated_at": timestamp(client.updated_at),
    });
    for (key, value) in [("client_name", &client.name), ("client_uri", &client.uri), ("logo_uri", &client.logo_uri)] {
        if let Some(value) = value {
            out[key] = json!(value);
        }
    }
    out
}

/// As the consent page sees it.
pub(super) fn brief(client: &Client) -> Value {
    let text = |value: &Option<String>| value.clone().unwrap_or_default();
    json!({"id": client.id, "name": text(&client.name), "uri": text(&client.uri), "logo_uri": text(&client.logo_uri)})
}
