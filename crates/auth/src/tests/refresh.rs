use http::Method;
use serde_json::{Value, json};

use super::world::{World, text};

#[tokio::test]
async fn a_refresh_token_is_traded_once() {
    let world = World::autoconfirm().await;
    let first = world.signed_up("ada@x.test").await;
    let second = world.refresh(&first["refresh_token"]).await;
    assert_eq!(second.headers["sb-auth-user-id"], text(&first["user"]["id"]));
    let second = second.ok();
    assert_ne!(second["refresh_token"], first["refresh_token"]);
    let third = world.refresh(&second["refresh_token"]).await.ok();
    // Two generations back and the interval over: somebody else has it, and the family ends.
    world.later(11);
    assert_eq!(world.refresh(&first["refresh_token"]).await.refusal(), (400, "refresh_token_already_used"));
    world.later(11);
    assert_eq!(world.refresh(&third["refresh_token"]).await.refusal(), (400, "refresh_token_already_used"));
}

/// The client never got the answer: however late, it gets the same one again.
#[tokio::test]
async fn the_parent_of_the_active_token_gets_the_active_one() {
    let world = World::autoconfirm().await;
    let first = world.signed_up("ada@x.test").await;
    let second = world.refresh(&first["refresh_token"]).await.ok();
    world.later(3600 * 24);
    let again = world.refresh(&first["refresh_token"]).await.ok();
    assert_eq!(again["refresh_token"], second["refresh_token"]);
}

#[tokio::test]
async fn within_the_reuse_interval_the_family_forks() {
    let world = World::autoconfirm().await;
    let first = world.signed_up("ada@x.test").await;
    let second = world.refresh(&first["refresh_token"]).await.ok();
    let _third = world.refresh(&second["refresh_token"]).await.ok();
    world.later(9);
    let forked = world.refresh(&first["refresh_token"]).await.ok();
    world.later(100);
    world.refresh(&forked["refresh_token"]).await.ok();
}

#[tokio::test]
async fn many_refreshes_at_once_lose_no_session() {
    let world = World::autoconfirm().await;
    let first = world.signed_up("ada@x.test").await;
    let (a, b, c, d) = tokio::join!(
        world.refresh(&first["refresh_token"]),
        world.refresh(&first["refresh_token"]),
        world.refresh(&first["refresh_token"]),
        world.refresh(&first["refresh_token"]),
    );
    for answer in [a, b, c, d] {
        let session = answer.ok();
        world.later(1);
        world.get("/user", &text(&session["access_token"])).await.ok();
    }
}

#[tokio::test]
async fn what_is_no_token_is_refused_with_its_code() {
    let world = World::autoconfirm().await;
    for (token, expected) in [
        (json!(""), (400, "validation_failed")),
        (json!("abcdefghijkl"), (400, "refresh_token_not_found")),
        (json!("no such token"), (400, "refresh_token_not_found")),
        (json!("a".repeat(300)), (400, "validation_failed")),
        (json!(7), (400, "bad_json")),
        (json!("a\u{0}b"), (400, "validation_failed")),
    ] {
        assert_eq!(world.refresh(&token).await.refusal(), expected, "{token}");
    }
}

async fn counted() -> World {
    World::start(|config| {
        config.mailer.autoconfirm = true;
        config.sessions.algorithm_version = 2;
    })
    .await
}

#[tokio::test]
async fn version_two_counts_instead_of_writing_rows() {
    let world = counted().await;
    let first = world.signed_up("ada@x.test").await;
    let second = world.refresh(&first["refresh_token"]).await.ok();
    let again = world.refresh(&first["refresh_token"]).await.ok();
    assert_eq!(again["refresh_token"], second["refresh_token"], "one behind: the current one again");
    let third = world.refresh(&second["refresh_token"]).await.ok();
    assert_eq!(world.count("select count(*) from auth.refresh_tokens").await, 0);
    world.later(11);
    assert_eq!(world.refresh(&first["refresh_token"]).await.refusal(), (400, "refresh_token_already_used"));
    assert_eq!(world.refresh(&third["refresh_token"]).await.refusal(), (400, "refresh_token_not_found"));
    let dead = world.get("/user", &text(&third["access_token"])).await;
    assert_eq!(dead.refusal(), (403, "session_not_found"));
}

#[tokio::test]
async fn old_tokens_are_upgraded_on_use() {
    let world = World::autoconfirm().await;
    let old = world.signed_up("ada@x.test").await;
    let world = World::on(world.database.clone(), world.clock.clone(), |config| {
        config.sessions.algorithm_version = 2;
        config.sessions.upgrade_percentage = 100;
    })
    .await;
    let new = world.refresh(&old["refresh_token"]).await.ok();
    assert!(text(&new["refresh_token"]).len() > 12);
    world.refresh(&new["refresh_token"]).await.ok();
}

#[tokio::test]
async fn limits_of_a_session_end_it_at_its_next_refresh() {
    let hour = Some(std::time::Duration::from_secs(3600));
    let world = World::start(|config| {
        config.mailer.autoconfirm = true;
        config.sessions.inactivity_timeout = hour;
        config.sessions.timebox = hour.map(|hour| hour * 3);
    })
    .await;
    let mut session = world.signed_up("ada@x.test").await;
    for _ in 0..3 {
        world.later(3500);
        session = world.refresh(&session["refresh_token"]).await.ok();
    }
    world.later(3500);
    assert_eq!(world.refresh(&session["refresh_token"]).await.refusal(), (400, "session_expired"));
    let idle = world.sign_in("ada@x.test").await;
    world.later(3601);
    let answer = world.refresh(&idle["refresh_token"]).await;
    assert!(text(&answer.body["message"]).contains("Inactivity"), "{}", answer.body);
}

#[tokio::test]
async fn the_newest_session_wins_where_there_may_be_one() {
    let world = World::start(|config| {
        config.mailer.autoconfirm = true;
        config.sessions.single_per_user = true;
    })
    .await;
    let old = world.signed_up("ada@x.test").await;
    world.later(5);
    let new = world.sign_in("ada@x.test").await;
    assert_eq!(world.refresh(&old["refresh_token"]).await.refusal(), (400, "session_expired"));
    world.refresh(&new["refresh_token"]).await.ok();
}

#[tokio::test]
async fn a_ban_stops_refresh_sign_in_and_the_tokens_that_are_out() {
    let world = World::autoconfirm().await;
    let session = world.signed_up("ada@x.test").await;
    let path = format!("/admin/users/{}", text(&session["user"]["id"]));
    let banned = world.admin(Method::PUT, &path, Some(json!({"ban_duration": "24h"}))).await.ok();
    assert!(banned["banned_until"].is_string());
    assert_eq!(world.refresh(&session["refresh_token"]).await.refusal(), (400, "user_banned"));
    let body = json!({"email": "ada@x.test", "password": "correct horse"});
    assert_eq!(world.post("/token?grant_type=password", body).await.refusal(), (400, "user_banned"));
    assert_eq!(world.get("/user", &text(&session["access_token"])).await.refusal(), (403, "user_banned"));
    let id = text(&world.claims(&session["access_token"])["session_id"]).parse().unwrap();
    assert!(world.revocations.is_revoked(id), "other services refuse the token too");
    world.admin(Method::PUT, &path, Some(json!({"ban_duration": "none"}))).await.ok();
    assert!(!world.revocations.is_revoked(id));
    assert!(world.refresh(&session["refresh_token"]).await.ok()["user"].get("banned_until") != Some(&Value::Null));
}

/// A ban that nobody lifts: when it is over, the sessions live again in the other services too.
#[tokio::test]
async fn a_ban_ends_by_itself() {
    let world = World::autoconfirm().await;
    let session = world.signed_up("ada@x.test").await;
    let path = format!("/admin/users/{}", text(&session["user"]["id"]));
    let ban =
        async |duration: &str| world.admin(Method::PUT, &path, Some(json!({"ban_duration": duration}))).await.ok();
    let id = text(&world.claims(&session["access_token"])["session_id"]).parse().unwrap();
    ban("100h").await;
    ban("10m").await;
    world.auth.clean_up().await.unwrap();
    assert!(world.revocations.is_revoked(id));
    world.later(601);
    world.auth.clean_up().await.unwrap();
    assert!(!world.revocations.is_revoked(id));
    assert_eq!(world.get("/user", &text(&session["access_token"])).await.status, 200);
    world.refresh(&session["refresh_token"]).await.ok();
    assert_eq!(world.count("select count(*) from _basalt.revoked_sessions").await, 0);
}

/// Both hot requests answer from their one statement; what is unusual is left to the long way.
#[tokio::test]
async fn the_usual_requests_take_one_flight() {
    let world = World::autoconfirm().await;
    let session = world.signed_up("ada@x.test").await;
    let req = world.request(&text(&session["access_token"]));
    let user = world.auth.user_in_one_flush(&req).await.unwrap().expect("a usual user");
    assert_eq!(crate::wire::user(&user), world.auth_user(&session).await, "the same answer as the long way's");
    let token = text(&session["refresh_token"]);
    let issued = world.auth.refresh_in_one_flush(&req, &token).await.unwrap().expect("a usual refresh");
    assert_eq!(issued.user.id, user.id);
    assert!(world.auth.refresh_in_one_flush(&req, &token).await.unwrap().is_none(), "used: the rules decide");
    world.refresh(&Value::from(issued.refresh_token)).await.ok();
    let log = "select count(*) from auth.audit_log_entries where payload->>'action' = 'token_refreshed'
        and payload->>'actor_username' = 'ada@x.test'";
    assert_eq!(world.count(log).await, 2);
}
