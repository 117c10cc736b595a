use crate::GoDuration;
use crate::setting::section;

section! {
    /// Second factors.
    pub struct Mfa {
        /// Most factors of one user.
        max_enrolled_factors: u32 = 10,
        /// Codes of an authenticator application.
        totp: FactorType,
        /// Codes by text message.
        phone: PhoneFactor,
        /// Security keys.
        web_authn: FactorType,
    }
}

section! {
    /// A kind of second factor.
    pub struct FactorType {
        /// Users may add one.
        enroll_enabled: bool,
        /// Users may use one.
        verify_enabled: bool,
    }
}

section! {
    /// Codes by text message.
    pub struct PhoneFactor {
        /// Users may add one.
        enroll_enabled: bool,
        /// Users may use one.
        verify_enabled: bool,
        /// Digits of a code.
        otp_length: u32 = 6,
        /// The text message; `{{ .Code }}` is the code.
        template: String = "Your code is {{ .Code }}".into(),
        /// Shortest time between two messages.
        max_frequency: GoDuration = GoDuration::from_secs(5),
    }
}
