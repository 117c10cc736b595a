//! GET and POST /admin/users, GET /admin/users/{id}.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::response::IntoResponse;
use base::Secret;
use http::{HeaderName, HeaderValue, header};
use serde::Deserialize;
use serde_json::{Value, json};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::Auth;
use crate::audit::{Action, Actor};
use crate::config::parse_duration;
use crate::error::{Code, Error};
use crate::model::Object;
use crate::request::Req;
use crate::routes::{Answer, ok};
use crate::rules::contact;
use crate::store::users::{ListQuery, NewUser};
use crate::users::{app_metadata, contact_identity};
use crate::{store, wire};

/// Users of a page at most.
const PER_PAGE_MAX: i64 = 1000;

/// What an admin sends to create or change a user.
#[derive(Deserialize, Default)]
#[serde(default)]
pub(crate) struct Params {
    pub id: String,
    pub aud: String,
    pub role: String,
    pub email: String,
    pub phone: String,
    pub password: Option<String>,
    pub password_hash: String,
    pub email_confirm: bool,
    pub phone_confirm: bool,
    pub user_metadata: Option<Object>,
    pub app_metadata: Option<Object>,
    pub ban_duration: String,
    pub nonce: String,
}

/// Reads `ban_duration`: `Some(None)` lifts a ban.
///
/// # Errors
/// 400 `validation_failed`.
pub(crate) fn ban(text: &str, now: OffsetDateTime) -> Result<Option<Option<OffsetDateTime>>, Error> {
    match text {
        "" => Ok(None),
        "none" => Ok(Some(None)),
        text => {
            let wrong = |e: String| Error::invalid(format!("invalid format for ban duration: {e}"));
            let duration = parse_duration(text).map_err(wrong)?;
            let until = now.checked_add(time::Duration::try_from(duration).unwrap_or(time::Duration::MAX));
            let until = until.filter(|at| at.year() < 9999).ok_or_else(|| wrong("too long".to_owned()))?;
            Ok(Some(Some(until)))
        }
    }
}

pub(crate) async fn list(State(auth): State<Arc<Auth>>, req: Req) -> Answer {
    auth.require_admin(&req)?;
    let number = |name: &str, default: i64| match req.query(name) {
        None | Some("") => Ok(default),
        Some(text) => text
            .parse::<i64>()
            .ok()
            .filter(|n| *n >= 0)
            .ok_or_else(|| Error::invalid(format!("Bad Pagination Parameters: {name} must be a positive number"))),
    };
    let page = number("page", 1)?.max(1);
    let per_page = number("per_page", 50)?.clamp(1, PER_PAGE_MAX);
    let sort = req.query("sort").unwrap_or_default();
    let ascending = match sort.split_whitespace().collect::<Vec<_>>().as_slice() {
        [] | ["created_at"] | ["created_at", "desc"] => false,
        ["created_at", "asc"] => true,
        _ => return Err(Error::invalid(format!("Bad Sort Parameters: {sort}"))),
    };
    let text = |name: &str| req.query(name).filter(|text| !text.is_empty()).map(str::to_owned);
    let query = ListQuery {
        filter: text("filter"),
        email: text("email").map(|email| email.to_lowercase()),
        ascending,
        limit: per_page,
        offset: (page - 1).checked_mul(per_page).ok_or_else(|| Error::invalid("Bad Pagination Parameters"))?,
    };
    let aud = req.audience(&auth);
    let tx = auth.begin().await?;
    let (users, total) = store::users::list(&tx, &aud, &query).await?;
    tx.commit().await?;
    let users: Vec<Value> = users.iter().map(wire::user_in_list).collect();
    let mut response = axum::Json(json!({"users": users, "aud": aud})).into_response();
    page_headers(response.headers_mut(), "admin/users", page, per_page, total);
    Ok(response)
}

/// `X-Total-Count`, and `Link` to the next and the last page.
pub(crate) fn page_headers(headers: &mut http::HeaderMap, path: &str, page: i64, per_page: i64, total: i64) {
    headers.insert(HeaderName::from_static("x-total-count"), HeaderValue::from(total));
    let last = (total + per_page - 1).div_euclid(per_page).max(1);
    let mut links = Vec::new();
    if page < last {
        links.push(format!("</{path}?page={}&per_page={per_page}>; rel=\"next\"", page + 1));
    }
    links.push(format!("</{path}?page={last}&per_page={per_page}>; rel=\"last\""));
    if let Ok(value) = HeaderValue::from_str(&links.join(", ")) {
        headers.insert(header::LINK, value);
    }
}

pub(crate) async fn get(State(auth): State<Arc<Auth>>, Path(id): Path<String>, req: Req) -> Answer {
    auth.require_admin(&req)?;
    let tx = auth.begin().await?;
    let user = super::user_of_path(&auth, &tx, &id).await?;
    tx.commit().await?;
    ok(wire::user(&user))
}

pub(crate) async fn create(State(auth): State<Arc<Auth>>, req: Req) -> Answer {
    let admin = auth.require_admin(&req)?;
    let params: Params = req.json()?;
    let new = new_user(&auth, &req, &params).await?;
    auth.before_user_created(&req, &new).await?;
    let tx = auth.begin().await?;
    if let Some(email) = &new.email
        && store::users::email_holder(&tx, email, &new.aud, None).await?.is_some()
    {
        return Err(email_exists());
    }
    if let Some(phone) = &new.phone
        && store::users::find_by_phone(&tx, phone, &new.aud).await?.is_some()
    {
        return Err(phone_exists());
    }
    auth.insert_user(&tx, &req, &new).await.map_err(|error| match (error.code(), &new.email) {
        (Code::UserAlreadyExists, Some(_)) => email_exists(),
        _ => error,
    })?;
    for (provider, contact, confirmed) in
        [("email", &new.email, params.email_confirm), ("phone", &new.phone, params.phone_confirm)]
    {
        if let Some(contact) = contact {
            let data = contact_identity(new.id, (provider, contact), confirmed, &Object::new());
            auth.insert_contact_identity(&tx, new.id, provider, &data).await?;
        }
    }
    if params.email_confirm && new.email.is_some() {
        let user = auth.reload(&tx, new.id).await?;
        auth.confirm_email(&tx, &user).await?;
    }
    if params.phone_confirm && new.phone.is_some() {
        let user = auth.reload(&tx, new.id).await?;
        auth.confirm_phone(&tx, &user).await?;
    }
    let user = auth.reload(&tx, new.id).await?;
    let traits = json!({"user_id": user.id, "user_email": user.email(), "user_phone": user.phone()});
    auth.audit(&tx, &req, Actor::Admin(admin.role()), Action::UserSignedUp, traits).await?;
    tx.commit().await?;
    ok(wire::user(&user))
}

pub(crate) fn email_exists() -> Error {
    Error::unprocessable(Code::EmailExists, "A user with this email address has already been registered")
}

pub(crate) fn phone_exists() -> Error {
    Error::unprocessable(Code::PhoneExists, "A user with this phone number has already been registered")
}

/// The hash that an admin gives, or one of the password that he gives. The strength is his business when he creates.
///
/// # Errors
/// 400 `validation_failed`.
pub(crate) async fn hash_of(auth: &Auth, params: &Params) -> Result<Option<String>, Error> {
    let password = params.password.as_deref().filter(|password| !password.is_empty());
    if !params.password_hash.is_empty() {
        if password.is_some() {
            return Err(Error::invalid("Only a password or a password hash should be provided"));
        }
        crypto::password::check_form(&params.password_hash)
            .map_err(|e| Error::invalid(format!("Invalid password_hash: {e}")))?;
        if params.password_hash.len() > 255 {
            return Err(Error::invalid("Invalid password_hash: longer than 255 characters"));
        }
        return Ok(Some(params.password_hash.clone()));
    }
    match password {
        Some(password) => auth.hash_password(password).await.map(Some),
        None => Ok(None),
    }
}

async fn new_user(auth: &Auth, req: &Req, params: &Params) -> Result<NewUser, Error> {
    if params.email.is_empty() && params.phone.is_empty() {
        return Err(Error::invalid("Cannot create a user without either an email or phone"));
    }
    let email = (!params.email.is_empty()).then(|| contact::email(&params.email)).transpose()?;
    let phone = (!params.phone.is_empty()).then(|| contact::phone(&params.phone)).transpose()?;
    let id = match params.id.as_str() {
        "" => crypto::random::uuid(),
        text => text
            .parse::<Uuid>()
            .ok()
            .filter(|id| !id.is_nil())
            .ok_or_else(|| Error::invalid("ID must conform to the uuid v4 format"))?,
    };
    let now = auth.clock.now();
    let banned_until = ban(&params.ban_duration, now)?.flatten();
    let hash = match hash_of(auth, params).await? {
        Some(hash) => hash,
        // A user without a password has one that nobody knows, as upstream: `encrypted_password` is never a way in.
        None => auth.hasher.hash(Secret::new(crypto::random::base64url::<32>())).await.unwrap_or_default(),
    };
    let mut providers = Vec::new();
    if email.is_some() {
        providers.push("email".to_owned());
    }
    if phone.is_some() {
        providers.push("phone".to_owned());
    }
    let first = providers[0].clone();
    let mut metadata = app_metadata(&first, &providers);
    for (key, value) in params.app_metadata.clone().unwrap_or_default() {
        metadata.entry(key).or_insert(value);
    }
    check_length("role", &params.role)?;
    check_length("aud", &params.aud)?;
    let role = if params.role.is_empty() { auth.config.jwt.default_group.clone() } else { params.role.clone() };
    let aud = if params.aud.is_empty() { req.audience(auth) } else { params.aud.clone() };
    Ok(NewUser {
        id,
        aud,
        role,
        email,
        phone,
        encrypted_password: Some(hash),
        app_metadata: metadata,
        user_metadata: params.user_metadata.clone().unwrap_or_default(),
        banned_until,
        ..NewUser::default()
    })
}

/// Columns of 255 characters.
///
/// # Errors
/// 400 `validation_failed`.
pub(crate) fn check_length(name: &str, text: &str) -> Result<(), Error> {
    if text.chars().count() > 255 {
        return Err(Error::invalid(format!("{name} cannot be longer than 255 characters")));
    }
    Ok(())
}
