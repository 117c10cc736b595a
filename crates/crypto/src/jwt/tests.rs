use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use proptest::prelude::*;
use serde_json::json;

use super::*;

const SECRET: &str = "reallyreallyreallyreallyverysafe";

fn token(header: &str, claims: &str, signature: &str) -> String {
    format!("{}.{}.{signature}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims))
}

fn set(keys: &[&Jwk]) -> KeySet {
    KeySet::from_jwks(&keys.iter().map(|key| (*key).clone()).collect::<Vec<_>>()).unwrap()
}

/// RFC 7515 appendix A.1, with its key and its odd white space: foreign tokens verify byte by byte.
#[test]
fn the_example_of_rfc_7515_verifies() {
    let jwk =
        r#"{"kty":"oct","k":"AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow"}"#;
    let token = "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
    let verified = KeySet::from_postgrest(jwk, false).unwrap().verify_signature(token).unwrap();
    assert_eq!(verified.text("iss"), Some("joe"));
    assert!(verified.payload.starts_with(b"{\"iss\":\"joe\",\r\n"));
    assert_eq!(verified.check(1_300_819_380, ClaimRules::default()), Ok(()));
    assert_eq!(verified.check(1_300_819_381, ClaimRules::default()), Err(VerifyError::Expired));
}

/// RFC 8037 appendix A.4.
#[test]
fn the_example_of_rfc_8037_verifies() {
    let jwk = r#"{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#;
    let token = "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc.hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg";
    // The signature is good; what is signed there is a sentence and no claims.
    let set = KeySet::from_postgrest(jwk, false).unwrap();
    assert_eq!(set.verify_signature(token).unwrap_err(), VerifyError::ClaimsUnreadable);
    let changed = token.replace("RXhhbXBsZSBvZiBF", "RXhhbXBsZSBvZiBG");
    assert_eq!(set.verify_signature(&changed).unwrap_err(), VerifyError::Signature);
}

#[test]
fn every_algorithm_signs_what_its_public_key_verifies_and_no_other_does() {
    let claims = r#"{"sub":"1","aud":"authenticated","exp":2000000000,"role":"authenticated"}"#;
    let keys: Vec<Jwk> = Algorithm::ALL.into_iter().map(|algorithm| generate(algorithm).unwrap()).collect();
    for (at, key) in keys.iter().enumerate() {
        let token = set(&[key]).sign_json(claims).unwrap();
        let verifier = match key.public() {
            Some(public) => set(&[&Jwk::new(public)]),
            None => set(&[key]),
        };
        let verified = verifier.verify_signature(&token).unwrap();
        assert_eq!(verified.payload, claims.as_bytes());
        assert_eq!(verified.header.algorithm, Algorithm::ALL[at]);
        assert_eq!(verified.header.kid.as_deref(), key.kid());
        // Another key with the same name must refuse it.
        let mut other = generate(Algorithm::ALL[at]).unwrap();
        other.set("kid", key.kid().unwrap().into());
        assert_eq!(set(&[&other]).verify_signature(&token).unwrap_err(), VerifyError::Signature);
    }
    let all = KeySet::from_jwks(&keys).unwrap();
    let published = all.public_jwks().to_string();
    assert!(!published.contains("\"oct\"") && !published.contains("\"d\"") && !published.contains("\"k\""));
    assert_eq!(all.public_jwks()["keys"].as_array().unwrap().len(), 10);
}

#[test]
fn a_public_key_is_never_an_hmac_secret() {
    let key = generate(Algorithm::RS256).unwrap();
    let public = Jwk::new(key.public().unwrap());
    let forged = KeySet::from_secret(public.text("n").unwrap().as_bytes()).sign_json("{}").unwrap();
    assert!(matches!(set(&[&public]).verify_signature(&forged), Err(VerifyError::NoSuitableKey { .. })));
}

#[test]
fn a_key_is_good_for_the_algorithm_it_names_only() {
    let mut key = generate(Algorithm::RS256).unwrap();
    let token = set(&[&key]).sign_json("{}").unwrap();
    key.set("alg", "RS512".into());
    assert!(matches!(set(&[&key]).verify_signature(&token), Err(VerifyError::NoSuitableKey { .. })));
    key.set("alg", "ES256".into());
    assert!(matches!(KeySet::from_jwks(&[key]), Err(KeyError::Key { .. })));
}

#[test]
fn the_forms_of_a_secret() {
    let token = KeySet::from_postgrest(SECRET, false).unwrap().sign_json(r#"{"role":"x"}"#).unwrap();
    let in_base64 = base64::engine::general_purpose::STANDARD.encode(SECRET);
    let jwk = json!({ "kty": "oct", "k": URL_SAFE_NO_PAD.encode(SECRET) });
    for (text, base64) in [
        (in_base64.replace('=', "."), true),
        (in_base64, true),
        (jwk.to_string(), false),
        (json!({ "keys": [&jwk] }).to_string(), false),
    ] {
        assert!(KeySet::from_postgrest(&text, base64).unwrap().verify_signature(&token).is_ok(), "{text}");
    }
    let jwk_in_base64 = base64::engine::general_purpose::STANDARD.encode(jwk.to_string());
    assert!(KeySet::from_postgrest(&jwk_in_base64, true).unwrap().verify_signature(&token).is_ok());
    let mut longer = jwk;
    longer["alg"] = "HS512".into();
    let of_longer = KeySet::from_postgrest(&longer.to_string(), false).unwrap().sign_json("{}").unwrap();
    let plain = KeySet::from_postgrest(SECRET, false).unwrap();
    assert!(matches!(plain.verify_signature(&of_longer), Err(VerifyError::NoSuitableKey { .. })), "HS256 alone");
    let foreign = [json!({ "kty": "RSA", "alg": "RSA-OAEP", "n": "AQAB", "e": "AQAB" }), json!({ "kty": "new" })];
    let mixed = json!({ "keys": [&foreign[0], { "kty": "oct", "k": URL_SAFE_NO_PAD.encode(SECRET) }, &foreign[1]] });
    assert!(KeySet::from_postgrest(&mixed.to_string(), false).unwrap().verify_signature(&token).is_ok());
    assert!(KeySet::from_postgrest(&json!({ "keys": foreign }).to_string(), false).is_err());
    assert_eq!(KeySet::from_postgrest("short", false).err(), Some(KeyError::SecretTooShort));
    assert_eq!(KeySet::from_postgrest("c2hvcnQ=", true).err(), Some(KeyError::SecretTooShort));
    assert_eq!(KeySet::from_postgrest("%%%", true).err(), Some(KeyError::NotBase64));
    assert!(matches!(KeySet::from_postgrest("{\"keys\":1}", false), Err(KeyError::Unreadable(_))));
}

#[test]
fn a_kid_must_match_but_gotrue_falls_back_to_the_secret() {
    let key = generate(Algorithm::ES256).unwrap();
    let named = Jwk::from_secret(SECRET.as_bytes(), Some("old"));
    let token = set(&[&named]).sign_json("{}").unwrap();
    assert!(matches!(
        KeySet::from_secret(SECRET.as_bytes()).verify_signature(&token),
        Err(VerifyError::NoSuitableKey { kid: Some(_), .. })
    ));
    let keys = json!([key.members()]).to_string();
    let gotrue = KeySet::from_gotrue(Some(&keys), Some(SECRET)).unwrap();
    assert!(gotrue.verify_signature(&token).is_ok());
    assert_eq!(gotrue.signing_algorithm(), Some(Algorithm::ES256));
    // Without a kid every key is tried.
    let unnamed = KeySet::from_secret(SECRET.as_bytes()).sign_json("{}").unwrap();
    assert!(gotrue.verify_signature(&unnamed).is_ok());
    // A foreign kid on an asymmetric token does not fall back.
    let foreign = set(&[&generate(Algorithm::ES256).unwrap()]).sign_json("{}").unwrap();
    assert!(matches!(gotrue.verify_signature(&foreign), Err(VerifyError::NoSuitableKey { .. })));
    assert_eq!(KeySet::from_gotrue(Some("[]"), Some(SECRET)).unwrap().signing_algorithm(), Some(Algorithm::HS256));
    let two = json!([key.members(), generate(Algorithm::ES256).unwrap().members()]).to_string();
    assert_eq!(KeySet::from_gotrue(Some(&two), None).err(), Some(KeyError::SigningKeys(2)));
}

#[test]
fn the_header_and_claims_keep_their_order() {
    #[derive(serde::Serialize)]
    struct Claims {
        iss: &'static str,
        sub: &'static str,
        aud: &'static str,
    }
    let set = set(&[&Jwk::from_secret(SECRET.as_bytes(), Some("k1"))]);
    let token = set.sign(&Claims { iss: "i", sub: "s", aud: "a" }).unwrap();
    let part =
        |at: usize| String::from_utf8(URL_SAFE_NO_PAD.decode(token.split('.').nth(at).unwrap()).unwrap()).unwrap();
    assert_eq!(part(0), r#"{"alg":"HS256","kid":"k1","typ":"JWT"}"#);
    assert_eq!(part(1), r#"{"iss":"i","sub":"s","aud":"a"}"#);
}

#[test]
fn bad_tokens_are_answered_in_postgrests_words() {
    let set = KeySet::from_secret(SECRET.as_bytes());
    let other = KeySet::from_secret(b"another secret that is long enough").sign_json("{}").unwrap();
    let array = set.sign_json("[1]").unwrap();
    let check = |token: &str, message: &str, details: Option<&str>| {
        let (_, got, why) = set.verify_signature(token).unwrap_err().postgrest();
        assert_eq!((got.as_str(), why), (message, details), "{token}");
    };
    check("", "Empty JWT is sent in Authorization header", None);
    check("a.b", "Expected 3 parts in JWT; got 2", None);
    check("a.b.c.d", "Expected 3 parts in JWT; got 4", None);
    check("a.b.c", "JWT cryptographic operation failed", None);
    check(
        &token(r#"{"typ":"JWT","alg":"none"}"#, "{}", "yOBh"),
        "Wrong or unsupported encoding algorithm",
        Some("JWT is unsecured but expected 'alg' was not 'none'"),
    );
    check(&other, "No suitable key or wrong key type", Some("None of the keys was able to decode the JWT"));
    check(
        &token(r#"{"alg":"ES256"}"#, "{}", "yOBh"),
        "No suitable key or wrong key type",
        Some("No suitable key was found to decode the JWT"),
    );
    check(&array, "Parsing claims failed", None);
    let [header, _, signature] = array.split('.').collect::<Vec<_>>()[..] else { panic!("three parts") };
    check(&format!("{header}.***.{signature}"), "JWT cryptographic operation failed", None);
    check(&token(r#"{"alg":"HS256","crit":["b64"]}"#, "{}", "yOBh"), "JWT cryptographic operation failed", None);
}

#[test]
fn times_and_audience_are_judged() {
    let judge = |claims: serde_json::Value, audience: Option<&str>| {
        let claims = claims.as_object().unwrap().clone();
        check_claims(&claims, 1_000, ClaimRules { skew_seconds: 30, audience }).map_err(|error| error.postgrest().1)
    };
    let refused = |message: &str| Err(message.to_owned());
    assert_eq!(judge(json!({ "exp": 970, "nbf": 1030, "iat": 1030 }), None), Ok(()));
    assert_eq!(judge(json!({ "exp": 969 }), None), refused("JWT expired"));
    assert_eq!(judge(json!({ "nbf": 1031 }), None), refused("JWT not yet valid"));
    assert_eq!(judge(json!({ "iat": 1031 }), None), refused("JWT issued at future"));
    assert_eq!(judge(json!({ "exp": "9" }), None), refused("The JWT 'exp' claim must be a number"));
    assert_eq!(judge(json!({ "exp": 1e300, "nbf": -1e300, "iat": null }), None), Ok(()));
    for (aud, fits) in [(json!("me"), true), (json!(["you", "me"]), true), (json!([]), true), (json!(null), true)] {
        assert_eq!(judge(json!({ "aud": aud }), Some("me")).is_ok(), fits);
    }
    assert_eq!(judge(json!({ "aud": ["you"] }), Some("me")), refused("JWT not in audience"));
    assert_eq!(judge(json!({ "aud": "you" }), None), Ok(()));
    let typed = "The JWT 'aud' claim must be a string or an array of strings";
    assert_eq!(judge(json!({ "aud": ["me", 1] }), Some("me")), refused(typed));
    assert_eq!(judge(json!({ "aud": 5 }), None), refused(typed));
}

#[test]
fn a_rotation_keeps_old_tokens_alive_until_their_end() {
    let (first, second) = (generate(Algorithm::ES256).unwrap(), generate(Algorithm::RS256).unwrap());
    let mut ring = KeyRing::parse(&json!([first.members()]).to_string()).unwrap();
    let old = ring.key_set(None).unwrap().sign_json("{}").unwrap();
    assert!(ring.rotate(0, 3600).is_err(), "nothing stands by");
    ring.add_standby(second.clone()).unwrap();
    assert!(ring.add_standby(second).is_err(), "twice");
    assert_eq!(ring.key_set(None).unwrap().signing_algorithm(), Some(Algorithm::ES256));
    assert!(ring.revoke(first.kid().unwrap()).is_err(), "it signs");

    ring.rotate(1_000, 3_600).unwrap();
    let ring = KeyRing::parse(&ring.to_json()).unwrap();
    assert_eq!(
        ring.states().iter().map(|(_, state)| *state).collect::<Vec<_>>(),
        [KeyState::Previous { until: 4_600 }, KeyState::Current]
    );
    // GoTrue's own rule holds for what we keep.
    assert_eq!(KeySet::from_gotrue(Some(&ring.to_json()), None).unwrap().signing_algorithm(), Some(Algorithm::RS256));
    let mut ring = ring;
    ring.prune(4_599);
    assert!(ring.key_set(None).unwrap().verify_signature(&old).is_ok());
    assert_eq!(ring.next_end(), Some(4_600));
    ring.prune(4_600);
    assert!(ring.key_set(None).unwrap().verify_signature(&old).is_err());

    let third = generate(Algorithm::EdDSA).unwrap();
    assert!(ring.rotate_to(third.kid().unwrap(), 0, 1).is_err(), "not there yet");
    ring.add_standby(third.clone()).unwrap();
    ring.rotate_to(third.kid().unwrap(), 5_000, 10).unwrap();
    assert_eq!(ring.key_set(None).unwrap().signing_algorithm(), Some(Algorithm::EdDSA));
    assert_eq!(ring.next_end(), Some(5_010));
}

proptest! {
    /// Whatever comes in: an answer, never a panic, and nothing unsigned passes.
    #[test]
    fn no_junk_is_taken_for_a_token(junk in "\\PC{0,80}", parts in proptest::collection::vec("[A-Za-z0-9_-]{0,40}", 0..5)) {
        let set = KeySet::from_secret(SECRET.as_bytes());
        prop_assert!(set.verify_signature(&junk).is_err());
        prop_assert!(set.verify_signature(&parts.join(".")).is_err());
    }

    #[test]
    fn one_changed_character_kills_a_token(at in 0_usize..200, with in "[A-Za-z0-9_-]") {
        let set = KeySet::from_secret(SECRET.as_bytes());
        let token = set.sign_json(r#"{"sub":"1","role":"authenticated","exp":2000000000}"#).unwrap();
        let at = at % token.len();
        let mut changed = token.clone();
        changed.replace_range(at..=at, &with);
        prop_assume!(changed != token);
        prop_assert!(set.verify_signature(&changed).is_err());
    }
}
