//! A user as one JSON document, for statements that answer in text.

use serde_json::Value;
use time::OffsetDateTime;

use super::users::{factor, identity, list_of, object, text, time_at, uuid};
use crate::model::{Object, User};

/// A time as microseconds since the epoch, so that no time zone or format is in between.
macro_rules! micros {
    ($column:literal) => {
        concat!("(extract(epoch from ", $column, ") * 1000000)::bigint")
    };
}

/// A user as one JSON document of `u`, for statements that answer in text; read by [`from_document`].
macro_rules! user_document {
    () => {
        concat!(
            "json_build_object('id', u.id, 'aud', u.aud, 'role', u.role, 'email', u.email, 'phone', u.phone,
                'email_change', u.email_change, 'phone_change', u.phone_change,
                'app', u.raw_app_meta_data, 'data', u.raw_user_meta_data, 'sso', u.is_sso_user, 'anonymous', u.is_anonymous,
                'email_confirmed_at', ", micros!("u.email_confirmed_at"), ", 'invited_at', ", micros!("u.invited_at"),
            ", 'confirmation_sent_at', ", micros!("u.confirmation_sent_at"),
            ", 'recovery_sent_at', ", micros!("u.recovery_sent_at"),
            ", 'email_change_sent_at', ", micros!("u.email_change_sent_at"),
            ", 'phone_confirmed_at', ", micros!("u.phone_confirmed_at"),
            ", 'phone_change_sent_at', ", micros!("u.phone_change_sent_at"),
            ", 'reauthentication_sent_at', ", micros!("u.reauthentication_sent_at"),
            ", 'last_sign_in_at', ", micros!("u.last_sign_in_at"),
            ", 'banned_until', ", micros!("case when u.banned_until is not null then least(u.banned_until, '9999-12-31') end"),
            ", 'deleted_at', ", micros!("u.deleted_at"), ", 'created_at', ", micros!("u.created_at"),
            ", 'updated_at', ", micros!("u.updated_at"),
            ", 'identities', (select json_agg(json_build_object('id', i.id, 'provider_id', i.provider_id, 'data', i.identity_data,
                'provider', i.provider, 'last', ", micros!("i.last_sign_in_at"), ", 'created', ", micros!("i.created_at"),
            ", 'updated', ", micros!("i.updated_at"), ") order by i.created_at, i.provider, i.id)
                from auth.identities i where i.user_id = u.id),
             'factors', (select json_agg(json_build_object('id', f.id, 'name', f.friendly_name, 'kind', f.factor_type,
                'status', f.status, 'phone', f.phone, 'created', ", micros!("f.created_at"), ", 'updated', ", micros!("f.updated_at"),
            ", 'challenged', ", micros!("f.last_challenged_at"), ") order by f.created_at, f.id)
                from auth.mfa_factors f where f.user_id = u.id))"
        )
    };
}
pub(super) use {micros, user_document};

/// Reads [`user_document`]. Tokens and hashes are not in it: it is for answers, not for decisions about them.
pub(crate) fn from_document(mut o: Object) -> Option<User> {
    let id = uuid(&o, "id")?;
    let word = |key: &str| text(&o, key).unwrap_or_default();
    let flag = |key: &str| o.get(key).and_then(Value::as_bool).unwrap_or(false);
    let user = User {
        id,
        aud: word("aud"),
        role: word("role"),
        email: text(&o, "email"),
        phone: text(&o, "phone"),
        encrypted_password: None,
        email_confirmed_at: time_at(&o, "email_confirmed_at"),
        invited_at: time_at(&o, "invited_at"),
        confirmation_token: String::new(),
        confirmation_sent_at: time_at(&o, "confirmation_sent_at"),
        recovery_token: String::new(),
        recovery_sent_at: time_at(&o, "recovery_sent_at"),
        email_change_token_new: String::new(),
        email_change_token_current: String::new(),
        email_change: word("email_change"),
        email_change_sent_at: time_at(&o, "email_change_sent_at"),
        email_change_confirm_status: 0,
        phone_confirmed_at: time_at(&o, "phone_confirmed_at"),
        phone_change: word("phone_change"),
        phone_change_token: String::new(),
        phone_change_sent_at: time_at(&o, "phone_change_sent_at"),
        reauthentication_token: String::new(),
        reauthentication_sent_at: time_at(&o, "reauthentication_sent_at"),
        last_sign_in_at: time_at(&o, "last_sign_in_at"),
        app_metadata: Object::new(),
        user_metadata: Object::new(),
        is_sso_user: flag("sso"),
        is_anonymous: flag("anonymous"),
        banned_until: time_at(&o, "banned_until"),
        deleted_at: time_at(&o, "deleted_at"),
        created_at: time_at(&o, "created_at").unwrap_or(OffsetDateTime::UNIX_EPOCH),
        updated_at: time_at(&o, "updated_at").unwrap_or(OffsetDateTime::UNIX_EPOCH),
        identities: Vec::new(),
        factors: Vec::new(),
    };
    Some(User {
        app_metadata: object(o.remove("app")),
        user_metadata: object(o.remove("data")),
        identities: list_of(o.remove("identities"), |i| identity(i, id)),
        factors: list_of(o.remove("factors"), |f| factor(&f)),
        ..user
    })
}
