//! Whose account a user of a provider gets: his own, a new one, or one that the same proved address joins.
//!
//! Accounts join by addresses that are verified on both sides, and by nothing else. Who signs in by a provider to an address that
//! somebody registered and never confirmed takes the account over: what the other left there is removed.

use pg::PlatformTx;
use pg::tokio_postgres::types::Json;
use serde_json::{Value, json};
use uuid::Uuid;

use super::profile::Profile;
use crate::Auth;
use crate::audit::{Action, Actor};
use crate::error::{Code, Error};
use crate::letters::LetterKind;
use crate::model::{Identity, Object, User};
use crate::request::Req;
use crate::store;
use crate::store::sessions::Which;
use crate::store::users::{Changes, NewUser};
use crate::users::app_metadata;

/// Somebody comes from a provider.
pub(crate) struct Arrival<'a> {
    pub provider: &'a str,
    pub issuer: &'a str,
    pub profile: &'a Profile,
    pub email_optional: bool,
}

/// How it ended; both are committed.
pub(crate) enum Entered {
    In(Box<User>),
    /// The account is there, but its address is not proved: a letter was sent.
    MustConfirm(Error),
}

impl Arrival<'_> {
    fn data(&self) -> Object {
        self.profile.identity_data(self.issuer)
    }

    /// From an identity provider of a company (`sso:<id>`)? Its users are apart from all others, addresses and all.
    fn is_sso(&self) -> bool {
        self.provider.starts_with("sso:")
    }

    /// The address of the account, and whether it is proved.
    fn email(&self) -> Option<(&str, bool)> {
        self.profile.best_address().map(|address| (address.email.as_str(), address.verified))
    }

    fn verified(&self) -> impl Iterator<Item = &str> {
        self.profile.addresses.iter().filter(|address| address.verified).map(|address| address.email.as_str())
    }
}

/// Sign-in or sign-up.
///
/// # Errors
/// 422 `signup_disabled`, 403 `user_banned`, a hook's, a trigger's, or the database's.
pub(crate) async fn enter(auth: &Auth, tx: &PlatformTx, req: &Req, arrival: &Arrival<'_>) -> Result<Entered, Error> {
    if arrival.email().is_none() && !arrival.email_optional {
        let cause = anyhow::anyhow!("provider {} gave no address", arrival.provider);
        return Err(Error::internal("Error getting user email from external provider", cause));
    }
    let aud = req.audience(auth);
    // Of two first sign-ins at once, the second finds the account of the first.
    store::identities::serialize(tx, arrival.provider, &arrival.profile.sub).await?;
    if let Some(owner) = store::identities::owner(tx, arrival.provider, &arrival.profile.sub).await? {
        // The user before his identities, as everywhere: who locks them the other way round stands in the way of who unlinks one.
        let user = store::users::lock(tx, owner)
            .await?
            .ok_or_else(|| Error::not_found(Code::UserNotFound, "User not found"))?;
        refresh_identity(auth, tx, &user, arrival).await?;
        return settle(auth, tx, req, user.id, arrival).await;
    }
    match joined_user(tx, arrival, &aud).await? {
        Some(user) => {
            add_identity(auth, tx, req, &user, arrival).await?;
            settle(auth, tx, req, user.id, arrival).await
        }
        None => {
            let id = sign_up(auth, tx, req, arrival, &aud).await?;
            settle(auth, tx, req, id, arrival).await
        }
    }
}

/// The one user whom a proved address of the arrival belongs to.
async fn joined_user(tx: &PlatformTx, arrival: &Arrival<'_>, aud: &str) -> Result<Option<User>, Error> {
    let mut found: Option<Uuid> = None;
    for email in arrival.verified() {
        let holders = match arrival.is_sso() {
            true => store::identities::holders_at(tx, arrival.provider, email).await?,
            false => store::identities::proved_holders(tx, email, aud).await?,
        };
        for holder in holders {
            if found.is_some_and(|known| known != holder) {
                return Err(Error::internal(
                    "Multiple accounts with the same email address in the same linking domain detected",
                    anyhow::anyhow!("users share proved addresses"),
                ));
            }
            found = Some(holder);
        }
    }
    match found {
        Some(id) => Ok(store::users::find(tx, id).await?),
        None => Ok(None),
    }
}

async fn sign_up(auth: &Auth, tx: &PlatformTx, req: &Req, arrival: &Arrival<'_>, aud: &str) -> Result<Uuid, Error> {
    if auth.config.disable_signup {
        return Err(Error::unprocessable(Code::SignupDisabled, "Signups not allowed for this instance"));
    }
    // An address that another account has, and that is not proved here, is left out: it would tell whose it is.
    let email = match arrival.email() {
        Some((email, false)) if store::users::email_holder(tx, email, aud, None).await?.is_some() => None,
        other => other.map(|(email, _)| email.to_owned()),
    };
    let new = NewUser {
        id: crypto::random::uuid(),
        aud: aud.to_owned(),
        role: auth.config.jwt.default_group.clone(),
        email,
        app_metadata: app_metadata(arrival.provider, &[arrival.provider.to_owned()]),
        user_metadata: arrival.data(),
        is_sso_user: arrival.is_sso(),
        ..NewUser::default()
    };
    auth.before_user_created(req, &new).await?;
    auth.insert_user(tx, req, &new).await?;
    insert_identity(auth, tx, new.id, arrival).await?;
    Ok(new.id)
}

/// The end of all ways: the account may be entered, or must be confirmed first.
async fn settle(
    auth: &Auth,
    tx: &PlatformTx,
    req: &Req,
    user_id: Uuid,
    arrival: &Arrival<'_>,
) -> Result<Entered, Error> {
    let user = auth.reload(tx, user_id).await?;
    if user.is_banned(auth.clock.now()) {
        return Err(Error::forbidden(Code::UserBanned, "User is banned"));
    }
    let traits = json!({"provider": arrival.provider});
    if user.is_confirmed() {
        auth.audit(tx, req, Actor::User(&user), Action::Login, traits).await?;
        return Ok(Entered::In(Box::new(user)));
    }
    let own = arrival.profile.addresses.iter().find(|address| address.email == user.email().to_lowercase());
    let proved = own.is_some_and(|address| address.verified) || auth.config.mailer.autoconfirm;
    if user.email().is_empty() || (!proved && auth.config.mailer.allow_unverified_email_sign_ins) {
        auth.audit(tx, req, Actor::User(&user), Action::Login, traits).await?;
        return Ok(Entered::In(Box::new(user)));
    }
    if !proved {
        auth.audit(tx, req, Actor::User(&user), Action::UserConfirmationRequested, traits).await?;
        auth.send_confirmation(tx, req, &user, false).await?;
        let message = format!(
            "Unverified email with {}. A confirmation email has been sent to your {} email",
            arrival.provider, arrival.provider
        );
        return Ok(Entered::MustConfirm(Error::unprocessable(Code::ProviderEmailNeedsVerification, message)));
    }
    take_over(auth, tx, &user, arrival).await?;
    let user = auth.reload(tx, user_id).await?;
    auth.audit(tx, req, Actor::User(&user), Action::UserSignedUp, traits).await?;
    auth.confirm_email(tx, &user).await?;
    Ok(Entered::In(Box::new(auth.reload(tx, user_id).await?)))
}

/// The account was never confirmed: its password, identities and metadata may be a stranger's, who waited for the owner.
async fn take_over(auth: &Auth, tx: &PlatformTx, user: &User, arrival: &Arrival<'_>) -> Result<(), Error> {
    let kept = user.identities.iter().find(|one| is_of(one, arrival)).map(|one| one.id);
    let others = user.identities.iter().any(|one| Some(one.id) != kept);
    if !others && !user.has_password() {
        return Ok(());
    }
    if let Some(kept) = kept {
        store::identities::delete_others(tx, user.id, kept).await?;
    }
    let data = Json(arrival.data());
    Changes::new()
        .set("encrypted_password", &"")
        .set("confirmation_token", &"")
        .set("recovery_token", &"")
        .set("raw_user_meta_data", &data)
        .apply(tx, user.id, auth.clock.now())
        .await
        .map_err(|e| Error::saving("Database error updating user", e))?;
    store::one_time_tokens::clear_all(tx, user.id).await?;
    // Where unconfirmed users may sign in, the stranger may have a session, and a factor that would lock the owner out.
    store::factors::delete_all(tx, user.id).await?;
    let ended = auth.end_sessions(tx, user.id, Which::All).await?;
    auth.announce(&ended);
    auth.refresh_providers(tx, user.id).await
}

fn is_of(identity: &Identity, arrival: &Arrival<'_>) -> bool {
    identity.provider == arrival.provider && identity.provider_id == arrival.profile.sub
}

async fn insert_identity(auth: &Auth, tx: &PlatformTx, user_id: Uuid, arrival: &Arrival<'_>) -> Result<(), Error> {
    let (now, data) = (auth.clock.now(), arrival.data());
    store::identities::insert(tx, user_id, arrival.provider, &arrival.profile.sub, &data, now).await.map_err(
        |error| match error.violates("identities_provider_id_provider_unique") {
            // Two callbacks of one new user at once: the other was faster.
            true => Error::unprocessable(Code::IdentityAlreadyExists, "Identity is already linked to another user"),
            false => Error::saving("Database error creating identity", error),
        },
    )?;
    Ok(())
}

/// A further identity of a user who is there.
async fn add_identity(
    auth: &Auth,
    tx: &PlatformTx,
    req: &Req,
    user: &User,
    arrival: &Arrival<'_>,
) -> Result<(), Error> {
    insert_identity(auth, tx, user.id, arrival).await?;
    merge_metadata(auth, tx, user, arrival).await?;
    auth.refresh_providers(tx, user.id).await?;
    let traits = json!({"provider": arrival.provider, "provider_id": arrival.profile.sub});
    auth.audit(tx, req, Actor::User(user), Action::IdentityLinked, traits).await?;
    if user.is_confirmed() {
        auth.notify(tx, user, LetterKind::IdentityLinked, &[("Provider", arrival.provider)]).await?;
    }
    Ok(())
}

async fn refresh_identity(auth: &Auth, tx: &PlatformTx, user: &User, arrival: &Arrival<'_>) -> Result<(), Error> {
    if let Some(identity) = user.identities.iter().find(|one| is_of(one, arrival)) {
        let mut data = arrival.data();
        // Apple says a name once, and X may take an address back: what was known stays.
        for (key, value) in &identity.data {
            if !data.contains_key(key) {
                data.insert(key.clone(), value.clone());
            }
        }
        store::identities::signed_in(tx, identity.id, &data, auth.clock.now()).await?;
    }
    merge_metadata(auth, tx, user, arrival).await?;
    auth.refresh_providers(tx, user.id).await
}

async fn merge_metadata(auth: &Auth, tx: &PlatformTx, user: &User, arrival: &Arrival<'_>) -> Result<(), Error> {
    let (data, nothing) = (Json(arrival.data()), Vec::new());
    Changes::new()
        .merge("raw_user_meta_data", &data, &nothing)
        .apply(tx, user.id, auth.clock.now())
        .await
        .map_err(|e| Error::saving("Database error updating user", e))
}

/// A signed-in user adds this way of signing in.
///
/// # Errors
/// 422 `identity_already_exists`.
pub(super) async fn link_to(
    auth: &Auth,
    tx: &PlatformTx,
    req: &Req,
    arrival: &Arrival<'_>,
    target: Uuid,
) -> Result<Entered, Error> {
    let user = store::users::lock(tx, target)
        .await?
        .ok_or_else(|| Error::not_found(Code::UserNotFound, "Linking target user not found"))?;
    if user.is_banned(auth.clock.now()) {
        return Err(Error::forbidden(Code::UserBanned, "User is banned"));
    }
    if let Some(owner) = store::identities::owner(tx, arrival.provider, &arrival.profile.sub).await? {
        let message = match owner == user.id {
            true => "Identity is already linked",
            false => "Identity is already linked to another user",
        };
        return Err(Error::unprocessable(Code::IdentityAlreadyExists, message));
    }
    add_identity(auth, tx, req, &user, arrival).await?;
    if user.email().is_empty() {
        adopt_email(auth, tx, &user, arrival).await?;
    }
    Ok(Entered::In(Box::new(auth.reload(tx, user.id).await?)))
}

/// A user without an address (an anonymous one) gets the identity's, if it is proved and free.
async fn adopt_email(auth: &Auth, tx: &PlatformTx, user: &User, arrival: &Arrival<'_>) -> Result<(), Error> {
    let now = auth.clock.now();
    let Some((email, verified)) = arrival.email() else {
        return not_anonymous(auth, tx, user).await;
    };
    if !verified && !auth.config.mailer.autoconfirm {
        return Ok(());
    }
    if store::users::email_holder(tx, email, &user.aud, Some(user.id)).await?.is_some() {
        return Err(Error::unprocessable(
            Code::EmailExists,
            "A user with this email address has already been registered",
        ));
    }
    Changes::new()
        .set("email", &email)
        .set("email_confirmed_at", &now)
        .set("is_anonymous", &false)
        .apply(tx, user.id, now)
        .await
        .map_err(|e| Error::saving("Database error updating user", e))
}

async fn not_anonymous(auth: &Auth, tx: &PlatformTx, user: &User) -> Result<(), Error> {
    Changes::new()
        .set("is_anonymous", &false)
        .apply(tx, user.id, auth.clock.now())
        .await
        .map_err(|e| Error::saving("Database error updating user", e))
}

/// Somebody who was invited comes by a provider.
///
/// # Errors
/// 404 `invite_not_found`; 400 where the provider knows another address.
pub(super) async fn accept_invite(
    auth: &Auth,
    tx: &PlatformTx,
    req: &Req,
    arrival: &Arrival<'_>,
    token: &str,
) -> Result<Entered, Error> {
    let missing = || Error::not_found(Code::InviteNotFound, "Invite not found");
    let id = store::client_states::invited(tx, token).await?.ok_or_else(missing)?;
    let user = store::users::lock(tx, id).await?.ok_or_else(missing)?;
    let own = user.email().to_lowercase();
    if !arrival.verified().any(|email| email == own) {
        return Err(Error::invalid("Invited email does not match emails from external provider"));
    }
    insert_identity(auth, tx, user.id, arrival).await?;
    merge_metadata(auth, tx, &user, arrival).await?;
    auth.refresh_providers(tx, user.id).await?;
    auth.audit(tx, req, Actor::User(&user), Action::InviteAccepted, Value::Null).await?;
    auth.confirm_email(tx, &user).await?;
    Ok(Entered::In(Box::new(auth.reload(tx, user.id).await?)))
}
