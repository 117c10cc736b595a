//! hCaptcha and Turnstile: the token of the body is asked about once.

use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;

use crate::Auth;
use crate::error::{Code, Error};
use crate::request::Req;

const TIMEOUT: Duration = Duration::from_secs(10);

#[derive(Deserialize)]
struct Answer {
    success: bool,
    #[serde(default, rename = "error-codes")]
    error_codes: Vec<String>,
}

impl Auth {
    /// Is there a person? Not asked of admins.
    ///
    /// # Errors
    /// 400 `captcha_failed`.
    pub(crate) async fn check_captcha(&self, req: &Req) -> Result<(), Error> {
        let Some(captcha) = &self.config.captcha else { return Ok(()) };
        if self.require_admin(req).is_ok() {
            return Ok(());
        }
        let failed = |why: &str| {
            Error::bad_request(Code::CaptchaFailed, format!("captcha protection: request disallowed ({why})"))
        };
        let body = req.object()?;
        let token = body
            .get("gotrue_meta_security")
            .and_then(|meta| meta.get("captcha_token"))
            .and_then(Value::as_str)
            .map(str::trim)
            .filter(|token| !token.is_empty())
            .ok_or_else(|| failed("no captcha_token found in request"))?;
        let form =
            [("secret", captcha.secret.expose().as_str()), ("response", token), ("remoteip", &req.ip.to_string())];
        let answer = self.http.post(&captcha.url).form(&form).timeout(TIMEOUT).send().await;
        let answer = match answer {
            Ok(response) => response.json::<Answer>().await,
            Err(error) => Err(error),
        };
        match answer {
            Ok(answer) if answer.success => Ok(()),
            Ok(answer) => Err(failed(&answer.error_codes.join(", "))),
            Err(error) => Err(Error::internal("captcha verification process failed", error)),
        }
    }
}
