//! Two at once: one result, and nobody loses his session.

use http::Method;
use serde_json::{Value, json};

use super::world::{Answer, World, text};

/// How many of them were answered with 200.
fn good(answers: &[Answer]) -> usize {
    answers.iter().filter(|answer| answer.status == 200).count()
}

#[track_caller]
fn no_5xx(answers: &[Answer]) {
    for answer in answers {
        assert!(answer.status.as_u16() < 500, "{} {}", answer.status, answer.body);
    }
}

#[tokio::test]
async fn two_uses_of_one_recovery_code_are_one_sign_in() {
    let world = World::autoconfirm().await;
    let before = world.signed_up("ada@x.test").await;
    world.post("/recover", json!({"email": "ada@x.test"})).await.ok();
    let body = json!({"type": "recovery", "email": "ada@x.test", "token": world.letter("ada@x.test").var("Token")});
    let answers: [Answer; 3] = tokio::join!(
        world.post("/verify", body.clone()),
        world.post("/verify", body.clone()),
        world.post("/verify", body.clone())
    )
    .into();
    no_5xx(&answers);
    assert_eq!(good(&answers), 1, "{answers:?}");
    assert_eq!(
        world.get("/user", before["access_token"].as_str().unwrap()).await.status,
        200,
        "the other session lives"
    );
}

#[tokio::test]
async fn two_verifications_with_one_totp_code_are_one() {
    let world = World::autoconfirm().await;
    let session = world.signed_up("ada@x.test").await;
    let token = text(&session["access_token"]);
    let factor = world.send(Method::POST, "/factors", Some(&token), Some(json!({"factor_type": "totp"}))).await.ok();
    let path = format!("/factors/{}", text(&factor["id"]));
    let mut challenges = Vec::new();
    for _ in 0..2 {
        let one = world.send(Method::POST, &format!("{path}/challenge"), Some(&token), Some(json!({}))).await.ok();
        challenges.push(one["id"].clone());
    }
    let code = crypto::totp::code(&text(&factor["totp"]["secret"]), world.clock.unix_seconds()).unwrap();
    let verify = async |challenge: &Value| {
        let body = json!({"challenge_id": challenge, "code": code});
        world.send(Method::POST, &format!("{path}/verify"), Some(&token), Some(body)).await
    };
    let answers: [Answer; 2] = tokio::join!(verify(&challenges[0]), verify(&challenges[1])).into();
    no_5xx(&answers);
    assert_eq!(good(&answers), 1, "{answers:?}");
    let raised = answers.iter().find(|answer| answer.status == 200).unwrap().body.clone();
    assert_eq!(world.get("/user", raised["access_token"].as_str().unwrap()).await.status, 200);
    assert_eq!(world.refresh(&raised["refresh_token"]).await.status, 200);
}

#[tokio::test]
async fn two_openings_of_one_link_are_one_confirmation() {
    let world = World::start(|_| ()).await;
    world.post("/signup", json!({"email": "ada@x.test", "password": "correct horse"})).await.ok();
    let link = world.letter("ada@x.test").link();
    let open = || world.raw(Method::GET, &link, &[], "");
    let answers: [Answer; 2] = tokio::join!(open(), open()).into();
    let signed_in = answers.iter().filter(|answer| answer.location().contains("access_token=")).count();
    assert_eq!(signed_in, 1, "{answers:?}");
    assert_eq!(world.count("select count(*) from auth.users where email_confirmed_at is not null").await, 1);
    assert_eq!(world.count("select count(*) from auth.sessions").await, 1);
}

#[tokio::test]
async fn two_exchanges_of_one_code_are_one_session() {
    let world = World::start(|_| ()).await;
    let verifier = "v".repeat(50);
    let body = json!({"email": "ada@x.test", "password": "correct horse", "code_challenge": verifier, "code_challenge_method": "plain"});
    world.post("/signup", body).await.ok();
    let opened = world.raw(Method::GET, &world.letter("ada@x.test").link(), &[], "").await;
    let code = opened.location().split_once("code=").unwrap().1.split(['&', '#']).next().unwrap().to_owned();
    let body = json!({"auth_code": code, "code_verifier": verifier});
    let exchange = || world.post("/token?grant_type=pkce", body.clone());
    let answers: [Answer; 2] = tokio::join!(exchange(), exchange()).into();
    no_5xx(&answers);
    assert_eq!(good(&answers), 1, "{answers:?}");
}

#[tokio::test]
async fn a_password_change_and_a_refresh_at_once_leave_one_session() {
    let world = World::autoconfirm().await;
    let (own, other) = (world.signed_up("ada@x.test").await, world.sign_in("ada@x.test").await);
    let token = text(&own["access_token"]);
    let (changed, refreshed) = tokio::join!(
        world.put_user(&token, json!({"password": "battery staple"})),
        world.refresh(&other["refresh_token"])
    );
    assert_eq!(changed.status, 200, "{}", changed.body);
    no_5xx(std::slice::from_ref(&refreshed));
    // Whoever was first: the other session is over now.
    let theirs = if refreshed.status == 200 { refreshed.body } else { other };
    assert_eq!(
        world.get("/user", theirs["access_token"].as_str().unwrap()).await.refusal(),
        (403, "session_not_found")
    );
    assert_eq!(world.refresh(&own["refresh_token"]).await.status, 200);
}

#[tokio::test]
async fn two_deletions_and_an_update_of_one_user_at_once_end_well() {
    let world = World::autoconfirm().await;
    let session = world.signed_up("ada@x.test").await;
    let path = format!("/admin/users/{}", text(&session["user"]["id"]));
    let answers: [Answer; 3] = tokio::join!(
        world.admin(Method::DELETE, &path, None),
        world.admin(Method::DELETE, &path, None),
        world.admin(Method::PUT, &path, Some(json!({"user_metadata": {"a": 1}})))
    )
    .into();
    no_5xx(&answers);
    assert_eq!(world.count("select count(*) from auth.users").await, 0);
    assert_eq!(world.get("/user", session["access_token"].as_str().unwrap()).await.refusal(), (403, "user_not_found"));
}

/// However many ask at once: one letter or message, and the rest must wait, as they would one after the other.
#[tokio::test]
async fn requests_for_a_code_at_once_send_one() {
    let world = World::start(|config| {
        config.phone.enabled = true;
        config.mfa.phone.enroll = true;
        config.mfa.phone.verify = true;
    })
    .await;
    let ada = json!({"email": "ada@x.test", "phone": "15550100", "password": "correct horse", "email_confirm": true, "phone_confirm": true});
    world.admin(Method::POST, "/admin/users", Some(ada)).await.ok();
    world.post("/signup", json!({"email": "eve@x.test", "password": "correct horse"})).await.ok();
    let token = text(&world.sign_in("ada@x.test").await["access_token"]);
    let factor = json!({"factor_type": "phone", "phone": "15550100"});
    let factor = world.send(Method::POST, "/factors", Some(&token), Some(factor)).await.ok();
    let challenge = format!("/factors/{}/challenge", text(&factor["id"]));
    world.later(61);
    let cases = [
        (Method::POST, "/otp", json!({"email": "ada@x.test"})),
        (Method::POST, "/otp", json!({"phone": "15550100"})),
        (Method::POST, "/signup", json!({"email": "eve@x.test", "password": "correct horse"})),
        (Method::GET, "/reauthenticate", Value::Null),
        (Method::POST, challenge.as_str(), json!({})),
    ];
    for (method, path, body) in cases {
        world.sent.letters.lock().clear();
        world.sent.messages.lock().clear();
        let one = || world.send(method.clone(), path, Some(&token), Some(body.clone()));
        let answers: [Answer; 4] = tokio::join!(one(), one(), one(), one()).into();
        no_5xx(&answers);
        assert_eq!(good(&answers), 1, "{path} {body}: {answers:?}");
        assert!(answers.iter().filter(|answer| answer.status != 200).all(|answer| answer.status == 429), "{answers:?}");
        let sent = world.sent.letters.lock().len() + world.sent.messages.lock().len();
        assert_eq!(sent, 1, "{path} {body}");
    }
}

#[tokio::test]
async fn two_changes_to_one_address_give_it_to_one() {
    let world = World::autoconfirm().await;
    let (ada, eve) = (world.signed_up("ada@x.test").await, world.signed_up("eve@x.test").await);
    let token = |session: &Value| text(&session["access_token"]);
    let (ada, eve) = (token(&ada), token(&eve));
    let answers: [Answer; 2] = tokio::join!(
        world.put_user(&ada, json!({"email": "new@x.test"})),
        world.put_user(&eve, json!({"email": "new@x.test"}))
    )
    .into();
    no_5xx(&answers);
    assert_eq!(world.count("select count(*) from auth.users where email = 'new@x.test'").await, 1, "{answers:?}");
}
