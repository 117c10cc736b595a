//! `/admin`: tokens of role `service_role` only.

pub(crate) mod audit;
pub(crate) mod delete;
pub(crate) mod factors;
pub(crate) mod generate_link;
pub(crate) mod sessions;
pub(crate) mod update;
pub(crate) mod users;

use pg::PlatformTx;
use uuid::Uuid;

use crate::Auth;
use crate::error::{Code, Error};
use crate::model::User;

/// The user whom a path names.
///
/// # Errors
/// 404 `validation_failed`, 404 `user_not_found`.
pub(crate) async fn user_of_path(auth: &Auth, tx: &PlatformTx, id: &str) -> Result<User, Error> {
    let id: Uuid = id.parse().map_err(|_| Error::not_found(Code::ValidationFailed, "user_id must be an UUID"))?;
    auth.reload(tx, id).await
}
