use http::Method;
use serde_json::json;

use super::world::{World, text};

#[tokio::test]
async fn both_addresses_confirm() {
    let world = World::start(|_| {}).await;
    let token = confirmed(&world).await;
    let pending = world.put_user(&token, json!({"email": "new@x.test"})).await.ok();
    assert_eq!((&pending["email"], &pending["new_email"]), (&json!("ada@x.test"), &json!("new@x.test")));
    let old = world.letter("ada@x.test");
    let new = world.letter("new@x.test");
    assert_ne!(old.var("TokenHash"), new.var("TokenHash"));
    let half = world.send(Method::GET, &new.link(), None, None).await;
    assert!(half.location().contains("#message=Confirmation+link+accepted"), "{}", half.location());
    let again = world.post("/verify", json!({"type": "email_change", "token_hash": new.var("TokenHash")})).await;
    assert_eq!(again.refusal(), (403, "otp_expired"), "the same half does not count twice");
    let whole = world
        .post("/verify", json!({"type": "email_change", "email": "ada@x.test", "token": old.var("Token")}))
        .await
        .ok();
    assert_eq!(whole["user"]["email"], "new@x.test");
    assert_eq!(whole["user"]["identities"][0]["identity_data"]["email"], "new@x.test");
    assert!(whole["user"].get("new_email").is_none());
    world.sign_in("new@x.test").await;
}

#[tokio::test]
async fn one_address_is_enough_where_the_settings_say_so() {
    let world = World::start(|config| config.mailer.secure_email_change = false).await;
    let token = confirmed(&world).await;
    world.put_user(&token, json!({"email": "new@x.test"})).await.ok();
    let letter = world.letter("new@x.test");
    let session = world
        .post("/verify", json!({"type": "email_change", "email": "new@x.test", "token": letter.var("Token")}))
        .await
        .ok();
    assert_eq!(session["user"]["email"], "new@x.test");
}

#[tokio::test]
async fn an_address_that_was_taken_meanwhile_is_not_taken_twice() {
    let world = World::start(|config| config.mailer.secure_email_change = false).await;
    let token = confirmed(&world).await;
    world.put_user(&token, json!({"email": "new@x.test"})).await.ok();
    let letter = world.letter("new@x.test");
    world.admin(Method::POST, "/admin/users", Some(json!({"email": "new@x.test", "email_confirm": true}))).await.ok();
    let late = world.post("/verify", json!({"type": "email_change", "token_hash": letter.var("TokenHash")})).await;
    assert_eq!(late.refusal(), (422, "email_exists"));
    world.later(61);
    assert_eq!(world.put_user(&token, json!({"email": "new@x.test"})).await.refusal(), (422, "email_exists"));
}

#[tokio::test]
async fn a_number_changes_by_its_code() {
    let world = World::start(|config| config.phone.enabled = true).await;
    let token = confirmed(&world).await;
    let pending = world.put_user(&token, json!({"phone": "+15550100"})).await.ok();
    assert_eq!(pending["new_phone"], "15550100");
    let code = world.sent.messages.lock()[0].code.clone();
    let session = world.post("/verify", json!({"type": "phone_change", "phone": "15550100", "token": code})).await.ok();
    assert_eq!(session["user"]["phone"], "15550100");
    assert_eq!(session["user"]["app_metadata"]["providers"], json!(["email", "phone"]));
}

async fn confirmed(world: &World) -> String {
    world.post("/signup", json!({"email": "ada@x.test", "password": "correct horse"})).await.ok();
    let letter = world.letter("ada@x.test");
    let session = world.post("/verify", json!({"type": "signup", "token_hash": letter.var("TokenHash")})).await.ok();
    world.later(61);
    text(&session["access_token"])
}
