use http::Method;
use serde_json::{Value, json};

use super::world::{World, text};

async fn alive(world: &World, session: &Value) -> bool {
    let answer = world.get("/user", &text(&session["access_token"])).await;
    assert!(answer.status == 200 || answer.refusal() == (403, "session_not_found"), "{}", answer.body);
    answer.status == 200
}

#[tokio::test]
async fn sign_out_has_three_scopes() {
    let world = World::autoconfirm().await;
    let a = world.signed_up("ada@x.test").await;
    let b = world.sign_in("ada@x.test").await;
    let c = world.sign_in("ada@x.test").await;
    let out = |session: &Value, scope: &str| {
        let (world, token, path) = (&world, text(&session["access_token"]), format!("/logout?scope={scope}"));
        async move { world.send(Method::POST, &path, Some(&token), None).await }
    };
    assert_eq!(out(&a, "some").await.refusal(), (400, "validation_failed"));
    assert_eq!(out(&a, "local").await.status, 204);
    assert_eq!((alive(&world, &a).await, alive(&world, &b).await, alive(&world, &c).await), (false, true, true));
    assert_eq!(out(&b, "others").await.status, 204);
    assert_eq!((alive(&world, &b).await, alive(&world, &c).await), (true, false));
    assert_eq!(out(&b, "global").await.status, 204);
    assert!(!alive(&world, &b).await);
}

/// The other services of the process refuse the token too, also after a restart, until it expires anyway.
#[tokio::test]
async fn what_ended_stays_dead_over_a_restart() {
    let world = World::autoconfirm().await;
    let session = world.signed_up("ada@x.test").await;
    let id = text(&world.claims(&session["access_token"])["session_id"]).parse().unwrap();
    assert!(!world.revocations.is_revoked(id));
    world.send(Method::POST, "/logout", Some(&text(&session["access_token"])), None).await;
    assert!(world.revocations.is_revoked(id));
    let restarted = World::on(world.database.clone(), world.clock.clone(), |_| {}).await;
    assert!(restarted.revocations.is_revoked(id));
    restarted.later(3601);
    restarted.auth.clean_up().await.unwrap();
    assert!(!restarted.revocations.is_revoked(id));
    assert_eq!(restarted.count("select count(*) from _basalt.revoked_sessions").await, 0);
}

#[tokio::test]
async fn a_user_sees_his_sessions_and_ends_one() {
    let world = World::autoconfirm().await;
    let here = world.signed_up("ada@x.test").await;
    let headers = [("user-agent".to_owned(), "Lovelace/1".to_owned())];
    let body = json!({"email": "ada@x.test", "password": "correct horse"}).to_string();
    let there = world.raw(Method::POST, "/token?grant_type=password", &headers, body).await.ok();
    let list = world.get("/sessions", &text(&here["access_token"])).await.ok();
    let list = list["sessions"].as_array().unwrap();
    assert_eq!(list.len(), 2);
    let other = list.iter().find(|s| s["current"] == false).unwrap();
    assert_eq!((other["user_agent"].as_str(), other["ip"].as_str()), (Some("Lovelace/1"), Some("127.0.0.1")));
    let path = format!("/sessions/{}", text(&other["id"]));
    let ended = world.send(Method::DELETE, &path, Some(&text(&here["access_token"])), None).await;
    assert_eq!(ended.status, 204);
    assert!(!alive(&world, &there).await);
    let again = world.send(Method::DELETE, &path, Some(&text(&here["access_token"])), None).await;
    assert_eq!(again.refusal(), (404, "session_not_found"));
}

#[tokio::test]
async fn tokens_that_are_not_ours_are_refused() {
    let world = World::autoconfirm().await;
    let session = world.signed_up("ada@x.test").await;
    let claims = world.claims(&session["access_token"]);
    let foreign = crypto::jwt::KeySet::from_secret(b"another secret that nobody here has ever seen");
    let none = {
        use base64::Engine;
        let part = |v: &Value| base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(v.to_string());
        format!("{}.{}.", part(&json!({"alg": "none", "typ": "JWT"})), part(&claims))
    };
    let mut early = claims.clone();
    early["iat"] = json!(world.clock.unix_seconds() + 500);
    let mut endless = claims.clone();
    endless.as_object_mut().unwrap().shift_remove("exp");
    let bad = [
        ("nonsense".to_owned(), "bad_jwt"),
        (foreign.sign(&claims).unwrap(), "bad_jwt"),
        (none, "bad_jwt"),
        (world.keys.sign(&early).unwrap(), "bad_jwt"),
        (world.keys.sign(&endless).unwrap(), "bad_jwt"),
    ];
    for (token, code) in bad {
        assert_eq!(world.get("/user", &token).await.refusal(), (403, code), "{token}");
    }
    let anon = world.keys.sign(&json!({"role": "anon", "exp": world.clock.unix_seconds() + 60})).unwrap();
    assert_eq!(world.get("/user", &anon).await.refusal(), (403, "bad_jwt"));
    let mut odd = claims.clone();
    odd["sub"] = json!("me");
    assert_eq!(world.get("/user", &world.keys.sign(&odd).unwrap()).await.refusal(), (400, "bad_jwt"));
    world.later(3601);
    assert_eq!(world.get("/user", &text(&session["access_token"])).await.refusal(), (403, "bad_jwt"));
}

#[tokio::test]
async fn limits_count_by_the_trusted_header() {
    let world = World::start(|config| config.limits.client_header = Some("x-forwarded-for".into())).await;
    let try_once = |ip: &str| {
        let headers = [("x-forwarded-for".to_owned(), format!("{ip}, 10.0.0.1"))];
        let world = &world;
        async move {
            let body = json!({"type": "signup", "token_hash": "no"}).to_string();
            world.raw(Method::POST, "/verify", &headers, body).await
        }
    };
    for _ in 0..30 {
        assert_eq!(try_once("192.0.2.1").await.refusal(), (403, "otp_expired"));
    }
    let limited = try_once("192.0.2.1").await;
    assert_eq!(limited.refusal(), (429, "over_request_rate_limit"));
    assert_eq!(limited.headers["retry-after"], "10");
    assert_eq!(try_once("192.0.2.2").await.refusal(), (403, "otp_expired"));
}
