//! Is a password known from a breach? Asked by k-anonymity (five hex digits of its SHA-1), or looked up in a file.

use std::time::Duration;

use crate::Auth;
use crate::config::Breached;
use crate::error::Error;
use crate::rules::password::{Weakness, weakness};

const TIMEOUT: Duration = Duration::from_secs(5);
const REASON: &str = "pwned";
const MESSAGE: &str = "Password is known to be weak and easy to guess, please choose a different one.";

impl Auth {
    /// What the password lacks, a breach included.
    ///
    /// # Errors
    /// 500 where the source cannot be asked and the settings want it asked.
    pub(crate) async fn weakness(&self, password: &str) -> Result<Weakness, Error> {
        let mut found = weakness(&self.config.password, password);
        if self.is_breached(password).await? {
            found.add(REASON, MESSAGE.to_owned());
        }
        Ok(found)
    }

    /// # Errors
    /// 422 `weak_password`, 400 for one that is too long.
    pub(crate) async fn check_password(&self, password: &str) -> Result<(), Error> {
        crate::rules::password::hashable(password)?;
        let found = self.weakness(password).await?;
        if found.is_empty() { Ok(()) } else { Err(found.into_error()) }
    }

    async fn is_breached(&self, password: &str) -> Result<bool, Error> {
        let Some(source) = &self.config.password.breached else { return Ok(false) };
        match source {
            Breached::Words(words) => Ok(words.contains(password)),
            Breached::Http { url, fail_closed } => match self.ask(url, password).await {
                Ok(found) => Ok(found),
                Err(error) if *fail_closed => Err(Error::internal("Unable to check the password for breaches", error)),
                Err(error) => {
                    tracing::warn!(target: "auth", %error, "breached passwords cannot be looked up; the password is taken");
                    Ok(false)
                }
            },
        }
    }

    async fn ask(&self, url: &str, password: &str) -> Result<bool, anyhow::Error> {
        let digest = sha1_hex(password);
        let (prefix, suffix) = digest.split_at(5);
        let response = self
            .http
            .get(format!("{url}/range/{prefix}"))
            .header("Add-Padding", "true")
            .timeout(TIMEOUT)
            .send()
            .await?;
        let text = response.error_for_status()?.text().await?;
        // A padded answer holds lines with a count of 0, which are no breaches.
        Ok(text.lines().any(|line| {
            line.split_once(':').is_some_and(|(end, count)| end.eq_ignore_ascii_case(suffix) && count.trim() != "0")
        }))
    }
}

/// SHA-1 is what the protocol speaks; it protects nothing here.
fn sha1_hex(password: &str) -> String {
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA1_FOR_LEGACY_USE_ONLY, password.as_bytes());
    hex::encode_upper(digest.as_ref())
}
