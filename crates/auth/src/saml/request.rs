//! `AuthnRequest`: what the browser carries to the identity provider, in a signed query (SAML bindings §3.4).

use std::io::Write as _;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeyPair;
use aws_lc_rs::signature::RSA_PKCS1_SHA256;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use time::OffsetDateTime;
use time::macros::format_description;

use super::metadata::{POST, ServiceProvider};
use super::xml::{self, SAML, SAMLP};

/// The format of names that is asked for where a provider has no other.
pub(super) const PERSISTENT: &str = "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent";

/// A request to sign somebody in.
pub(super) struct AuthnRequest<'a> {
    /// Its id: the answer names it.
    pub id: &'a str,
    pub issued_at: OffsetDateTime,
    /// Where it goes.
    pub destination: &'a str,
    pub name_id_format: &'a str,
}

impl AuthnRequest<'_> {
    fn to_xml(&self, us: &ServiceProvider) -> String {
        let format = format_description!("[year]-[month]-[day]T[hour]:[minute]:[second]Z");
        let at = self.issued_at.format(&format).unwrap_or_default();
        let (id, destination) = (xml::escape(self.id), xml::escape(self.destination));
        let (issuer, acs, name) =
            (xml::escape(&us.metadata_url), xml::escape(&us.acs_url), xml::escape(self.name_id_format));
        format!(
            "<samlp:AuthnRequest xmlns:samlp=\"{SAMLP}\" xmlns:saml=\"{SAML}\" ID=\"{id}\" Version=\"2.0\" IssueInstant=\"{at}\" \
             Destination=\"{destination}\" AssertionConsumerServiceURL=\"{acs}\" ProtocolBinding=\"{POST}\">\
             <saml:Issuer Format=\"urn:oasis:names:tc:SAML:2.0:nameid-format:entity\">{issuer}</saml:Issuer>\
             <samlp:NameIDPolicy Format=\"{name}\" AllowCreate=\"true\"/></samlp:AuthnRequest>"
        )
    }

    /// The URL to send the browser to.
    ///
    /// # Errors
    /// Where the cryptographic library fails.
    pub fn redirect(&self, us: &ServiceProvider, relay_state: &str, key: &KeyPair) -> anyhow::Result<String> {
        let mut deflate = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::default());
        deflate.write_all(self.to_xml(us).as_bytes())?;
        let request = STANDARD.encode(deflate.finish()?);
        // What is signed is the query as it is sent, in this order.
        let query = form_urlencoded::Serializer::new(String::new())
            .append_pair("SAMLRequest", &request)
            .append_pair("RelayState", relay_state)
            .append_pair("SigAlg", "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256")
            .finish();
        let mut signature = vec![0; key.public_modulus_len()];
        key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), query.as_bytes(), &mut signature)?;
        let signature = form_urlencoded::Serializer::new(String::new())
            .append_pair("Signature", &STANDARD.encode(signature))
            .finish();
        let separator = if self.destination.contains('?') { '&' } else { '?' };
        Ok(format!("{}{separator}{query}&{signature}", self.destination))
    }
}
