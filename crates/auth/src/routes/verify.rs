//! /verify: a link that was clicked, or a code that was typed.

use std::sync::Arc;

use axum::extract::State;
use axum::response::{Html, IntoResponse, Response};
use http::StatusCode;
use pg::PlatformTx;
use serde::Deserialize;
use serde_json::json;

use super::links::{error_url, see_other, session_in_fragment, with_fragment, with_query};
use super::{Answer, ok};
use crate::Auth;
use crate::error::{Code, Error};
use crate::limits::Limited;
use crate::model::{Method, User};
use crate::request::Req;
use crate::rules::contact;
use crate::store;

mod apply;
mod find;

pub(super) use apply::taken;
use apply::{Applied, apply};
use find::{by_contact, by_hash};

/// First of two confirmations of a change of address.
const SINGLE: &str = "Confirmation link accepted. Please proceed to confirm link sent to the other email";
const PKCE_PREFIX: &str = "pkce_";

/// What is verified; `email` becomes one of the others once the token is found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Signup,
    Invite,
    Recovery,
    MagicLink,
    EmailChange,
    Email,
    Sms,
    PhoneChange,
}

impl Kind {
    fn parse(text: &str) -> Option<Self> {
        Some(match text {
            "signup" => Self::Signup,
            "invite" => Self::Invite,
            "recovery" => Self::Recovery,
            "magiclink" => Self::MagicLink,
            "email_change" => Self::EmailChange,
            "email" => Self::Email,
            "sms" => Self::Sms,
            "phone_change" => Self::PhoneChange,
            _ => return None,
        })
    }

    /// `amr` of a flow that ends with a code.
    const fn method(self) -> Method {
        match self {
            Self::Signup => Method::EmailSignup,
            Self::Invite => Method::Invite,
            Self::Recovery => Method::Recovery,
            Self::MagicLink => Method::MagicLink,
            Self::EmailChange => Method::EmailChange,
            Self::Email | Self::Sms | Self::PhoneChange => Method::Otp,
        }
    }
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Params {
    r#type: String,
    token: String,
    token_hash: String,
    email: String,
    phone: String,
    redirect_to: String,
}

fn kind_of(text: &str) -> Result<Kind, Error> {
    if text.is_empty() {
        return Err(Error::invalid("Verify requires a verification type"));
    }
    Kind::parse(text).ok_or_else(|| Error::invalid("Unsupported verification type"))
}

pub(crate) async fn code(State(auth): State<Arc<Auth>>, req: Req) -> Answer {
    auth.limit(Limited::Verify, &req)?;
    let params: Params = req.json()?;
    let kind = kind_of(&params.r#type)?;
    if params.token.is_empty() == params.token_hash.is_empty() {
        return Err(Error::invalid("Verify requires either a token or a token hash"));
    }
    let tx = auth.begin().await?;
    let found = if params.token_hash.is_empty() {
        let contact = contact_of(&params)?;
        by_contact(&auth, &tx, &req, kind, contact, &params.token).await
    } else {
        if !params.email.is_empty() || !params.phone.is_empty() || !params.redirect_to.is_empty() {
            return Err(Error::invalid("Only the token_hash and type should be provided"));
        }
        by_hash(&auth, &tx, kind, &params.token_hash).await
    };
    let (user, kind, hash) = match found {
        Ok(found) => found,
        Err(error) => {
            // A wrong guess was counted in this transaction.
            tx.commit().await?;
            return Err(error);
        }
    };
    match apply(&auth, &tx, &req, user, kind, &hash).await? {
        Applied::Half => {
            tx.commit().await?;
            ok(json!({"msg": SINGLE, "code": "200"}))
        }
        Applied::Whole(user) => {
            let issued = auth.open_session(&tx, *user, Method::Otp.into(), &req).await?;
            tx.commit().await?;
            ok(issued.to_json())
        }
    }
}

/// Which contact a typed code belongs to.
enum Contact {
    Email(String),
    Phone(String),
}

fn contact_of(params: &Params) -> Result<Contact, Error> {
    match (params.email.is_empty(), params.phone.is_empty()) {
        (false, true) => Ok(Contact::Email(contact::email(&params.email)?)),
        (true, false) => Ok(Contact::Phone(contact::phone(&params.phone)?)),
        _ => Err(Error::invalid("Only an email address or phone number should be provided on verify")),
    }
}

/// Link checkers send HEAD: it must not use the token up.
pub(crate) async fn head() -> Response {
    StatusCode::METHOD_NOT_ALLOWED.into_response()
}

pub(crate) async fn link(State(auth): State<Arc<Auth>>, req: Req) -> Answer {
    auth.limit(Limited::Verify, &req)?;
    let kind = kind_of(req.query("type").unwrap_or_default())?;
    let token = req.query("token").filter(|token| !token.is_empty());
    let token = token.or_else(|| req.query("token_hash").filter(|token| !token.is_empty()));
    let Some(token) = token else { return Err(Error::invalid("Verify requires a token or a token hash")) };
    if auth.config.mailer.confirm_page && req.query("confirm") != Some("yes") {
        return Ok(confirm_page(&req));
    }
    let target = req.redirect_to(&auth);
    let pkce = token.starts_with(PKCE_PREFIX);
    let url = match follow(&auth, &req, kind, token, &target, pkce).await {
        Ok(url) => url,
        Err(error) => {
            error.log(&req.method, "/verify");
            error_url(&target, &error, pkce)
        }
    };
    Ok(see_other(&url))
}

async fn follow(auth: &Auth, req: &Req, kind: Kind, token: &str, target: &str, pkce: bool) -> Result<String, Error> {
    let tx = auth.begin().await?;
    let (user, kind, hash) = by_hash(auth, &tx, kind, token).await?;
    let user = match apply(auth, &tx, req, user, kind, &hash).await? {
        Applied::Whole(user) => *user,
        Applied::Half => {
            tx.commit().await?;
            let message = [("message", SINGLE)];
            return Ok(if pkce { with_query(target, &message) } else { with_fragment(target, &message) });
        }
    };
    if pkce {
        let code = issue_code(auth, &tx, &user, kind.method()).await?;
        tx.commit().await?;
        return Ok(with_query(target, &[("code", &code)]));
    }
    let issued = auth.open_session(&tx, user, Method::Otp.into(), req).await?;
    tx.commit().await?;
    let name = req.query("type").unwrap_or_default();
    Ok(session_in_fragment(target, &issued, &[("type", name)]))
}

/// The code of the newest flow of this user and kind: a letter does not say which request it came of.
async fn issue_code(auth: &Auth, tx: &PlatformTx, user: &User, method: Method) -> Result<String, Error> {
    let missing = || Error::not_found(Code::FlowStateNotFound, "invalid flow state, no valid flow state found");
    let flow = store::flow_state::latest(tx, user.id, method).await?.ok_or_else(missing)?;
    store::flow_state::issue_code(tx, flow.id, None, (None, None), auth.clock.now()).await?;
    flow.auth_code.ok_or_else(missing)
}

/// A button between the letter and the token: scanners that follow links do not press it.
fn confirm_page(req: &Req) -> Response {
    let mut inputs = String::new();
    for (key, value) in req.query.iter().filter(|(key, _)| key != "confirm") {
        inputs.push_str(&format!("<input type=\"hidden\" name=\"{}\" value=\"{}\">", escape(key), escape(value)));
    }
    Html(format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">\
         <meta name=\"referrer\" content=\"no-referrer\"><title>Confirm</title><body><form method=\"get\">{inputs}\
         <input type=\"hidden\" name=\"confirm\" value=\"yes\"><button>Continue</button></form></body></html>"
    ))
    .into_response()
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
