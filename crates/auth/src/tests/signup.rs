use http::Method;
use serde_json::{Value, json};

use super::world::{World, text};

#[tokio::test]
async fn a_confirmed_sign_up_is_a_session_with_the_claims_of_gotrue() {
    let world = World::autoconfirm().await;
    let session = world
        .post("/signup", json!({"email": "Ada@Example.org", "password": "correct horse", "data": {"full_name": "Ada"}}))
        .await
        .ok();
    assert_eq!(session["token_type"], "bearer");
    assert_eq!(session["expires_in"], 3600);
    let user = &session["user"];
    assert_eq!(user["email"], "ada@example.org");
    assert_eq!(user["role"], "authenticated");
    assert_eq!(user["app_metadata"], json!({"provider": "email", "providers": ["email"]}));
    assert_eq!(user["user_metadata"]["full_name"], "Ada");
    assert_eq!(user["user_metadata"]["email_verified"], true);
    assert_eq!(user["identities"][0]["provider"], "email");
    assert_eq!(user["identities"][0]["id"], user["id"]);
    assert!(user.get("encrypted_password").is_none());
    let claims = world.claims(&session["access_token"]);
    let names: Vec<&String> = claims.as_object().unwrap().keys().collect();
    assert_eq!(
        names,
        [
            "sub",
            "aud",
            "exp",
            "iat",
            "email",
            "phone",
            "app_metadata",
            "user_metadata",
            "role",
            "aal",
            "amr",
            "session_id",
            "is_anonymous"
        ]
    );
    assert_eq!(claims["amr"][0]["method"], "password");
    assert_eq!(claims["aal"], "aal1");
    let me = world.get("/user", &text(&session["access_token"])).await.ok();
    assert_eq!(me["id"], user["id"]);
    assert_eq!(
        world.post("/signup", json!({"email": "ada@example.org", "password": "another one"})).await.refusal(),
        (422, "user_already_exists")
    );
}

#[tokio::test]
async fn an_unconfirmed_sign_up_is_a_user_whose_letter_confirms_him() {
    let world = World::start(|_| {}).await;
    let user = world.post("/signup", json!({"email": "ada@x.test", "password": "correct horse"})).await.ok();
    assert!(user.get("access_token").is_none());
    assert!(user.get("confirmed_at").is_none());
    let sign_in = json!({"email": "ada@x.test", "password": "correct horse"});
    let refused = world.post("/token?grant_type=password", sign_in.clone()).await;
    assert_eq!(refused.refusal(), (400, "email_not_confirmed"));
    let letter = world.letter("ada@x.test");
    assert_eq!(letter.kind.template(), "confirmation");
    let session = world
        .post("/verify", json!({"type": "signup", "email": "ada@x.test", "token": letter.var("Token")}))
        .await
        .ok();
    assert_eq!(session["user"]["user_metadata"]["email_verified"], true);
    assert_eq!(world.claims(&session["access_token"])["amr"][0]["method"], "otp");
    world.post("/token?grant_type=password", sign_in).await.ok();
}

/// What a stranger sees must not depend on whether the address is known.
#[tokio::test]
async fn a_taken_address_looks_like_a_new_one() {
    let world = World::start(|_| {}).await;
    let fresh = world.post("/signup", json!({"email": "new@x.test", "password": "correct horse"})).await.ok();
    let letter = world.letter("new@x.test");
    world.post("/verify", json!({"type": "signup", "token_hash": letter.var("TokenHash")})).await.ok();
    let body = json!({"email": "new@x.test", "password": "other password", "data": {"a": 1}});
    let again = world.post("/signup", body).await.ok();
    assert_ne!(again["id"], fresh["id"]);
    assert_eq!(again["identities"], json!([]));
    assert_eq!(again["role"], "");
    assert_eq!(again["user_metadata"], json!({"a": 1}));
    assert_eq!(world.sent.letters.lock().len(), 1, "no letter to a user who is there");
    // An unconfirmed user is not changed by a second attempt, only written to again.
    let first = world.post("/signup", json!({"email": "b@x.test", "password": "correct horse"})).await.ok();
    let soon = world.post("/signup", json!({"email": "b@x.test", "password": "hijacked!"})).await;
    assert_eq!(soon.refusal(), (429, "over_email_send_rate_limit"));
    world.later(61);
    let second = world.post("/signup", json!({"email": "b@x.test", "password": "hijacked!"})).await.ok();
    assert_eq!(first["id"], second["id"]);
    world
        .post("/verify", json!({"type": "signup", "token_hash": world.letter("b@x.test").var("TokenHash")}))
        .await
        .ok();
    world.sign_in("b@x.test").await;
}

#[tokio::test]
async fn two_sign_ups_of_one_address_at_once_make_one_user() {
    let world = World::autoconfirm().await;
    let body = || json!({"email": "twin@x.test", "password": "correct horse"});
    let (a, b) = tokio::join!(world.post("/signup", body()), world.post("/signup", body()));
    let mut statuses = [a.status.as_u16(), b.status.as_u16()];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 422], "{} {}", a.body, b.body);
    assert_eq!(world.count("select count(*) from auth.users").await, 1);
}

#[tokio::test]
async fn anonymous_users_come_in_where_they_may() {
    let world = World::start(|config| config.anonymous_users_enabled = true).await;
    let session = world.post("/signup", json!({"data": {"theme": "dark"}})).await.ok();
    assert_eq!(session["user"]["is_anonymous"], true);
    assert_eq!(session["user"]["user_metadata"], json!({"theme": "dark"}));
    assert_eq!(world.claims(&session["access_token"])["amr"][0]["method"], "anonymous");
    let closed = World::start(|_| {}).await;
    assert_eq!(closed.post("/signup", json!({})).await.refusal(), (422, "anonymous_provider_disabled"));
}

#[tokio::test]
async fn an_anonymous_user_becomes_a_permanent_one_and_keeps_his_id() {
    let world = World::start(|config| config.anonymous_users_enabled = true).await;
    let session = world.post("/signup", json!({})).await.ok();
    let token = text(&session["access_token"]);
    let pending = world.put_user(&token, json!({"email": "ada@x.test"})).await.ok();
    assert_eq!(pending["new_email"], "ada@x.test");
    assert_eq!(pending["is_anonymous"], true);
    let letter = world.letter("ada@x.test");
    let verified =
        world.post("/verify", json!({"type": "email_change", "token_hash": letter.var("TokenHash")})).await.ok();
    assert_eq!(verified["user"]["id"], session["user"]["id"]);
    assert_eq!(verified["user"]["is_anonymous"], false);
    assert_eq!(verified["user"]["email"], "ada@x.test");
    assert_eq!(verified["user"]["app_metadata"]["providers"], json!(["email"]));
    let changed = world.put_user(&text(&verified["access_token"]), json!({"password": "correct horse"})).await;
    changed.ok();
    world.sign_in("ada@x.test").await;
}

#[tokio::test]
async fn phone_sign_up_by_code() {
    let world = World::start(|config| {
        config.phone.enabled = true;
        config.phone.test_otp.insert("15550100".into(), "123456".into());
    })
    .await;
    let user = world.post("/signup", json!({"phone": "+1 555 0101", "password": "correct horse"})).await.ok();
    assert_eq!(user["phone"], "15550101");
    let code = world.sent.messages.lock()[0].code.clone();
    let wrong = world.post("/verify", json!({"type": "sms", "phone": "15550101", "token": "000000"})).await;
    assert_eq!(wrong.refusal(), (403, "otp_expired"));
    let session = world.post("/verify", json!({"type": "sms", "phone": "+15550101", "token": code})).await.ok();
    assert!(session["user"]["phone_confirmed_at"].is_string());
    world.post("/otp", json!({"phone": "15550100"})).await.ok();
    let tester = world.post("/verify", json!({"type": "sms", "phone": "15550100", "token": "123456"})).await.ok();
    assert_eq!(tester["user"]["phone"], "15550100");
    assert_eq!(world.sent.messages.lock().len(), 1, "nothing is sent to a tester's number");
}

#[tokio::test]
async fn a_trigger_that_refuses_is_named() {
    let world = World::autoconfirm().await;
    world
        .database
        .run(
            "create function public.no_way() returns trigger language plpgsql security definer as
                $$ begin raise exception 'only the family' using hint = 'ask Ada'; end $$;
             create trigger on_signup after insert on auth.users for each row execute function public.no_way();",
        )
        .await;
    let body = json!({"email": "ada@x.test", "password": "correct horse"});
    let answer = world.post("/signup", body.clone()).await;
    assert_eq!(
        (answer.status.as_u16(), answer.body["message"].clone()),
        (500, json!("Database error saving new user"))
    );
    // The old format has room for what the trigger said.
    let old = world.raw_old(Method::POST, "/signup", body).await;
    assert_eq!(old.body["code"], "P0001");
    assert_eq!(old.body["message"], "only the family");
    assert_eq!(old.body["hint"], "ask Ada");
    assert_eq!(world.count("select count(*) from auth.users").await, 0);
}

#[tokio::test]
async fn a_disabled_server_says_so() {
    let world = World::start(|config| config.disable_signup = true).await;
    let body = json!({"email": "ada@x.test", "password": "correct horse"});
    assert_eq!(world.post("/signup", body).await.refusal(), (422, "signup_disabled"));
    assert_eq!(world.post("/otp", json!({"email": "ada@x.test"})).await.refusal(), (422, "signup_disabled"));
    assert_eq!(world.get("/settings", "").await.ok()["disable_signup"], Value::Bool(true));
}
