use std::collections::BTreeMap;

use base::Secret;

use crate::GoDuration;
use crate::setting::section;

section! {
    /// Sign-in by e-mail.
    pub struct Email {
        /// Offer it. `enable_signup` is its older name.
        enabled: bool = true,
        /// A change of address is confirmed at the old address too.
        double_confirm_changes: bool = true,
        /// An address is confirmed before the first sign-in.
        enable_confirmations: bool,
        /// A change of password needs a recent sign-in.
        secure_password_change: bool,
        /// A change of password needs the current one.
        require_current_password: bool,
        /// Shortest time between two mails to one user.
        max_frequency: GoDuration = GoDuration::from_secs(1),
        /// Digits of a code.
        otp_length: u32 = 6,
        /// Life of a code, in seconds.
        otp_expiry: u32 = 3600,
        /// The server that sends mail; without it mails go to the local inbox.
        smtp: Option<Smtp>,
        /// Own texts by kind: `invite`, `confirmation`, `recovery`, `magic_link`, `email_change`, `reauthentication`.
        template: BTreeMap<String, EmailTemplate>,
        /// Notices by kind: `password_changed`, `email_changed`, `mfa_factor_enrolled`, …
        notification: BTreeMap<String, Notification>,
    }
}

section! {
    /// The server that sends mail.
    pub struct Smtp {
        /// Use it.
        enabled: bool = true,
        /// Host.
        host: String,
        /// Port.
        port: u16 = 587,
        /// User.
        user: String,
        /// Password.
        pass: Option<Secret>,
        /// Sender's address.
        admin_email: String,
        /// Sender's name.
        sender_name: String,
    }
}

section! {
    /// An own text.
    pub struct EmailTemplate {
        /// Subject.
        subject: Option<String>,
        /// HTML. Filled from `content_path` when that is given.
        content: Option<String>,
        /// File with the HTML, relative to the project folder.
        content_path: String,
    }
}

section! {
    /// A notice.
    pub struct Notification {
        /// Send it.
        enabled: bool,
        /// Subject.
        subject: Option<String>,
        /// HTML. Filled from `content_path` when that is given.
        content: Option<String>,
        /// File with the HTML, relative to `supabase/`.
        content_path: String,
    }
}
