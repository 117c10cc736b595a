//! `auth.audit_log_entries`, written as GoTrue writes them.

use pg::PlatformTx;
use serde_json::{Value, json};

use crate::Auth;
use crate::error::Error;
use crate::model::{Object, User};
use crate::request::Req;
use crate::store;

/// What happened; the names are an interface.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Action {
    Login,
    Logout,
    InviteAccepted,
    UserSignedUp,
    UserInvited,
    UserDeleted,
    UserModified,
    UserRecoveryRequested,
    UserReauthenticateRequested,
    UserConfirmationRequested,
    UserRepeatedSignUp,
    UserUpdatedPassword,
    TokenRefreshed,
    FactorInProgress,
    FactorUnenrolled,
    ChallengeCreated,
    VerificationAttempted,
    FactorDeleted,
    FactorUpdated,
    IdentityLinked,
    IdentityUnlinked,
    PasskeyCreated,
    PasskeyDeleted,
}

impl Action {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Login => "login",
            Self::Logout => "logout",
            Self::InviteAccepted => "invite_accepted",
            Self::UserSignedUp => "user_signedup",
            Self::UserInvited => "user_invited",
            Self::UserDeleted => "user_deleted",
            Self::UserModified => "user_modified",
            Self::UserRecoveryRequested => "user_recovery_requested",
            Self::UserReauthenticateRequested => "user_reauthenticate_requested",
            Self::UserConfirmationRequested => "user_confirmation_requested",
            Self::UserRepeatedSignUp => "user_repeated_signup",
            Self::UserUpdatedPassword => "user_updated_password",
            Self::TokenRefreshed => "token_refreshed",
            Self::FactorInProgress => "factor_in_progress",
            Self::FactorUnenrolled => "factor_unenrolled",
            Self::ChallengeCreated => "challenge_created",
            Self::VerificationAttempted => "verification_attempted",
            Self::FactorDeleted => "factor_deleted",
            Self::FactorUpdated => "factor_updated",
            Self::IdentityLinked => "identity_linked",
            Self::IdentityUnlinked => "identity_unlinked",
            Self::PasskeyCreated => "passkey_created",
            Self::PasskeyDeleted => "passkey_deleted",
        }
    }

    const fn log_type(self) -> &'static str {
        match self {
            Self::Login | Self::Logout | Self::InviteAccepted => "account",
            Self::UserSignedUp | Self::UserInvited | Self::UserDeleted => "team",
            Self::TokenRefreshed => "token",
            Self::FactorInProgress
            | Self::FactorUnenrolled
            | Self::ChallengeCreated
            | Self::VerificationAttempted
            | Self::FactorDeleted
            | Self::FactorUpdated => "factor",
            Self::UserModified
            | Self::UserRecoveryRequested
            | Self::UserReauthenticateRequested
            | Self::UserConfirmationRequested
            | Self::UserRepeatedSignUp
            | Self::UserUpdatedPassword
            | Self::IdentityLinked
            | Self::IdentityUnlinked
            | Self::PasskeyCreated
            | Self::PasskeyDeleted => "user",
        }
    }
}

/// Who did it.
pub(crate) enum Actor<'a> {
    User(&'a User),
    /// An admin's token: its role.
    Admin(&'a str),
}

impl Auth {
    /// Writes an entry, unless that is switched off.
    ///
    /// # Errors
    /// What PostgreSQL said.
    pub(crate) async fn audit(
        &self,
        tx: &PlatformTx,
        req: &Req,
        actor: Actor<'_>,
        action: Action,
        traits: Value,
    ) -> Result<(), Error> {
        if !self.config.audit_to_database {
            return Ok(());
        }
        let mut payload = Object::new();
        match actor {
            Actor::User(user) => {
                payload.insert("actor_id".into(), json!(user.id));
                let name = if user.email().is_empty() { user.phone() } else { user.email() };
                payload.insert("actor_username".into(), json!(name));
                payload.insert("actor_via_sso".into(), json!(user.is_sso_user));
                if let Some(full_name) = user.user_metadata.get("full_name").and_then(Value::as_str) {
                    payload.insert("actor_name".into(), json!(full_name));
                }
            }
            Actor::Admin(role) => {
                payload.insert("actor_id".into(), json!(uuid::Uuid::nil()));
                payload.insert("actor_username".into(), json!(role));
                payload.insert("actor_via_sso".into(), json!(false));
            }
        }
        payload.insert("action".into(), json!(action.as_str()));
        payload.insert("log_type".into(), json!(action.log_type()));
        if !traits.is_null() {
            payload.insert("traits".into(), traits);
        }
        let ip = req.ip.to_string();
        store::audit::insert(tx, &Value::Object(payload), &ip, self.clock.now()).await?;
        Ok(())
    }
}
