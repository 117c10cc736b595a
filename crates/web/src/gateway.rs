//! API keys, as Supabase's gateway treats them.
//!
//! The rule is the CLI's (its Kong file): a caller's own bearer token is kept; an opaque `sb_` key becomes the short internal token of
//! its role; a legacy key that is itself a token is passed on bare, so that auth sees no user and REST reads the role from it.

use base::Secret;
use http::header::{AUTHORIZATION, HeaderValue};
use http::{HeaderMap, Request};

/// The keys of a project that the gateway knows.
#[derive(Debug, Clone)]
pub struct ApiKeys {
    /// `sb_publishable_…`
    pub publishable: Secret<String>,
    /// `sb_secret_…`
    pub secret: Secret<String>,
    /// The token of role `anon`.
    pub anon_token: Secret<String>,
    /// The token of role `service_role`.
    pub service_token: Secret<String>,
    /// Refuse requests without a key, as hosted projects do; the local stack does not.
    pub required: bool,
}

/// Why the gateway turned a request away.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// No `apikey` header or query parameter, where one is required.
    #[error("No API key found in request")]
    Missing,
    /// An `sb_` key that is not this project's.
    #[error("Invalid API key")]
    Unknown,
}

impl Refusal {
    /// What to do about it.
    pub const fn hint(self) -> &'static str {
        match self {
            Self::Missing => "No `apikey` request header or url param was found.",
            Self::Unknown => "The key is not one of this project: `basalt status` shows its keys.",
        }
    }
}

impl ApiKeys {
    /// Rewrites the request's `Authorization` header by the bearer rule.
    ///
    /// # Errors
    /// [`Refusal`] where no known key came and one is needed.
    pub fn admit<B>(&self, request: &mut Request<B>) -> Result<(), Refusal> {
        let apikey = key_of(request);
        if self.required && !apikey.as_deref().is_none_or(|key| self.knows(key)) {
            return Err(Refusal::Unknown);
        }
        let bearer = bearer_of(request.headers());
        if bearer.is_some_and(|token| !token.starts_with("sb_")) {
            return if self.required && apikey.is_none() { Err(Refusal::Missing) } else { Ok(()) };
        }
        // supabase-js sends its key also as the bearer when nobody is signed in.
        let Some(key) = apikey.or_else(|| bearer.map(str::to_owned)) else {
            return if self.required { Err(Refusal::Missing) } else { Ok(()) };
        };
        let token = if key.starts_with("sb_") {
            let role = if same(&key, self.secret.expose()) {
                &self.service_token
            } else if same(&key, self.publishable.expose()) {
                &self.anon_token
            } else {
                return Err(Refusal::Unknown);
            };
            format!("Bearer {}", role.expose())
        } else {
            key
        };
        match HeaderValue::from_str(&token) {
            Ok(mut value) => {
                value.set_sensitive(true);
                request.headers_mut().insert(AUTHORIZATION, value);
                Ok(())
            }
            Err(_) => Err(Refusal::Unknown),
        }
    }

    /// Is it one of the four keys of this project?
    fn knows(&self, key: &str) -> bool {
        [&self.publishable, &self.secret, &self.anon_token, &self.service_token]
            .iter()
            .any(|known| same(key, known.expose()))
    }

    /// Does this request carry the secret key or the service token? For the operator's own pages.
    pub fn is_service(&self, headers: &HeaderMap) -> bool {
        let known = |key: &str| same(key, self.secret.expose()) || same(key, self.service_token.expose());
        bearer_of(headers).is_some_and(known) || headers.get("apikey").and_then(|v| v.to_str().ok()).is_some_and(known)
    }
}

fn key_of<B>(request: &Request<B>) -> Option<String> {
    if let Some(value) = request.headers().get("apikey") {
        return value.to_str().ok().filter(|key| !key.is_empty()).map(str::to_owned);
    }
    let query = request.uri().query()?;
    query.split('&').find_map(|pair| pair.strip_prefix("apikey=")).filter(|key| !key.is_empty()).map(str::to_owned)
}

fn bearer_of(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(token.trim())
}

/// Compares in a time that depends only on the lengths.
fn same(a: &str, b: &str) -> bool {
    a.len() == b.len() && a.bytes().zip(b.bytes()).fold(0, |diff, (x, y)| diff | (x ^ y)) == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(required: bool) -> ApiKeys {
        ApiKeys {
            publishable: "sb_publishable_p".into(),
            secret: "sb_secret_s".into(),
            anon_token: "anon.jwt".into(),
            service_token: "service.jwt".into(),
            required,
        }
    }

    /// What the service sees as Authorization, or the refusal.
    fn check(required: bool, uri: &str, headers: &[(&'static str, &str)]) -> Result<Option<String>, Refusal> {
        let mut request = Request::builder().uri(uri);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let mut request = request.body(()).unwrap();
        keys(required).admit(&mut request)?;
        Ok(request.headers().get(AUTHORIZATION).map(|v| v.to_str().unwrap().to_owned()))
    }

    #[test]
    fn a_users_token_is_kept_beside_any_key() {
        let seen = check(true, "/", &[("apikey", "sb_publishable_p"), ("authorization", "Bearer user.jwt")]);
        assert_eq!(seen, Ok(Some("Bearer user.jwt".into())));
    }

    #[test]
    fn opaque_keys_become_the_token_of_their_role() {
        assert_eq!(check(false, "/", &[("apikey", "sb_secret_s")]), Ok(Some("Bearer service.jwt".into())));
        assert_eq!(check(false, "/?apikey=sb_publishable_p", &[]), Ok(Some("Bearer anon.jwt".into())));
        let signed_out = [("apikey", "sb_publishable_p"), ("authorization", "Bearer sb_publishable_p")];
        assert_eq!(check(false, "/", &signed_out), Ok(Some("Bearer anon.jwt".into())));
    }

    #[test]
    fn a_legacy_key_alone_is_passed_on_bare() {
        assert_eq!(check(false, "/", &[("apikey", "anon.jwt")]), Ok(Some("anon.jwt".into())));
    }

    #[test]
    fn wrong_and_missing_keys_are_refused() {
        assert_eq!(check(false, "/", &[("apikey", "sb_secret_x")]), Err(Refusal::Unknown));
        assert_eq!(check(false, "/", &[]), Ok(None));
        assert_eq!(check(true, "/", &[]), Err(Refusal::Missing));
        assert_eq!(check(true, "/", &[("authorization", "Bearer user.jwt")]), Err(Refusal::Missing));
        assert_eq!(check(true, "/", &[("apikey", "another.projects.jwt")]), Err(Refusal::Unknown));
        let beside = [("apikey", "sb_secret_x"), ("authorization", "Bearer user.jwt")];
        assert_eq!(check(true, "/", &beside), Err(Refusal::Unknown));
    }
}
