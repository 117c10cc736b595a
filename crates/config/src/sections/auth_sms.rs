use std::collections::BTreeMap;

use base::Secret;

use crate::GoDuration;
use crate::setting::section;

section! {
    /// Sign-in by phone.
    pub struct Sms {
        /// Offer it. `enable_signup` is its older name.
        enabled: bool,
        /// A number is confirmed before the first sign-in.
        enable_confirmations: bool,
        /// The text message; `{{ .Code }}` is the code.
        template: String = "Your code is {{ .Code }}".into(),
        /// Shortest time between two messages to one user.
        max_frequency: GoDuration = GoDuration::from_secs(5),
        /// Digits of a code.
        otp_length: u32 = 6,
        /// Life of a code, in seconds.
        otp_expiry: u32 = 60,
        /// Twilio.
        twilio: Twilio,
        /// Twilio Verify.
        twilio_verify: Twilio,
        /// MessageBird.
        messagebird: MessageBird,
        /// Textlocal.
        textlocal: TextLocal,
        /// Vonage.
        vonage: Vonage,
        /// Fixed codes for tests: number without `+` → code.
        test_otp: BTreeMap<String, String>,
    }
}

section! {
    /// Twilio.
    pub struct Twilio {
        /// Send by it.
        enabled: bool,
        /// Account.
        account_sid: String,
        /// Message service.
        message_service_sid: String,
        /// Template for WhatsApp.
        content_sid: String,
        /// Token.
        auth_token: Option<Secret>,
    }
}

section! {
    /// MessageBird.
    pub struct MessageBird {
        /// Send by it.
        enabled: bool,
        /// Sender.
        originator: String,
        /// Key.
        access_key: Option<Secret>,
    }
}

section! {
    /// Textlocal.
    pub struct TextLocal {
        /// Send by it.
        enabled: bool,
        /// Sender.
        sender: String,
        /// Key.
        api_key: Option<Secret>,
    }
}

section! {
    /// Vonage.
    pub struct Vonage {
        /// Send by it.
        enabled: bool,
        /// Sender.
        from: String,
        /// Key.
        api_key: String,
        /// Secret.
        api_secret: Option<Secret>,
    }
}
