//! Sign-in by SAML 2.0, as a service provider: Web Browser SSO with requests by redirect and answers by POST.
//!
//! `sso` sends the browser to an identity provider, `acs` takes its answer, `admin` keeps the providers. What an answer must be is in
//! `response`; what is signed, and nothing else of a message, is read (`signature`, `c14n`).

use std::sync::Arc;

use aws_lc_rs::encoding::{AsDer as _, Pkcs8V1Der};
use aws_lc_rs::rsa::KeyPair;
use axum::Router;
use axum::extract::State;
use axum::response::IntoResponse;
use axum::routing::{get, post};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderValue, header};
use time::Duration;

use crate::Auth;
use crate::config::AuthConfig;
use crate::error::{Code, Error};
use crate::request::Req;
use crate::routes::Answer;

mod acs;
mod admin;
mod assertion;
mod c14n;
mod certificate;
mod metadata;
mod provider;
mod request;
mod response;
mod signature;
mod sso;
#[cfg(test)]
pub(crate) use tests::private_key as test_key;
#[cfg(test)]
mod tests;
mod xml;

use metadata::ServiceProvider;

/// `/sso` and the admin's providers.
pub(crate) fn routes() -> Router<Arc<Auth>> {
    Router::new()
        .route("/sso", post(sso::sso))
        .route("/sso/saml/metadata", get(our_metadata))
        .route("/sso/saml/acs", post(acs::acs))
        .route("/admin/sso/providers", get(admin::list).post(admin::create))
        .route("/admin/sso/providers/{id}", get(admin::get).put(admin::update).delete(admin::delete))
}

/// Ourselves, where SAML is switched on.
pub(crate) struct Saml {
    us: ServiceProvider,
    key: KeyPair,
    /// Our certificate in base64: metadata carry the key in one.
    certificate: String,
}

impl Saml {
    /// Reads the settings; `None` where SAML is off.
    ///
    /// # Errors
    /// A sentence on the setting that cannot be.
    pub fn new(config: &AuthConfig) -> Result<Option<Self>, String> {
        let saml = &config.saml;
        if !saml.enabled {
            return Ok(None);
        }
        let der = STANDARD
            .decode(saml.private_key.expose().trim())
            .map_err(|_| "SAML private key not in standard Base64 format".to_owned())?;
        let key = KeyPair::from_der(&der)
            .map_err(|_| "SAML private key not in PKCS#1 format, or shorter than RSA 2048".to_owned())?;
        if saml.allow_encrypted_assertions {
            tracing::warn!(target: "auth", "encrypted SAML assertions are not supported: our metadata do not ask for them");
        }
        let external_url = saml.external_url.as_deref().unwrap_or(&config.external_url);
        let url = url::Url::parse(external_url).map_err(|_| "SAML external URL is not a URL".to_owned())?;
        let certificate = self_signed(&key, url.host_str().unwrap_or_default())
            .map_err(|error| format!("no certificate could be made for the SAML private key: {error}"))?;
        Ok(Some(Self { us: ServiceProvider::at(external_url), key, certificate }))
    }
}

/// The same certificate at each start, so that what identity providers stored stays right.
fn self_signed(key: &KeyPair, host: &str) -> anyhow::Result<String> {
    let pkcs8: Pkcs8V1Der<'_> = key.as_der()?;
    let key = rcgen::KeyPair::from_pkcs8_der_and_sign_algo(&pkcs8.as_ref().into(), &rcgen::PKCS_RSA_SHA256)?;
    let mut params = rcgen::CertificateParams::new(vec![format!("_samlsp.{host}")])?;
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(rcgen::DnType::CommonName, format!("SAML 2.0 Certificate for {host}"));
    params.serial_number = Some(rcgen::SerialNumber::from(1));
    params.key_usages = vec![rcgen::KeyUsagePurpose::DigitalSignature];
    params.not_before = rcgen::date_time_ymd(1970, 1, 1);
    params.not_after = rcgen::date_time_ymd(2170, 1, 1);
    Ok(STANDARD.encode(params.self_signed(&key)?.der()))
}

impl Auth {
    /// Ourselves.
    ///
    /// # Errors
    /// 404 `saml_provider_disabled`.
    fn saml(&self) -> Result<&Saml, Error> {
        self.saml.as_ref().ok_or_else(|| Error::not_found(Code::SamlProviderDisabled, "SAML 2.0 is disabled"))
    }
}

async fn our_metadata(State(auth): State<Arc<Auth>>, req: Req) -> Answer {
    let saml = auth.saml()?;
    let download = req.query("download") == Some("true");
    let valid_until =
        download.then(|| auth.clock.now().replace_nanosecond(0).unwrap_or(auth.clock.now()) + Duration::days(5 * 365));
    let xml = saml.us.to_xml(&saml.certificate, valid_until);
    let headers = [(header::CONTENT_TYPE, "application/xml"), (header::CACHE_CONTROL, "public, max-age=600")];
    let mut response = (headers, xml).into_response();
    if download {
        let name = HeaderValue::from_static("attachment; filename=\"metadata.xml\"");
        response.headers_mut().insert(header::CONTENT_DISPOSITION, name);
    }
    Ok(response)
}
