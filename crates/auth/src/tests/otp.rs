use http::Method;
use serde_json::json;

use super::world::{World, text};

#[tokio::test]
async fn a_code_signs_in_a_user_who_is_there() {
    let world = World::start(|_| {}).await;
    world.post("/otp", json!({"email": "ada@x.test", "data": {"a": 1}})).await.ok();
    assert_eq!(world.letter("ada@x.test").kind.template(), "confirmation");
    let verify = |code: String| json!({"type": "email", "email": "ada@x.test", "token": code});
    let first = world.post("/verify", verify(world.letter("ada@x.test").var("Token"))).await.ok();
    assert_eq!(first["user"]["user_metadata"]["a"], 1);
    world.later(61);
    world.post("/otp", json!({"email": "ADA@x.test"})).await.ok();
    let letter = world.letter("ada@x.test");
    assert_eq!(letter.kind.template(), "magic_link");
    let second = world.post("/verify", verify(letter.var("Token"))).await.ok();
    assert_eq!(second["user"]["id"], first["user"]["id"]);
    assert_eq!(world.post("/verify", verify(letter.var("Token"))).await.refusal(), (403, "otp_expired"), "works once");
    let body = json!({"email": "nobody@x.test", "create_user": false});
    assert_eq!(world.post("/otp", body).await.refusal(), (422, "otp_disabled"));
}

#[tokio::test]
async fn a_link_ends_at_the_application_with_a_session_in_the_fragment() {
    let world = World::start(|config| config.uri_allow_list = vec!["https://other.test/**".into()]).await;
    world
        .post(
            "/signup?redirect_to=https%3A%2F%2Fother.test%2Fwelcome",
            json!({"email": "ada@x.test", "password": "correct horse"}),
        )
        .await
        .ok();
    let link = world.letter("ada@x.test").link();
    let head = world.send(Method::HEAD, &link, None, None).await;
    assert_eq!(head.status, 405, "a link checker uses nothing up");
    let answer = world.send(Method::GET, &link, None, None).await;
    assert_eq!(answer.status, 303);
    let location = answer.location().to_owned();
    assert!(location.starts_with("https://other.test/welcome#access_token="), "{location}");
    assert!(location.contains("&type=signup&sb="), "{location}");
    let again = world.send(Method::GET, &link, None, None).await;
    assert!(again.location().starts_with("https://other.test/welcome#error=access_denied&error_code=otp_expired"));
}

/// Two clicks, or a click and a typed code, at the same moment.
#[tokio::test]
async fn two_confirmations_at_once_make_one_session() {
    let world = World::start(|_| {}).await;
    world.post("/signup", json!({"email": "ada@x.test", "password": "correct horse"})).await.ok();
    let letter = world.letter("ada@x.test");
    let body = || json!({"type": "signup", "token_hash": letter.var("TokenHash")});
    let (a, b) = tokio::join!(world.post("/verify", body()), world.post("/verify", body()));
    let mut statuses = [a.status.as_u16(), b.status.as_u16()];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 403]);
    assert_eq!(world.count("select count(*) from auth.sessions").await, 1);
}

#[tokio::test]
async fn a_redirect_that_is_not_allowed_becomes_the_site() {
    let world = World::start(|_| {}).await;
    world
        .post(
            "/signup?redirect_to=https%3A%2F%2Fevil.test",
            json!({"email": "ada@x.test", "password": "correct horse"}),
        )
        .await
        .ok();
    assert_eq!(world.letter("ada@x.test").var("RedirectTo"), "https://app.test");
}

#[tokio::test]
async fn codes_grow_old() {
    let world = World::start(|config| config.mailer.otp_exp = std::time::Duration::from_secs(600)).await;
    world.post("/otp", json!({"email": "ada@x.test"})).await.ok();
    world.later(601);
    let letter = world.letter("ada@x.test");
    let by_code = json!({"type": "email", "email": "ada@x.test", "token": letter.var("Token")});
    assert_eq!(world.post("/verify", by_code).await.refusal(), (403, "otp_expired"));
    let by_hash = json!({"type": "email", "token_hash": letter.var("TokenHash")});
    assert_eq!(world.post("/verify", by_hash).await.refusal(), (403, "otp_expired"));
}

/// A million codes and no limit per address would be guessed in a day.
#[tokio::test]
async fn a_code_that_is_guessed_at_is_burnt() {
    let world = World::start(|_| {}).await;
    world.post("/otp", json!({"email": "ada@x.test"})).await.ok();
    let code = world.letter("ada@x.test").var("Token");
    let wrong = if code == "111111" { "222222" } else { "111111" };
    let body = |code: &str| json!({"type": "email", "email": "ada@x.test", "token": code});
    for _ in 0..10 {
        assert_eq!(world.post("/verify", body(wrong)).await.refusal(), (403, "otp_expired"));
    }
    assert_eq!(world.post("/verify", body(&code)).await.refusal(), (403, "otp_expired"));
    world.later(61);
    world.post("/otp", json!({"email": "ada@x.test"})).await.ok();
    world.post("/verify", body(&world.letter("ada@x.test").var("Token"))).await.ok();
}

#[tokio::test]
async fn recovery_lets_a_user_set_a_new_password_and_tells_strangers_nothing() {
    let world = World::autoconfirm().await;
    let old = world.signed_up("ada@x.test").await;
    let known = world.post("/recover", json!({"email": "ada@x.test"})).await;
    let unknown = world.post("/recover", json!({"email": "nobody@x.test"})).await;
    assert_eq!((known.status, &known.body), (unknown.status, &unknown.body));
    let known = world.post("/recover", json!({"email": "ada@x.test"})).await;
    let unknown = world.post("/recover", json!({"email": "nobody@x.test"})).await;
    assert_eq!(known.refusal(), (429, "over_email_send_rate_limit"));
    assert_eq!((known.status, &known.body), (unknown.status, &unknown.body));
    let letter = world.letter("ada@x.test");
    assert_eq!(letter.kind.template(), "recovery");
    let session = world.post("/verify", json!({"type": "recovery", "token_hash": letter.var("TokenHash")})).await.ok();
    world.put_user(&text(&session["access_token"]), json!({"password": "battery staple"})).await.ok();
    assert_eq!(world.refresh(&old["refresh_token"]).await.refusal(), (400, "refresh_token_not_found"));
    world.post("/token?grant_type=password", json!({"email": "ada@x.test", "password": "battery staple"})).await.ok();
}

#[tokio::test]
async fn resend_writes_again_to_who_is_unconfirmed_and_answers_all_alike() {
    let world = World::start(|_| {}).await;
    world.post("/signup", json!({"email": "ada@x.test", "password": "correct horse"})).await.ok();
    world.later(61);
    let known = world.post("/resend", json!({"type": "signup", "email": "ada@x.test"})).await.ok();
    let unknown = world.post("/resend", json!({"type": "signup", "email": "no@x.test"})).await.ok();
    assert_eq!(known, unknown);
    assert_eq!(world.sent.letters.lock().len(), 2);
    let bad = world.post("/resend", json!({"type": "magic", "email": "ada@x.test"})).await;
    assert_eq!(bad.refusal(), (400, "validation_failed"));
}

#[tokio::test]
async fn the_confirm_page_keeps_scanners_from_using_the_link() {
    let world = World::start(|config| config.mailer.confirm_page = true).await;
    world.post("/signup", json!({"email": "ada@x.test", "password": "correct horse"})).await.ok();
    let link = world.letter("ada@x.test").link();
    let page = world.send(Method::GET, &link, None, None).await;
    assert_eq!(page.status, 200);
    assert!(page.body.as_str().unwrap().contains("<button"));
    let pressed = world.send(Method::GET, &format!("{link}&confirm=yes"), None, None).await;
    assert!(pressed.location().contains("#access_token="));
}
