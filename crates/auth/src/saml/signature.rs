//! The one form of XML Signature that SAML allows (SAML core §5.4): enveloped in the element that it signs, over exclusive
//! canonical XML, by a key that is known beforehand.
//!
//! What is verified comes back as text of its own, and only that text is read afterwards. A signature that was moved, or an
//! unsigned element that was put beside the signed one ("wrapping"), therefore changes nothing: what is not signed is not there.

use aws_lc_rs::digest;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use roxmltree::Node;

use super::c14n::{Form, canonical};
use super::certificate::{PublicKey, Scheme};
use super::xml::{self, DSIG};

const EXCLUSIVE: &str = "http://www.w3.org/2001/10/xml-exc-c14n#";
const EXCLUSIVE_WITH_COMMENTS: &str = "http://www.w3.org/2001/10/xml-exc-c14n#WithComments";
const ENVELOPED: &str = "http://www.w3.org/2000/09/xmldsig#enveloped-signature";

/// The signed element, without its signature, in the very form that was signed.
#[derive(Debug)]
pub(super) struct Signed(String);

impl Signed {
    /// The text: a document of its own.
    pub fn text(&self) -> &str {
        &self.0
    }
}

/// Verifies the signature that is a child of the element.
///
/// # Errors
/// A sentence on what is not as it must be.
pub(super) fn verify(element: Node<'_, '_>, keys: &[PublicKey]) -> Result<Signed, String> {
    let signature = xml::need(element, DSIG, "Signature")?;
    let info = xml::need(signature, DSIG, "SignedInfo")?;
    let (form, digest_method, digest) = reference(element, info)?;
    let signed = canonical(element, Some(signature), &form);
    if digest::digest(digest_method, signed.as_bytes()).as_ref() != digest {
        return Err("the digest does not fit: the message was changed".to_owned());
    }
    let method = xml::need(info, DSIG, "CanonicalizationMethod")?;
    let form = canonicalization(method)?;
    let method = algorithm(xml::need(info, DSIG, "SignatureMethod")?)?;
    let scheme = Scheme::parse(method).ok_or_else(|| format!("signatures by {method} are not accepted"))?;
    let value = base64(xml::need(signature, DSIG, "SignatureValue")?)?;
    let message = canonical(info, None, &form);
    if keys.iter().any(|key| key.verifies(scheme, message.as_bytes(), &value)) {
        return Ok(Signed(signed));
    }
    Err("the signature is not by a key of this identity provider".to_owned())
}

/// What the one reference says: it must mean the element itself.
fn reference(element: Node<'_, '_>, info: Node<'_, '_>) -> Result<(Form, &'static digest::Algorithm, Vec<u8>), String> {
    let reference = xml::need(info, DSIG, "Reference")?;
    let id = element.attribute("ID").filter(|id| !id.is_empty()).ok_or("the signed element has no ID")?;
    if reference.attribute("URI").and_then(|uri| uri.strip_prefix('#')) != Some(id) {
        return Err("the signature is not about the element that it stands in".to_owned());
    }
    let same = |node: &Node<'_, '_>| ["ID", "Id", "id"].iter().any(|name| node.attribute(*name) == Some(id));
    if element.document().descendants().filter(same).count() != 1 {
        return Err("the ID of the signed element is not unique".to_owned());
    }
    let method = algorithm(xml::need(reference, DSIG, "DigestMethod")?)?;
    let digest_method = match method {
        "http://www.w3.org/2001/04/xmlenc#sha256" => &digest::SHA256,
        "http://www.w3.org/2001/04/xmldsig-more#sha384" => &digest::SHA384,
        "http://www.w3.org/2001/04/xmlenc#sha512" => &digest::SHA512,
        other => return Err(format!("digests by {other} are not accepted")),
    };
    let digest = base64(xml::need(reference, DSIG, "DigestValue")?)?;
    Ok((transforms(reference)?, digest_method, digest))
}

/// Enveloped signature, then exclusive canonicalisation; nothing else, and both.
fn transforms(reference: Node<'_, '_>) -> Result<Form, String> {
    let list = xml::need(reference, DSIG, "Transforms")?;
    let all: Vec<Node<'_, '_>> = xml::children(list, DSIG, "Transform").collect();
    let [enveloped, exclusive] = all.as_slice() else {
        return Err("a signature in its envelope and exclusive canonicalisation are the transforms that are accepted"
            .to_owned());
    };
    if algorithm(*enveloped)? != ENVELOPED {
        return Err(format!("{} is not the transform of a signature in its envelope", algorithm(*enveloped)?));
    }
    canonicalization(*exclusive)
}

fn canonicalization(method: Node<'_, '_>) -> Result<Form, String> {
    let comments = match algorithm(method)? {
        EXCLUSIVE => false,
        EXCLUSIVE_WITH_COMMENTS => true,
        other => return Err(format!("canonicalisation by {other} is not accepted")),
    };
    let list = xml::child(method, EXCLUSIVE, "InclusiveNamespaces")?.and_then(|list| list.attribute("PrefixList"));
    let prefixes = list.unwrap_or_default().split_ascii_whitespace().map(str::to_owned).collect();
    Ok(Form { comments, prefixes })
}

fn algorithm<'a>(method: Node<'a, '_>) -> Result<&'a str, String> {
    method.attribute("Algorithm").ok_or_else(|| format!("{} names no algorithm", method.tag_name().name()))
}

fn base64(element: Node<'_, '_>) -> Result<Vec<u8>, String> {
    let compact: String = xml::text(element).chars().filter(|c| !c.is_ascii_whitespace()).collect();
    STANDARD.decode(compact).map_err(|_| format!("{} is not base64", element.tag_name().name()))
}
