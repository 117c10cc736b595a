//! `grant_type=id_token`: an application on a phone brings the ID token that the provider's own software gave it.

use serde::Deserialize;
use serde_json::Value;

use super::account::{self, Arrival, Entered};
use super::discovery;
use super::resolve::{Addresses, Resolved, resolve, takes_id_tokens};
use crate::Auth;
use crate::error::{Code, Error};
use crate::model::Method;
use crate::request::Req;
use crate::routes::{Answer, ok};

#[derive(Deserialize, Default)]
#[serde(default)]
struct Params {
    id_token: String,
    access_token: String,
    nonce: String,
    provider: String,
    client_id: String,
    issuer: String,
    link_identity: bool,
}

pub(crate) async fn grant(auth: &Auth, req: &Req) -> Answer {
    let params: Params = req.json()?;
    if params.id_token.is_empty() {
        return Err(Error::oauth("invalid request", "id_token required"));
    }
    if params.provider.is_empty() && (params.client_id.is_empty() || params.issuer.is_empty()) {
        return Err(Error::oauth("invalid request", "provider or client_id and issuer required"));
    }
    // Read before anything is fetched: junk needs no network.
    let claims = crypto::jwt::unverified_claims(&params.id_token).map(|(_, claims)| claims);
    let provider = provider(auth, &params).await?;
    let claims = claims.map_err(|e| Error::oauth("invalid request", format!("Bad ID token: {e}")))?;
    let Some((issuer, also, document)) = issuer_of(&provider, &claims) else {
        return Err(Error::oauth("invalid request", "Bad ID token: it is of no issuer that this provider has"));
    };
    let verified =
        discovery::verify(auth, &params.id_token, &issuer, &also, document.as_deref(), &provider.client_ids).await?;
    let claims = Value::Object(verified.claims);
    check_nonce(&provider, &claims, &params.nonce)?;
    check_access_token(&claims, &params.access_token)?;
    let profile = provider.read.read(&claims);
    if profile.sub.is_empty() {
        return Err(Error::oauth("invalid request", "Missing sub claim in id_token"));
    }
    let arrival = Arrival {
        provider: &provider.name,
        issuer: claims["iss"].as_str().unwrap_or(&issuer),
        profile: &profile,
        email_optional: provider.email_optional,
    };
    let tx = auth.begin().await?;
    let entered = if params.link_identity {
        let signed = auth.require_owner(&tx, req).await?;
        if !auth.config.manual_linking_enabled {
            return Err(Error::not_found(Code::ManualLinkingDisabled, "Manual linking is disabled"));
        }
        account::link_to(auth, &tx, req, &arrival, signed.user.id).await?
    } else {
        account::enter(auth, &tx, req, &arrival).await?
    };
    match entered {
        Entered::In(user) => {
            let issued = auth.open_session(&tx, *user, Method::OAuth.into(), req).await?;
            tx.commit().await?;
            ok(issued.to_json())
        }
        Entered::MustConfirm(error) => {
            tx.commit().await?;
            Err(error)
        }
    }
}

async fn provider(auth: &Auth, params: &Params) -> Result<Resolved, Error> {
    // The deprecated way names client and issuer; only these issuers were ever taken so.
    let name = match (params.provider.as_str(), params.issuer.as_str()) {
        ("", "https://accounts.google.com") => "google",
        ("", "https://appleid.apple.com") => "apple",
        ("", "https://www.facebook.com") => "facebook",
        ("", issuer) if issuer.starts_with("https://login.microsoftonline.com/") => "azure",
        ("", _) => "keycloak",
        (name, _) => name,
    };
    let tx = auth.begin().await?;
    let disabled =
        |_| Error::bad_request(Code::ProviderDisabled, format!("Provider (issuer {:?}) is not enabled", name));
    let provider = resolve(auth, &tx, name).await.map_err(disabled)?;
    tx.rollback().await?;
    takes_id_tokens(&provider)?;
    Ok(provider)
}

/// Where the token's keys are: the provider's issuer, or one that it alone may have.
fn issuer_of(
    provider: &Resolved,
    claims: &serde_json::Map<String, Value>,
) -> Option<(String, Vec<String>, Option<String>)> {
    match &provider.addresses {
        Addresses::Oidc { issuer, also, document } => {
            let says = claims.get("iss").and_then(Value::as_str).unwrap_or_default();
            // Any tenant of Entra has an issuer of its own; its keys are found there.
            let entra = "https://login.microsoftonline.com/";
            if provider.name == "azure" && issuer.starts_with(entra) {
                let tenant = says.strip_prefix(entra)?.strip_suffix("/v2.0")?;
                let plain = !tenant.is_empty() && tenant.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
                let shared = ["common", "organizations", "consumers"].iter().any(|t| issuer.contains(t));
                return (plain && (shared || says == issuer)).then(|| (says.to_owned(), Vec::new(), None));
            }
            if provider.name == "apple" && also.iter().any(|one| one == says) {
                return Some((says.to_owned(), Vec::new(), None));
            }
            Some((issuer.clone(), also.clone(), document.clone()))
        }
        Addresses::OAuth { issuer, .. } if provider.id_tokens => Some((issuer.clone(), Vec::new(), None)),
        Addresses::OAuth { .. } => None,
    }
}

/// The nonce binds the token to this sign-in: the token has its hash, the client the nonce itself.
fn check_nonce(provider: &Resolved, claims: &Value, given: &str) -> Result<(), Error> {
    if provider.skip_nonce_check {
        return Ok(());
    }
    let inside = claims["nonce"].as_str().unwrap_or_default();
    if inside.is_empty() != given.is_empty() {
        return Err(Error::oauth(
            "invalid request",
            "Passed nonce and nonce in id_token should either both exist or not.",
        ));
    }
    let hash = hex::encode(crypto::sha256(given.as_bytes()));
    if !inside.is_empty() && !crypto::equal_in_constant_time(hash.as_bytes(), inside.as_bytes()) {
        return Err(Error::oauth("invalid nonce", "Nonces mismatch"));
    }
    Ok(())
}

/// `at_hash` (OIDC Core §3.1.3.6) binds the access token to the ID token, where both are there.
fn check_access_token(claims: &Value, access_token: &str) -> Result<(), Error> {
    use base64::Engine;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;

    let Some(at_hash) = claims["at_hash"].as_str().filter(|hash| !hash.is_empty() && !access_token.is_empty()) else {
        return Ok(());
    };
    let expected = URL_SAFE_NO_PAD.encode(&crypto::sha256(access_token.as_bytes())[..16]);
    // Longer hashes belong to algorithms of other lengths, which no provider here uses.
    if at_hash.len() == expected.len() && at_hash != expected {
        return Err(Error::oauth("invalid request", "Bad ID token: access token does not match its at_hash"));
    }
    Ok(())
}
