//! What a provider says of a user, in the words that applications read.

use serde_json::{Value, json};

use crate::model::Object;

/// An address and what the provider says of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Address {
    pub email: String,
    pub verified: bool,
    pub primary: bool,
}

/// A user at a provider.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Profile {
    /// Who he is there, for ever.
    pub sub: String,
    pub addresses: Vec<Address>,
    /// OIDC standard claims, and what is the provider's own in `custom_claims`.
    pub claims: Object,
}

/// OIDC's standard claims (Core §5.1) that are kept; `sub`, `email` and the rest have their own rules.
const STANDARD: [&str; 14] = [
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
];

impl Profile {
    /// A user with this id; claims follow by [`Profile::with`].
    pub fn new(sub: impl Into<String>) -> Self {
        Self { sub: sub.into(), ..Self::default() }
    }

    /// Sets a claim, unless it is empty.
    #[must_use]
    pub fn with(mut self, name: &str, value: &Value) -> Self {
        let empty = value.is_null() || value.as_str().is_some_and(str::is_empty);
        if !empty {
            self.claims.insert(name.to_owned(), value.clone());
        }
        self
    }

    /// Adds the one address that the provider gives.
    #[must_use]
    pub fn address(mut self, email: &Value, verified: bool) -> Self {
        if let Some(email) = email.as_str().map(str::trim).filter(|email| !email.is_empty()) {
            self.addresses.push(Address { email: email.to_lowercase(), verified, primary: true });
        }
        self
    }

    /// Reads OIDC's standard claims, of an ID token or of the userinfo endpoint.
    pub fn from_oidc(claims: &Value) -> Self {
        let mut profile = Self::new(text(&claims["sub"]));
        for name in STANDARD {
            profile = profile.with(name, &claims[name]);
        }
        profile.address(&claims["email"], is_true(&claims["email_verified"]))
    }

    /// The address that the account is made with: the primary one, a verified one before another.
    pub fn best_address(&self) -> Option<&Address> {
        let rank = |address: &&Address| (address.primary, address.verified);
        self.addresses.iter().max_by_key(rank)
    }

    /// `identity_data` and `user_metadata`: the claims, and the older names that applications still read.
    pub fn identity_data(&self, issuer: &str) -> Object {
        let mut data = self.claims.clone();
        let mut set = |name: &str, value: Value| {
            let empty = value.is_null() || value.as_str().is_some_and(str::is_empty);
            if !empty && !data.contains_key(name) {
                data.insert(name.to_owned(), value);
            }
        };
        set("iss", issuer.into());
        set("sub", self.sub.clone().into());
        set("provider_id", self.sub.clone().into());
        let claim = |name: &str| self.claims.get(name).cloned().unwrap_or(Value::Null);
        set("full_name", claim("name"));
        set("avatar_url", claim("picture"));
        set("user_name", claim("preferred_username"));
        let best = self.best_address();
        if let Some(best) = best {
            set("email", best.email.clone().into());
        }
        set("email_verified", json!(best.is_some_and(|best| best.verified)));
        set("phone_verified", json!(false));
        data
    }
}

/// A text or a number as text: ids come as either.
pub(super) fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        _ => String::new(),
    }
}

/// `true`, `"true"`, `1`: providers disagree.
pub(super) fn is_true(value: &Value) -> bool {
    match value {
        Value::Bool(yes) => *yes,
        Value::String(text) => text.eq_ignore_ascii_case("true") || text == "1",
        Value::Number(number) => number.as_i64() == Some(1),
        _ => false,
    }
}
