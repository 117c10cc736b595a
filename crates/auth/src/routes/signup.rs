//! POST /signup: with an address, with a number, or with neither.

use std::sync::Arc;

use axum::extract::State;
use http::StatusCode;
use pg::PlatformTx;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Answer, ok};
use crate::Auth;
use crate::audit::{Action, Actor};
use crate::error::{Code, Error};
use crate::limits::Limited;
use crate::messages::check_channel;
use crate::model::{Method, Object, OtpKind, User};
use crate::request::Req;
use crate::rules::pkce::Challenge;
use crate::rules::{contact, pkce};
use crate::store::flow_state::NewFlowState;
use crate::store::users::NewUser;
use crate::users::{app_metadata, contact_identity, unsaved};
use crate::{store, wire};

#[derive(Deserialize, Default)]
#[serde(default)]
struct Params {
    email: String,
    phone: String,
    password: String,
    data: Object,
    channel: String,
    code_challenge: String,
    code_challenge_method: String,
}

/// A sign-up whose fields are in order.
pub(crate) struct Wanted {
    pub provider: &'static str,
    /// The address or number, normalised.
    pub contact: String,
    pub data: Object,
    pub channel: String,
    pub challenge: Option<Challenge>,
    pub aud: String,
}

impl Wanted {
    fn is_confirmed(&self, user: &User) -> bool {
        match self.provider {
            "email" => user.is_confirmed(),
            _ => user.is_phone_confirmed(),
        }
    }

    fn new_user(&self, role: &str, hash: String) -> NewUser {
        let id = crypto::random::uuid();
        let contact = Some(self.contact.clone());
        let is_email = self.provider == "email";
        NewUser {
            id,
            aud: self.aud.clone(),
            role: role.to_owned(),
            email: contact.clone().filter(|_| is_email),
            phone: contact.filter(|_| !is_email),
            encrypted_password: Some(hash),
            app_metadata: app_metadata(self.provider, &[self.provider.to_owned()]),
            user_metadata: contact_identity(id, (self.provider, &self.contact), false, &self.data),
            ..NewUser::default()
        }
    }
}

/// What a sign-up came to.
enum Outcome {
    Known,
    Fresh(Box<User>),
}

pub(crate) async fn signup(State(auth): State<Arc<Auth>>, req: Req) -> Answer {
    let params: Params = req.json()?;
    auth.limit(
        if params.email.is_empty() && params.phone.is_empty() { Limited::Anonymous } else { Limited::Signup },
        &req,
    )?;
    auth.check_captcha(&req).await?;
    if auth.config.disable_signup {
        return Err(Error::unprocessable(Code::SignupDisabled, "Signups not allowed for this instance"));
    }
    if params.email.is_empty() && params.phone.is_empty() && params.password.is_empty() {
        return anonymous(&auth, &req, params.data).await;
    }
    let (wanted, password) = check(&auth, &req, params).await?;
    // Made before it is known whether the address is taken: the time of the answer must not tell.
    let hash = auth.hash_password(&password).await?;
    let new = wanted.new_user(&auth.config.jwt.default_group, hash);
    let tx = auth.begin().await?;
    let known = find(&tx, &wanted).await?;
    if known.is_none() {
        auth.before_user_created(&req, &new).await?;
    }
    match enter(&auth, &tx, &req, &wanted, known, &new).await {
        Ok(Outcome::Fresh(user)) if wanted.is_confirmed(&user) => {
            let traits = json!({"provider": wanted.provider});
            auth.audit(&tx, &req, Actor::User(&user), Action::Login, traits).await?;
            let issued = auth.open_session(&tx, *user, Method::Password.into(), &req).await?;
            tx.commit().await?;
            ok(issued.to_json())
        }
        Ok(Outcome::Fresh(mut user)) => {
            tx.commit().await?;
            if user.invited_at.is_some() {
                user.user_metadata.clear();
                user.identities.clear();
            }
            ok(wire::user(&user))
        }
        Ok(Outcome::Known) => {
            tx.commit().await?;
            repeated(&auth, &wanted, &new)
        }
        // Two sign-ups of one address at once: the second is a repeated one.
        Err(error) if matches!(error.code(), Code::UserAlreadyExists | Code::PhoneExists) => {
            tx.rollback().await?;
            repeated(&auth, &wanted, &new)
        }
        Err(error) => Err(error),
    }
}

/// A sign-up without a password. `None`: somebody else did it at the same moment.
///
/// # Errors
/// As a sign-up's.
pub(crate) async fn enter_by_code(auth: &Auth, req: &Req, wanted: Wanted) -> Result<Option<User>, Error> {
    if auth.config.disable_signup {
        return Err(Error::unprocessable(Code::SignupDisabled, "Signups not allowed for this instance"));
    }
    let new = wanted.new_user(&auth.config.jwt.default_group, String::new());
    let tx = auth.begin().await?;
    let known = find(&tx, &wanted).await?;
    if known.is_none() {
        auth.before_user_created(req, &new).await?;
    }
    match enter(auth, &tx, req, &wanted, known, &new).await {
        Ok(Outcome::Fresh(user)) => {
            tx.commit().await?;
            Ok(Some(*user))
        }
        Ok(Outcome::Known) => {
            tx.commit().await?;
            Ok(None)
        }
        Err(error) if matches!(error.code(), Code::UserAlreadyExists | Code::PhoneExists) => Ok(None),
        Err(error) => Err(error),
    }
}

async fn find(tx: &PlatformTx, wanted: &Wanted) -> Result<Option<User>, Error> {
    Ok(match wanted.provider {
        "email" => store::users::email_holder(tx, &wanted.contact, &wanted.aud, None).await?,
        _ => store::users::find_by_phone(tx, &wanted.contact, &wanted.aud).await?,
    })
}

async fn check(auth: &Auth, req: &Req, params: Params) -> Result<(Wanted, String), Error> {
    if params.password.is_empty() {
        return Err(Error::invalid("Signup requires a valid password"));
    }
    auth.check_password(&params.password).await?;
    if !params.email.is_empty() && !params.phone.is_empty() {
        return Err(Error::invalid("Only an email address or phone number should be provided on signup."));
    }
    if !params.phone.is_empty() && !params.code_challenge.is_empty() {
        return Err(Error::invalid("PKCE not supported for phone signups"));
    }
    let challenge = pkce::challenge(&params.code_challenge, &params.code_challenge_method)?;
    let (provider, contact) = contact_of(auth, &params)?;
    let wanted =
        Wanted { provider, contact, data: params.data, channel: params.channel, challenge, aud: req.audience(auth) };
    Ok((wanted, params.password))
}

fn contact_of(auth: &Auth, params: &Params) -> Result<(&'static str, String), Error> {
    if !params.email.is_empty() {
        if !auth.config.email.enabled {
            return Err(Error::bad_request(Code::EmailProviderDisabled, "Email signups are disabled"));
        }
        return Ok(("email", contact::email(&params.email)?));
    }
    if !params.phone.is_empty() {
        if !auth.config.phone.enabled {
            return Err(Error::bad_request(Code::PhoneProviderDisabled, "Phone signups are disabled"));
        }
        check_channel(&params.channel, &auth.config.phone.provider)?;
        return Ok(("phone", contact::phone(&params.phone)?));
    }
    Err(Error::invalid(match (auth.config.email.enabled, auth.config.phone.enabled) {
        (true, true) => "Sign up only available with email or phone provider",
        (true, false) => "Sign up only available with email provider",
        (false, true) => "Sign up only available with phone provider",
        (false, false) => "Sign up with this provider not possible",
    }))
}

/// Inserts the user, or takes the unconfirmed one who is there; then confirms him, or sends what he needs to do it himself.
async fn enter(
    auth: &Auth,
    tx: &PlatformTx,
    req: &Req,
    wanted: &Wanted,
    known: Option<User>,
    new: &NewUser,
) -> Result<Outcome, Error> {
    let traits = json!({"provider": wanted.provider});
    let user = match known {
        Some(user) if wanted.is_confirmed(&user) => {
            auth.audit(tx, req, Actor::User(&user), Action::UserRepeatedSignUp, traits).await?;
            return Ok(Outcome::Known);
        }
        // Who he is was never proved: nothing of him is changed by a stranger's second attempt.
        Some(user) => user,
        None => {
            auth.insert_user(tx, req, new).await?;
            auth.insert_contact_identity(tx, new.id, wanted.provider, &new.user_metadata).await?;
            auth.reload(tx, new.id).await?
        }
    };
    if wanted.provider == "email" {
        if auth.config.mailer.autoconfirm {
            auth.audit(tx, req, Actor::User(&user), Action::UserSignedUp, traits).await?;
            auth.confirm_email(tx, &user).await?;
        } else {
            auth.audit(tx, req, Actor::User(&user), Action::UserConfirmationRequested, traits).await?;
            remember_flow(auth, tx, &user, wanted).await?;
            auth.send_confirmation(tx, req, &user, wanted.challenge.is_some()).await?;
        }
    } else if auth.config.phone.autoconfirm {
        auth.audit(tx, req, Actor::User(&user), Action::UserSignedUp, traits).await?;
        auth.confirm_phone(tx, &user).await?;
    } else {
        auth.audit(tx, req, Actor::User(&user), Action::UserConfirmationRequested, traits).await?;
        auth.send_phone_code(tx, &user, &wanted.contact, OtpKind::Confirmation, &wanted.channel).await?;
    }
    Ok(Outcome::Fresh(Box::new(auth.reload(tx, user.id).await?)))
}

async fn remember_flow(auth: &Auth, tx: &PlatformTx, user: &User, wanted: &Wanted) -> Result<(), Error> {
    if wanted.challenge.is_some() {
        let flow = NewFlowState {
            provider: wanted.provider,
            user_id: Some(user.id),
            challenge: wanted.challenge.clone(),
            ..NewFlowState::default()
        };
        store::flow_state::insert(tx, &flow, Method::EmailSignup, auth.clock.now()).await?;
    }
    Ok(())
}

/// The address is taken: said aloud only where everybody is confirmed at once, else a made-up user that tells nothing.
fn repeated(auth: &Auth, wanted: &Wanted, new: &NewUser) -> Answer {
    if auth.config.mailer.autoconfirm || auth.config.phone.autoconfirm {
        return Err(Error::unprocessable(Code::UserAlreadyExists, "User already registered"));
    }
    let now = auth.clock.now();
    let mut user = unsaved(new, now);
    user.role = String::new();
    user.user_metadata = wanted.data.clone();
    user.confirmation_sent_at = Some(now);
    ok(wire::user(&user))
}

async fn anonymous(auth: &Auth, req: &Req, data: Object) -> Answer {
    if !auth.config.anonymous_users_enabled {
        return Err(Error::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            Code::AnonymousProviderDisabled,
            "Anonymous sign-ins are disabled",
        ));
    }
    let new = NewUser {
        id: crypto::random::uuid(),
        aud: req.audience(auth),
        role: auth.config.jwt.default_group.clone(),
        user_metadata: data.into_iter().filter(|(_, value)| !value.is_null()).collect(),
        is_anonymous: true,
        ..NewUser::default()
    };
    auth.before_user_created(req, &new).await?;
    let tx = auth.begin().await?;
    auth.insert_user(&tx, req, &new).await?;
    let user = auth.reload(&tx, new.id).await?;
    auth.audit(&tx, req, Actor::User(&user), Action::UserSignedUp, Value::Null).await?;
    let issued = auth.open_session(&tx, user, Method::Anonymous.into(), req).await?;
    tx.commit().await?;
    ok(issued.to_json())
}
