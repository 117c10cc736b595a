//! What several flows do with a user: make one, confirm him, give him a password, keep his providers in order.

use base::Secret;
use crypto::password::HashError;
use pg::PlatformTx;
use pg::tokio_postgres::types::Json;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::Auth;
use crate::config::HookPoint;
use crate::error::{Code, Error};
use crate::model::{Object, User};
use crate::request::Req;
use crate::store::users::{Changes, NewUser};
use crate::{hooks, rules, store, wire};

/// `app_metadata` of a user with these providers.
pub(crate) fn app_metadata(provider: &str, providers: &[String]) -> Object {
    let mut o = Object::new();
    if !provider.is_empty() {
        o.insert("provider".into(), json!(provider));
        o.insert("providers".into(), json!(providers));
    }
    o
}

/// What an identity of provider `email` or `phone` says of its user: contact and data of the sign-up.
pub(crate) fn contact_identity(user_id: Uuid, contact: (&str, &str), verified: bool, data: &Object) -> Object {
    let mut o = Object::new();
    o.insert("sub".into(), json!(user_id));
    o.insert(contact.0.into(), json!(contact.1));
    o.insert("email_verified".into(), json!(verified && contact.0 == "email"));
    o.insert("phone_verified".into(), json!(verified && contact.0 == "phone"));
    for (key, value) in data {
        if !o.contains_key(key) && !value.is_null() {
            o.insert(key.clone(), value.clone());
        }
    }
    o
}

impl Auth {
    /// Makes a hash on the threads for hashes.
    ///
    /// # Errors
    /// 400 for a password that cannot be hashed whole, 429 where the queue is full.
    pub(crate) async fn hash_password(&self, password: &str) -> Result<String, Error> {
        rules::password::hashable(password)?;
        self.hasher.hash(Secret::new(password.to_owned())).await.map_err(hash_error)
    }

    /// Does the password fit the user's hash? For nobody, the same work is done in vain.
    ///
    /// # Errors
    /// 429 where the queue is full.
    pub(crate) async fn password_fits(&self, user: Option<&User>, password: &str) -> Result<bool, Error> {
        let password = Secret::new(password.to_owned());
        let hash = user.and_then(|user| user.encrypted_password.as_deref()).filter(|hash| !hash.is_empty());
        let Some(hash) = hash else { return self.hasher.verify_nobody(password).await.map_err(hash_error) };
        match self.hasher.verify(password, hash).await {
            Ok(fits) => Ok(fits),
            Err(HashError::Busy(busy)) => Err(hash_error(HashError::Busy(busy))),
            Err(HashError::Password(error)) => {
                tracing::warn!(target: "auth", %error, "a stored password hash cannot be read: nobody can sign in with it");
                Ok(false)
            }
        }
    }

    /// Asks the hook, inserts the user, tells the other hook.
    ///
    /// # Errors
    /// The hook's; 500 with the name of the trigger that refused.
    pub(crate) async fn insert_user(&self, tx: &PlatformTx, req: &Req, new: &NewUser) -> Result<(), Error> {
        let now = self.clock.now();
        store::users::insert(tx, new, now).await.map_err(|error| {
            duplicate(&error).unwrap_or_else(|| Error::saving("Database error saving new user", error))
        })?;
        if self.has_hook(HookPoint::AfterUserCreated)
            && let Some(user) = store::users::find(tx, new.id).await?
        {
            let input = json!({
                "metadata": hooks::metadata(HookPoint::AfterUserCreated, Some(req), now), "user": wire::user(&user),
            });
            self.run_hook(Some(tx), HookPoint::AfterUserCreated, &input).await?;
        }
        Ok(())
    }

    /// The application may refuse a new user. Before the transaction: the hook may be far away.
    ///
    /// # Errors
    /// The hook's.
    pub(crate) async fn before_user_created(&self, req: &Req, new: &NewUser) -> Result<(), Error> {
        if !self.has_hook(HookPoint::BeforeUserCreated) {
            return Ok(());
        }
        let now = self.clock.now();
        let input = json!({
            "metadata": hooks::metadata(HookPoint::BeforeUserCreated, Some(req), now),
            "user": wire::user(&unsaved(new, now)),
        });
        self.run_hook(None, HookPoint::BeforeUserCreated, &input).await.map(drop)
    }

    /// Inserts the identity of an address or number.
    ///
    /// # Errors
    /// The database's.
    pub(crate) async fn insert_contact_identity(
        &self,
        tx: &PlatformTx,
        user_id: Uuid,
        provider: &str,
        data: &Object,
    ) -> Result<(), Error> {
        store::identities::insert(tx, user_id, provider, &user_id.to_string(), data, self.clock.now())
            .await
            .map_err(|e| Error::saving("Database error creating identity", e))?;
        Ok(())
    }

    /// The address is his.
    ///
    /// # Errors
    /// A trigger's, or the database's.
    pub(crate) async fn confirm_email(&self, tx: &PlatformTx, user: &User) -> Result<(), Error> {
        let now = self.clock.now();
        let verified = Json(object(json!({"email_verified": true})));
        let nothing = Vec::new();
        Changes::new()
            .set("confirmation_token", &"")
            .set("email_confirmed_at", &now)
            .merge("raw_user_meta_data", &verified, &nothing)
            .apply(tx, user.id, now)
            .await
            .map_err(|e| Error::saving("Database error confirming user", e))?;
        for identity in user.identities.iter().filter(|i| i.email().as_deref() == Some(user.email())) {
            store::identities::merge_data(tx, identity.id, &verified.0, now).await?;
        }
        store::one_time_tokens::clear_all(tx, user.id).await?;
        Ok(())
    }

    /// The number is his.
    ///
    /// # Errors
    /// A trigger's, or the database's.
    pub(crate) async fn confirm_phone(&self, tx: &PlatformTx, user: &User) -> Result<(), Error> {
        let now = self.clock.now();
        let verified = Json(object(json!({"phone_verified": true})));
        let nothing = Vec::new();
        Changes::new()
            .set("confirmation_token", &"")
            .set("phone_confirmed_at", &now)
            .merge("raw_user_meta_data", &verified, &nothing)
            .apply(tx, user.id, now)
            .await
            .map_err(|e| Error::saving("Database error confirming user", e))?;
        if let Some(identity) = user.identity("phone") {
            store::identities::merge_data(tx, identity.id, &verified.0, now).await?;
        }
        store::one_time_tokens::clear_all(tx, user.id).await?;
        Ok(())
    }

    /// `app_metadata.provider` and `.providers` from the identities as they are now.
    ///
    /// # Errors
    /// The database's.
    pub(crate) async fn refresh_providers(&self, tx: &PlatformTx, user_id: Uuid) -> Result<(), Error> {
        let now = self.clock.now();
        let providers = store::identities::providers(tx, user_id).await?;
        let first = providers.first().map(String::as_str).unwrap_or_default();
        let set = Json(app_metadata(first, &providers));
        let nothing = Vec::new();
        Changes::new()
            .merge("raw_app_meta_data", &set, &nothing)
            .apply(tx, user_id, now)
            .await
            .map_err(|e| Error::saving("Database error updating user", e))
    }

    /// Sets a hash, and takes back every token that is on its way to the user.
    ///
    /// # Errors
    /// A trigger's, or the database's.
    pub(crate) async fn set_password(&self, tx: &PlatformTx, user_id: Uuid, hash: &str) -> Result<(), Error> {
        let now = self.clock.now();
        Changes::new()
            .set("encrypted_password", &hash)
            .set("confirmation_token", &"")
            .set("recovery_token", &"")
            .set("email_change_token_new", &"")
            .set("email_change_token_current", &"")
            .set("phone_change_token", &"")
            .set("reauthentication_token", &"")
            .apply(tx, user_id, now)
            .await
            .map_err(|e| Error::saving("Database error updating user", e))?;
        store::one_time_tokens::clear_all(tx, user_id).await?;
        Ok(())
    }

    /// The user as he is now; he was there a moment ago.
    ///
    /// # Errors
    /// 404 `user_not_found`.
    pub(crate) async fn reload(&self, tx: &PlatformTx, id: Uuid) -> Result<User, Error> {
        store::users::find(tx, id).await?.ok_or_else(|| Error::not_found(Code::UserNotFound, "User not found"))
    }
}

/// A unique index refused: somebody was faster.
fn duplicate(error: &pg::Error) -> Option<Error> {
    if error.violates("users_email_partial_key") {
        return Some(Error::unprocessable(Code::UserAlreadyExists, "User already registered"));
    }
    if error.violates("users_phone_key") {
        return Some(Error::unprocessable(
            Code::PhoneExists,
            "A user with this phone number has already been registered",
        ));
    }
    error
        .violates("users_pkey")
        .then(|| Error::unprocessable(Code::UserAlreadyExists, "A user with this id has already been registered"))
}

fn hash_error(error: HashError) -> Error {
    match error {
        HashError::Busy(_) => {
            Error::too_many(Code::OverRequestRateLimit, "Too many password checks at once, please try again", 2)
        }
        HashError::Password(error) => Error::internal("Error hashing password", error),
    }
}

/// `json!({…})` as an object.
pub(crate) fn object(value: Value) -> Object {
    match value {
        Value::Object(object) => object,
        _ => Object::new(),
    }
}

/// A user who is not in the database: before his birth, or in the answer that does not tell whether he exists.
pub(crate) fn unsaved(new: &NewUser, now: time::OffsetDateTime) -> User {
    User {
        id: new.id,
        aud: new.aud.clone(),
        role: new.role.clone(),
        email: new.email.clone(),
        phone: new.phone.clone(),
        encrypted_password: None,
        email_confirmed_at: None,
        invited_at: None,
        confirmation_token: String::new(),
        confirmation_sent_at: None,
        recovery_token: String::new(),
        recovery_sent_at: None,
        email_change_token_new: String::new(),
        email_change_token_current: String::new(),
        email_change: String::new(),
        email_change_sent_at: None,
        email_change_confirm_status: 0,
        phone_confirmed_at: None,
        phone_change: String::new(),
        phone_change_token: String::new(),
        phone_change_sent_at: None,
        reauthentication_token: String::new(),
        reauthentication_sent_at: None,
        last_sign_in_at: None,
        app_metadata: new.app_metadata.clone(),
        user_metadata: new.user_metadata.clone(),
        is_sso_user: new.is_sso_user,
        is_anonymous: new.is_anonymous,
        banned_until: new.banned_until,
        deleted_at: None,
        created_at: now,
        updated_at: now,
        identities: Vec::new(),
        factors: Vec::new(),
    }
}
