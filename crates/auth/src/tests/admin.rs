use http::Method;
use serde_json::{Value, json};

use super::world::{World, text};

#[tokio::test]
async fn only_the_service_role_may() {
    let world = World::autoconfirm().await;
    let token = text(&world.signed_up("ada@x.test").await["access_token"]);
    assert_eq!(world.get("/admin/users", &token).await.refusal(), (403, "not_admin"));
    assert_eq!(world.send(Method::GET, "/admin/users", None, None).await.refusal(), (401, "no_authorization"));
    assert_eq!(world.get("/admin/users", "not.a.token").await.refusal(), (403, "bad_jwt"));
}

/// A user may have the role; his token is no API key that nobody can take back.
#[tokio::test]
async fn a_signed_out_administrator_is_none() {
    let world = World::autoconfirm().await;
    let ada = world.signed_up("ada@x.test").await;
    let path = format!("/admin/users/{}", text(&ada["user"]["id"]));
    world.admin(Method::PUT, &path, Some(json!({"role": "service_role"}))).await.ok();
    let token = text(&world.sign_in("ada@x.test").await["access_token"]);
    world.get("/admin/users", &token).await.ok();
    world.send(Method::POST, "/logout", Some(&token), None).await;
    assert_eq!(world.get("/admin/users", &token).await.refusal(), (403, "session_not_found"));
}

#[tokio::test]
async fn users_are_created_found_changed_and_deleted() {
    let world = World::start(|_| {}).await;
    let body = json!({"email": "ada@x.test", "password": "abc", "email_confirm": true, "phone": "+15550100",
        "user_metadata": {"a": 1}, "app_metadata": {"plan": "pro"}, "role": "editor"});
    let user = world.admin(Method::POST, "/admin/users", Some(body.clone())).await.ok();
    assert_eq!(user["app_metadata"], json!({"provider": "email", "providers": ["email", "phone"], "plan": "pro"}));
    assert_eq!(user["user_metadata"], json!({"a": 1, "email_verified": true}));
    assert_eq!(user["role"], "editor");
    assert!(user["email_confirmed_at"].is_string());
    assert_eq!(world.admin(Method::POST, "/admin/users", Some(body)).await.refusal(), (422, "email_exists"));
    let other = json!({"email": "b@x.test", "phone": "15550100"});
    assert_eq!(world.admin(Method::POST, "/admin/users", Some(other)).await.refusal(), (422, "phone_exists"));
    let path = format!("/admin/users/{}", text(&user["id"]));
    let weak = world.admin(Method::PUT, &path, Some(json!({"password": "abc"}))).await;
    assert_eq!(weak.refusal(), (422, "weak_password"));
    let changed = world
        .admin(Method::PUT, &path, Some(json!({"email": "eve@x.test", "user_metadata": {"a": null, "b": 2}})))
        .await
        .ok();
    assert_eq!(changed["email"], "eve@x.test");
    assert_eq!(changed["user_metadata"], json!({"email_verified": true, "b": 2}));
    assert_eq!(
        world.admin(Method::GET, &path, None).await.ok()["identities"][0]["identity_data"]["email"],
        "eve@x.test"
    );
    world.admin(Method::DELETE, &path, None).await.ok();
    assert_eq!(world.admin(Method::GET, &path, None).await.refusal(), (404, "user_not_found"));
    assert_eq!(world.admin(Method::GET, "/admin/users/7", None).await.refusal(), (404, "validation_failed"));
}

#[tokio::test]
async fn hashes_of_other_servers_are_taken_over() {
    let world = World::start(|_| {}).await;
    let hash = crypto::password::hash(b"correct horse", crypto::password::Scheme::Argon2id).unwrap();
    let body = json!({"email": "ada@x.test", "password_hash": hash, "email_confirm": true});
    world.admin(Method::POST, "/admin/users", Some(body)).await.ok();
    world.sign_in("ada@x.test").await;
    let bad = json!({"email": "b@x.test", "password_hash": "plain"});
    assert_eq!(world.admin(Method::POST, "/admin/users", Some(bad)).await.refusal(), (400, "validation_failed"));
}

#[tokio::test]
async fn the_list_has_pages_and_filters() {
    let world = World::start(|_| {}).await;
    for n in 0..5 {
        world.later(1);
        world.admin(Method::POST, "/admin/users", Some(json!({"email": format!("u{n}@x.test")}))).await.ok();
    }
    let page = world.admin(Method::GET, "/admin/users?page=2&per_page=2", None).await;
    assert_eq!(page.headers["x-total-count"], "5");
    let link = page.headers["link"].to_str().unwrap();
    assert!(link.contains("page=3&per_page=2>; rel=\"next\"") && link.contains("rel=\"last\""), "{link}");
    let emails: Vec<Value> = page.body["users"].as_array().unwrap().iter().map(|u| u["email"].clone()).collect();
    assert_eq!(emails, [json!("u2@x.test"), json!("u1@x.test")]);
    assert_eq!(page.body["users"][0]["identities"], Value::Null);
    let one = world.admin(Method::GET, "/admin/users?email=U3@x.test", None).await.ok();
    assert_eq!(one["users"].as_array().unwrap().len(), 1);
    let asc = world.admin(Method::GET, "/admin/users?sort=created_at%20asc&filter=u", None).await.ok();
    assert_eq!(asc["users"][0]["email"], "u0@x.test");
    for bad in ["page=x", "per_page=-1", "sort=email", "page=9223372036854775807&per_page=1000"] {
        let answer = world.admin(Method::GET, &format!("/admin/users?{bad}"), None).await;
        assert_eq!(answer.refusal(), (400, "validation_failed"), "{bad}");
    }
}

#[tokio::test]
async fn soft_delete_keeps_the_id_and_nothing_of_the_person() {
    let world = World::autoconfirm().await;
    let session = world.signed_up("ada@x.test").await;
    let path = format!("/admin/users/{}", text(&session["user"]["id"]));
    world.admin(Method::DELETE, &path, Some(json!({"should_soft_delete": true}))).await.ok();
    let user = world.admin(Method::GET, &path, None).await.ok();
    assert!(user["deleted_at"].is_string());
    assert_eq!(user["user_metadata"], json!({}));
    assert!(!user.to_string().contains("ada@x.test"), "{user}");
    assert_eq!(world.get("/user", &text(&session["access_token"])).await.refusal(), (403, "session_not_found"));
    let again = world.signed_up("ada@x.test").await;
    assert_ne!(again["user"]["id"], session["user"]["id"]);
}

#[tokio::test]
async fn invitations_and_links() {
    let world = World::start(|_| {}).await;
    let user =
        world.admin(Method::POST, "/invite", Some(json!({"email": "ada@x.test", "data": {"team": 7}}))).await.ok();
    assert!(user["invited_at"].is_string());
    let letter = world.letter("ada@x.test");
    assert_eq!(letter.kind.template(), "invite");
    let session = world.post("/verify", json!({"type": "invite", "token_hash": letter.var("TokenHash")})).await.ok();
    assert_eq!(session["user"]["user_metadata"]["team"], 7);
    let again = world.admin(Method::POST, "/invite", Some(json!({"email": "ada@x.test"}))).await;
    assert_eq!(again.refusal(), (422, "email_exists"));
    for (kind, extra, verification) in [
        ("magiclink", json!({}), "magiclink"),
        ("recovery", json!({}), "recovery"),
        ("email_change_new", json!({"new_email": "new@x.test"}), "email_change"),
    ] {
        let mut body = json!({"type": kind, "email": "ada@x.test", "redirect_to": "https://app.test/x"});
        body.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        let link = world.admin(Method::POST, "/admin/generate_link", Some(body)).await.ok();
        assert_eq!(link["id"], user["id"]);
        assert_eq!(link["redirect_to"], "https://app.test/x");
        assert!(text(&link["action_link"]).contains(&format!("type={verification}")), "{link}");
        assert!(!text(&link["hashed_token"]).starts_with("pkce_"));
        world.post("/verify", json!({"type": verification, "token_hash": link["hashed_token"]})).await.ok();
    }
    let fresh = json!({"type": "magiclink", "email": "fresh@x.test"});
    let link = world.admin(Method::POST, "/admin/generate_link", Some(fresh)).await.ok();
    assert_eq!(link["verification_type"], "signup");
    let none = json!({"type": "recovery", "email": "none@x.test"});
    assert_eq!(world.admin(Method::POST, "/admin/generate_link", Some(none)).await.refusal(), (404, "user_not_found"));
    let odd = json!({"type": "party", "email": "ada@x.test"});
    assert_eq!(
        world.admin(Method::POST, "/admin/generate_link", Some(odd)).await.refusal(),
        (400, "validation_failed")
    );
}

#[tokio::test]
async fn what_happened_is_in_the_audit_log() {
    let world = World::autoconfirm().await;
    let session = world.signed_up("ada@x.test").await;
    world.refresh(&session["refresh_token"]).await.ok();
    world.send(Method::POST, "/logout", Some(&text(&session["access_token"])), None).await;
    let log = world.admin(Method::GET, "/admin/audit", None).await.ok();
    let mut actions: Vec<String> = log.as_array().unwrap().iter().map(|e| text(&e["payload"]["action"])).collect();
    actions.sort();
    assert_eq!(actions, ["login", "logout", "token_refreshed", "user_signedup"]);
    let some = world.admin(Method::GET, "/admin/audit?query=action:logout", None).await.ok();
    assert_eq!(some[0]["payload"]["actor_username"], "ada@x.test");
    assert_eq!(some.as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn factors_and_sessions_of_a_user() {
    let world = World::autoconfirm().await;
    let session = world.signed_up("ada@x.test").await;
    let token = text(&session["access_token"]);
    let factor = world.send(Method::POST, "/factors", Some(&token), Some(json!({"factor_type": "totp"}))).await.ok();
    let path = format!("/admin/users/{}", text(&session["user"]["id"]));
    let factors = world.admin(Method::GET, &format!("{path}/factors"), None).await.ok();
    assert_eq!(factors[0]["id"], factor["id"]);
    let one = format!("{path}/factors/{}", text(&factor["id"]));
    assert_eq!(
        world.admin(Method::PUT, &one, Some(json!({"friendly_name": "new"}))).await.ok()["friendly_name"],
        "new"
    );
    world.admin(Method::DELETE, &one, None).await.ok();
    let sessions = world.admin(Method::GET, &format!("{path}/sessions"), None).await.ok();
    assert_eq!(sessions["sessions"].as_array().unwrap().len(), 1);
    assert_eq!(world.admin(Method::DELETE, &format!("{path}/sessions"), None).await.status, 204);
    assert_eq!(world.get("/user", &token).await.refusal(), (403, "session_not_found"));
}
