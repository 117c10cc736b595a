//! An identity provider of the tests' own, which can also lie; and a real one (samlify) that cannot.

use aws_lc_rs::digest;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, RSA_PKCS1_SHA256};
use base::Secret;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rcgen::PublicKeyData as _;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::c14n::{Form, canonical};
use super::metadata::ServiceProvider;
use super::*;

mod attacks;
mod flows;
mod samlify;

const IDP: &str = "https://idp.test/metadata";

/// PKCS#1, as the setting wants it: what stands inside PKCS#8 after 26 bytes of header, for 2048 bits.
pub(crate) fn private_key() -> Secret {
    let key = KeyPair::generate(KeySize::Rsa2048).unwrap();
    let pkcs8: Pkcs8V1Der<'_> = key.as_der().unwrap();
    Secret::new(STANDARD.encode(&pkcs8.as_ref()[26..]))
}

enum Signer {
    Rsa(KeyPair),
    Ec(EcdsaKeyPair),
}

/// Signs what it is told.
struct Idp {
    signer: Signer,
    certificate: String,
}

impl Idp {
    fn rsa() -> Self {
        let key = KeyPair::generate(KeySize::Rsa2048).unwrap();
        let certificate = self_signed(&key, "idp.test").unwrap();
        Self { signer: Signer::Rsa(key), certificate }
    }

    fn ec() -> Self {
        let key = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
        let pkcs8 = key.to_pkcs8v1().unwrap();
        let pair = rcgen::KeyPair::from_pkcs8_der_and_sign_algo(&pkcs8.as_ref().into(), &rcgen::PKCS_ECDSA_P256_SHA256);
        let pair = pair.unwrap();
        assert_eq!(pair.der_bytes().len(), 65);
        let certificate = rcgen::CertificateParams::new(vec!["idp.test".into()]).unwrap().self_signed(&pair).unwrap();
        Self { signer: Signer::Ec(key), certificate: STANDARD.encode(certificate.der()) }
    }

    fn metadata(&self) -> String {
        format!(
            "<?xml version=\"1.0\"?>\n<md:EntityDescriptor xmlns:md=\"urn:oasis:names:tc:SAML:2.0:metadata\" entityID=\"{IDP}\">\
             <md:IDPSSODescriptor protocolSupportEnumeration=\"urn:oasis:names:tc:SAML:2.0:protocol\"><md:KeyDescriptor use=\"signing\">\
             <ds:KeyInfo xmlns:ds=\"http://www.w3.org/2000/09/xmldsig#\"><ds:X509Data><ds:X509Certificate>\n{}\n</ds:X509Certificate>\
             </ds:X509Data></ds:KeyInfo></md:KeyDescriptor>\
             <md:SingleSignOnService Binding=\"urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect\" Location=\"https://idp.test/sso\"/>\
             </md:IDPSSODescriptor></md:EntityDescriptor>",
            self.certificate
        )
    }

    /// Puts a signature about the element of this ID into it, after its Issuer.
    fn sign(&self, xml: &str, id: &str) -> String {
        self.sign_as(xml, id, |info| info)
    }

    /// The same, with a `SignedInfo` that was changed before it was signed.
    fn sign_as(&self, xml: &str, id: &str, change: impl Fn(String) -> String) -> String {
        let method = match self.signer {
            Signer::Rsa(_) => "rsa-sha256",
            Signer::Ec(_) => "ecdsa-sha256",
        };
        let document = xml::parse(xml).unwrap();
        let element = document.descendants().find(|node| node.attribute("ID") == Some(id)).unwrap();
        let text = canonical(element, None, &Form::default());
        let digest = STANDARD.encode(digest::digest(&digest::SHA256, text.as_bytes()));
        let info = change(format!(
            "<ds:SignedInfo xmlns:ds=\"http://www.w3.org/2000/09/xmldsig#\">\
             <ds:CanonicalizationMethod Algorithm=\"http://www.w3.org/2001/10/xml-exc-c14n#\"></ds:CanonicalizationMethod>\
             <ds:SignatureMethod Algorithm=\"http://www.w3.org/2001/04/xmldsig-more#{method}\"></ds:SignatureMethod>\
             <ds:Reference URI=\"#{id}\"><ds:Transforms>\
             <ds:Transform Algorithm=\"http://www.w3.org/2000/09/xmldsig#enveloped-signature\"></ds:Transform>\
             <ds:Transform Algorithm=\"http://www.w3.org/2001/10/xml-exc-c14n#\"></ds:Transform></ds:Transforms>\
             <ds:DigestMethod Algorithm=\"http://www.w3.org/2001/04/xmlenc#sha256\"></ds:DigestMethod>\
             <ds:DigestValue>{digest}</ds:DigestValue></ds:Reference></ds:SignedInfo>"
        ));
        let parsed = xml::parse(&info).unwrap();
        let message = canonical(parsed.root_element(), None, &Form::default());
        let value = STANDARD.encode(self.signature(message.as_bytes()));
        let signature = format!(
            "<ds:Signature xmlns:ds=\"http://www.w3.org/2000/09/xmldsig#\">{info}<ds:SignatureValue>{value}</ds:SignatureValue></ds:Signature>"
        );
        let issuer = element.first_element_child().unwrap();
        let at = issuer.range().end;
        format!("{}{signature}{}", &xml[..at], &xml[at..])
    }

    fn signature(&self, message: &[u8]) -> Vec<u8> {
        match &self.signer {
            Signer::Rsa(key) => {
                let mut out = vec![0; key.public_modulus_len()];
                key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), message, &mut out).unwrap();
                out
            }
            Signer::Ec(key) => key.sign(&SystemRandom::new(), message).unwrap().as_ref().to_vec(),
        }
    }
}

/// An answer that is right in every way; the tests change it.
#[derive(Debug, Clone)]
struct Said {
    name_id: String,
    format: String,
    in_response_to: Option<String>,
    acs: String,
    audience: String,
    issuer: String,
    id: String,
    not_before: OffsetDateTime,
    until: OffsetDateTime,
    session_until: Option<OffsetDateTime>,
    /// More elements of the AttributeStatement.
    attributes: String,
}

impl Said {
    fn at(us: &ServiceProvider, now: OffsetDateTime) -> Self {
        Self {
            name_id: "ada@x.test".into(),
            format: "urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress".into(),
            in_response_to: None,
            acs: us.acs_url.clone(),
            audience: us.metadata_url.clone(),
            issuer: IDP.into(),
            id: "_assertion".into(),
            not_before: now - Duration::minutes(1),
            until: now + Duration::minutes(5),
            session_until: None,
            attributes: attribute("displayName", &["Ada L."]),
        }
    }

    fn assertion(&self) -> String {
        let time = |at: OffsetDateTime| at.format(&Rfc3339).unwrap();
        let named = self.in_response_to.as_ref().map(|id| format!(" InResponseTo=\"{id}\"")).unwrap_or_default();
        let session = self.session_until.map(|at| format!(" SessionNotOnOrAfter=\"{}\"", time(at))).unwrap_or_default();
        let Self { name_id, format, acs, audience, issuer, id, attributes, .. } = self;
        let (from, until) = (time(self.not_before), time(self.until));
        format!(
            "<saml:Assertion xmlns:saml=\"urn:oasis:names:tc:SAML:2.0:assertion\" ID=\"{id}\" Version=\"2.0\" IssueInstant=\"{from}\">\
             <saml:Issuer>{issuer}</saml:Issuer><saml:Subject><saml:NameID Format=\"{format}\">{name_id}</saml:NameID>\
             <saml:SubjectConfirmation Method=\"urn:oasis:names:tc:SAML:2.0:cm:bearer\">\
             <saml:SubjectConfirmationData NotOnOrAfter=\"{until}\" Recipient=\"{acs}\"{named}/></saml:SubjectConfirmation></saml:Subject>\
             <saml:Conditions NotBefore=\"{from}\" NotOnOrAfter=\"{until}\"><saml:AudienceRestriction>\
             <saml:Audience>{audience}</saml:Audience></saml:AudienceRestriction></saml:Conditions>\
             <saml:AuthnStatement AuthnInstant=\"{from}\"{session}/>\
             <saml:AttributeStatement>{attributes}</saml:AttributeStatement></saml:Assertion>"
        )
    }

    /// The response around an assertion.
    fn response(&self, assertion: &str) -> String {
        let named = self.in_response_to.as_ref().map(|id| format!(" InResponseTo=\"{id}\"")).unwrap_or_default();
        format!(
            "<samlp:Response xmlns:samlp=\"urn:oasis:names:tc:SAML:2.0:protocol\" ID=\"_response\" Version=\"2.0\" \
             IssueInstant=\"2026-03-01T12:00:00Z\" Destination=\"{}\"{named}>\
             <saml:Issuer xmlns:saml=\"urn:oasis:names:tc:SAML:2.0:assertion\">{}</saml:Issuer>\
             <samlp:Status><samlp:StatusCode Value=\"urn:oasis:names:tc:SAML:2.0:status:Success\"/></samlp:Status>{assertion}</samlp:Response>",
            self.acs, self.issuer
        )
    }

    /// Signed as most providers do: the assertion.
    fn signed(&self, idp: &Idp) -> String {
        self.response(&idp.sign(&self.assertion(), &self.id))
    }
}

fn attribute(name: &str, values: &[&str]) -> String {
    let values: String =
        values.iter().map(|value| format!("<saml:AttributeValue>{value}</saml:AttributeValue>")).collect();
    format!("<saml:Attribute Name=\"{name}\">{values}</saml:Attribute>")
}
