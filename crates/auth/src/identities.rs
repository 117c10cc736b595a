//! Identities of a user: how he can sign in, and which of them may go.

use pg::PlatformTx;
use serde_json::{Value, json};

use crate::Auth;
use crate::audit::{Action, Actor};
use crate::error::{Code, Error};
use crate::letters::LetterKind;
use crate::model::{Identity, User};
use crate::request::Req;
use crate::store;
use crate::store::users::Changes;

impl Auth {
    /// Removes an identity; the user keeps at least one, and gets the address of one that is left.
    ///
    /// # Errors
    /// 422 `single_identity_not_deletable`, `identity_not_found`, `email_conflict_identity_not_deletable`.
    pub(crate) async fn unlink(
        &self,
        tx: &PlatformTx,
        req: &Req,
        user: &User,
        identity_id: uuid::Uuid,
    ) -> Result<(), Error> {
        // Of two at once, the second sees what the first has left.
        let user = &store::users::lock(tx, user.id)
            .await?
            .ok_or_else(|| Error::forbidden(Code::UserNotFound, "User from sub claim in JWT does not exist"))?;
        if user.identities.len() <= 1 {
            return Err(Error::unprocessable(
                Code::SingleIdentityNotDeletable,
                "User must have at least 1 identity after unlinking",
            ));
        }
        let identity = user
            .identities
            .iter()
            .find(|identity| identity.id == identity_id)
            .ok_or_else(|| Error::unprocessable(Code::IdentityNotFound, "Identity doesn't exist"))?;
        self.audit(
            tx,
            req,
            Actor::User(user),
            Action::IdentityUnlinked,
            json!({
                "identity_id": identity.id, "provider": identity.provider, "provider_id": identity.provider_id,
            }),
        )
        .await?;
        store::identities::delete(tx, identity.id).await?;
        let rest: Vec<&Identity> = user.identities.iter().filter(|other| other.id != identity_id).collect();
        self.after_unlink(tx, user, identity, &rest).await?;
        self.refresh_providers(tx, user.id).await?;
        self.notify(tx, user, LetterKind::IdentityUnlinked, &[("Provider", &identity.provider)]).await
    }

    /// The number goes with its identity; the address is one that an identity still proves.
    async fn after_unlink(
        &self,
        tx: &PlatformTx,
        user: &User,
        gone: &Identity,
        rest: &[&Identity],
    ) -> Result<(), Error> {
        let now = self.clock.now();
        let saving = |error: pg::Error| match error.violates("users_email_partial_key") {
            true => Error::unprocessable(
                Code::EmailConflictIdentityNotDeletable,
                "Unable to unlink identity due to email conflict",
            ),
            false => Error::saving("Database error updating user", error),
        };
        if gone.provider == "phone" {
            return Changes::new()
                .set("phone", &None::<String>)
                .set("phone_confirmed_at", &None::<time::OffsetDateTime>)
                .apply(tx, user.id, now)
                .await
                .map_err(saving);
        }
        let current = user.email().to_lowercase();
        if rest.iter().any(|identity| identity.email().is_some_and(|email| email == current)) {
            return Ok(());
        }
        let next = rest.iter().find_map(|identity| Some((identity.email()?, *identity)));
        let (email, verified) = match next {
            Some((email, identity)) => {
                let verified = identity.data.get("email_verified").and_then(Value::as_bool).unwrap_or(false);
                (Some(email), verified)
            }
            None => (None, false),
        };
        if let Some(email) = &email
            && store::users::email_holder(tx, email, &user.aud, Some(user.id)).await?.is_some()
        {
            return Err(Error::unprocessable(
                Code::EmailConflictIdentityNotDeletable,
                "Unable to unlink identity due to email conflict",
            ));
        }
        let confirmed_at = verified.then(|| user.email_confirmed_at.unwrap_or(now));
        Changes::new()
            .set("email", &email)
            .set("email_confirmed_at", &confirmed_at)
            .apply(tx, user.id, now)
            .await
            .map_err(saving)
    }
}
