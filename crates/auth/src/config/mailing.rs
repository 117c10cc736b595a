//! How letters and messages leave: what the mail crate is given at start.

use std::collections::HashMap;

use mail::{Sms, SmtpSettings, Source};

/// Templates and transports.
#[derive(Debug, Clone, Default)]
pub struct Mailing {
    /// The application's own letters, by kind.
    pub templates: HashMap<String, Source>,
    /// Where letters go; without it, to the development inbox or nowhere.
    pub smtp: Option<SmtpSettings>,
    /// Where text messages go.
    pub sms: Option<Sms>,
}
