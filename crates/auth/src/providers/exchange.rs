//! The calls to a provider: code for tokens, tokens for a user.

use std::time::Duration;

use serde_json::{Value, json};

use super::discovery;
use super::profile::Profile;
use super::resolve::{Addresses, Resolved};
use crate::Auth;
use crate::error::Error;

/// A provider that says nothing for so long has no answer; the request itself may take 10 s.
const TIMEOUT: Duration = Duration::from_secs(8);
const MAX_ANSWER_BYTES: usize = 1024 * 1024;

/// What a provider gave for the code.
pub(super) struct Tokens {
    pub access_token: String,
    pub refresh_token: String,
    pub id_token: Option<String>,
}

/// JSON of an answer with a good status.
///
/// # Errors
/// A sentence without secrets.
pub(super) async fn json(request: reqwest::RequestBuilder) -> Result<Value, String> {
    let request = request.timeout(TIMEOUT).header("accept", "application/json");
    let mut answer = request.send().await.map_err(|e| e.without_url().to_string())?;
    let status = answer.status();
    let mut bytes = Vec::new();
    while let Some(chunk) = answer.chunk().await.map_err(|e| e.without_url().to_string())? {
        if bytes.len() + chunk.len() > MAX_ANSWER_BYTES {
            return Err("the answer is too long".to_owned());
        }
        bytes.extend_from_slice(&chunk);
    }
    if !status.is_success() {
        let said: String = String::from_utf8_lossy(&bytes).chars().take(300).collect();
        return Err(format!("status {status}: {said}"));
    }
    serde_json::from_slice(&bytes).map_err(|e| format!("no JSON: {e}"))
}

/// Where the browser is sent to, by settings or discovery.
///
/// # Errors
/// 500: discovery failed.
pub(super) async fn authorize_url(auth: &Auth, provider: &Resolved) -> Result<String, Error> {
    match &provider.addresses {
        Addresses::OAuth { authorize, .. } => Ok(authorize.clone()),
        Addresses::Oidc { issuer, document, .. } => {
            Ok(discovery::discover(auth, issuer, document.as_deref(), false).await?.authorize.clone())
        }
    }
}

/// Trades the code for tokens.
///
/// # Errors
/// 500 `unexpected_failure`, with the provider's words in the log.
pub(super) async fn tokens(
    auth: &Auth,
    provider: &Resolved,
    code: &str,
    verifier: Option<&str>,
) -> Result<Tokens, Error> {
    let url = match &provider.addresses {
        Addresses::OAuth { token, .. } => token.clone(),
        Addresses::Oidc { issuer, document, .. } => {
            discovery::discover(auth, issuer, document.as_deref(), false).await?.token.clone()
        }
    };
    let client_id = provider.client_ids.first().map(String::as_str).unwrap_or_default();
    let mut form = vec![("grant_type", "authorization_code"), ("code", code), ("redirect_uri", &provider.redirect_uri)];
    form.extend(verifier.map(|verifier| ("code_verifier", verifier)));
    let mut request = auth.http.post(url);
    if provider.basic_auth {
        request = request.basic_auth(client_id, Some(provider.secret.expose()));
    } else {
        form.push(("client_id", client_id));
        form.push(("client_secret", provider.secret.expose()));
    }
    let failed = |reason: String| {
        Error::internal("Unable to exchange external code", anyhow::anyhow!("provider {}: {reason}", provider.name))
    };
    let answer = json(request.form(&form)).await.map_err(failed)?;
    let text = |name: &str| answer[name].as_str().unwrap_or_default().to_owned();
    let access_token = text("access_token");
    if access_token.is_empty() {
        // GitHub answers 200 with an error.
        return Err(failed(format!("no access token: {}", text("error_description"))));
    }
    let id_token = Some(text("id_token")).filter(|token| !token.is_empty());
    Ok(Tokens { access_token, refresh_token: text("refresh_token"), id_token })
}

/// Who the user is: by the ID token, or by asking.
///
/// # Errors
/// 500 `unexpected_failure`.
pub(super) async fn profile(auth: &Auth, provider: &Resolved, tokens: &Tokens) -> Result<Profile, Error> {
    let failed = |reason: String| {
        Error::internal(
            "Error getting user profile from external provider",
            anyhow::anyhow!("provider {}: {reason}", provider.name),
        )
    };
    let answer = match &provider.addresses {
        Addresses::Oidc { issuer, also, document } => {
            let document = document.as_deref();
            let mut claims = match &tokens.id_token {
                Some(token) => {
                    let verified = discovery::verify(auth, token, issuer, also, document, &provider.client_ids)
                        .await
                        .map_err(|e| failed(e.to_string()))?;
                    Value::Object(verified.claims)
                }
                None => json!({}),
            };
            // Some put the address only where it is asked for.
            let known = discovery::discover(auth, issuer, document, false).await?;
            if let Some(url) = known.userinfo.as_ref().filter(|_| claims["email"].is_null()) {
                let asked = json(auth.http.get(url).bearer_auth(&tokens.access_token)).await.map_err(failed)?;
                // OIDC Core §5.3.2: it must be the same user.
                if !claims["sub"].is_null() && asked["sub"] != claims["sub"] {
                    return Err(failed("the userinfo endpoint speaks of another user".to_owned()));
                }
                if let (Value::Object(claims), Value::Object(asked)) = (&mut claims, asked) {
                    claims.extend(asked);
                }
            }
            claims
        }
        Addresses::OAuth { userinfo, emails, .. } => {
            let ask = |url: &str| {
                let mut request = auth.http.get(url).bearer_auth(&tokens.access_token);
                if provider.name == "notion" {
                    request = request.header("Notion-Version", "2021-08-16");
                }
                if provider.name == "twitch" {
                    request = request.header("Client-Id", provider.client_ids.first().cloned().unwrap_or_default());
                }
                json(request)
            };
            let mut answer = ask(userinfo).await.map_err(failed)?;
            if let Some(emails) = emails {
                answer["emails"] = ask(emails).await.map_err(failed)?;
            }
            answer
        }
    };
    let profile = provider.read.read(&answer);
    if profile.sub.is_empty() {
        return Err(failed("it names no user".to_owned()));
    }
    Ok(profile)
}
