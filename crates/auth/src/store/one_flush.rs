//! The two hot requests as one statement each: everything usual in one flight, everything unusual left to the long way.

use super::user_document::{micros, user_document};

/// `$1`: user, `$2`: session of the token or null. A row only where both are there and belong together.
pub const USER: &str = concat!(
    "select ",
    user_document!(),
    " from auth.users u where u.id = $1::uuid and ($2::uuid is null
        or exists (select from auth.sessions s where s.id = $2::uuid and s.user_id = u.id))"
);

/// `$1`: token, `$2`: now, `$3`: its child, `$4`: user agent or null, `$5`: address, `$6`: write the audit log?
///
/// A row only for a token that was never used, of a session without any limit, that nobody else holds: then it is revoked, its child
/// is there, and the device facts are written. In any other case nothing happened.
pub const REFRESH: &str = concat!(
    "with held as materialized (
        select t.id, t.token, s.id as session_id, s.user_id
        from auth.refresh_tokens t join auth.sessions s on s.id = t.session_id join auth.users u on u.id = s.user_id
        where t.token = $1 and t.revoked is false and t.user_id = s.user_id::text and s.oauth_client_id is null
            and s.not_after is null and s.refresh_token_hmac_key is null
            and (u.banned_until is null or u.banned_until <= $2::timestamptz)
        for update of t, s skip locked),
    used as (update auth.refresh_tokens r set revoked = true, updated_at = $2::timestamptz from held where r.id = held.id),
    child as (insert into auth.refresh_tokens (instance_id, token, user_id, revoked, created_at, updated_at, parent, session_id)
        select '00000000-0000-0000-0000-000000000000', $3, held.user_id, false, $2::timestamptz, $2::timestamptz, held.token,
            held.session_id from held),
    seen as (update auth.sessions s set refreshed_at = $2::timestamptz at time zone 'utc', updated_at = $2::timestamptz,
            user_agent = coalesce($4::text, s.user_agent), ip = coalesce($5::text::inet, s.ip)
        from held where s.id = held.session_id),
    logged as (insert into auth.audit_log_entries (instance_id, id, payload, created_at, ip_address)
        select '00000000-0000-0000-0000-000000000000', gen_random_uuid(), json_strip_nulls(json_build_object('actor_id', u.id,
                'actor_username', coalesce(nullif(u.email, ''), u.phone, ''), 'actor_via_sso', u.is_sso_user,
                'actor_name', u.raw_user_meta_data ->> 'full_name', 'action', 'token_refreshed', 'log_type', 'token')),
            $2::timestamptz, $5::text
        from held join auth.users u on u.id = held.user_id where $6::boolean)
    select ", user_document!(), ", json_build_object('id', s.id, 'created_at', ", micros!("s.created_at"),
    ", 'aal', s.aal, 'amr', (select json_agg(json_build_object('method', a.authentication_method, 'at', ", micros!("a.updated_at"),
    ")) from auth.mfa_amr_claims a where a.session_id = s.id))
    from held join auth.users u on u.id = held.user_id join auth.sessions s on s.id = held.session_id"
);
