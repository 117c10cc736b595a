use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// A token of the shape of the CLI's API keys: `iss`, `role` and `exp` in that order, signed with HS256.
pub(crate) fn api_key(secret: &str, issuer: &str, role: &str, issued_at: Option<i64>, expires_at: i64) -> String {
    let header = r#"{"alg":"HS256","typ":"JWT"}"#;
    let issued = issued_at.map(|at| format!(r#""iat":{at},"#)).unwrap_or_default();
    let claims = format!(r#"{{"iss":"{issuer}","role":"{role}",{issued}"exp":{expires_at}}}"#);
    let signed = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims));
    #[expect(clippy::expect_used, reason = "HMAC takes keys of any length")]
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("HMAC takes keys of any length");
    mac.update(signed.as_bytes());
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes()))
}
