//! The durable outbox of the mail crate, as this service's way out.

use mail::Outbox;
use pg::PlatformTx;

use crate::letters::{Letter, Letters, Queued};
use crate::messages::{Checked, Message, Messages};

impl Letters for Outbox {
    fn queue<'a>(&'a self, tx: &'a PlatformTx, letter: Letter) -> Queued<'a> {
        Box::pin(async move { self.queue_letter(tx, letter.kind.template(), &letter.to, &letter.variables).await })
    }
}

/// Text messages go through the same outbox; a provider that makes its own codes is asked about them.
pub struct OutboxMessages {
    outbox: Outbox,
    client: reqwest::Client,
}

impl OutboxMessages {
    /// `client`: for providers that check codes.
    pub const fn new(outbox: Outbox, client: reqwest::Client) -> Self {
        Self { outbox, client }
    }
}

impl Messages for OutboxMessages {
    fn queue<'a>(&'a self, tx: &'a PlatformTx, message: Message) -> Queued<'a> {
        Box::pin(async move {
            self.outbox.queue_message(tx, &message.to, &message.text, &message.code, &message.channel).await
        })
    }

    fn checks_codes(&self) -> bool {
        self.outbox.sms().is_some_and(mail::Sms::checks_codes)
    }

    fn check<'a>(&'a self, to: &'a str, code: &'a str) -> Option<Checked<'a>> {
        let sms = self.outbox.sms().filter(|sms| sms.checks_codes())?;
        Some(Box::pin(async move { Ok(sms.check_code(&self.client, to, code).await?) }))
    }
}
