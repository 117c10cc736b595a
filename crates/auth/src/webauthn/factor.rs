//! A WebAuthn credential as a factor. It is made by the first challenge that is answered, and asked for by all later ones.
//!
//! The credential is kept as GoTrue keeps it, so that factors of an imported database go on working.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use pg::PlatformTx;
use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

use super::ceremony::{self, Owner, RelyingParty};
use crate::Auth;
use crate::error::Error;
use crate::model::{Factor, FactorKind, FactorStatus, User};
use crate::store::webauthn;

/// The member `webauthn` of a challenge and of its answer.
#[derive(Deserialize, Default)]
#[serde(default)]
pub(crate) struct Params {
    #[serde(rename = "rpId", alias = "rp_id")]
    rp_id: String,
    #[serde(rename = "rpOrigins", alias = "rp_origins")]
    rp_origins: Origins,
    r#type: String,
    credential_response: Value,
}

/// A list, or texts with commas.
#[derive(Deserialize)]
#[serde(untagged)]
enum Origins {
    List(Vec<String>),
    Text(String),
}

impl Default for Origins {
    fn default() -> Self {
        Self::List(Vec::new())
    }
}

impl Origins {
    fn all(&self) -> Vec<String> {
        match self {
            Self::List(list) => list.clone(),
            Self::Text(text) => text.split(',').map(|one| one.trim().to_owned()).collect(),
        }
    }
}

/// The settings say who asks; where they are silent, the client does, within the redirect allow-list.
fn relying_party(auth: &Auth, params: &Params) -> Result<RelyingParty, Error> {
    let settings = &auth.config.webauthn;
    if !settings.rp_id.is_empty() {
        let name = if settings.rp_display_name.is_empty() { &settings.rp_id } else { &settings.rp_display_name };
        return Ok(RelyingParty {
            id: settings.rp_id.clone(),
            name: name.clone(),
            origins: settings.rp_origins.clone(),
        });
    }
    let origins = params.rp_origins.all();
    if params.rp_id.is_empty() || origins.is_empty() {
        return Err(Error::invalid("web_authn config required: rpId and rpOrigins"));
    }
    for origin in &origins {
        let host = url::Url::parse(origin).ok().and_then(|url| url.host_str().map(str::to_owned)).unwrap_or_default();
        let inside = host == params.rp_id || host.ends_with(&format!(".{}", params.rp_id));
        if !inside || !auth.allow_list.allows(origin) {
            return Err(Error::invalid("rpOrigins must belong to rpId and to the allowed redirect URLs"));
        }
    }
    Ok(RelyingParty { id: params.rp_id.clone(), name: params.rp_id.clone(), origins })
}

/// The member `webauthn` of the answer to POST /factors/{id}/challenge.
///
/// # Errors
/// 400 `validation_failed`, or the database's.
pub(crate) async fn challenge(
    auth: &Auth,
    tx: &PlatformTx,
    user: &User,
    factor: &Factor,
    challenge_id: Uuid,
    params: &Params,
) -> Result<Value, Error> {
    let rp = relying_party(auth, params)?;
    let challenge = crypto::random::base64url::<32>();
    let kept = webauthn::factor_credential(tx, factor.id).await?;
    let (kind, options) = match kept.as_ref().filter(|_| factor.status == FactorStatus::Verified) {
        Some(credential) => ("request", ceremony::request_options(&rp, &challenge, &[kept_bytes(credential, "id")?])),
        None => {
            let name = if user.email().is_empty() { user.phone() } else { user.email() };
            let owner = Owner { id: user.id.as_bytes(), name, display_name: name };
            let exclude = others(tx, user, factor).await?;
            ("create", ceremony::creation_options(&rp, &challenge, &owner, &exclude, false))
        }
    };
    let session =
        json!({"challenge": challenge, "type": kind, "rp_id": rp.id, "rp_name": rp.name, "origins": rp.origins});
    webauthn::set_factor_session(tx, challenge_id, &session).await?;
    Ok(json!({"type": kind, "credential_options": {"publicKey": options}}))
}

/// An authenticator makes one factor.
async fn others(tx: &PlatformTx, user: &User, factor: &Factor) -> Result<Vec<Vec<u8>>, Error> {
    let mut ids = Vec::new();
    let of_kind = user.verified_factors().filter(|other| other.kind == FactorKind::WebAuthn && other.id != factor.id);
    for other in of_kind {
        if let Some(credential) = webauthn::factor_credential(tx, other.id).await? {
            ids.push(kept_bytes(&credential, "id")?);
        }
    }
    Ok(ids)
}

/// Does the answer prove the factor? What it made or counted is kept.
///
/// # Errors
/// 400 `validation_failed`, or the database's.
pub(crate) async fn proves(
    auth: &Auth,
    tx: &PlatformTx,
    factor: &Factor,
    challenge_id: Uuid,
    params: &Params,
) -> Result<bool, Error> {
    let Some((Some(session), kept)) = webauthn::factor_state(tx, challenge_id).await? else { return Ok(false) };
    let text = |name: &str| session[name].as_str().unwrap_or_default().to_owned();
    let origins = session["origins"].as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned);
    let rp = RelyingParty { id: text("rp_id"), name: text("rp_name"), origins: origins.collect() };
    let (kind, challenge) = (text("type"), text("challenge"));
    if params.r#type != kind {
        return Err(Error::invalid(format!("this challenge is answered by a credential of type {kind}")));
    }
    let result = match (kind.as_str(), kept) {
        ("create", _) => ceremony::verify_creation(&rp, &challenge, &params.credential_response).map(|created| {
            let aaguid = Uuid::from_bytes(created.aaguid);
            (credential(&created), Some(aaguid).filter(|id| !id.is_nil()))
        }),
        ("request", Some(mut kept)) => {
            let count = kept["authenticator"]["signCount"].as_u64().and_then(|n| u32::try_from(n).ok()).unwrap_or(0);
            let (id, key) = (kept_bytes(&kept, "id")?, kept_bytes(&kept, "publicKey")?);
            let same = ceremony::bytes(&params.credential_response["rawId"]).is_ok_and(|given| given == id);
            let proved = match same {
                true => ceremony::verify_assertion(&rp, &challenge, &params.credential_response, &key, count),
                false => Err("the credential is of another factor"),
            };
            proved.map(|proved| {
                kept["authenticator"]["signCount"] = json!(proved.sign_count);
                let aaguid = kept["authenticator"]["AAGUID"].as_str().and_then(|text| STANDARD.decode(text).ok());
                (kept, aaguid.and_then(|bytes| Uuid::from_slice(&bytes).ok()).filter(|id| !id.is_nil()))
            })
        }
        _ => return Ok(false),
    };
    match result {
        Ok((kept, aaguid)) => {
            webauthn::set_factor_credential(tx, factor.id, &kept, aaguid, auth.clock.now()).await?;
            Ok(true)
        }
        Err(reason) => {
            tracing::debug!(target: "auth", reason, "a WebAuthn factor is refused");
            Ok(false)
        }
    }
}

/// As Go's library writes a credential.
fn credential(created: &ceremony::Created) -> Value {
    json!({
        "id": STANDARD.encode(&created.id),
        "publicKey": STANDARD.encode(&created.public_key),
        "attestationType": created.format,
        "transport": created.transports,
        "flags": {
            "userPresent": true, "backupEligible": created.backup_eligible, "backupState": created.backed_up,
        },
        "authenticator": {
            "AAGUID": STANDARD.encode(created.aaguid), "signCount": created.sign_count, "cloneWarning": false, "attachment": "",
        },
    })
}

fn kept_bytes(credential: &Value, name: &str) -> Result<Vec<u8>, Error> {
    let text = credential[name].as_str().unwrap_or_default();
    STANDARD.decode(text).map_err(|e| Error::internal("A stored WebAuthn credential cannot be read", e))
}
