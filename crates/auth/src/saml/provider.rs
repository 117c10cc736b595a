//! A stored provider, with its metadata as fresh as they can be had.

use std::time::Duration;

use http::{StatusCode, header};
use http_body_util::{BodyExt as _, Limited};

use super::assertion::Mapping;
use super::metadata::IdentityProvider;
use crate::Auth;
use crate::error::{Code, Error};
use crate::store::sso::{self, SsoProvider};

/// Bytes of metadata at most.
const LIMIT: usize = 1 << 20;
/// How long a provider may take to send them.
const PATIENCE: Duration = Duration::from_secs(8);

impl SsoProvider {
    /// `attribute_mapping`; one that cannot be read is none.
    pub(super) fn mapping(&self) -> Mapping {
        serde_json::from_value(self.attribute_mapping.clone()).unwrap_or_default()
    }
}

/// The provider's metadata, fetched anew where they have an address and are stale.
///
/// # Errors
/// 500 where what is stored cannot be read; the database's.
pub(super) async fn metadata_of(auth: &Auth, provider: &SsoProvider) -> Result<IdentityProvider, Error> {
    let stored = IdentityProvider::parse(&provider.metadata_xml)
        .map_err(|why| Error::internal("Error parsing SAML Metadata for SAML provider", anyhow::anyhow!(why)))?;
    let now = auth.clock.now();
    let Some(url) = provider.metadata_url.as_deref().filter(|_| stored.is_stale(provider.metadata_updated_at, now))
    else {
        return Ok(stored);
    };
    let fetched = match fetch(auth, url).await {
        Ok(text) => IdentityProvider::parse(&text).map(|parsed| (text, parsed)),
        Err(error) => Err(error.public_message().into_owned()),
    };
    match fetched {
        Ok((text, parsed)) if parsed.entity_id == stored.entity_id => {
            let tx = auth.begin().await?;
            sso::set_metadata(&tx, provider.id, &text, now).await?;
            tx.commit().await?;
            Ok(parsed)
        }
        Ok(_) => {
            tracing::warn!(target: "auth", url, "SAML metadata are of another entity now: the stored ones are used");
            Ok(stored)
        }
        Err(why) => {
            tracing::warn!(target: "auth", url, why, "SAML metadata could not be fetched: the stored ones are used");
            Ok(stored)
        }
    }
}

/// Fetches metadata, in bounds.
///
/// # Errors
/// 400 `saml_metadata_fetch_failed`.
pub(super) async fn fetch(auth: &Auth, url: &str) -> Result<String, Error> {
    let failed = |why: String| {
        Error::bad_request(Code::SamlMetadataFetchFailed, format!("{why} fetching SAML Metadata from URL '{url}'"))
    };
    let request = auth.http.get(url).header(header::ACCEPT, "application/xml;charset=UTF-8").timeout(PATIENCE);
    let response = request.send().await.map_err(|error| failed(error.without_url().to_string()))?;
    if response.status() != StatusCode::OK {
        return Err(failed(format!("HTTP {} error", response.status().as_u16())));
    }
    let body = Limited::new(reqwest::Body::from(response), LIMIT).collect().await;
    let bytes = body.map_err(|error| failed(error.to_string()))?.to_bytes();
    String::from_utf8(bytes.into()).map_err(|_| failed("text that is not UTF-8".to_owned()))
}
