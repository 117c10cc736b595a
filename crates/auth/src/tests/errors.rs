use http::Method;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::world::{World, text};

const POSTS: [&str; 10] = [
    "/signup",
    "/token?grant_type=password",
    "/token?grant_type=refresh_token",
    "/token?grant_type=pkce",
    "/otp",
    "/magiclink",
    "/recover",
    "/resend",
    "/verify",
    "/nowhere",
];
const ADMIN_POSTS: [&str; 3] = ["/admin/users", "/admin/generate_link", "/invite"];

#[tokio::test]
async fn a_body_that_is_no_object_of_json_is_bad_json() {
    let world = World::start(|_| {}).await;
    for path in POSTS.iter().filter(|path| **path != "/nowhere") {
        for body in
            ["", "{", "[]", "\"x\"", "7", "{\"email\":7,\"password\":7,\"refresh_token\":7,\"auth_code\":7,\"type\":7}"]
        {
            let answer = world.raw(Method::POST, path, &[], body).await;
            assert_eq!(answer.refusal(), (400, "bad_json"), "{path} {body}");
        }
    }
    assert_eq!(world.post("/nowhere", json!({})).await.status, 404);
    assert_eq!(world.send(Method::GET, "/signup", None, None).await.status, 405);
}

#[tokio::test]
async fn a_body_beyond_the_limit_is_413() {
    let world = World::start(|_| {}).await;
    let body = json!({"email": "ada@x.test", "data": {"x": "y".repeat(1 << 20)}});
    assert_eq!(world.post("/signup", body).await.refusal(), (413, "request_entity_too_large"));
}

#[tokio::test]
async fn each_wrong_field_has_gotrues_code() {
    let world = World::start(|config| config.phone.enabled = true).await;
    let long = "x".repeat(73);
    for (path, body, expected) in [
        ("/signup", json!({"email": "ada@x.test"}), "validation_failed"),
        ("/signup", json!({"email": "ada@x.test", "password": long}), "validation_failed"),
        ("/signup", json!({"email": "ada", "password": "correct horse"}), "validation_failed"),
        ("/signup", json!({"phone": "abc", "password": "correct horse"}), "validation_failed"),
        ("/signup", json!({"email": "a@b.c", "phone": "15550100", "password": "correct horse"}), "validation_failed"),
        (
            "/signup",
            json!({"phone": "15550100", "password": "correct horse", "channel": "pigeon"}),
            "validation_failed",
        ),
        (
            "/signup",
            json!({"email": "ada@x.test", "password": "correct horse", "data": {"a": "\u{0}"}}),
            "validation_failed",
        ),
        ("/token?grant_type=magic", json!({}), "invalid_credentials"),
        ("/token?grant_type=password", json!({"password": "x"}), "validation_failed"),
        ("/token?grant_type=password", json!({"email": "no@x.test", "password": "x"}), "invalid_credentials"),
        ("/token?grant_type=pkce", json!({"auth_code": "x"}), "validation_failed"),
        ("/otp", json!({}), "validation_failed"),
        ("/otp", json!({"email": "a@b.c", "phone": "15550100"}), "validation_failed"),
        ("/recover", json!({}), "validation_failed"),
        ("/verify", json!({"token": "x"}), "validation_failed"),
        ("/verify", json!({"type": "signup"}), "validation_failed"),
        ("/verify", json!({"type": "party", "token": "x", "email": "a@b.c"}), "validation_failed"),
        ("/verify", json!({"type": "signup", "token": "x"}), "validation_failed"),
        ("/verify", json!({"type": "signup", "token_hash": "x", "email": "a@b.c"}), "validation_failed"),
    ] {
        assert_eq!(world.post(path, body.clone()).await.refusal(), (400, expected), "{path} {body}");
    }
    let weak = world.post("/signup", json!({"email": "ada@x.test", "password": "abc"})).await;
    assert_eq!(weak.refusal(), (422, "weak_password"));
}

/// Whatever comes in, no 500 goes out.
#[test]
fn hostile_fields_are_never_our_fault() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let world = runtime.block_on(World::start(|config| {
        config.phone.enabled = true;
        config.anonymous_users_enabled = true;
        config.mailer.autoconfirm = true;
    }));
    let token = runtime.block_on(async { text(&world.signed_up("victim@x.test").await["access_token"]) });
    let config = ProptestConfig { cases: 150, failure_persistence: None, ..ProptestConfig::default() };
    proptest!(config, |(path in 0..POSTS.len() + ADMIN_POSTS.len() + 2, body in hostile_body())| {
        let answer = runtime.block_on(async {
            match path {
                n if n < POSTS.len() => world.post(POSTS[n], body.clone()).await,
                n if n < POSTS.len() + ADMIN_POSTS.len() => {
                    world.admin(Method::POST, ADMIN_POSTS[n - POSTS.len()], Some(body.clone())).await
                }
                n if n == POSTS.len() + ADMIN_POSTS.len() => world.put_user(&token, body.clone()).await,
                _ => world.send(Method::POST, "/factors", Some(&token), Some(body.clone())).await,
            }
        });
        prop_assert!(answer.status.as_u16() < 500, "{} {}: {}", path, body, answer.body);
    });
}

fn hostile_text() -> impl Strategy<Value = String> {
    prop_oneof![
        Just(String::new()),
        Just("a@x.test".to_owned()),
        Just("victim@x.test".to_owned()),
        Just("15550100".to_owned()),
        Just("correct horse".to_owned()),
        Just("'; drop table auth.users; --".to_owned()),
        Just("x".repeat(400)),
        Just("none".to_owned()),
        Just("totp".to_owned()),
        Just("signup".to_owned()),
        Just("999999h".to_owned()),
        "\\PC{0,40}",
    ]
}

fn hostile_value() -> impl Strategy<Value = Value> {
    prop_oneof![
        6 => hostile_text().prop_map(Value::from),
        1 => any::<i64>().prop_map(Value::from),
        1 => any::<bool>().prop_map(Value::from),
        1 => Just(Value::Null),
        1 => Just(json!([])),
        1 => hostile_text().prop_map(|text| json!({text.clone(): [text, {"a": null}]})),
    ]
}

fn hostile_body() -> impl Strategy<Value = Value> {
    const FIELDS: [&str; 18] = [
        "email",
        "phone",
        "password",
        "data",
        "type",
        "token",
        "token_hash",
        "refresh_token",
        "auth_code",
        "code_verifier",
        "user_metadata",
        "app_metadata",
        "role",
        "ban_duration",
        "id",
        "factor_type",
        "friendly_name",
        "new_email",
    ];
    proptest::collection::vec((0..FIELDS.len(), hostile_value()), 0..6)
        .prop_map(|fields| fields.into_iter().map(|(at, value)| (FIELDS[at].to_owned(), value)).collect())
}

/// The document names routes that exist, with their methods.
#[tokio::test]
async fn what_the_openapi_document_names_is_served() {
    let world = World::start(|_| {}).await;
    let document = world.get("/openapi.json", "").await.ok();
    for (path, methods) in document["paths"].as_object().unwrap() {
        let place = path.replace("{id}", "x").replace("{factor}", "x").replace("{session}", "x");
        for method in methods.as_object().unwrap().keys() {
            let method: Method = method.to_uppercase().parse().unwrap();
            let answer = world.send(method.clone(), &place, None, Some(json!({}))).await;
            assert_ne!(answer.body, json!("404 page not found\n"), "{method} {path}");
            assert!(answer.status != 405 && answer.status.as_u16() < 500, "{method} {path}: {}", answer.status);
        }
    }
}
