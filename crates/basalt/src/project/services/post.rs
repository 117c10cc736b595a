//! How letters and text messages leave a project: SMTP or the development inbox, an SMS provider or the inbox.

use std::net::SocketAddr;
use std::sync::Arc;

use auth::Mailing;
use base::Clock;
use mail::{EmailRoute, Inbox, Letters, Outbox, Parts, Servers, Smtp};
use pg::Db;
use service::Tasks;

use crate::project::Plan;

/// The outbox, and where the inbox can be read.
pub struct Post {
    pub outbox: Outbox,
    pub inbox_url: Option<String>,
}

/// Starts the outbox of a project, and its inbox in development.
pub fn start(plan: &Plan, db: &Db, inbox: Option<OpenInbox>, tasks: &Tasks) -> anyhow::Result<Post> {
    let clock = Clock::system();
    let mailing = Mailing::from_project(&plan.config.auth, &plan.paths.supabase);
    let inbox_url = inbox.as_ref().and_then(|open| open.url.clone());
    let email = match (mailing.smtp, inbox) {
        (Some(settings), _) => EmailRoute::Smtp(Smtp::new(settings)?),
        (None, Some(open)) => EmailRoute::Inbox(open.inbox),
        (None, None) => EmailRoute::Nowhere,
    };
    let outbox = Outbox::new(Parts {
        db: db.clone(),
        clock,
        tasks: tasks.clone(),
        letters: Letters::new(&mailing.templates)?,
        email,
        sms: mailing.sms,
        client: jobs::net::client()?,
    });
    outbox.start();
    Ok(Post { outbox, inbox_url })
}

/// An inbox that listens.
pub struct OpenInbox {
    inbox: Arc<Inbox>,
    url: Option<String>,
}

/// Opens the inbox of a project in development: before anything else is started, so that a taken port is known at once.
pub async fn inbox(plan: &Plan, tasks: &Tasks) -> anyhow::Result<Option<OpenInbox>> {
    let Some(port) = plan.inbox_port() else { return Ok(None) };
    let settings = &plan.config.local_smtp;
    let inbox = Inbox::new(Clock::system(), &settings.admin_email, &settings.sender_name)?;
    let here = |port| SocketAddr::from(([127, 0, 0, 1], port));
    let smtp = settings.smtp_port.map(|smtp| if port == 0 { here(0) } else { here(smtp) });
    let bound = inbox.serve(&Servers { http: Some(here(port)), smtp }, tasks).await.map_err(|error| {
        anyhow::anyhow!(
            "the development inbox cannot listen on port {port}: {error}\n  change `[inbucket] port` in {}, or set `enabled = false` there",
            plan.config_file().display()
        )
    })?;
    Ok(Some(OpenInbox { inbox, url: bound.http.map(|address| format!("http://{address}")) }))
}
