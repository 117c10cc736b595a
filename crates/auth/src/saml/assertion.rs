//! What an assertion says of a user, and how a provider's mapping makes claims of it.

use std::collections::BTreeMap;

use roxmltree::Node;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use time::OffsetDateTime;

use super::metadata::instant;
use super::response::SKEW;
use super::xml::{self, SAML};
use crate::model::Object;
use crate::providers::Profile;

const EMAIL_FORMAT: &str = "urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress";
const TRANSIENT_FORMAT: &str = "urn:oasis:names:tc:SAML:2.0:nameid-format:transient";
const SUBJECT_ID: &str = "urn:oasis:names:tc:SAML:attribute:subject-id";

/// Attributes that hold an address where the mapping names none, in order.
const EMAIL_ATTRIBUTES: [&str; 6] = [
    "urn:oid:0.9.2342.19200300.100.1.3",
    "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/emailaddress",
    "http://schemas.xmlsoap.org/claims/EmailAddress",
    "mail",
    "Mail",
    "email",
];

/// Claims that GoTrue knows by name; others go into `custom_claims`.
const KNOWN: [&str; 24] = [
    "iss",
    "sub",
    "name",
    "family_name",
    "given_name",
    "middle_name",
    "nickname",
    "preferred_username",
    "profile",
    "picture",
    "website",
    "gender",
    "birthdate",
    "zoneinfo",
    "locale",
    "updated_at",
    "email",
    "email_verified",
    "phone",
    "phone_verified",
    "full_name",
    "avatar_url",
    "slug",
    "user_name",
];

/// A verified assertion.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Assertion {
    pub id: String,
    /// Until then it must be remembered, so that it is not used again.
    pub expires_at: OffsetDateTime,
    /// The provider wants the session to end then.
    pub session_ends_at: Option<OffsetDateTime>,
    name_id: String,
    name_id_format: String,
    /// Name and friendly name, and the values.
    attributes: Vec<(String, String, Vec<String>)>,
}

/// `attribute_mapping` of a provider.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Mapping {
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub keys: BTreeMap<String, Mapped>,
}

/// Where a claim comes from.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Mapped {
    #[serde(skip_serializing_if = "String::is_empty")]
    pub name: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub names: Vec<String>,
    /// The value where no attribute is there.
    #[serde(skip_serializing_if = "Value::is_null")]
    pub default: Value,
    /// All values, as a list.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub array: bool,
}

impl Assertion {
    /// Reads an `Assertion` element that was verified.
    ///
    /// # Errors
    /// A sentence: no id, two subjects, a session that is over.
    pub fn read(assertion: Node<'_, '_>, expires_at: OffsetDateTime, now: OffsetDateTime) -> Result<Self, String> {
        let id = assertion.attribute("ID").filter(|id| !id.is_empty()).ok_or("the assertion has no ID")?;
        let name = xml::child(xml::need(assertion, SAML, "Subject")?, SAML, "NameID")?;
        let mut session_ends_at = None;
        for statement in xml::children(assertion, SAML, "AuthnStatement") {
            if let Some(text) = statement.attribute("SessionNotOnOrAfter") {
                let end = instant(text)?;
                if now >= end + SKEW {
                    return Err("the session at the identity provider is over".to_owned());
                }
                session_ends_at.get_or_insert(end);
            }
        }
        let mut attributes = Vec::new();
        for statement in xml::children(assertion, SAML, "AttributeStatement") {
            for attribute in xml::children(statement, SAML, "Attribute") {
                let name = |key| attribute.attribute(key).unwrap_or_default().to_owned();
                let values = xml::children(attribute, SAML, "AttributeValue").map(xml::text).collect();
                attributes.push((name("Name"), name("FriendlyName"), values));
            }
        }
        let format = name.and_then(|name| name.attribute("Format")).unwrap_or_default();
        Ok(Self {
            id: id.to_owned(),
            expires_at,
            session_ends_at,
            name_id: name.map(xml::text).unwrap_or_default(),
            name_id_format: format.to_owned(),
            attributes,
        })
    }

    fn values<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        let named = move |one: &&(String, String, Vec<String>)| !name.is_empty() && (one.0 == name || one.1 == name);
        self.attributes.iter().filter(named).flat_map(|(_, _, values)| values).map(String::as_str)
    }

    fn value(&self, name: &str) -> Option<String> {
        self.values(name).find(|value| !value.is_empty()).map(str::to_owned)
    }

    /// Who this is at the provider, for ever: the subject id, or the name where it lasts.
    pub fn user_id(&self) -> Option<String> {
        if let Some(id) = self.value(SUBJECT_ID) {
            return Some(id);
        }
        match self.name_id_format.as_str() {
            _ if self.name_id.is_empty() => None,
            TRANSIENT_FORMAT => None,
            EMAIL_FORMAT => Some(self.name_id.to_lowercase()),
            _ => Some(self.name_id.clone()),
        }
    }

    fn email(&self, claims: &Object) -> Option<String> {
        let mapped = claims.get("email").and_then(Value::as_str).filter(|email| !email.is_empty()).map(str::to_owned);
        let named = || EMAIL_ATTRIBUTES.into_iter().find_map(|name| self.value(name));
        let subject =
            || Some(self.name_id.clone()).filter(|name| self.name_id_format == EMAIL_FORMAT && !name.is_empty());
        mapped.or_else(named).or_else(subject)
    }

    fn claims(&self, mapping: &Mapping) -> Object {
        let mut claims = Object::new();
        for (key, mapped) in &mapping.keys {
            let names = || std::iter::once(&mapped.name).chain(&mapped.names);
            let value = match mapped.array {
                true => {
                    let all: Vec<&str> =
                        names().flat_map(|name| self.values(name)).filter(|one| !one.is_empty()).collect();
                    (!all.is_empty()).then(|| Value::from(all))
                }
                false => names().find_map(|name| self.value(name)).map(Value::from),
            };
            if let Some(value) = value.or_else(|| Some(mapped.default.clone()).filter(|default| !default.is_null())) {
                claims.insert(key.clone(), value);
            }
        }
        claims
    }

    /// The user in the words that applications read; `None` without an address.
    pub fn profile(&self, user_id: String, mapping: &Mapping) -> Option<Profile> {
        let claims = self.claims(mapping);
        let email = self.email(&claims)?;
        let mut profile = Profile::new(user_id).address(&email.into(), true);
        let mut custom = Object::new();
        for (key, value) in claims {
            // These four are ours to say.
            if ["iss", "sub", "email", "email_verified", "phone_verified"].contains(&key.as_str()) {
                continue;
            }
            if KNOWN.contains(&key.as_str()) {
                profile = profile.with(&key, &value);
            } else {
                custom.insert(key, value);
            }
        }
        if !custom.is_empty() {
            profile = profile.with("custom_claims", &Value::Object(custom));
        }
        Some(profile)
    }
}
