//! Scopes: what a client may learn of a user.

use serde_json::{Value, json};

use crate::model::{Object, User};

/// All that there are.
pub(super) const SUPPORTED: [&str; 4] = ["openid", "email", "profile", "phone"];

/// The asked ones, each once and in order; `Err` with the first that is unknown.
pub(super) fn parse(asked: &str) -> Result<Vec<&str>, &str> {
    let mut scopes: Vec<&str> = Vec::new();
    for scope in asked.split_whitespace() {
        if !SUPPORTED.contains(&scope) {
            return Err(scope);
        }
        if !scopes.contains(&scope) {
            scopes.push(scope);
        }
    }
    Ok(scopes)
}

/// Are all of `asked` among `granted`?
pub(super) fn covers(granted: &str, asked: &str) -> bool {
    asked.split_whitespace().all(|scope| granted.split_whitespace().any(|known| known == scope))
}

/// Both, each once.
pub(super) fn union(a: &str, b: &str) -> String {
    let mut all: Vec<&str> = Vec::new();
    for scope in a.split_whitespace().chain(b.split_whitespace()) {
        if !all.contains(&scope) {
            all.push(scope);
        }
    }
    all.join(" ")
}

/// OIDC Core §5.4: what these scopes let a client know.
pub(super) fn claims(user: &User, scopes: &str) -> Object {
    let has = |scope: &str| scopes.split_whitespace().any(|known| known == scope);
    let mut claims = Object::new();
    claims.insert("sub".into(), json!(user.id));
    if has("email") {
        claims.insert("email".into(), json!(user.email()));
        claims.insert("email_verified".into(), json!(user.is_confirmed()));
    }
    if has("phone") {
        claims.insert("phone_number".into(), json!(user.phone()));
        claims.insert("phone_number_verified".into(), json!(user.is_phone_confirmed()));
    }
    if has("profile") {
        let metadata =
            |names: &[&str]| names.iter().find_map(|name| user.user_metadata.get(*name)).filter(|v| v.is_string());
        for (claim, names) in [
            ("name", &["name", "full_name"][..]),
            ("picture", &["picture", "avatar_url"]),
            ("preferred_username", &["preferred_username", "user_name", "username"]),
        ] {
            if let Some(value) = metadata(names) {
                claims.insert(claim.into(), value.clone());
            }
        }
        claims.insert("updated_at".into(), json!(user.updated_at.unix_timestamp()));
        claims.insert("user_metadata".into(), Value::Object(user.user_metadata.clone()));
    }
    claims
}
