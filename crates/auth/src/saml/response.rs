//! `Response`: what the identity provider says, believed only as far as it is signed, for us, for now, and for what was asked
//! (SAML profiles §4.1.4).

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use roxmltree::Node;
use time::OffsetDateTime;

use super::assertion::Assertion;
use super::metadata::{IdentityProvider, ServiceProvider, instant};
use super::signature::{self, Signed};
use super::xml::{self, DSIG, SAML, SAMLP};

/// How far the clocks of the two may be apart.
pub(super) const SKEW: Duration = Duration::from_secs(60);

const SUCCESS: &str = "urn:oasis:names:tc:SAML:2.0:status:Success";
const BEARER: &str = "urn:oasis:names:tc:SAML:2.0:cm:bearer";

/// What an answer is held against.
pub(super) struct Expected<'a> {
    pub from: &'a IdentityProvider,
    pub us: &'a ServiceProvider,
    /// The id of our request; `None`: the provider began.
    pub request_id: Option<&'a str>,
    pub now: OffsetDateTime,
}

/// The text of a `SAMLResponse` field.
///
/// # Errors
/// A sentence: not base64, not UTF-8.
pub(super) fn decode(field: &str) -> Result<String, String> {
    let compact: String = field.chars().filter(|c| !c.is_ascii_whitespace()).collect();
    let bytes = STANDARD.decode(compact).map_err(|_| "SAMLResponse is not a valid Base64 string".to_owned())?;
    String::from_utf8(bytes).map_err(|_| "SAMLResponse is not UTF-8".to_owned())
}

/// Who says that he answers: nothing is verified, it only chooses the provider whose keys are tried.
///
/// # Errors
/// A sentence: not XML, or not a response.
pub(super) fn claimed_issuer(text: &str) -> Result<String, String> {
    let document = xml::parse(text)?;
    let response = document.root_element();
    if !response.has_tag_name((SAMLP, "Response")) {
        return Err("this is not a SAML Response".to_owned());
    }
    let own = xml::child(response, SAML, "Issuer")?;
    let inner = || response.descendants().find(|node| node.has_tag_name((SAML, "Issuer")));
    own.or_else(inner).map(xml::text).ok_or_else(|| "the response names no Issuer".to_owned())
}

/// Everything that must hold before a word of it is believed.
///
/// # Errors
/// A sentence on the first thing that does not hold.
pub(super) fn check(text: &str, expected: &Expected<'_>) -> Result<Assertion, String> {
    let document = xml::parse(text)?;
    let response = document.root_element();
    let signed = signed_assertion(response, expected)?;
    // From here on only what was signed is read.
    let document = xml::parse(signed.text())?;
    let root = document.root_element();
    let assertion = match root.has_tag_name((SAML, "Assertion")) {
        true => root,
        false => {
            envelope(root, expected)?;
            xml::need(root, SAML, "Assertion")?
        }
    };
    if assertion.attribute("Version") != Some("2.0") {
        return Err("the assertion is not of SAML 2.0".to_owned());
    }
    if xml::text(xml::need(assertion, SAML, "Issuer")?) != expected.from.entity_id {
        return Err("the assertion is by another issuer".to_owned());
    }
    conditions(assertion, expected)?;
    let expires_at = subject(assertion, expected)?;
    Assertion::read(assertion, expires_at, expected.now)
}

/// The response or its one assertion, whichever is signed; with both, the outer signature covers the inner.
fn signed_assertion(response: Node<'_, '_>, expected: &Expected<'_>) -> Result<Signed, String> {
    if !response.has_tag_name((SAMLP, "Response")) || response.attribute("Version") != Some("2.0") {
        return Err("this is not a Response of SAML 2.0".to_owned());
    }
    status(response)?;
    let is = |name: &'static str| move |node: &Node<'_, '_>| node.has_tag_name((SAML, name));
    if response.descendants().any(|node| is("EncryptedAssertion")(&node)) {
        return Err("encrypted assertions are not accepted".to_owned());
    }
    if response.descendants().filter(is("Assertion")).count() != 1 {
        return Err("the response must have one assertion".to_owned());
    }
    let assertion = xml::need(response, SAML, "Assertion")?;
    if xml::child(response, DSIG, "Signature")?.is_some() {
        if response.attribute("Destination").is_none_or(str::is_empty) {
            return Err("a signed response must name its Destination".to_owned());
        }
        return signature::verify(response, &expected.from.keys);
    }
    envelope(response, expected)?;
    signature::verify(assertion, &expected.from.keys)
}

fn status(response: Node<'_, '_>) -> Result<(), String> {
    let status = xml::need(response, SAMLP, "Status")?;
    let code = xml::need(status, SAMLP, "StatusCode")?;
    let value = code.attribute("Value").unwrap_or_default();
    if value == SUCCESS {
        return Ok(());
    }
    let inner = xml::child(code, SAMLP, "StatusCode")?.and_then(|inner| inner.attribute("Value")).unwrap_or_default();
    let message = xml::child(status, SAMLP, "StatusMessage")?.map(xml::text).unwrap_or_default();
    Err(format!("the identity provider refused: {value} {inner} {message}").trim_end().to_owned())
}

/// What the response says around its assertion.
fn envelope(response: Node<'_, '_>, expected: &Expected<'_>) -> Result<(), String> {
    status(response)?;
    if let Some(destination) = response.attribute("Destination").filter(|destination| !destination.is_empty())
        && destination != expected.us.acs_url
    {
        return Err("the response was sent to another Destination".to_owned());
    }
    if let Some(issuer) = xml::child(response, SAML, "Issuer")?
        && xml::text(issuer) != expected.from.entity_id
    {
        return Err("the response is by another issuer".to_owned());
    }
    in_response_to(response, expected)
}

/// An answer names the request that it answers; one that the provider began on its own names none.
fn in_response_to(element: Node<'_, '_>, expected: &Expected<'_>) -> Result<(), String> {
    match (element.attribute("InResponseTo").filter(|id| !id.is_empty()), expected.request_id) {
        (None, _) => Ok(()),
        (Some(named), Some(asked)) if named == asked => Ok(()),
        (Some(_), Some(_)) => Err("this answers another request".to_owned()),
        (Some(_), None) => Err("this answers a request, but comes without its RelayState".to_owned()),
    }
}

/// The assertion is valid now, and meant for us.
fn conditions(assertion: Node<'_, '_>, expected: &Expected<'_>) -> Result<(), String> {
    let conditions = xml::need(assertion, SAML, "Conditions")?;
    within(conditions, expected.now)?;
    let mut restrictions = xml::children(conditions, SAML, "AudienceRestriction").peekable();
    if restrictions.peek().is_none() {
        return Err("the assertion names no Audience".to_owned());
    }
    let ours = |restriction: Node<'_, '_>| {
        xml::children(restriction, SAML, "Audience").any(|audience| xml::text(audience) == expected.us.metadata_url)
    };
    if restrictions.all(ours) { Ok(()) } else { Err("the assertion is meant for another Audience".to_owned()) }
}

/// `NotBefore` and `NotOnOrAfter`, where they are there.
fn within(element: Node<'_, '_>, now: OffsetDateTime) -> Result<(), String> {
    if let Some(from) = element.attribute("NotBefore")
        && now + SKEW < instant(from)?
    {
        return Err("the assertion is not valid yet".to_owned());
    }
    if let Some(until) = element.attribute("NotOnOrAfter")
        && now >= instant(until)? + SKEW
    {
        return Err("the assertion has expired".to_owned());
    }
    Ok(())
}

/// Whoever brings the assertion may be its subject, here, until the time that is returned.
fn subject(assertion: Node<'_, '_>, expected: &Expected<'_>) -> Result<OffsetDateTime, String> {
    let subject = xml::need(assertion, SAML, "Subject")?;
    let mut reason = "no SubjectConfirmation of a bearer".to_owned();
    for confirmation in xml::children(subject, SAML, "SubjectConfirmation") {
        if confirmation.attribute("Method") != Some(BEARER) {
            continue;
        }
        match bearer(confirmation, expected) {
            Ok(until) => return Ok(until),
            Err(why) => reason = why,
        }
    }
    Err(reason)
}

fn bearer(confirmation: Node<'_, '_>, expected: &Expected<'_>) -> Result<OffsetDateTime, String> {
    let data = xml::need(confirmation, SAML, "SubjectConfirmationData")?;
    if data.attribute("Recipient") != Some(&expected.us.acs_url) {
        return Err("the assertion is for another Recipient".to_owned());
    }
    let until = data.attribute("NotOnOrAfter").ok_or("the SubjectConfirmation has no end")?;
    within(data, expected.now)?;
    in_response_to(data, expected)?;
    if expected.request_id.is_some() && data.attribute("InResponseTo").is_none() {
        return Err("the assertion does not name the request that it answers".to_owned());
    }
    instant(until)
}
