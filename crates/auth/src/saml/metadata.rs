//! What an identity provider publishes of itself (SAML metadata §2), and what we publish of ourselves.

use std::time::Duration;

use roxmltree::Node;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::certificate::PublicKey;
use super::xml::{self, DSIG, METADATA};

/// Answers come by this binding: a form that the browser posts.
pub(super) const POST: &str = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST";
/// Requests go by this one: a redirect.
pub(super) const REDIRECT: &str = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect";

const PROTOCOL: &str = "urn:oasis:names:tc:SAML:2.0:protocol";

/// An identity provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct IdentityProvider {
    pub entity_id: String,
    /// Where a browser is sent to sign in; `None` where it only takes posts.
    pub sign_in_url: Option<String>,
    /// Any of these signs.
    pub keys: Vec<PublicKey>,
    pub valid_until: Option<OffsetDateTime>,
    pub cache_duration: Option<Duration>,
}

impl IdentityProvider {
    /// Reads an `EntityDescriptor`, or the one of an `EntitiesDescriptor` that describes an identity provider.
    ///
    /// # Errors
    /// A sentence on what is missing.
    pub fn parse(text: &str) -> Result<Self, String> {
        let document = xml::parse(text)?;
        let root = document.root_element();
        let entity = if root.has_tag_name((METADATA, "EntitiesDescriptor")) {
            let is_provider =
                |entity: &Node<'_, '_>| xml::children(*entity, METADATA, "IDPSSODescriptor").next().is_some();
            xml::children(root, METADATA, "EntityDescriptor").find(is_provider)
        } else {
            Some(root).filter(|root| root.has_tag_name((METADATA, "EntityDescriptor")))
        };
        let entity = entity.ok_or("SAML Metadata has no EntityDescriptor of an identity provider")?;
        let entity_id = entity.attribute("entityID").unwrap_or_default().trim().to_owned();
        if entity_id.is_empty() {
            return Err("SAML Metadata does not contain an EntityID".to_owned());
        }
        let mut roles = xml::children(entity, METADATA, "IDPSSODescriptor");
        let role = roles.next().ok_or("SAML Metadata does not contain any IDPSSODescriptor")?;
        if roles.next().is_some() {
            return Err("SAML Metadata contains multiple IDPSSODescriptors".to_owned());
        }
        let sign_in_url = xml::children(role, METADATA, "SingleSignOnService")
            .find(|service| service.attribute("Binding") == Some(REDIRECT))
            .and_then(|service| service.attribute("Location"))
            .filter(|url| url::Url::parse(url).is_ok_and(|url| matches!(url.scheme(), "https" | "http")))
            .map(str::to_owned);
        let time = |name| role.attribute(name).or(entity.attribute(name)).map(str::to_owned);
        Ok(Self {
            entity_id,
            sign_in_url,
            keys: signing_keys(role)?,
            valid_until: time("validUntil").and_then(|text| instant(&text).ok()),
            cache_duration: time("cacheDuration").and_then(|text| span(&text)),
        })
    }

    /// Is it time to fetch the metadata again, when they were last fetched at `updated_at`?
    pub fn is_stale(&self, updated_at: OffsetDateTime, now: OffsetDateTime) -> bool {
        match (self.valid_until, self.cache_duration) {
            (None, None) => now > updated_at + Duration::from_secs(24 * 3600),
            (until, cache) => {
                until.is_some_and(|until| now > until) || cache.is_some_and(|cache| now > updated_at + cache)
            }
        }
    }
}

/// Keys whose use is signing, or not said.
fn signing_keys(role: Node<'_, '_>) -> Result<Vec<PublicKey>, String> {
    let mut keys = Vec::new();
    for descriptor in xml::children(role, METADATA, "KeyDescriptor") {
        if descriptor.attribute("use").is_some_and(|kind| kind != "signing") {
            continue;
        }
        for certificate in descriptor.descendants().filter(|node| node.has_tag_name((DSIG, "X509Certificate"))) {
            keys.push(PublicKey::of_certificate(&xml::text(certificate))?);
        }
    }
    if keys.is_empty() {
        return Err("SAML Metadata does not contain a certificate for signing".to_owned());
    }
    Ok(keys)
}

/// A time of XML Schema, which SAML writes in UTC.
///
/// # Errors
/// A sentence that names the text.
pub(super) fn instant(text: &str) -> Result<OffsetDateTime, String> {
    OffsetDateTime::parse(text.trim(), &Rfc3339).map_err(|_| format!("{text:?} is not a time"))
}

/// A duration of XML Schema without years and months, e.g. `P1D`, `PT15M`.
fn span(text: &str) -> Option<Duration> {
    let rest = text.trim().strip_prefix('P')?;
    let (days, clock) = rest.split_once('T').unwrap_or((rest, ""));
    let mut seconds = 0_u64;
    for (part, units) in
        [(days, [('D', 86_400_u64), ('W', 604_800), (' ', 0)]), (clock, [('H', 3600), ('M', 60), ('S', 1)])]
    {
        let mut digits = String::new();
        for c in part.chars() {
            if c.is_ascii_digit() || c == '.' {
                digits.push(c);
                continue;
            }
            let (_, unit) = units.into_iter().find(|(letter, _)| *letter == c)?;
            let number: u64 = digits.split('.').next()?.parse().ok()?;
            seconds = seconds.checked_add(number.checked_mul(unit)?)?;
            digits.clear();
        }
        if !digits.is_empty() {
            return None;
        }
    }
    Some(Duration::from_secs(seconds))
}

/// Ourselves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ServiceProvider {
    /// Our entity id, which is also where our metadata are.
    pub metadata_url: String,
    /// Where answers are posted.
    pub acs_url: String,
}

impl ServiceProvider {
    /// Served at `external_url`.
    pub fn at(external_url: &str) -> Self {
        let base = external_url.trim_end_matches('/');
        Self { metadata_url: format!("{base}/sso/saml/metadata"), acs_url: format!("{base}/sso/saml/acs") }
    }

    /// Our metadata, with our certificate in base64.
    pub fn to_xml(&self, certificate: &str, valid_until: Option<OffsetDateTime>) -> String {
        let until = valid_until
            .and_then(|time| time.format(&Rfc3339).ok())
            .map(|time| format!(" validUntil=\"{time}\""))
            .unwrap_or_default();
        let (entity, acs) = (xml::escape(&self.metadata_url), xml::escape(&self.acs_url));
        format!(
            "<EntityDescriptor xmlns=\"{METADATA}\"{until} entityID=\"{entity}\">\
             <SPSSODescriptor protocolSupportEnumeration=\"{PROTOCOL}\" WantAssertionsSigned=\"true\">\
             <KeyDescriptor use=\"signing\"><KeyInfo xmlns=\"{DSIG}\"><X509Data><X509Certificate>{certificate}</X509Certificate>\
             </X509Data></KeyInfo></KeyDescriptor>\
             <NameIDFormat>urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress</NameIDFormat>\
             <NameIDFormat>urn:oasis:names:tc:SAML:2.0:nameid-format:persistent</NameIDFormat>\
             <AssertionConsumerService Binding=\"{POST}\" Location=\"{acs}\" index=\"1\" isDefault=\"true\"/>\
             </SPSSODescriptor></EntityDescriptor>"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_of_xml_schema() {
        for (text, seconds) in
            [("P1D", Some(86_400)), ("PT1H30M", Some(5400)), ("P1DT0.5S", Some(86_400)), ("P1Y", None), ("1D", None)]
        {
            assert_eq!(span(text).map(|span| span.as_secs()), seconds, "{text}");
        }
    }

    #[test]
    fn what_is_missing_is_said() {
        let entity =
            |inside: &str| format!("<EntityDescriptor xmlns='{METADATA}' entityID='e'>{inside}</EntityDescriptor>");
        for (text, says) in [
            ("<a/>".to_owned(), "no EntityDescriptor"),
            (format!("<EntityDescriptor xmlns='{METADATA}'/>"), "EntityID"),
            (entity(""), "any IDPSSODescriptor"),
            (entity("<IDPSSODescriptor/><IDPSSODescriptor/>"), "multiple"),
            (entity("<IDPSSODescriptor/>"), "certificate"),
        ] {
            let error = IdentityProvider::parse(&text).unwrap_err();
            assert!(error.contains(says), "{error}");
        }
    }
}
