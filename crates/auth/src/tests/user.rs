use http::Method;
use serde_json::json;

use super::world::{World, text};

#[tokio::test]
async fn metadata_is_merged_and_null_deletes() {
    let world = World::autoconfirm().await;
    let session = world.signed_up("ada@x.test").await;
    let token = text(&session["access_token"]);
    world.put_user(&token, json!({"data": {"a": 1, "b": {"c": 2}}})).await.ok();
    let user = world.put_user(&token, json!({"data": {"a": null, "d": [1]}})).await.ok();
    let metadata = &user["user_metadata"];
    assert_eq!((&metadata["b"], &metadata["d"], metadata.get("a")), (&json!({"c": 2}), &json!([1]), None));
    assert_eq!(world.put_user(&token, json!({"app_metadata": {"x": 1}})).await.refusal(), (403, "not_admin"));
}

#[tokio::test]
async fn a_new_password_ends_the_other_sessions() {
    let world = World::autoconfirm().await;
    let here = world.signed_up("ada@x.test").await;
    let there = world.sign_in("ada@x.test").await;
    let token = text(&here["access_token"]);
    assert_eq!(world.put_user(&token, json!({"password": "correct horse"})).await.refusal(), (422, "same_password"));
    let weak = world.put_user(&token, json!({"password": "abc"})).await;
    assert_eq!(weak.refusal(), (422, "weak_password"));
    assert_eq!(weak.body["weak_password"]["reasons"], json!(["length"]));
    assert_eq!(weak.body["message"], "Password should be at least 6 characters.");
    world.put_user(&token, json!({"password": "battery staple"})).await.ok();
    world.get("/user", &token).await.ok();
    assert_eq!(world.get("/user", &text(&there["access_token"])).await.refusal(), (403, "session_not_found"));
    assert_eq!(world.refresh(&there["refresh_token"]).await.refusal(), (400, "refresh_token_not_found"));
    let old = json!({"email": "ada@x.test", "password": "correct horse"});
    assert_eq!(world.post("/token?grant_type=password", old).await.refusal(), (400, "invalid_credentials"));
}

#[tokio::test]
async fn reauthentication_is_asked_of_an_old_session() {
    let world = World::start(|config| {
        config.mailer.autoconfirm = true;
        config.password.require_reauthentication = true;
        config.jwt.exp_seconds = 100 * 3600;
    })
    .await;
    let session = world.signed_up("ada@x.test").await;
    let token = text(&session["access_token"]);
    world.later(25 * 3600);
    let body = |nonce: &str| json!({"password": "battery staple", "nonce": nonce});
    assert_eq!(world.put_user(&token, body("")).await.refusal(), (400, "reauthentication_needed"));
    world.get("/reauthenticate", &token).await.ok();
    let nonce = world.letter("ada@x.test").var("Token");
    let wrong = if nonce == "000000" { "000001" } else { "000000" };
    assert_eq!(world.put_user(&token, body(wrong)).await.refusal(), (422, "reauthentication_not_valid"));
    world.put_user(&token, body(&nonce)).await.ok();
    assert_eq!(
        world.put_user(&token, json!({"password": "third password", "nonce": nonce})).await.refusal(),
        (422, "reauthentication_not_valid"),
        "a nonce works once"
    );
}

#[tokio::test]
async fn the_current_password_is_asked_for_where_the_settings_say_so() {
    let world = World::start(|config| {
        config.mailer.autoconfirm = true;
        config.password.require_current = true;
    })
    .await;
    let token = text(&world.signed_up("ada@x.test").await["access_token"]);
    let body = json!({"password": "battery staple"});
    assert_eq!(world.put_user(&token, body).await.refusal(), (400, "current_password_required"));
    let body = json!({"password": "battery staple", "current_password": "wrong"});
    assert_eq!(world.put_user(&token, body).await.refusal(), (400, "current_password_invalid"));
    let body = json!({"password": "battery staple", "current_password": "correct horse"});
    world.put_user(&token, body).await.ok();
}

/// Users of a seed that was written by hand have NULL where GoTrue writes an empty text.
#[tokio::test]
async fn a_user_inserted_by_hand_signs_in() {
    let world = World::autoconfirm().await;
    world
        .database
        .run(
            "insert into auth.users (instance_id, id, aud, role, email, encrypted_password, email_confirmed_at)
             values ('00000000-0000-0000-0000-000000000000', gen_random_uuid(), 'authenticated', 'authenticated', 'seed@x.test',
                extensions.crypt('correct horse', extensions.gen_salt('bf')), now())",
        )
        .await;
    let session = world.sign_in("seed@x.test").await;
    assert_eq!(session["user"]["user_metadata"], json!({}));
    world.refresh(&session["refresh_token"]).await.ok();
    world.get("/user", &text(&session["access_token"])).await.ok();
    world.admin(Method::GET, "/admin/users", None).await.ok();
}

#[tokio::test]
async fn identities_are_unlinked_but_one() {
    let world = World::start(|config| {
        config.mailer.autoconfirm = true;
        config.phone.enabled = true;
        config.phone.autoconfirm = true;
        config.manual_linking_enabled = true;
    })
    .await;
    let session = world.signed_up("ada@x.test").await;
    let token = text(&session["access_token"]);
    let unlink = |id: String| {
        let (world, token) = (&world, token.clone());
        async move { world.send(Method::DELETE, &format!("/user/identities/{id}"), Some(&token), None).await }
    };
    let email = text(&session["user"]["identities"][0]["identity_id"]);
    assert_eq!(unlink(email.clone()).await.refusal(), (422, "single_identity_not_deletable"));
    world.later(1);
    let user = world.put_user(&token, json!({"phone": "15550100"})).await.ok();
    assert_eq!(user["app_metadata"]["providers"], json!(["email", "phone"]));
    unlink(email).await.ok();
    let user = world.get("/user", &token).await.ok();
    assert_eq!((user["email"].clone(), user["app_metadata"]["providers"].clone()), (json!(""), json!(["phone"])));
    assert_eq!(unlink("nonsense".into()).await.refusal(), (404, "validation_failed"));
}
