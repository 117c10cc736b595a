//! Is the database there? Asked of PostgreSQL's supervisor, and of a `db reset` that another process runs.

use std::sync::Arc;
use std::time::Duration;

use pg::Target;
use pgserver::State;
use service::Tasks;
use tokio::sync::{Notify, watch};
use web::Readiness;

use super::Database;
use crate::commands::platform_schema::ROLES;

/// How often a reset that is under way is looked at.
const LOOK: Duration = Duration::from_millis(100);
/// When to look again where PostgreSQL did not answer.
const AGAIN: Duration = Duration::from_millis(500);

/// Tells the edge when requests have to wait.
pub struct Watch {
    /// What the edge follows.
    pub readiness: watch::Receiver<Readiness>,
    lost: Arc<Notify>,
}

impl Watch {
    /// Watches a database for as long as the project runs.
    pub fn start(database: &Database, tasks: &Tasks) -> Self {
        let (sender, readiness) = watch::channel(Readiness::Ready);
        let lost = Arc::new(Notify::new());
        match &database.server {
            Some(server) => {
                let follow = follow(server.state(), database.admin.clone(), Arc::clone(&lost), sender);
                tasks.spawn_until_stop(follow);
            }
            // Nobody tells us about a database by URL: each request finds out for itself.
            None => tasks.spawn_until_stop(async move {
                let _alive = sender;
                std::future::pending::<()>().await;
            }),
        }
        Self { readiness, lost }
    }

    /// What to call when the listening connection broke: a reset ends all sessions before it does anything else.
    pub fn on_lost(&self) -> impl Fn() + Send + 'static {
        let lost = Arc::clone(&self.lost);
        move || lost.notify_one()
    }
}

async fn follow(mut state: watch::Receiver<State>, admin: Target, lost: Arc<Notify>, sender: watch::Sender<Readiness>) {
    let mut again = false;
    loop {
        let now = match *state.borrow_and_update() {
            State::Ready => Readiness::Ready,
            State::Restarting { .. } => Readiness::Restarting,
            State::Stopped => Readiness::Stopping,
        };
        sender.send_replace(now);
        tokio::select! {
            changed = state.changed() => if changed.is_err() { return },
            () = time_to_look(&lost, again) => {
                let looked = sit_out_a_reset(&admin, &sender).await;
                // PostgreSQL is away, as its supervisor says too; a reset may have been cut off by that.
                again = looked.inspect_err(|error| tracing::debug!(target: "pg", %error, "cannot look for a reset")).is_err();
            }
        }
    }
}

async fn time_to_look(lost: &Notify, again: bool) {
    if again { tokio::time::sleep(AGAIN).await } else { lost.notified().await }
}

/// Requests wait until a reset has ended: meanwhile the database has the right name and half of its tables. One that was killed is
/// taken back, as the next start would do.
async fn sit_out_a_reset(admin: &Target, sender: &watch::Sender<Readiness>) -> Result<(), migrate::Error> {
    while migrate::reset_under_way(admin).await? {
        sender.send_if_modified(|now| std::mem::replace(now, Readiness::Restarting) != Readiness::Restarting);
        tokio::time::sleep(LOOK).await;
    }
    if migrate::recover_from_reset(admin, ROLES).await? {
        tracing::warn!(target: "pg", "a `basalt db reset` did not come to its end; the database is as it was before");
    }
    Ok(())
}
