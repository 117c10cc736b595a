//! POST /oauth/token: a client trades a code or a refresh token.

use std::collections::HashMap;
use std::sync::Arc;

use axum::extract::State;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::StatusCode;
use pg::PlatformTx;
use serde_json::{Value, json};
use uuid::Uuid;

use super::clients::secret_hash;
use super::{discovery, enabled, scopes};
use crate::Auth;
use crate::audit::{Action, Actor};
use crate::error::Error;
use crate::limits::Limited;
use crate::model::{Method, Object, User};
use crate::request::Req;
use crate::routes::{Answer, ok};
use crate::rules::pkce;
use crate::sessions::{Issued, Opening};
use crate::store;
use crate::store::oauth::{self, Client};

/// JSON or a form; RFC 6749 wants a form.
struct Params(HashMap<String, String>);

impl Params {
    fn read(req: &Req) -> Result<Self, Error> {
        let json = req.header("content-type").is_some_and(|kind| kind.starts_with("application/json"));
        let pairs = if json {
            let text = |value: Value| value.as_str().map(str::to_owned);
            req.object()?.into_iter().filter_map(|(key, value)| Some((key, text(value)?))).collect()
        } else {
            form_urlencoded::parse(&req.body).into_owned().collect::<HashMap<_, _>>()
        };
        if pairs.values().any(|value| value.contains('\0')) {
            return Err(refused("invalid_request", "a parameter contains a NUL character"));
        }
        Ok(Self(pairs))
    }

    fn text(&self, name: &str) -> &str {
        self.0.get(name).map(String::as_str).unwrap_or_default()
    }
}

fn refused(error: &'static str, description: &'static str) -> Error {
    Error::oauth(error, description)
}

fn invalid_client(description: &'static str) -> Error {
    Error::OAuth { status: StatusCode::UNAUTHORIZED, error: "invalid_client".into(), description: description.into() }
}

pub(super) async fn token(State(auth): State<Arc<Auth>>, req: Req) -> Answer {
    enabled(&auth)?;
    auth.limit(Limited::Token, &req)?;
    let params = Params::read(&req)?;
    let tx = auth.begin().await?;
    let client = authenticate(&tx, &req, &params).await?;
    let grant = params.text("grant_type");
    if !client.grant_types.iter().any(|known| known == grant) && matches!(grant, "authorization_code" | "refresh_token")
    {
        return Err(refused("unauthorized_client", "this client may not use this grant"));
    }
    match grant {
        "authorization_code" => by_code(&auth, tx, &req, &client, &params).await,
        "refresh_token" => {
            tx.rollback().await?;
            by_refresh_token(&auth, &req, &client, params.text("refresh_token")).await
        }
        _ => Err(refused("unsupported_grant_type", "grant_type must be authorization_code or refresh_token")),
    }
}

/// As the client was registered, and in no other way (OAuth 2.1 §2.4).
async fn authenticate(tx: &PlatformTx, req: &Req, params: &Params) -> Result<Client, Error> {
    let basic = basic(req);
    let (method, id, secret) = match (&basic, params.text("client_secret")) {
        (Some((id, secret)), "") => ("client_secret_basic", id.as_str(), secret.as_str()),
        (Some(_), _) => return Err(refused("invalid_request", "the client authenticates in two ways at once")),
        (None, "") => ("none", params.text("client_id"), ""),
        (None, secret) => ("client_secret_post", params.text("client_id"), secret),
    };
    let id: Uuid = id.parse().map_err(|_| invalid_client("client authentication failed"))?;
    let client = oauth::client(tx, id).await?.ok_or_else(|| invalid_client("client authentication failed"))?;
    let given = secret_hash(secret);
    let fits = match &client.secret_hash {
        Some(hash) => crypto::equal_in_constant_time(hash.as_bytes(), given.as_bytes()),
        None => secret.is_empty(),
    };
    if client.auth_method != method || !fits {
        return Err(invalid_client("client authentication failed"));
    }
    Ok(client)
}

/// RFC 6749 §2.3.1: both parts are form-encoded before they are joined.
fn basic(req: &Req) -> Option<(String, String)> {
    let encoded = req.header("authorization")?.strip_prefix("Basic ")?;
    let text = String::from_utf8(STANDARD.decode(encoded.trim()).ok()?).ok()?;
    let (id, secret) = text.split_once(':')?;
    let decode = |part: &str| {
        let pair = format!("x={part}");
        form_urlencoded::parse(pair.as_bytes()).next().map(|(_, value)| value.into_owned()).unwrap_or_default()
    };
    Some((decode(id), decode(secret)))
}

async fn by_code(auth: &Auth, tx: PlatformTx, req: &Req, client: &Client, params: &Params) -> Answer {
    let bad = || refused("invalid_grant", "Invalid authorization code");
    let code = params.text("code");
    if code.is_empty() {
        return Err(refused("invalid_request", "code is required"));
    }
    let found = oauth::take_code(&tx, code).await?.ok_or_else(bad)?;
    let user_id = found.user_id.filter(|_| found.client_id == client.id).ok_or_else(bad)?;
    if auth.clock.now() > found.expires_at {
        return Err(refused("invalid_grant", "Authorization code has expired"));
    }
    let redirect_uri = params.text("redirect_uri");
    if !redirect_uri.is_empty() && redirect_uri != found.redirect_uri {
        return Err(refused("invalid_grant", "redirect_uri does not match the authorization request"));
    }
    let resource = params.text("resource");
    if !resource.is_empty() && found.resource.as_deref() != Some(resource) {
        return Err(refused("invalid_target", "resource does not match the authorization request"));
    }
    let challenge = found.code_challenge.as_deref().unwrap_or_default();
    let method = found.code_challenge_method.as_deref().unwrap_or_default();
    pkce::verify(challenge, method, params.text("code_verifier"))
        .map_err(|_| refused("invalid_grant", "code_verifier does not match the code_challenge"))?;
    let user = store::users::find(&tx, user_id).await?.ok_or_else(bad)?;
    if user.is_banned(auth.clock.now()) {
        return Err(refused("invalid_grant", "User is banned"));
    }
    let traits = json!({"provider": "oauth_server", "client_id": client.id});
    auth.audit(&tx, req, Actor::User(&user), Action::Login, traits).await?;
    let opening = Opening {
        oauth_client_id: Some(client.id),
        scopes: Some(&found.scope),
        ..Opening::from(Method::OAuthProvider)
    };
    let issued = auth.open_session(&tx, user, opening, req).await?;
    tx.commit().await?;
    answer(auth, client, &issued, &found.scope, found.nonce.as_deref())
}

async fn by_refresh_token(auth: &Auth, req: &Req, client: &Client, token: &str) -> Answer {
    let issued = match auth.refresh(req, token, Some(client.id)).await {
        Ok(issued) => issued,
        // Trouble of ours stays trouble; what the client did wrong is said in OAuth's words.
        Err(error) if error.status().is_server_error() => return Err(error),
        Err(error) => return Err(Error::oauth("invalid_grant", error.public_message().into_owned())),
    };
    let tx = auth.begin().await?;
    let session = store::sessions::find(&tx, issued.session_id).await?;
    tx.commit().await?;
    let scopes = session.and_then(|session| session.scopes).unwrap_or_default();
    answer(auth, client, &issued, &scopes, None)
}

fn answer(auth: &Auth, client: &Client, issued: &Issued, granted: &str, nonce: Option<&str>) -> Answer {
    let mut body = issued.tokens_json();
    body.shift_remove("expires_at");
    body.insert("scope".into(), json!(granted));
    if let Some(token) = id_token(auth, client, &issued.user, granted, nonce)? {
        body.insert("id_token".into(), json!(token));
    }
    ok(body)
}

/// Only for `openid`, and only where a client can verify it: a shared secret would let it sign tokens itself.
fn id_token(
    auth: &Auth,
    client: &Client,
    user: &User,
    granted: &str,
    nonce: Option<&str>,
) -> Result<Option<String>, Error> {
    let keys = auth.keys();
    let asymmetric = keys.signing_algorithm().is_some_and(|algorithm| !algorithm.is_symmetric());
    if !asymmetric || !scopes::covers(granted, "openid") {
        return Ok(None);
    }
    let now = auth.clock.unix_seconds();
    let mut claims = Object::new();
    claims.insert("iss".into(), json!(discovery::issuer(auth)));
    claims.insert("aud".into(), json!(client.id));
    claims.insert("exp".into(), json!(now + auth.config.jwt.exp_seconds));
    claims.insert("iat".into(), json!(now));
    claims.insert("auth_time".into(), json!(now));
    if let Some(nonce) = nonce {
        claims.insert("nonce".into(), json!(nonce));
    }
    claims.extend(scopes::claims(user, granted));
    let token = keys.sign(&claims).map_err(|e| Error::internal("error generating id_token", e))?;
    Ok(Some(token))
}
