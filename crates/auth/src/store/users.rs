use pg::PlatformTx;
use pg::tokio_postgres::Row;
use pg::tokio_postgres::types::{Json, ToSql};
use serde_json::Value;
use time::OffsetDateTime;
use uuid::Uuid;

use super::get;
use crate::model::{Factor, FactorKind, FactorStatus, Identity, Object, OtpKind, User};

/// GoTrue serves one instance; its rows carry this id, and those that people write by hand often none.
pub(crate) const INSTANCE: Uuid = Uuid::nil();

/// A user in one row: identities and factors come aggregated, so that one round trip loads all of him.
macro_rules! select_user {
    ($($rest:literal)*) => {
        concat!(
            "select u.id, coalesce(u.aud, '') as aud, coalesce(u.role, '') as role, u.email, u.phone, u.encrypted_password,
                u.email_confirmed_at, u.invited_at, coalesce(u.confirmation_token, '') as confirmation_token,
                u.confirmation_sent_at, coalesce(u.recovery_token, '') as recovery_token, u.recovery_sent_at,
                coalesce(u.email_change_token_new, '') as email_change_token_new,
                coalesce(u.email_change_token_current, '') as email_change_token_current,
                coalesce(u.email_change, '') as email_change, u.email_change_sent_at,
                coalesce(u.email_change_confirm_status, 0::smallint) as email_change_confirm_status,
                u.phone_confirmed_at, coalesce(u.phone_change, '') as phone_change,
                coalesce(u.phone_change_token, '') as phone_change_token, u.phone_change_sent_at,
                coalesce(u.reauthentication_token, '') as reauthentication_token, u.reauthentication_sent_at,
                u.last_sign_in_at, u.raw_app_meta_data, u.raw_user_meta_data, u.is_sso_user, u.is_anonymous,
                case when u.banned_until is not null then least(u.banned_until, '9999-12-31'::timestamptz) end as banned_until, u.deleted_at,
                coalesce(u.created_at, 'epoch'::timestamptz) as created_at,
                coalesce(u.updated_at, 'epoch'::timestamptz) as updated_at,
                (select jsonb_agg(jsonb_build_object('id', i.id, 'provider_id', i.provider_id, 'data', i.identity_data,
                    'provider', i.provider, 'last', (extract(epoch from i.last_sign_in_at) * 1000000)::bigint,
                    'created', (extract(epoch from i.created_at) * 1000000)::bigint,
                    'updated', (extract(epoch from i.updated_at) * 1000000)::bigint) order by i.created_at, i.provider, i.id)
                    from auth.identities i where i.user_id = u.id) as identities,
                (select jsonb_agg(jsonb_build_object('id', f.id, 'name', f.friendly_name, 'kind', f.factor_type,
                    'status', f.status, 'phone', f.phone, 'created', (extract(epoch from f.created_at) * 1000000)::bigint,
                    'updated', (extract(epoch from f.updated_at) * 1000000)::bigint,
                    'challenged', (extract(epoch from f.last_challenged_at) * 1000000)::bigint) order by f.created_at, f.id)
                    from auth.mfa_factors f where f.user_id = u.id) as factors
            from auth.users u ", $($rest),*)
    };
}

const BY_ID: &str = select_user!("where u.id = $1");
const LOCK: &str = "select 1 from auth.users where id = $1 for update";
const BY_EMAIL: &str = select_user!(
    "where (u.instance_id = $1 or u.instance_id is null) and lower(u.email) = $2 and u.aud = $3 and not u.is_sso_user limit 1"
);
const BY_PHONE: &str = select_user!(
    "where (u.instance_id = $1 or u.instance_id is null) and u.phone = $2 and u.aud = $3 and not u.is_sso_user"
);
const BY_PHONE_CHANGE: &str = select_user!(
    "where (u.instance_id = $1 or u.instance_id is null) and u.phone_change = $2 and u.aud = $3 and not u.is_sso_user limit 1"
);

pub(crate) async fn find(tx: &PlatformTx, id: Uuid) -> Result<Option<User>, pg::Error> {
    one(tx.row(BY_ID, &[&id]).await?.as_ref())
}

/// Locks the row: for a decision that must not be taken twice.
///
/// Then reads it by a statement of its own: one that waited for the lock would still see identities and factors as they were before.
pub(crate) async fn lock(tx: &PlatformTx, id: Uuid) -> Result<Option<User>, pg::Error> {
    match tx.row(LOCK, &[&id]).await? {
        Some(_) => find(tx, id).await,
        None => Ok(None),
    }
}

/// `email` in lower case.
pub(crate) async fn find_by_email(tx: &PlatformTx, email: &str, aud: &str) -> Result<Option<User>, pg::Error> {
    one(tx.row(BY_EMAIL, &[&INSTANCE, &email, &aud]).await?.as_ref())
}

pub(crate) async fn find_by_phone(tx: &PlatformTx, phone: &str, aud: &str) -> Result<Option<User>, pg::Error> {
    one(tx.row(BY_PHONE, &[&INSTANCE, &phone, &aud]).await?.as_ref())
}

pub(crate) async fn find_by_phone_change(tx: &PlatformTx, phone: &str, aud: &str) -> Result<Option<User>, pg::Error> {
    one(tx.row(BY_PHONE_CHANGE, &[&INSTANCE, &phone, &aud]).await?.as_ref())
}

const FOR_EMAIL_CHANGE: &str = select_user!(
    "where (u.instance_id = $1 or u.instance_id is null) and u.aud = $3 and not u.is_sso_user and u.email_change <> ''
        and (lower(u.email) = $2 or lower(u.email_change) = $2) order by u.email_change_sent_at desc nulls last limit 1"
);

/// Whose change of address is under way, by the old address or the new one?
pub(crate) async fn find_for_email_change(tx: &PlatformTx, email: &str, aud: &str) -> Result<Option<User>, pg::Error> {
    one(tx.row(FOR_EMAIL_CHANGE, &[&INSTANCE, &email, &aud]).await?.as_ref())
}

/// Another user who holds this address, by his row or by an identity that is not of an SSO provider.
const EMAIL_HOLDER: &str = "select u.id from auth.users u
    where (u.instance_id = $1 or u.instance_id is null) and u.aud = $3 and not u.is_sso_user and u.id is distinct from $4
        and (lower(u.email) = $2 or exists (select from auth.identities i
            where i.user_id = u.id and i.email = $2 and i.provider not like 'sso:%'))
    order by (lower(u.email) = $2) desc nulls last limit 1";

/// Who, other than `except`, holds this address?
pub(crate) async fn email_holder(
    tx: &PlatformTx,
    email: &str,
    aud: &str,
    except: Option<Uuid>,
) -> Result<Option<User>, pg::Error> {
    match tx.row(EMAIL_HOLDER, &[&INSTANCE, &email, &aud, &except]).await? {
        Some(row) => find(tx, get(&row, "id")?).await,
        None => Ok(None),
    }
}

/// What a new user has at birth.
#[derive(Debug, Clone, Default)]
pub(crate) struct NewUser {
    pub id: Uuid,
    pub aud: String,
    pub role: String,
    pub email: Option<String>,
    pub phone: Option<String>,
    pub encrypted_password: Option<String>,
    pub app_metadata: Object,
    pub user_metadata: Object,
    pub is_anonymous: bool,
    pub is_sso_user: bool,
    pub banned_until: Option<OffsetDateTime>,
}

const INSERT: &str = "insert into auth.users (instance_id, id, aud, role, email, phone, encrypted_password, raw_app_meta_data,
        raw_user_meta_data, is_anonymous, is_sso_user, banned_until, confirmation_token, recovery_token, email_change_token_new,
        email_change, created_at, updated_at)
    values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, '', '', '', '', $13, $13)";

pub(crate) async fn insert(tx: &PlatformTx, user: &NewUser, now: OffsetDateTime) -> Result<(), pg::Error> {
    let password = user.encrypted_password.as_deref().unwrap_or("");
    tx.execute(
        INSERT,
        &[
            &INSTANCE,
            &user.id,
            &user.aud,
            &user.role,
            &user.email,
            &user.phone,
            &password,
            &Json(&user.app_metadata),
            &Json(&user.user_metadata),
            &user.is_anonymous,
            &user.is_sso_user,
            &user.banned_until,
            &now,
        ],
    )
    .await?;
    Ok(())
}

/// Columns of one user to write, so that triggers `update of <column>` see only what changes.
pub(crate) struct Changes<'a> {
    assignments: Vec<String>,
    params: Vec<&'a (dyn ToSql + Sync)>,
}

impl<'a> Changes<'a> {
    pub fn new() -> Self {
        Self { assignments: Vec::new(), params: Vec::new() }
    }

    pub fn is_empty(&self) -> bool {
        self.assignments.is_empty()
    }

    /// `column` is a literal of ours, never input.
    #[must_use]
    pub fn set(mut self, column: &'static str, value: &'a (dyn ToSql + Sync)) -> Self {
        self.params.push(value);
        self.assignments.push(format!("{column} = ${}", self.params.len() + 2));
        self
    }

    /// Merges into a jsonb column; keys of `remove` are deleted.
    #[must_use]
    pub fn merge(mut self, column: &'static str, set: &'a Json<Object>, remove: &'a Vec<String>) -> Self {
        self.params.push(set);
        let at = self.params.len() + 2;
        self.params.push(remove);
        self.assignments.push(format!(
            "{column} = (case when jsonb_typeof({column}) = 'object' then {column} else '{{}}' end || ${at}::jsonb) - ${}::text[]",
            at + 1
        ));
        self
    }

    /// Writes them, and `updated_at`.
    ///
    /// # Errors
    /// What PostgreSQL said: also what a trigger of the application said.
    pub async fn apply(self, tx: &PlatformTx, id: Uuid, now: OffsetDateTime) -> Result<(), pg::Error> {
        let mut sql = "update auth.users set updated_at = $2".to_owned();
        for assignment in &self.assignments {
            sql.push_str(", ");
            sql.push_str(assignment);
        }
        sql.push_str(" where id = $1");
        let mut params: Vec<&(dyn ToSql + Sync)> = vec![&id, &now];
        params.extend(self.params);
        tx.execute(&sql, &params).await?;
        Ok(())
    }
}

/// Splits what a client sent into keys to set and keys to delete (those that are null).
pub(crate) fn metadata_changes(data: Object) -> (Json<Object>, Vec<String>) {
    let (set, remove): (Object, Object) = data.into_iter().partition(|(_, value)| !value.is_null());
    (Json(set), remove.into_iter().map(|(key, _)| key).collect())
}

/// Waits for whoever holds the row, and then looks at it as it is.
const TOUCH_SIGN_IN: &str = "update auth.users set last_sign_in_at = $2, updated_at = $2
    where id = $1 and deleted_at is null and (banned_until is null or banned_until <= $2)";

/// He signs in now. `false`: he was banned or deleted meanwhile, and nothing is written.
pub(crate) async fn signed_in(tx: &PlatformTx, id: Uuid, now: OffsetDateTime) -> Result<bool, pg::Error> {
    Ok(tx.execute(TOUCH_SIGN_IN, &[&id, &now]).await? > 0)
}

/// Empties the column of a kind of one-time token.
pub(crate) async fn burn_token(tx: &PlatformTx, id: Uuid, kind: OtpKind, now: OffsetDateTime) -> Result<(), pg::Error> {
    Changes::new().set(kind.as_str(), &"").apply(tx, id, now).await
}

const DELETE: &str = "delete from auth.users where id = $1";

pub(crate) async fn delete(tx: &PlatformTx, id: Uuid) -> Result<(), pg::Error> {
    tx.execute(DELETE, &[&id]).await?;
    Ok(())
}

/// Which users the admin's list shows.
#[derive(Debug, Clone, Default)]
pub(crate) struct ListQuery {
    pub filter: Option<String>,
    pub email: Option<String>,
    pub ascending: bool,
    pub limit: i64,
    pub offset: i64,
}

const LIST_ASC: &str = select_user!(
    "where (u.instance_id = $1 or u.instance_id is null) and u.aud = $2 and ($3::text is null or u.email like '%' || $3 || '%'
        or u.raw_user_meta_data ->> 'full_name' ilike '%' || $3 || '%') and ($4::text is null or lower(u.email) = $4)
     order by u.created_at asc, u.id asc limit $5 offset $6"
);
const LIST_DESC: &str = select_user!(
    "where (u.instance_id = $1 or u.instance_id is null) and u.aud = $2 and ($3::text is null or u.email like '%' || $3 || '%'
        or u.raw_user_meta_data ->> 'full_name' ilike '%' || $3 || '%') and ($4::text is null or lower(u.email) = $4)
     order by u.created_at desc, u.id desc limit $5 offset $6"
);
const COUNT: &str =
    "select count(*) from auth.users u where (u.instance_id = $1 or u.instance_id is null) and u.aud = $2
    and ($3::text is null or u.email like '%' || $3 || '%'
        or u.raw_user_meta_data ->> 'full_name' ilike '%' || $3 || '%') and ($4::text is null or lower(u.email) = $4)";

/// A page of users, and how many there are.
pub(crate) async fn list(tx: &PlatformTx, aud: &str, query: &ListQuery) -> Result<(Vec<User>, i64), pg::Error> {
    let sql = if query.ascending { LIST_ASC } else { LIST_DESC };
    let rows = tx.rows(sql, &[&INSTANCE, &aud, &query.filter, &query.email, &query.limit, &query.offset]).await?;
    let users = rows.iter().map(from_row).collect::<Result<_, _>>()?;
    let count = tx.row(COUNT, &[&INSTANCE, &aud, &query.filter, &query.email]).await?;
    Ok((users, count.map(|row| get(&row, "count")).transpose()?.unwrap_or(0)))
}

fn one(row: Option<&Row>) -> Result<Option<User>, pg::Error> {
    row.map(from_row).transpose()
}

pub(super) fn object(value: Option<Value>) -> Object {
    match value {
        Some(Value::Object(object)) => object,
        _ => Object::new(),
    }
}

/// Reads a row of [`select_user`].
pub(crate) fn from_row(row: &Row) -> Result<User, pg::Error> {
    let id: Uuid = get(row, "id")?;
    let identities = list_of(get(row, "identities")?, |o| identity(o, id));
    let factors = list_of(get(row, "factors")?, |o| factor(&o));
    Ok(User {
        id,
        aud: get(row, "aud")?,
        role: get(row, "role")?,
        email: get(row, "email")?,
        phone: get(row, "phone")?,
        encrypted_password: get(row, "encrypted_password")?,
        email_confirmed_at: get(row, "email_confirmed_at")?,
        invited_at: get(row, "invited_at")?,
        confirmation_token: get(row, "confirmation_token")?,
        confirmation_sent_at: get(row, "confirmation_sent_at")?,
        recovery_token: get(row, "recovery_token")?,
        recovery_sent_at: get(row, "recovery_sent_at")?,
        email_change_token_new: get(row, "email_change_token_new")?,
        email_change_token_current: get(row, "email_change_token_current")?,
        email_change: get(row, "email_change")?,
        email_change_sent_at: get(row, "email_change_sent_at")?,
        email_change_confirm_status: get(row, "email_change_confirm_status")?,
        phone_confirmed_at: get(row, "phone_confirmed_at")?,
        phone_change: get(row, "phone_change")?,
        phone_change_token: get(row, "phone_change_token")?,
        phone_change_sent_at: get(row, "phone_change_sent_at")?,
        reauthentication_token: get(row, "reauthentication_token")?,
        reauthentication_sent_at: get(row, "reauthentication_sent_at")?,
        last_sign_in_at: get(row, "last_sign_in_at")?,
        app_metadata: object(get(row, "raw_app_meta_data")?),
        user_metadata: object(get(row, "raw_user_meta_data")?),
        is_sso_user: get(row, "is_sso_user")?,
        is_anonymous: get(row, "is_anonymous")?,
        banned_until: get(row, "banned_until")?,
        deleted_at: get(row, "deleted_at")?,
        created_at: get(row, "created_at")?,
        updated_at: get(row, "updated_at")?,
        identities,
        factors,
    })
}

pub(super) fn list_of<T>(value: Option<Value>, read: impl Fn(Object) -> Option<T>) -> Vec<T> {
    match value {
        Some(Value::Array(items)) => items
            .into_iter()
            .filter_map(|item| match item {
                Value::Object(object) => read(object),
                _ => None,
            })
            .collect(),
        _ => Vec::new(),
    }
}

pub(crate) fn time_at(object: &Object, key: &str) -> Option<OffsetDateTime> {
    let micros = object.get(key)?.as_i64()?;
    OffsetDateTime::from_unix_timestamp_nanos(i128::from(micros) * 1_000).ok()
}

pub(super) fn text(object: &Object, key: &str) -> Option<String> {
    object.get(key)?.as_str().map(str::to_owned)
}

pub(super) fn uuid(object: &Object, key: &str) -> Option<Uuid> {
    object.get(key)?.as_str()?.parse().ok()
}

pub(super) fn identity(mut o: Object, user_id: Uuid) -> Option<Identity> {
    Some(Identity {
        id: uuid(&o, "id")?,
        provider_id: text(&o, "provider_id")?,
        user_id,
        provider: text(&o, "provider")?,
        last_sign_in_at: time_at(&o, "last"),
        created_at: time_at(&o, "created"),
        updated_at: time_at(&o, "updated"),
        data: object(o.remove("data")),
    })
}

pub(super) fn factor(o: &Object) -> Option<Factor> {
    Some(Factor {
        id: uuid(o, "id")?,
        friendly_name: text(o, "name"),
        kind: FactorKind::parse(&text(o, "kind")?)?,
        status: match text(o, "status")?.as_str() {
            "verified" => FactorStatus::Verified,
            _ => FactorStatus::Unverified,
        },
        phone: text(o, "phone"),
        created_at: time_at(o, "created")?,
        updated_at: time_at(o, "updated")?,
        last_challenged_at: time_at(o, "challenged"),
    })
}
