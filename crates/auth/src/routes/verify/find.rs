//! Whose token is it, and is it still good?

use std::time::Duration;

use pg::PlatformTx;
use time::OffsetDateTime;

use super::{Contact, Kind, PKCE_PREFIX};
use crate::Auth;
use crate::error::{Code, Error};
use crate::letters::token_hash;
use crate::model::{OtpKind, User};
use crate::request::Req;
use crate::routes::reauthenticate::count_wrong_guess;
use crate::store;

/// The user, locked; what was really verified; and the hash as stored.
pub(super) type Found = (User, Kind, String);

fn bad_link() -> Error {
    Error::forbidden(Code::OtpExpired, "Email link is invalid or has expired")
}

fn bad_code() -> Error {
    Error::forbidden(Code::OtpExpired, "Token has expired or is invalid")
}

/// Which stored tokens a kind may be.
fn kinds(kind: Kind) -> &'static [OtpKind] {
    match kind {
        Kind::Signup | Kind::Invite | Kind::Sms => &[OtpKind::Confirmation],
        Kind::Recovery | Kind::MagicLink => &[OtpKind::Recovery],
        Kind::Email => &[OtpKind::Confirmation, OtpKind::Recovery],
        Kind::EmailChange => &[OtpKind::EmailChangeCurrent, OtpKind::EmailChangeNew],
        Kind::PhoneChange => &[OtpKind::PhoneChange],
    }
}

fn sent_at(user: &User, kind: OtpKind) -> Option<OffsetDateTime> {
    match kind {
        OtpKind::Confirmation => user.confirmation_sent_at,
        OtpKind::Recovery => user.recovery_sent_at,
        OtpKind::Reauthentication => user.reauthentication_sent_at,
        OtpKind::EmailChangeNew | OtpKind::EmailChangeCurrent => user.email_change_sent_at,
        OtpKind::PhoneChange => user.phone_change_sent_at,
    }
}

fn column(user: &User, kind: OtpKind) -> &str {
    match kind {
        OtpKind::Confirmation => &user.confirmation_token,
        OtpKind::Recovery => &user.recovery_token,
        OtpKind::Reauthentication => &user.reauthentication_token,
        OtpKind::EmailChangeNew => &user.email_change_token_new,
        OtpKind::EmailChangeCurrent => &user.email_change_token_current,
        OtpKind::PhoneChange => &user.phone_change_token,
    }
}

/// `email` asks for whichever it is.
fn resolved(kind: Kind, otp: OtpKind) -> Kind {
    match (kind, otp) {
        (Kind::Email, OtpKind::Recovery) => Kind::MagicLink,
        (Kind::Email, _) => Kind::Signup,
        (kind, _) => kind,
    }
}

fn is_live(auth: &Auth, user: &User, otp: OtpKind, life: Duration) -> bool {
    sent_at(user, otp).is_some_and(|sent| auth.clock.now() <= sent + life)
}

fn check_ban(auth: &Auth, user: &User) -> Result<(), Error> {
    if user.is_banned(auth.clock.now()) {
        return Err(Error::forbidden(Code::UserBanned, "User is banned"));
    }
    Ok(())
}

/// A link, or a `token_hash` that an application read from a link.
pub(super) async fn by_hash(auth: &Auth, tx: &PlatformTx, kind: Kind, hash: &str) -> Result<Found, Error> {
    if matches!(kind, Kind::Sms | Kind::PhoneChange) {
        return Err(Error::invalid("Invalid email verification type"));
    }
    let hashes = [hash.to_owned()];
    let (user_id, otp) = store::one_time_tokens::find(tx, &hashes, kinds(kind)).await?.ok_or_else(bad_link)?;
    // Of two clicks at once, the second waits here and then finds the token gone.
    let user = store::users::lock(tx, user_id).await?.ok_or_else(bad_link)?;
    let again = store::one_time_tokens::find(tx, &hashes, kinds(kind)).await?;
    if again != Some((user_id, otp)) {
        return Err(bad_link());
    }
    check_ban(auth, &user)?;
    if !is_live(auth, &user, otp, auth.config.mailer.otp_exp) {
        return Err(bad_link());
    }
    Ok((user, resolved(kind, otp), hash.to_owned()))
}

/// A code that was typed, with the address or number that it was sent to.
pub(super) async fn by_contact(
    auth: &Auth,
    tx: &PlatformTx,
    req: &Req,
    kind: Kind,
    contact: Contact,
    code: &str,
) -> Result<Found, Error> {
    let aud = req.audience(auth);
    let (text, life) = match &contact {
        Contact::Email(email) => (email.as_str(), auth.config.mailer.otp_exp),
        Contact::Phone(phone) => (phone.as_str(), auth.config.phone.otp_exp),
    };
    let hash = token_hash(text, code);
    let user = match (&contact, kind) {
        (Contact::Phone(phone), Kind::PhoneChange) => store::users::find_by_phone_change(tx, phone, &aud).await?,
        (Contact::Phone(phone), Kind::Sms) => store::users::find_by_phone(tx, phone, &aud).await?,
        (Contact::Phone(_), _) | (Contact::Email(_), Kind::Sms | Kind::PhoneChange) => {
            return Err(Error::invalid("Unsupported verification type"));
        }
        (Contact::Email(email), Kind::EmailChange) => store::users::find_for_email_change(tx, email, &aud).await?,
        (Contact::Email(email), _) => store::users::find_by_email(tx, email, &aud).await?,
    };
    let Some(user) = user else { return Err(bad_code()) };
    let user = store::users::lock(tx, user.id).await?.ok_or_else(bad_code)?;
    check_ban(auth, &user)?;
    if let Contact::Phone(phone) = &contact
        && auth.test_code(phone).is_some_and(|test| test == code)
    {
        return Ok((user, kind, hash));
    }
    if let Contact::Phone(phone) = &contact
        && let Some(checked) = auth.messages.check(phone, code)
    {
        let fits = checked.await.map_err(|e| Error::internal("Error verifying the code with the SMS provider", e))?;
        return if fits { Ok((user, kind, hash)) } else { Err(bad_code()) };
    }
    let prefixed = format!("{PKCE_PREFIX}{hash}");
    for otp in kinds(kind) {
        let stored = column(&user, *otp);
        let fits = !stored.is_empty() && (same(stored, &hash) || same(stored, &prefixed));
        if fits && is_live(auth, &user, *otp, life) {
            let stored = stored.to_owned();
            return Ok((user, resolved(kind, *otp), stored));
        }
    }
    for otp in kinds(kind).iter().filter(|otp| !column(&user, **otp).is_empty()) {
        count_wrong_guess(auth, tx, &user, *otp).await?;
    }
    Err(bad_code())
}

fn same(a: &str, b: &str) -> bool {
    crypto::equal_in_constant_time(a.as_bytes(), b.as_bytes())
}
