//! Token buckets per client, and for letters and messages of the whole server. In memory: one process is the server.

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::Duration;

use parking_lot::Mutex;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::Auth;
use crate::config::{Rate, RateLimits};
use crate::error::{Code, Error};
use crate::request::Req;

/// A client may do this many at once, as upstream.
const BURST: f64 = 30.0;
/// Wrong codes of a second factor that a user may enter at once, and the time after which he has all of them again. Per user: whoever
/// has the password may come from many addresses.
const FACTOR_GUESSES: f64 = 10.0;
const FACTOR_GUESSES_OVER: Duration = Duration::from_secs(600);
/// Buckets kept at most; full ones carry no information and go first.
const MAX_BUCKETS: usize = 100_000;

/// What is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Limited {
    Token,
    Verify,
    Otp,
    MagicLink,
    Recover,
    Resend,
    Signup,
    UserUpdate,
    Anonymous,
    Sso,
    SamlAssertion,
    Web3,
    Passkey,
    Factor,
    DynamicRegistration,
}

#[derive(Debug, Clone, Copy)]
struct Bucket {
    tokens: f64,
    at: OffsetDateTime,
}

impl Bucket {
    /// What has come back since; no time to wait while there is one left.
    fn refill(&mut self, rate: Rate, capacity: f64, now: OffsetDateTime) -> Result<(), Duration> {
        let per_second = rate.events / rate.over.as_secs_f64().max(0.001);
        let elapsed = (now - self.at).as_seconds_f64().max(0.0);
        self.tokens = (self.tokens + elapsed * per_second).min(capacity);
        self.at = now;
        if self.tokens >= 1.0 {
            return Ok(());
        }
        let wait = if per_second > 0.0 { (1.0 - self.tokens) / per_second } else { 3600.0 };
        Err(Duration::from_secs_f64(wait.min(86_400.0)))
    }

    /// Takes a token, or says how long to wait for one.
    fn take(&mut self, rate: Rate, capacity: f64, now: OffsetDateTime) -> Result<(), Duration> {
        self.refill(rate, capacity, now)?;
        self.tokens -= 1.0;
        Ok(())
    }
}

/// The counters of a server.
pub(crate) struct Limits {
    rates: RateLimits,
    clients: Mutex<HashMap<(Limited, IpAddr), Bucket>>,
    emails: Mutex<Option<Bucket>>,
    messages: Mutex<Option<Bucket>>,
    /// Wrong codes of second factors, per user.
    guesses: Mutex<HashMap<Uuid, Bucket>>,
    /// When a kind of letter was last asked for an address, known or not.
    addresses: Mutex<HashMap<(String, String), OffsetDateTime>>,
}

impl Limits {
    pub fn new(rates: &RateLimits) -> Self {
        Self {
            rates: rates.clone(),
            clients: Mutex::default(),
            emails: Mutex::default(),
            messages: Mutex::default(),
            guesses: Mutex::default(),
            addresses: Mutex::default(),
        }
    }

    fn rate(&self, what: Limited) -> Rate {
        match what {
            Limited::Token => self.rates.token_refresh,
            Limited::Verify => self.rates.verify,
            Limited::Otp
            | Limited::MagicLink
            | Limited::Recover
            | Limited::Resend
            | Limited::Signup
            | Limited::UserUpdate => self.rates.otp,
            Limited::Anonymous => self.rates.anonymous_users,
            Limited::Sso => self.rates.sso,
            Limited::SamlAssertion => self.rates.saml_assertion,
            Limited::Web3 => self.rates.web3,
            Limited::Passkey => self.rates.passkey,
            Limited::Factor => self.rates.mfa,
            Limited::DynamicRegistration => self.rates.dynamic_registration,
        }
    }

    fn client(&self, what: Limited, ip: IpAddr, now: OffsetDateTime) -> Result<(), Duration> {
        let rate = self.rate(what);
        let mut clients = self.clients.lock();
        if clients.len() >= MAX_BUCKETS {
            // Whoever was silent for the whole span has a full bucket again.
            clients.retain(|_, bucket| now - bucket.at < Duration::from_secs(3600));
            if clients.len() >= MAX_BUCKETS {
                clients.clear();
            }
        }
        let key = (what, network(ip));
        clients.entry(key).or_insert(Bucket { tokens: BURST, at: now }).take(rate, BURST, now)
    }
}

/// A household has a whole /64 of version 6 addresses.
fn network(ip: IpAddr) -> IpAddr {
    match ip {
        IpAddr::V4(_) => ip,
        IpAddr::V6(v6) => IpAddr::V6((u128::from(v6) & !u128::from(u64::MAX)).into()),
    }
}

fn server_wide(bucket: &Mutex<Option<Bucket>>, rate: Option<Rate>, now: OffsetDateTime) -> Result<(), Duration> {
    let Some(rate) = rate else { return Ok(()) };
    let mut bucket = bucket.lock();
    bucket.get_or_insert(Bucket { tokens: rate.events, at: now }).take(rate, rate.events, now)
}

/// Whole seconds, at least one.
fn seconds(wait: Duration) -> u64 {
    wait.as_secs_f64().ceil().max(1.0) as u64
}

impl Auth {
    /// Counts a request of this client.
    ///
    /// # Errors
    /// 429 `over_request_rate_limit`.
    pub(crate) fn limit(&self, what: Limited, req: &Req) -> Result<(), Error> {
        if !req.limited {
            return Ok(());
        }
        self.limits
            .client(what, req.ip, self.clock.now())
            .map_err(|wait| Error::too_many(Code::OverRequestRateLimit, "Request rate limit reached", seconds(wait)))
    }

    /// May the user try another code of a second factor?
    ///
    /// # Errors
    /// 429 `over_request_rate_limit` after too many wrong ones.
    pub(crate) fn may_guess(&self, user: Uuid) -> Result<(), Error> {
        let rate = Rate { events: FACTOR_GUESSES, over: FACTOR_GUESSES_OVER };
        let mut guesses = self.limits.guesses.lock();
        let Some(bucket) = guesses.get_mut(&user) else { return Ok(()) };
        bucket
            .refill(rate, FACTOR_GUESSES, self.clock.now())
            .map_err(|wait| Error::too_many(Code::OverRequestRateLimit, "Too many wrong codes", seconds(wait)))
    }

    /// Counts a wrong code of a second factor.
    pub(crate) fn count_guess(&self, user: Uuid) {
        let now = self.clock.now();
        let mut guesses = self.limits.guesses.lock();
        if guesses.len() >= MAX_BUCKETS {
            guesses.retain(|_, bucket| now - bucket.at < FACTOR_GUESSES_OVER);
        }
        let bucket = guesses.entry(user).or_insert(Bucket { tokens: FACTOR_GUESSES, at: now });
        bucket.tokens = (bucket.tokens - 1.0).max(0.0);
    }

    /// Counts a letter.
    ///
    /// # Errors
    /// 429 `over_email_send_rate_limit`.
    pub(crate) fn limit_email(&self) -> Result<(), Error> {
        server_wide(&self.limits.emails, self.config.limits.email_sent, self.clock.now())
            .map_err(|wait| Error::too_many(Code::OverEmailSendRateLimit, "email rate limit exceeded", seconds(wait)))
    }

    /// Counts a text message.
    ///
    /// # Errors
    /// 429 `over_sms_send_rate_limit`.
    pub(crate) fn limit_message(&self) -> Result<(), Error> {
        server_wide(&self.limits.messages, self.config.limits.sms_sent, self.clock.now())
            .map_err(|wait| Error::too_many(Code::OverSmsSendRateLimit, "SMS rate limit exceeded", seconds(wait)))
    }

    /// Refuses a second request of a kind for one address too soon, known or not: the refusal tells nothing.
    ///
    /// # Errors
    /// 429 `over_email_send_rate_limit`, or of SMS for a number.
    pub(crate) fn limit_address(&self, kind: &str, address: &str) -> Result<(), Error> {
        let is_email = address.contains('@');
        let (frequency, code) = match is_email {
            true => (self.config.mailer.max_frequency, Code::OverEmailSendRateLimit),
            false => (self.config.phone.max_frequency, Code::OverSmsSendRateLimit),
        };
        let now = self.clock.now();
        let mut addresses = self.limits.addresses.lock();
        if addresses.len() >= MAX_BUCKETS {
            addresses.retain(|_, at| now < *at + frequency);
        }
        let key = (kind.to_owned(), address.to_owned());
        self.too_soon(addresses.get(&key).copied(), frequency, code)?;
        if addresses.len() < MAX_BUCKETS {
            addresses.insert(key, now);
        }
        Ok(())
    }

    /// Refuses a second letter or message of a kind to one user too soon after the first.
    ///
    /// # Errors
    /// 429 with `code`.
    pub(crate) fn too_soon(
        &self,
        sent_at: Option<OffsetDateTime>,
        frequency: Duration,
        code: Code,
    ) -> Result<(), Error> {
        let Some(sent_at) = sent_at else { return Ok(()) };
        let wait = sent_at + frequency - self.clock.now();
        if !wait.is_positive() {
            return Ok(());
        }
        let wait = seconds(wait.unsigned_abs());
        Err(Error::too_many(
            code,
            format!("For security purposes, you can only request this after {wait} seconds."),
            wait,
        ))
    }
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    #[test]
    fn a_burst_then_the_rate() {
        let limits = Limits::new(&RateLimits::default());
        let now = datetime!(2026-01-01 00:00 UTC);
        let ada = IpAddr::from([192, 0, 2, 1]);
        for _ in 0..30 {
            assert!(limits.client(Limited::Verify, ada, now).is_ok());
        }
        let wait = limits.client(Limited::Verify, ada, now).unwrap_err();
        assert_eq!(seconds(wait), 10);
        assert!(limits.client(Limited::Verify, IpAddr::from([192, 0, 2, 2]), now).is_ok());
        assert!(limits.client(Limited::Otp, ada, now).is_ok());
        assert!(limits.client(Limited::Verify, ada, now + wait).is_ok());
    }

    #[test]
    fn version_six_addresses_count_by_network() {
        let network_of = |text: &str| network(text.parse().unwrap());
        assert_eq!(network_of("2001:db8::1"), network_of("2001:db8::ffff"));
        assert_ne!(network_of("2001:db8::1"), network_of("2001:db8:0:1::1"));
    }
}
