//! POST /factors

use std::sync::Arc;

use axum::extract::State;
use pg::PlatformTx;
use qrcode::QrCode;
use qrcode::render::svg;
use serde::Deserialize;
use serde_json::json;
use uuid::Uuid;

use crate::Auth;
use crate::audit::{Action, Actor};
use crate::error::{Code, Error};
use crate::factors::not_anonymous;
use crate::model::{Aal, FactorKind, FactorStatus, User};
use crate::request::Req;
use crate::routes::{Answer, ok};
use crate::rules::contact;
use crate::sessions::Signed;
use crate::store;
use crate::store::factors::NewFactor;

/// Characters of a friendly name.
const NAME_MAX: usize = 255;

#[derive(Deserialize, Default)]
#[serde(default)]
struct Params {
    factor_type: String,
    friendly_name: String,
    issuer: String,
    phone: String,
}

pub(crate) async fn enroll(State(auth): State<Arc<Auth>>, req: Req) -> Answer {
    let tx = auth.begin().await?;
    let signed = auth.require_owner(&tx, &req).await?;
    not_anonymous(&signed)?;
    let params: Params = req.json()?;
    let kind = FactorKind::parse(&params.factor_type)
        .ok_or_else(|| Error::invalid("factor_type needs to be totp, phone, or webauthn"))?;
    if params.friendly_name.chars().count() > NAME_MAX {
        return Err(Error::invalid("friendly_name cannot be longer than 255 characters"));
    }
    let user = may_enroll(&auth, &tx, &signed, kind, &params).await?;
    let id = crypto::random::uuid();
    let mut body = json!({"id": id, "type": kind.as_str(), "friendly_name": params.friendly_name});
    match kind {
        FactorKind::Totp => {
            let secret = crypto::totp::generate_secret();
            insert(&auth, &tx, &user, id, kind, &params.friendly_name, Some(&secret), None).await?;
            let account = if user.email().is_empty() { user.phone() } else { user.email() };
            let uri = crypto::totp::uri(&issuer(&auth, &params.issuer), account, &secret);
            body["totp"] = json!({"qr_code": qr_code(&uri)?, "secret": secret, "uri": uri});
        }
        FactorKind::Phone => {
            let phone = contact::phone(&params.phone)?;
            replace_same_phone(&tx, &user, &phone).await?;
            insert(&auth, &tx, &user, id, kind, &params.friendly_name, None, Some(&phone)).await?;
            body["phone"] = json!(phone);
        }
        FactorKind::WebAuthn => {
            insert(&auth, &tx, &user, id, kind, &params.friendly_name, None, None).await?;
        }
    }
    let traits = json!({"factor_id": id, "factor_type": kind.as_str()});
    auth.audit(&tx, &req, Actor::User(&user), Action::FactorInProgress, traits).await?;
    tx.commit().await?;
    ok(body)
}

/// Everything that can be refused, in GoTrue's order; enrolments that were never finished are swept first.
async fn may_enroll(
    auth: &Auth,
    tx: &PlatformTx,
    signed: &Signed,
    kind: FactorKind,
    params: &Params,
) -> Result<User, Error> {
    let mfa = &auth.config.mfa;
    let (on, code, name) = match kind {
        FactorKind::Totp => (mfa.totp.enroll, Code::MfaTotpEnrollNotEnabled, "TOTP"),
        FactorKind::Phone => (mfa.phone.enroll, Code::MfaPhoneEnrollNotEnabled, "Phone"),
        FactorKind::WebAuthn => (mfa.webauthn.enroll, Code::MfaWebauthnEnrollNotEnabled, "WebAuthn"),
    };
    if !on {
        return Err(Error::unprocessable(code, format!("MFA enroll is disabled for {name}")));
    }
    let oldest = auth.clock.now() - mfa.factor_expiry;
    store::factors::delete_unverified(tx, signed.user.id, None, Some(oldest)).await?;
    // Locked: of two enrolments at once, the second counts the first.
    let user = store::users::lock(tx, signed.user.id)
        .await?
        .ok_or_else(|| Error::forbidden(Code::UserNotFound, "User from sub claim in JWT does not exist"))?;
    if user.factors.len() >= mfa.max_enrolled {
        return Err(Error::unprocessable(
            Code::TooManyEnrolledMfaFactors,
            "Maximum number of verified factors reached, unenroll to continue",
        ));
    }
    let blank = params.friendly_name.trim().is_empty();
    let taken = user.factors.iter().any(|f| f.friendly_name.as_deref() == Some(&params.friendly_name));
    if !blank && taken {
        return Err(Error::unprocessable(
            Code::MfaFactorNameConflict,
            format!("A factor with the friendly name \"{}\" for this user already exists", params.friendly_name),
        ));
    }
    if user.verified_factors().next().is_some() && signed.session()?.aal < Aal::Aal2 {
        return Err(Error::forbidden(Code::InsufficientAal, "AAL2 required to enroll a new factor"));
    }
    Ok(user)
}

/// A number belongs to one factor of a user: an unfinished one gives way.
async fn replace_same_phone(tx: &PlatformTx, user: &User, phone: &str) -> Result<(), Error> {
    match user.factors.iter().find(|factor| factor.phone.as_deref() == Some(phone)) {
        Some(factor) if factor.status == FactorStatus::Verified => Err(Error::unprocessable(
            Code::MfaVerifiedFactorExists,
            "A verified phone factor already exists, unenroll the existing factor to continue",
        )),
        Some(factor) => Ok(store::factors::delete(tx, factor.id).await?),
        None => Ok(()),
    }
}

async fn insert(
    auth: &Auth,
    tx: &PlatformTx,
    user: &User,
    id: Uuid,
    kind: FactorKind,
    friendly_name: &str,
    secret: Option<&str>,
    phone: Option<&str>,
) -> Result<(), Error> {
    let new = NewFactor { id, user_id: user.id, kind, friendly_name, secret, phone };
    store::factors::insert(tx, &new, auth.clock.now()).await.map_err(|error| {
        if error.violates("mfa_factors_user_friendly_name_unique") {
            Error::unprocessable(
                Code::MfaFactorNameConflict,
                format!("A factor with the friendly name \"{friendly_name}\" for this user already exists"),
            )
        } else {
            Error::saving("Database error creating factor", error)
        }
    })
}

/// Who the authenticator says the code is for: given, or the host of the application.
fn issuer(auth: &Auth, given: &str) -> String {
    if !given.is_empty() {
        return given.to_owned();
    }
    let site = url::Url::parse(&auth.config.site_url).ok();
    site.and_then(|url| {
        let host = url.host_str()?.to_owned();
        Some(url.port().map_or(host.clone(), |port| format!("{host}:{port}")))
    })
    .unwrap_or_else(|| auth.config.site_url.clone())
}

fn qr_code(uri: &str) -> Result<String, Error> {
    let code = QrCode::new(uri.as_bytes()).map_err(|_| Error::invalid("The issuer is too long for a QR code"))?;
    Ok(code.render::<svg::Color<'_>>().min_dimensions(200, 200).quiet_zone(true).build())
}
