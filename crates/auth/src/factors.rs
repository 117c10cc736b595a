//! What the endpoints of factors share.

use pg::PlatformTx;
use uuid::Uuid;

use crate::Auth;
use crate::error::{Code, Error};
use crate::letters::LetterKind;
use crate::model::{Factor, FactorKind, FactorStatus, Method};
use crate::request::Req;
use crate::sessions::{Ended, Issued, Signed};
use crate::store;
use crate::store::sessions::Which;

/// A factor of the user, by the id of a path.
///
/// # Errors
/// 404 `validation_failed`, 404 `mfa_factor_not_found`.
pub(crate) fn by_id<'a>(factors: &'a [Factor], id: &str) -> Result<&'a Factor, Error> {
    let id: Uuid = id.parse().map_err(|_| Error::not_found(Code::ValidationFailed, "factor_id must be an UUID"))?;
    factors
        .iter()
        .find(|factor| factor.id == id)
        .ok_or_else(|| Error::not_found(Code::MfaFactorNotFound, "Factor not found"))
}

/// Refuses a kind of factor that is switched off.
///
/// # Errors
/// 422 `mfa_…_verify_not_enabled`.
pub(crate) fn may_verify(auth: &Auth, kind: FactorKind) -> Result<(), Error> {
    let mfa = &auth.config.mfa;
    let (on, code, name) = match kind {
        FactorKind::Totp => (mfa.totp.verify, Code::MfaTotpVerifyNotEnabled, "TOTP"),
        FactorKind::Phone => (mfa.phone.verify, Code::MfaPhoneVerifyNotEnabled, "Phone"),
        FactorKind::WebAuthn => (mfa.webauthn.verify, Code::MfaWebauthnVerifyNotEnabled, "WebAuthn"),
    };
    if on { Ok(()) } else { Err(Error::unprocessable(code, format!("MFA verification is disabled for {name}"))) }
}

/// Anonymous users have nothing to protect with a factor.
///
/// # Errors
/// 403 `no_authorization`.
pub(crate) fn not_anonymous(signed: &Signed) -> Result<(), Error> {
    if signed.user.is_anonymous {
        return Err(Error::forbidden(Code::NoAuthorization, "Anonymous user not allowed to perform these actions"));
    }
    Ok(())
}

impl Auth {
    /// A factor was proved: the session rises, sessions without proof end, unfinished enrolments go.
    ///
    /// # Errors
    /// A hook's, or the database's.
    pub(crate) async fn factor_proved(
        &self,
        tx: &PlatformTx,
        _req: &Req,
        signed: &Signed,
        factor: &Factor,
    ) -> Result<(Issued, Ended), Error> {
        let now = self.clock.now();
        let session_id = signed.session()?.id;
        if factor.status == FactorStatus::Unverified {
            store::factors::set_status(tx, factor.id, FactorStatus::Verified, now).await?;
            let kind = [("FactorType", factor.kind.as_str())];
            self.notify(tx, &signed.user, LetterKind::MfaFactorEnrolled, &kind).await?;
        }
        store::factors::delete_unverified(tx, signed.user.id, Some(factor.kind), None).await?;
        let user = self.reload(tx, signed.user.id).await?;
        let method: Method = factor.kind.method();
        let issued = self.raise_session(tx, user, session_id, method, factor.id).await?;
        let ended = self.end_sessions(tx, signed.user.id, Which::LowExcept(session_id)).await?;
        Ok((issued, ended))
    }
}
