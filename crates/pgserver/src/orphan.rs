//! A server whose Basalt is gone (`kill -9`): found by its home, and stopped.

use std::path::Path;

use crate::error::Error;
use crate::home::Home;
use crate::postmaster::{self, Holder};
use crate::user::RunUser;

/// Stops the PostgreSQL that an earlier process left running on this home: cleanly, so that the next start recovers nothing.
/// Gives its process id; `None` where there is none.
///
/// # Errors
/// [`Error::HomeInUse`] where a Basalt runs on the home, [`Error::DataInUse`] where the server is not ours, [`Error::StopTimeout`].
pub async fn stop_orphan(home: &Path) -> Result<Option<u32>, Error> {
    if !home.join("pgdata").exists() {
        return Ok(None);
    }
    let mut home = Home::open(home)?;
    let Some(owner) = home.data_owner() else { return Ok(None) };
    let mut notes = Vec::new();
    let user = RunUser::choose(Some(owner), &mut notes).await?;
    let place = home.place(&user, &mut notes)?;
    let data = place.join("pgdata");
    match postmaster::holder(&data, &place)? {
        Holder::Ours(file) => {
            postmaster::stop(file.pid, postmaster::STOP_PATIENCE, || !postmaster::alive(file.pid)).await?;
            Ok(Some(file.pid))
        }
        Holder::Foreign { pid, program } => Err(Error::DataInUse { path: data, pid, program }),
        Holder::Dead { .. } | Holder::Nobody => Ok(None),
    }
}
