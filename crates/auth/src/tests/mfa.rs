use http::Method;
use serde_json::{Value, json};

use super::world::{Answer, World, text};

async fn enroll(world: &World, token: &str, body: Value) -> Answer {
    world.send(Method::POST, "/factors", Some(token), Some(body)).await
}

async fn challenge(world: &World, token: &str, factor: &Value) -> Value {
    let path = format!("/factors/{}/challenge", text(factor));
    world.send(Method::POST, &path, Some(token), Some(json!({}))).await.ok()
}

async fn verify(world: &World, token: &str, factor: &Value, challenge: &Value, code: &str) -> Answer {
    let body = json!({"challenge_id": challenge, "code": code});
    world.send(Method::POST, &format!("/factors/{}/verify", text(factor)), Some(token), Some(body)).await
}

fn code(world: &World, factor: &Value) -> String {
    crypto::totp::code(&text(&factor["totp"]["secret"]), world.clock.unix_seconds()).unwrap()
}

/// A user with a verified TOTP factor: the factor, and his session at aal2.
async fn with_totp(world: &World) -> (Value, Value) {
    let session = world.signed_up("ada@x.test").await;
    let token = text(&session["access_token"]);
    let factor = enroll(world, &token, json!({"factor_type": "totp", "friendly_name": "phone"})).await.ok();
    let id = challenge(world, &token, &factor["id"]).await["id"].clone();
    let raised = verify(world, &token, &factor["id"], &id, &code(world, &factor)).await.ok();
    (factor, raised)
}

#[tokio::test]
async fn a_totp_code_raises_the_session() {
    let world = World::autoconfirm().await;
    let session = world.signed_up("ada@x.test").await;
    let other = world.sign_in("ada@x.test").await;
    let token = text(&session["access_token"]);
    let factor = enroll(&world, &token, json!({"factor_type": "totp", "issuer": "Test"})).await.ok();
    assert!(text(&factor["totp"]["qr_code"]).contains("<svg"));
    assert!(text(&factor["totp"]["uri"]).starts_with("otpauth://totp/"));
    let id = challenge(&world, &token, &factor["id"]).await["id"].clone();
    let wrong = verify(&world, &token, &factor["id"], &id, "000000").await;
    assert_eq!(wrong.refusal(), (422, "mfa_verification_failed"));
    let raised = verify(&world, &token, &factor["id"], &id, &code(&world, &factor)).await.ok();
    let (before, after) = (world.claims(&session["access_token"]), world.claims(&raised["access_token"]));
    assert_eq!(after["session_id"], before["session_id"]);
    assert_eq!(after["aal"], "aal2");
    assert_eq!(after["amr"].as_array().unwrap().len(), 2);
    assert_eq!(raised["user"]["factors"][0]["status"], "verified");
    // Sessions without the factor end, and the token of the lower level cannot be traded for the higher.
    assert_eq!(world.refresh(&other["refresh_token"]).await.refusal(), (400, "refresh_token_not_found"));
    world.later(11);
    assert_eq!(world.refresh(&session["refresh_token"]).await.refusal(), (400, "refresh_token_already_used"));
}

#[tokio::test]
async fn the_level_survives_a_refresh_and_a_new_sign_in_is_low() {
    let world = World::autoconfirm().await;
    let (factor, raised) = with_totp(&world).await;
    let refreshed = world.refresh(&raised["refresh_token"]).await.ok();
    assert_eq!(world.claims(&refreshed["access_token"])["aal"], "aal2");
    let low = world.sign_in("ada@x.test").await;
    let token = text(&low["access_token"]);
    assert_eq!(world.claims(&low["access_token"])["aal"], "aal1");
    let refused = world.put_user(&token, json!({"password": "battery staple"})).await;
    assert_eq!(refused.refusal(), (401, "insufficient_aal"));
    assert_eq!(enroll(&world, &token, json!({"factor_type": "totp"})).await.refusal(), (403, "insufficient_aal"));
    let path = format!("/factors/{}", text(&factor["id"]));
    assert_eq!(world.send(Method::DELETE, &path, Some(&token), None).await.refusal(), (422, "insufficient_aal"));
}

#[tokio::test]
async fn a_code_works_once() {
    let world = World::autoconfirm().await;
    let (factor, raised) = with_totp(&world).await;
    let token = text(&raised["access_token"]);
    let id = challenge(&world, &token, &factor["id"]).await["id"].clone();
    let replayed = verify(&world, &token, &factor["id"], &id, &code(&world, &factor)).await;
    assert_eq!(replayed.refusal(), (422, "mfa_verification_failed"));
    world.later(30);
    verify(&world, &token, &factor["id"], &id, &code(&world, &factor)).await.ok();
}

/// From whatever address they come, and although right codes are among those that follow.
#[tokio::test]
async fn codes_are_not_guessed_at_for_long() {
    let world = World::autoconfirm().await;
    let (factor, session) = with_totp(&world).await;
    let token = text(&session["access_token"]);
    let answer = async |code: &str| {
        let one = challenge(&world, &token, &factor["id"]).await;
        verify(&world, &token, &factor["id"], &one["id"], code).await
    };
    world.later(60);
    let right = code(&world, &factor);
    let wrong = if right == "000000" { "000001" } else { "000000" };
    for _ in 0..10 {
        assert_eq!(answer(wrong).await.refusal(), (422, "mfa_verification_failed"));
    }
    let refused = answer(&right).await;
    assert_eq!(refused.refusal(), (429, "over_request_rate_limit"));
    assert!(refused.headers.contains_key("retry-after"));
    world.later(60);
    answer(&code(&world, &factor)).await.ok();
}

#[tokio::test]
async fn challenges_expire_and_belong_to_their_factor() {
    let world = World::autoconfirm().await;
    let (factor, raised) = with_totp(&world).await;
    let token = text(&raised["access_token"]);
    let id = challenge(&world, &token, &factor["id"]).await["id"].clone();
    world.later(301);
    let old = verify(&world, &token, &factor["id"], &id, &code(&world, &factor)).await;
    assert_eq!(old.refusal(), (422, "mfa_challenge_expired"));
    let unknown = json!("3f1f6a0e-5a9b-4f54-9d2f-0d6f5f1f0000");
    let none = verify(&world, &token, &factor["id"], &unknown, "123456").await;
    assert_eq!(none.refusal(), (422, "mfa_factor_not_found"));
    let other = verify(&world, &token, &unknown, &id, "123456").await;
    assert_eq!(other.refusal(), (404, "mfa_factor_not_found"));
}

#[tokio::test]
async fn unenrolling_takes_the_session_down_again() {
    let world = World::autoconfirm().await;
    let (factor, raised) = with_totp(&world).await;
    let path = format!("/factors/{}", text(&factor["id"]));
    world.send(Method::DELETE, &path, Some(&text(&raised["access_token"])), None).await.ok();
    let refreshed = world.refresh(&raised["refresh_token"]).await.ok();
    assert_eq!(world.claims(&refreshed["access_token"])["aal"], "aal1");
    assert!(refreshed["user"].get("factors").is_none());
}

#[tokio::test]
async fn names_are_unique_and_factors_are_counted() {
    let world = World::start(|config| {
        config.mailer.autoconfirm = true;
        config.mfa.max_enrolled = 2;
        config.anonymous_users_enabled = true;
    })
    .await;
    let token = text(&world.signed_up("ada@x.test").await["access_token"]);
    let body = json!({"factor_type": "totp", "friendly_name": "one"});
    enroll(&world, &token, body.clone()).await.ok();
    assert_eq!(enroll(&world, &token, body).await.refusal(), (422, "mfa_factor_name_conflict"));
    enroll(&world, &token, json!({"factor_type": "totp", "friendly_name": "two"})).await.ok();
    let third = enroll(&world, &token, json!({"factor_type": "totp", "friendly_name": "three"})).await;
    assert_eq!(third.refusal(), (422, "too_many_enrolled_mfa_factors"));
    world.later(301);
    enroll(&world, &token, json!({"factor_type": "totp", "friendly_name": "three"})).await.ok();
    assert_eq!(enroll(&world, &token, json!({"factor_type": "magic"})).await.refusal(), (400, "validation_failed"));
    let off = enroll(&world, &token, json!({"factor_type": "phone", "phone": "+15550100"})).await;
    assert_eq!(off.refusal(), (422, "mfa_phone_enroll_not_enabled"));
    let nobody = text(&world.post("/signup", json!({})).await.ok()["access_token"]);
    assert_eq!(enroll(&world, &nobody, json!({"factor_type": "totp"})).await.refusal(), (403, "no_authorization"));
}

#[tokio::test]
async fn a_phone_factor_by_its_message() {
    let world = World::start(|config| {
        config.mailer.autoconfirm = true;
        config.mfa.phone = crate::config::FactorSwitch { enroll: true, verify: true };
    })
    .await;
    let token = text(&world.signed_up("ada@x.test").await["access_token"]);
    let factor = enroll(&world, &token, json!({"factor_type": "phone", "phone": "+1 555 0100"})).await.ok();
    assert_eq!(factor["phone"], "15550100");
    let id = challenge(&world, &token, &factor["id"]).await["id"].clone();
    let path = format!("/factors/{}/challenge", text(&factor["id"]));
    let soon = world.send(Method::POST, &path, Some(&token), Some(json!({}))).await;
    assert_eq!(soon.refusal(), (429, "over_sms_send_rate_limit"));
    let sent = world.sent.messages.lock()[0].code.clone();
    world.later(1);
    let raised = verify(&world, &token, &factor["id"], &id, &sent).await.ok();
    assert_eq!(world.claims(&raised["access_token"])["amr"][0]["method"], "mfa/phone");
}
