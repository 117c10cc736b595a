//! JSON as GoTrue writes it: same keys, same order, same omissions.

use serde_json::{Value, json};
use time::OffsetDateTime;

use crate::model::{Factor, Identity, Object, User};

/// Go's RFC 3339: UTC, microseconds without trailing zeros.
pub(crate) fn timestamp(at: OffsetDateTime) -> String {
    let at = at.to_offset(time::UtcOffset::UTC);
    let mut text = format!(
        "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}",
        at.year(),
        u8::from(at.month()),
        at.day(),
        at.hour(),
        at.minute(),
        at.second()
    );
    let micros = at.microsecond();
    if micros > 0 {
        let fraction = format!("{micros:06}");
        text.push('.');
        text.push_str(fraction.trim_end_matches('0'));
    }
    text.push('Z');
    text
}

fn put_time(object: &mut Object, key: &str, at: Option<OffsetDateTime>) {
    if let Some(at) = at {
        object.insert(key.to_owned(), Value::String(timestamp(at)));
    }
}

fn put_text(object: &mut Object, key: &str, text: &str) {
    if !text.is_empty() {
        object.insert(key.to_owned(), Value::String(text.to_owned()));
    }
}

/// A user with identities, as every endpoint but the admin's list shows him.
pub(crate) fn user(user: &User) -> Value {
    let identities = user.identities.iter().map(identity).collect();
    user_with(user, Value::Array(identities))
}

/// A row of the admin's list: identities are not loaded there, and say so by `null`.
pub(crate) fn user_in_list(user: &User) -> Value {
    user_with(user, Value::Null)
}

fn user_with(user: &User, identities: Value) -> Value {
    let mut o = Object::new();
    o.insert("id".into(), json!(user.id));
    o.insert("aud".into(), json!(user.aud));
    o.insert("role".into(), json!(user.role));
    o.insert("email".into(), json!(user.email()));
    put_time(&mut o, "email_confirmed_at", user.email_confirmed_at);
    put_time(&mut o, "invited_at", user.invited_at);
    o.insert("phone".into(), json!(user.phone()));
    put_time(&mut o, "phone_confirmed_at", user.phone_confirmed_at);
    put_time(&mut o, "confirmation_sent_at", user.confirmation_sent_at);
    put_time(&mut o, "confirmed_at", user.confirmed_at());
    put_time(&mut o, "recovery_sent_at", user.recovery_sent_at);
    put_text(&mut o, "new_email", &user.email_change);
    put_time(&mut o, "email_change_sent_at", user.email_change_sent_at);
    put_text(&mut o, "new_phone", &user.phone_change);
    put_time(&mut o, "phone_change_sent_at", user.phone_change_sent_at);
    put_time(&mut o, "reauthentication_sent_at", user.reauthentication_sent_at);
    put_time(&mut o, "last_sign_in_at", user.last_sign_in_at);
    o.insert("app_metadata".into(), Value::Object(user.app_metadata.clone()));
    o.insert("user_metadata".into(), Value::Object(user.user_metadata.clone()));
    if !user.factors.is_empty() {
        o.insert("factors".into(), user.factors.iter().map(factor).collect());
    }
    o.insert("identities".into(), identities);
    o.insert("created_at".into(), json!(timestamp(user.created_at)));
    o.insert("updated_at".into(), json!(timestamp(user.updated_at)));
    put_time(&mut o, "banned_until", user.banned_until);
    put_time(&mut o, "deleted_at", user.deleted_at);
    o.insert("is_anonymous".into(), json!(user.is_anonymous));
    Value::Object(o)
}

/// `identity_id` is the row, `id` is who the user is at the provider: GoTrue's swap.
pub(crate) fn identity(identity: &Identity) -> Value {
    let mut o = Object::new();
    o.insert("identity_id".into(), json!(identity.id));
    o.insert("id".into(), json!(identity.provider_id));
    o.insert("user_id".into(), json!(identity.user_id));
    o.insert("identity_data".into(), Value::Object(identity.data.clone()));
    o.insert("provider".into(), json!(identity.provider));
    put_time(&mut o, "last_sign_in_at", identity.last_sign_in_at);
    put_time(&mut o, "created_at", identity.created_at);
    put_time(&mut o, "updated_at", identity.updated_at);
    put_text(&mut o, "email", &identity.email().unwrap_or_default());
    Value::Object(o)
}

/// A factor without its secret.
pub(crate) fn factor(factor: &Factor) -> Value {
    let mut o = Object::new();
    o.insert("id".into(), json!(factor.id));
    o.insert("created_at".into(), json!(timestamp(factor.created_at)));
    o.insert("updated_at".into(), json!(timestamp(factor.updated_at)));
    o.insert("status".into(), json!(factor.status.as_str()));
    put_text(&mut o, "friendly_name", factor.friendly_name.as_deref().unwrap_or(""));
    o.insert("factor_type".into(), json!(factor.kind.as_str()));
    if let Some(phone) = &factor.phone {
        o.insert("phone".into(), json!(phone));
    }
    put_time(&mut o, "last_challenged_at", factor.last_challenged_at);
    Value::Object(o)
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    #[test]
    fn times_as_go_prints_them() {
        assert_eq!(timestamp(datetime!(2026-01-02 03:04:05 UTC)), "2026-01-02T03:04:05Z");
        assert_eq!(timestamp(datetime!(2026-01-02 03:04:05.123400 UTC)), "2026-01-02T03:04:05.1234Z");
        assert_eq!(timestamp(datetime!(2026-01-02 03:04:05.5 +02:00)), "2026-01-02T01:04:05.5Z");
    }
}
