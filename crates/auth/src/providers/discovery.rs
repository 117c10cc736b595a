//! What an issuer publishes: its addresses and its keys, kept for a while.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use crypto::jwt::{ClaimRules, Jwk, KeySet, Verified};
use parking_lot::Mutex;
use serde_json::Value;
use time::OffsetDateTime;

use super::exchange;
use crate::Auth;
use crate::error::Error;

/// A document is fetched again after this time.
const FRESH_FOR: Duration = Duration::from_secs(600);
/// Keys are fetched for an unknown kid, but not more often than this: a stranger may invent kids.
const AT_MOST_EVERY: Duration = Duration::from_secs(30);
/// Issuers that are remembered; the admin names them, so there are few.
const MAX_ISSUERS: usize = 100;
/// Clocks of providers and ours may differ so much.
const SKEW_SECONDS: i64 = 30;

/// What is known of issuers.
#[derive(Default)]
pub(crate) struct Documents {
    by_issuer: Mutex<HashMap<String, Arc<Issuer>>>,
}

/// An issuer's document and keys.
pub(super) struct Issuer {
    pub issuer: String,
    pub authorize: String,
    pub token: String,
    pub userinfo: Option<String>,
    keys: KeySet,
    fetched_at: OffsetDateTime,
}

/// The issuer's document; from memory where it is fresh.
///
/// # Errors
/// 500: it does not answer, or is not what it says.
pub(super) async fn discover(
    auth: &Auth,
    issuer: &str,
    document: Option<&str>,
    for_unknown_kid: bool,
) -> Result<Arc<Issuer>, Error> {
    let now = auth.clock.now();
    let fresh_for = if for_unknown_kid { AT_MOST_EVERY } else { FRESH_FOR };
    let known = auth.documents.by_issuer.lock().get(issuer).cloned();
    if let Some(known) = known.filter(|known| now < known.fetched_at + fresh_for) {
        return Ok(known);
    }
    let url = match document {
        Some(url) => url.to_owned(),
        None => format!("{}/.well-known/openid-configuration", issuer.trim_end_matches('/')),
    };
    let fetched = fetch(auth, issuer, &url, now).await.map_err(|reason| {
        Error::internal("Error fetching the provider's discovery document", anyhow::anyhow!("{url}: {reason}"))
    })?;
    let fetched = Arc::new(fetched);
    let mut all = auth.documents.by_issuer.lock();
    if all.len() >= MAX_ISSUERS {
        all.clear();
    }
    all.insert(issuer.to_owned(), Arc::clone(&fetched));
    Ok(fetched)
}

async fn fetch(auth: &Auth, issuer: &str, url: &str, now: OffsetDateTime) -> Result<Issuer, String> {
    let document = exchange::json(auth.http.get(url)).await?;
    let text = |name: &str| document[name].as_str().map(str::to_owned);
    let says = text("issuer").ok_or("it names no issuer")?;
    // Entra's shared endpoints name a template for the tenant's issuer.
    if says.trim_end_matches('/') != issuer.trim_end_matches('/') && !says.contains("{tenantid}") {
        return Err(format!("it is of another issuer, {says}"));
    }
    let keys = exchange::json(auth.http.get(text("jwks_uri").ok_or("it names no jwks_uri")?)).await?;
    Ok(Issuer {
        issuer: says,
        authorize: text("authorization_endpoint").ok_or("it names no authorization_endpoint")?,
        token: text("token_endpoint").ok_or("it names no token_endpoint")?,
        userinfo: text("userinfo_endpoint"),
        keys: key_set(&keys),
        fetched_at: now,
    })
}

/// The keys that can be used; a provider may publish kinds that nobody here knows.
fn key_set(document: &Value) -> KeySet {
    let keys = document["keys"].as_array().cloned().unwrap_or_default();
    let usable: Vec<Jwk> = keys
        .into_iter()
        .filter_map(|key| match key {
            Value::Object(members) => Some(Jwk::new(members)),
            _ => None,
        })
        // A symmetric key in public would let anybody sign.
        .filter(|key| key.text("kty") != Some("oct") && KeySet::from_jwks(std::slice::from_ref(key)).is_ok())
        .collect();
    KeySet::from_jwks(&usable).unwrap_or_default()
}

/// Checks an ID token: signature, times, issuer, and that it was made for one of these clients.
///
/// # Errors
/// 400 in the words of GoTrue; 500 where the issuer does not answer.
pub(super) async fn verify(
    auth: &Auth,
    token: &str,
    issuer: &str,
    also: &[String],
    document: Option<&str>,
    client_ids: &[String],
) -> Result<Verified, Error> {
    let bad = |reason: String| Error::oauth("invalid request", format!("Bad ID token: {reason}"));
    let mut known = discover(auth, issuer, document, false).await?;
    let mut verified = known.keys.verify_signature(token);
    if matches!(verified, Err(crypto::jwt::VerifyError::NoSuitableKey { .. })) {
        known = discover(auth, issuer, document, true).await?;
        verified = known.keys.verify_signature(token);
    }
    let verified = verified.map_err(|e| bad(e.to_string()))?;
    let rules = ClaimRules { skew_seconds: SKEW_SECONDS, audience: None };
    verified.check(auth.clock.unix_seconds(), rules).map_err(|e| bad(e.to_string()))?;
    if !verified.claims.contains_key("exp") {
        return Err(bad("the token has no end".to_owned()));
    }
    let says = verified.text("iss").unwrap_or_default();
    let tenant = verified.text("tid").unwrap_or_default();
    let of_tenant = known.issuer.contains("{tenantid}") && says == known.issuer.replace("{tenantid}", tenant);
    if says.trim_end_matches('/') != issuer.trim_end_matches('/') && !of_tenant && !also.iter().any(|one| one == says) {
        return Err(bad(format!("unexpected issuer {says:?}")));
    }
    let audience = match verified.claims.get("aud") {
        Some(Value::String(one)) => vec![one.clone()],
        Some(Value::Array(many)) => many.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        _ => Vec::new(),
    };
    if !audience.iter().any(|name| client_ids.contains(name)) {
        return Err(Error::oauth("invalid request", format!("Unacceptable audience in id_token: {audience:?}")));
    }
    Ok(verified)
}
