//! From an `Authorization` header to the caller: PostgREST's rules and words, with a cache in front of the signature check.
//!
//! A token that was verified is remembered with its role, its claims as they go into the database, and the time span in which it is
//! good; a hit costs one look-up and two comparisons. What is not good by its claims is judged anew each time, since clocks move.

mod role_path;
pub(crate) mod sieve;

use std::borrow::Cow;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use base::{Clock, Revocations, Secret};
use bytes::Bytes;
use crypto::jwt::{ClaimRules, KeySet, Verified, VerifyError};
use parking_lot::Mutex;
use serde_json::{Map, Value};
use uuid::Uuid;

pub use self::role_path::RolePath;
use self::sieve::Sieve;
use crate::JwtError;

/// Seconds that clocks may differ, as in PostgREST.
const SKEW_SECONDS: i64 = 30;
/// A token longer than this is verified each time: memory is bounded by count and size.
const MOST_CACHED_BYTES: usize = 8 * 1024;

/// On whose behalf a request runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// The role to become.
    pub role: Bytes,
    /// `request.jwt.claims`: the token's claims as received, with the role inserted where they do not name it.
    pub claims: Bytes,
    /// Was a token sent? Decides between 401 and 403.
    pub authenticated: bool,
}

/// What decides over tokens; made from the options of the same names.
#[derive(Default)]
pub struct JwtRules {
    /// `jwt-secret`, parsed; `None` answers every token with PGRST300.
    pub keys: Option<KeySet>,
    /// `jwt-aud`
    pub audience: Option<String>,
    /// `jwt-role-claim-key`
    pub role_path: RolePath,
    /// `db-anon-role`
    pub anon_role: Option<String>,
    /// `jwt-cache-max-entries`; 0 turns the cache off.
    pub cache_entries: usize,
}

impl JwtRules {
    /// Reads `jwt-secret`: a secret, a JWK or a JWKS.
    ///
    /// # Errors
    /// A sentence on what is wrong with the secret or the path.
    pub fn new(secret: Option<&Secret>, base64: bool, role_claim_key: &str) -> Result<Self, String> {
        let keys = secret.map(|s| KeySet::from_postgrest(s.expose(), base64)).transpose().map_err(|e| e.to_string())?;
        Ok(Self { keys, role_path: RolePath::parse(role_claim_key)?, cache_entries: 1000, ..Self::default() })
    }
}

/// Numbers for `/metrics`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CacheStats {
    /// Tokens looked up.
    pub requests: u64,
    /// Found.
    pub hits: u64,
    /// Thrown out for others.
    pub evictions: u64,
}

/// Verifies tokens. Immutable rules: a change of configuration makes a new one, with an empty cache.
pub struct Authenticator {
    rules: JwtRules,
    clock: Clock,
    revocations: Option<Arc<Revocations>>,
    anonymous: Option<Caller>,
    cache: Option<Mutex<Sieve<Arc<Token>>>>,
    requests: AtomicU64,
    hits: AtomicU64,
}

/// A token whose signature is good.
#[derive(Debug)]
struct Token {
    /// `None`: the claims name no role and there is none for anonymous requests.
    caller: Option<Caller>,
    claims: Map<String, Value>,
    session: Option<Uuid>,
    /// Within these Unix seconds, both included, the times are good.
    good: (i64, i64),
    /// Times are numbers, and the audience is ours.
    sound: bool,
}

impl Authenticator {
    /// `revocations`: the ended sessions of the same process, where it has an auth service.
    pub fn new(rules: JwtRules, clock: Clock, revocations: Option<Arc<Revocations>>) -> Self {
        let anonymous = rules.anon_role.as_ref().map(|role| Caller {
            role: Bytes::from(role.clone()),
            claims: serde_json::json!({ "role": role }).to_string().into(),
            authenticated: false,
        });
        let cache = (rules.cache_entries > 0).then(|| Mutex::new(Sieve::new(rules.cache_entries)));
        let (requests, hits) = Default::default();
        Self { rules, clock, revocations, anonymous, cache, requests, hits }
    }

    /// The caller, by the value of the `Authorization` header. Other schemes than Bearer are nobody's.
    ///
    /// # Errors
    /// Why the token is refused, or that there is none and anonymous requests are not served.
    pub fn authenticate(&self, authorization: Option<&[u8]>) -> Result<Caller, JwtError> {
        let Some(token) = authorization.and_then(bearer) else {
            return self.anonymous.clone().ok_or(JwtError::Required);
        };
        let Some(keys) = &self.rules.keys else { return Err(JwtError::NoSecret) };
        // What is not UTF-8 cannot be base64url either; the parts are counted all the same.
        let text = std::str::from_utf8(token).map_or_else(|_| String::from_utf8_lossy(token), Cow::Borrowed);
        if let Some(known) = self.cached(&text) {
            return self.judge(&known);
        }
        let verified = keys.verify_signature(&text).map_err(|e| refusal(&e, &Map::new(), 0))?;
        let token = Arc::new(self.read(verified));
        if let Some(cache) = &self.cache
            && text.len() <= MOST_CACHED_BYTES
        {
            cache.lock().insert(&text, token.clone());
        }
        self.judge(&token)
    }

    /// Numbers of the cache.
    pub fn cache_stats(&self) -> CacheStats {
        CacheStats {
            requests: self.requests.load(Ordering::Relaxed),
            hits: self.hits.load(Ordering::Relaxed),
            evictions: self.cache.as_ref().map_or(0, |c| c.lock().evictions()),
        }
    }

    fn cached(&self, token: &str) -> Option<Arc<Token>> {
        let cache = self.cache.as_ref()?;
        self.requests.fetch_add(1, Ordering::Relaxed);
        let found = cache.lock().get(token).cloned();
        if found.is_some() {
            self.hits.fetch_add(1, Ordering::Relaxed);
        }
        found
    }

    /// Does the token hold now?
    fn judge(&self, token: &Token) -> Result<Caller, JwtError> {
        let now = self.clock.unix_seconds();
        if !token.sound || now < token.good.0 || now > token.good.1 {
            let rules = ClaimRules { skew_seconds: SKEW_SECONDS, audience: self.rules.audience.as_deref() };
            crypto::jwt::check_claims(&token.claims, now, rules).map_err(|e| refusal(&e, &token.claims, now))?;
        }
        if let (Some(revocations), Some(session)) = (&self.revocations, token.session)
            && revocations.is_revoked(session)
        {
            return Err(JwtError::Revoked);
        }
        token.caller.clone().ok_or(JwtError::Required)
    }

    /// Takes from the claims what every request needs.
    fn read(&self, verified: Verified) -> Token {
        let Verified { claims, payload, .. } = verified;
        let time = |name| crypto::jwt::numeric_date(&claims, name).ok().flatten();
        let latest = [time("nbf"), time("iat")].into_iter().flatten().max();
        let from = latest.map_or(i64::MIN, |at| at.saturating_sub(SKEW_SECONDS));
        let until = time("exp").map_or(i64::MAX, |at| at.saturating_add(SKEW_SECONDS));
        // At a moment when the times hold, what is still wrong is wrong for ever.
        let rules = ClaimRules { skew_seconds: SKEW_SECONDS, audience: self.rules.audience.as_deref() };
        let sound = from <= until && crypto::jwt::check_claims(&claims, from.max(0).min(until), rules).is_ok();
        let session = claims.get("session_id").and_then(Value::as_str).and_then(|id| Uuid::try_parse(id).ok());
        let role = self.rules.role_path.find(&claims).map(|value| match value {
            Value::String(role) => role,
            other => other.to_string(),
        });
        let role = role.or_else(|| self.rules.anon_role.clone());
        let caller = role.map(|role| Caller {
            claims: claims_with_role(&claims, payload, &role),
            role: role.into(),
            authenticated: true,
        });
        Token { caller, claims, session, good: (from, until), sound }
    }
}

/// The payload as received, unless the role must be written into it.
fn claims_with_role(claims: &Map<String, Value>, payload: Bytes, role: &str) -> Bytes {
    if claims.get("role").and_then(Value::as_str) == Some(role) {
        return payload;
    }
    let mut claims = claims.clone();
    claims.insert("role".to_owned(), role.into());
    Value::Object(claims).to_string().into()
}

/// The token of a Bearer header; the scheme's case does not matter (RFC 9110 §11.1).
fn bearer(header: &[u8]) -> Option<&[u8]> {
    let header = header.trim_ascii_start();
    let end = header.iter().position(u8::is_ascii_whitespace).unwrap_or(header.len());
    let (scheme, token) = header.split_at(end);
    scheme.eq_ignore_ascii_case(b"bearer").then(|| token.trim_ascii())
}

/// In the words of PostgREST; times say by how much they are off.
fn refusal(error: &VerifyError, claims: &Map<String, Value>, now: i64) -> JwtError {
    let seconds = |name: &str| claims.get(name).and_then(Value::as_f64).map_or(0, |at| at.floor() as i64);
    match error {
        VerifyError::Empty => JwtError::Empty,
        VerifyError::Parts(n) => JwtError::Parts(*n),
        VerifyError::Malformed(_) | VerifyError::UnknownAlgorithm(_) => JwtError::Crypto,
        VerifyError::Unsecured | VerifyError::NoSuitableKey { .. } | VerifyError::Signature => {
            let details = error.postgrest().2.map(str::to_owned);
            if matches!(error, VerifyError::Unsecured) { JwtError::Algorithm(details) } else { JwtError::Key(details) }
        }
        VerifyError::ClaimsUnreadable => JwtError::Claims,
        VerifyError::Expired => JwtError::Expired(now.saturating_sub(seconds("exp"))),
        VerifyError::NotYetValid => JwtError::NotYetValid(seconds("nbf").saturating_sub(now)),
        VerifyError::IssuedInFuture => JwtError::IssuedInFuture(seconds("iat").saturating_sub(now)),
        VerifyError::Audience => JwtError::Audience,
        VerifyError::NotANumber(claim) => JwtError::NotANumber(claim),
        VerifyError::AudienceType => JwtError::AudienceType,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::json;
    use time::OffsetDateTime;

    use super::*;

    const SECRET: &str = "reallyreallyreallyreallyverysafe";

    fn token(claims: &Value) -> String {
        format!("Bearer {}", KeySet::from_secret(SECRET.as_bytes()).sign(claims).expect("a key"))
    }

    fn authenticator(change: impl FnOnce(&mut JwtRules)) -> (Authenticator, Clock, Arc<Revocations>) {
        let clock = Clock::frozen(OffsetDateTime::from_unix_timestamp(1_000_000).expect("a time"));
        let mut rules = JwtRules::new(Some(&Secret::from(SECRET)), false, "$.role").expect("rules");
        rules.anon_role = Some("anon".into());
        change(&mut rules);
        let revocations = Arc::new(Revocations::default());
        (Authenticator::new(rules, clock.clone(), Some(revocations.clone())), clock, revocations)
    }

    fn ask(a: &Authenticator, header: &str) -> Result<Caller, JwtError> {
        a.authenticate(Some(header.as_bytes()))
    }

    #[test]
    fn callers_are_who_their_tokens_say() {
        let (a, ..) = authenticator(|_| ());
        let anonymous = a.authenticate(None).unwrap();
        assert_eq!((&anonymous.role[..], &anonymous.claims[..]), (&b"anon"[..], &b"{\"role\":\"anon\"}"[..]));
        assert_eq!(ask(&a, "Basic YTpi").unwrap(), anonymous);
        let named = ask(&a, &token(&json!({"sub": "1", "role": "author"}))).unwrap();
        assert_eq!(&named.claims[..], b"{\"sub\":\"1\",\"role\":\"author\"}", "as received");
        assert!(named.authenticated && &named.role[..] == b"author");
        let unnamed = ask(&a, &token(&json!({"sub": "1"})).replace("Bearer", "bearer")).unwrap();
        assert_eq!(&unnamed.claims[..], b"{\"sub\":\"1\",\"role\":\"anon\"}");
        let (strict, ..) = authenticator(|r| r.anon_role = None);
        assert_eq!(strict.authenticate(None), Err(JwtError::Required));
        assert_eq!(ask(&strict, &token(&json!({"sub": "1"}))), Err(JwtError::Required));
    }

    #[test]
    fn bad_tokens_are_refused_in_upstreams_words() {
        let (a, ..) = authenticator(|r| r.audience = Some("me".into()));
        let good = token(&json!({"role": "author", "aud": ["you", "me"]}));
        assert!(ask(&a, &good).is_ok());
        assert_eq!(ask(&a, "Bearer "), Err(JwtError::Empty));
        assert_eq!(ask(&a, "Bearer a.b"), Err(JwtError::Parts(2)));
        let forged =
            KeySet::from_secret(b"another secret of thirty-two bytes").sign(&json!({"role": "author"})).unwrap();
        assert!(matches!(ask(&a, &format!("Bearer {forged}")), Err(JwtError::Key(Some(_)))));
        assert_eq!(ask(&a, &token(&json!({"aud": "you"}))), Err(JwtError::Audience));
        assert_eq!(ask(&a, &token(&json!({"aud": 1}))), Err(JwtError::AudienceType));
        assert_eq!(ask(&a, &token(&json!({"exp": "x"}))), Err(JwtError::NotANumber("exp")));
        assert_eq!(ask(&a, &token(&json!({"exp": 999_900}))), Err(JwtError::Expired(100)));
        assert_eq!(ask(&a, &token(&json!({"nbf": 1_000_100}))), Err(JwtError::NotYetValid(100)));
        assert_eq!(ask(&a, &token(&json!({"iat": 1_000_100}))), Err(JwtError::IssuedInFuture(100)));
        let (no_secret, ..) = authenticator(|r| r.keys = None);
        assert_eq!(ask(&no_secret, &good), Err(JwtError::NoSecret));
    }

    #[test]
    fn a_fraction_of_a_second_does_not_make_a_token_last() {
        let (a, ..) = authenticator(|_| ());
        for _ in 0..2 {
            assert_eq!(ask(&a, &token(&json!({"role": "author", "exp": 999_900.5}))), Err(JwtError::Expired(100)));
            assert_eq!(ask(&a, &token(&json!({"role": "author", "exp": 9.999e5}))), Err(JwtError::Expired(100)));
            assert!(ask(&a, &token(&json!({"role": "author", "nbf": 1_000_100.5}))).is_err());
            assert!(ask(&a, &token(&json!({"role": "author", "exp": 1_000_100.5}))).is_ok());
        }
    }

    #[test]
    fn a_cached_token_expires_all_the_same() {
        for cache_entries in [0, 10] {
            let (a, clock, _) = authenticator(|r| r.cache_entries = cache_entries);
            let header = token(&json!({"role": "author", "exp": 1_000_010}));
            assert!(ask(&a, &header).is_ok());
            clock.advance(Duration::from_secs(40));
            assert!(ask(&a, &header).is_ok(), "30 seconds of grace");
            clock.advance(Duration::from_secs(1));
            assert_eq!(ask(&a, &header), Err(JwtError::Expired(31)));
            let early = token(&json!({"role": "author", "nbf": 1_000_100}));
            assert!(ask(&a, &early).is_err());
            clock.advance(Duration::from_secs(60));
            assert!(ask(&a, &early).is_ok());
            let stats = a.cache_stats();
            assert_eq!((stats.requests, stats.hits), if cache_entries > 0 { (5, 3) } else { (0, 0) });
        }
    }

    #[test]
    fn a_revoked_session_is_refused_at_once() {
        let (a, _, revocations) = authenticator(|_| ());
        let session = Uuid::from_u128(5);
        let header = token(&json!({"role": "author", "session_id": session}));
        assert!(ask(&a, &header).is_ok());
        revocations.revoke(session, i64::MAX);
        assert_eq!(ask(&a, &header), Err(JwtError::Revoked));
        assert!(ask(&a, &token(&json!({"role": "author"}))).is_ok());
    }
}
