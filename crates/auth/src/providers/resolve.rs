//! From a name and the settings to the addresses that are asked.

use base::Secret;
use pg::PlatformTx;
use serde_json::{Map, Value};

use super::presets::{ALL, Protocol};
use super::profile::Profile;
use crate::Auth;
use crate::error::{Code, Error};
use crate::store;

/// A provider, ready to be spoken to.
pub(super) struct Resolved {
    pub name: String,
    pub client_ids: Vec<String>,
    pub secret: Secret,
    pub redirect_uri: String,
    pub scopes: Vec<String>,
    pub separator: char,
    pub parameters: Vec<(String, String)>,
    pub pkce: bool,
    pub basic_auth: bool,
    pub id_tokens: bool,
    pub skip_nonce_check: bool,
    pub email_optional: bool,
    pub addresses: Addresses,
    pub read: Reader,
}

/// Where it is asked.
pub(super) enum Addresses {
    /// By discovery at this issuer.
    Oidc {
        issuer: String,
        also: Vec<String>,
        document: Option<String>,
    },
    OAuth {
        authorize: String,
        token: String,
        userinfo: String,
        emails: Option<String>,
        issuer: String,
    },
}

impl Addresses {
    /// `iss` of the identity.
    pub fn issuer(&self) -> &str {
        match self {
            Self::Oidc { issuer, .. } | Self::OAuth { issuer, .. } => issuer,
        }
    }
}

/// How its answer is read.
pub(super) enum Reader {
    Preset(fn(&Value) -> Profile),
    /// A provider of the database: our name of a claim → its name.
    Mapped {
        mapping: Map<String, Value>,
        custom: Vec<String>,
    },
}

impl Reader {
    pub fn read(&self, answer: &Value) -> Profile {
        match self {
            Self::Preset(read) => read(answer),
            Self::Mapped { mapping, custom } => mapped(answer, mapping, custom),
        }
    }
}

fn mapped(answer: &Value, mapping: &Map<String, Value>, custom: &[String]) -> Profile {
    let mut renamed = answer.clone();
    if let Value::Object(members) = &mut renamed {
        for (ours, theirs) in mapping {
            // A path of names: `profile.mail`.
            let found = theirs.as_str().map(|path| path.split('.').fold(answer, |value, name| &value[name]));
            if let Some(found) = found.filter(|value| !value.is_null()) {
                members.insert(ours.clone(), found.clone());
            }
        }
        if !members.contains_key("sub") {
            let id = ["id", "user_id"].iter().find_map(|name| answer.get(*name)).cloned();
            members.insert("sub".into(), id.map_or(Value::Null, |id| super::profile::text(&id).into()));
        }
    }
    let mut profile = Profile::from_oidc(&renamed);
    profile.sub = super::profile::text(&renamed["sub"]);
    let kept: Map<String, Value> =
        custom.iter().filter_map(|name| Some((name.clone(), answer.get(name)?.clone()))).collect();
    if !kept.is_empty() {
        profile = profile.with("custom_claims", &Value::Object(kept));
    }
    profile
}

/// The provider of this name, if it is switched on.
///
/// # Errors
/// 400 `validation_failed`, as GoTrue words it.
pub(super) async fn resolve(auth: &Auth, tx: &PlatformTx, name: &str) -> Result<Resolved, Error> {
    let unsupported = |why: &str| Error::invalid(format!("Unsupported provider: {why}"));
    let name = name.to_lowercase();
    if let Some(identifier) = name.strip_prefix("custom:") {
        if !auth.config.custom_providers_enabled {
            return Err(unsupported("custom providers are not enabled"));
        }
        let row = store::custom_providers::find(tx, identifier).await?;
        let row = row.filter(|row| row.enabled).ok_or_else(|| unsupported("Provider could not be found"))?;
        return Ok(custom(auth, row));
    }
    let (Some(preset), Some(settings)) =
        (ALL.iter().find(|preset| preset.name == name), auth.config.providers.get(&name))
    else {
        let known = ALL.iter().any(|preset| preset.name == name);
        return Err(unsupported(if known { "provider is not enabled" } else { "Provider could not be found" }));
    };
    if !settings.enabled {
        return Err(unsupported("provider is not enabled"));
    }
    let base = settings.url.as_deref().filter(|url| !url.is_empty()).unwrap_or(preset.base).trim_end_matches('/');
    if base.is_empty() || settings.client_ids.is_empty() {
        return Err(unsupported("missing OAuth client ID or URL"));
    }
    let overridden = settings.url.as_deref().is_some_and(|url| !url.is_empty());
    let at = |address: &str| fill(address, base, overridden);
    let addresses = match &preset.protocol {
        Protocol::Oidc { issuer, also } => Addresses::Oidc {
            issuer: at(issuer),
            also: if overridden { Vec::new() } else { also.iter().map(|one| (*one).to_owned()).collect() },
            document: None,
        },
        Protocol::OAuth { authorize, token, userinfo, emails } => Addresses::OAuth {
            authorize: at(authorize),
            token: at(token),
            userinfo: at(userinfo),
            emails: Some(at(emails)).filter(|url| !url.is_empty()),
            issuer: base.to_owned(),
        },
    };
    Ok(Resolved {
        client_ids: settings.client_ids.clone(),
        secret: settings.secret.clone(),
        redirect_uri: settings.redirect_uri.clone().filter(|uri| !uri.is_empty()).unwrap_or_else(|| callback_url(auth)),
        scopes: preset.scopes.iter().map(|scope| (*scope).to_owned()).collect(),
        separator: preset.separator,
        parameters: preset.parameters.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect(),
        pkce: preset.pkce,
        basic_auth: preset.basic_auth,
        id_tokens: preset.id_tokens,
        skip_nonce_check: settings.skip_nonce_check,
        email_optional: settings.email_optional,
        read: Reader::Preset(preset.read),
        addresses,
        name,
    })
}

fn custom(auth: &Auth, row: store::custom_providers::CustomProvider) -> Resolved {
    let mut client_ids = vec![row.client_id];
    client_ids.extend(row.acceptable_client_ids);
    let oidc = row.provider_type == "oidc";
    let mut scopes = row.scopes;
    if oidc && !scopes.iter().any(|scope| scope == "openid") {
        scopes.insert(0, "openid".to_owned());
    }
    let issuer = row.issuer.unwrap_or_default();
    let addresses = if oidc {
        Addresses::Oidc { issuer, also: Vec::new(), document: row.discovery_url }
    } else {
        Addresses::OAuth {
            authorize: row.authorization_url.unwrap_or_default(),
            token: row.token_url.unwrap_or_default(),
            userinfo: row.userinfo_url.unwrap_or_default(),
            emails: None,
            issuer,
        }
    };
    let parameters = row.authorization_params.into_iter();
    Resolved {
        name: format!("custom:{}", row.identifier),
        client_ids,
        secret: Secret::new(row.client_secret),
        redirect_uri: callback_url(auth),
        scopes,
        separator: ' ',
        parameters: parameters.map(|(key, value)| (key, super::profile::text(&value))).collect(),
        pkce: row.pkce_enabled,
        basic_auth: false,
        id_tokens: oidc,
        skip_nonce_check: row.skip_nonce_check,
        email_optional: row.email_optional,
        read: Reader::Mapped { mapping: row.attribute_mapping, custom: row.custom_claims_allowlist },
        addresses,
    }
}

fn callback_url(auth: &Auth) -> String {
    format!("{}/callback", auth.config.external_url.trim_end_matches('/'))
}

/// `{url}` is the base; `{api:<default>:<suffix>}` the default, or the base with the suffix where the settings name one.
fn fill(address: &str, base: &str, overridden: bool) -> String {
    if let Some(rest) = address.strip_prefix("{api:")
        && let Some((inside, path)) = rest.split_once('}')
    {
        let (default, suffix) = inside.rsplit_once(':').unwrap_or((inside, ""));
        return if overridden { format!("{base}{suffix}{path}") } else { format!("{default}{path}") };
    }
    address.replace("{url}", base)
}

/// Refuses what a provider may not do.
///
/// # Errors
/// 400 `provider_disabled`.
pub(super) fn takes_id_tokens(provider: &Resolved) -> Result<(), Error> {
    if provider.id_tokens {
        return Ok(());
    }
    let message = format!("Provider {} is not enabled for ID tokens", provider.name);
    Err(Error::bad_request(Code::ProviderDisabled, message))
}
