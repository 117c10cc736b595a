use http::Method;
use serde_json::json;

use super::world::World;

/// RFC 7636, appendix B.
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

async fn code_of(world: &World, email: &str) -> String {
    let answer = world.send(Method::GET, &world.letter(email).link(), None, None).await;
    assert_eq!(answer.status, 303);
    let location = answer.location();
    let code = location.strip_prefix("https://app.test?code=").unwrap_or_else(|| panic!("{location}"));
    code.to_owned()
}

#[tokio::test]
async fn each_flow_ends_with_a_code_that_works_once() {
    let world = World::start(|_| {}).await;
    let challenge = |mut body: serde_json::Value| {
        body["code_challenge"] = json!(CHALLENGE);
        body["code_challenge_method"] = json!("s256");
        body
    };
    let flows = [
        ("/signup", json!({"email": "ada@x.test", "password": "correct horse"}), "email/signup"),
        ("/otp", json!({"email": "ada@x.test"}), "magiclink"),
        ("/recover", json!({"email": "ada@x.test"}), "recovery"),
    ];
    for (path, body, method) in flows {
        world.later(120);
        world.post(path, challenge(body)).await.ok();
        assert!(world.letter("ada@x.test").var("TokenHash").starts_with("pkce_"));
        let code = code_of(&world, "ada@x.test").await;
        let exchange = |verifier: &str| json!({"auth_code": code, "code_verifier": verifier});
        let wrong = world.post("/token?grant_type=pkce", exchange(CHALLENGE)).await;
        assert_eq!(wrong.refusal(), (400, "bad_code_verifier"), "{path}");
        let session = world.post("/token?grant_type=pkce", exchange(VERIFIER)).await.ok();
        assert_eq!(world.claims(&session["access_token"])["amr"][0]["method"], method);
        let again = world.post("/token?grant_type=pkce", exchange(VERIFIER)).await;
        assert_eq!(again.refusal(), (404, "flow_state_not_found"), "{path}");
    }
}

#[tokio::test]
async fn a_flow_expires_but_a_magic_link_counts_from_its_click() {
    let world = World::start(|_| {}).await;
    let body = json!({"email": "ada@x.test", "password": "correct horse", "code_challenge": CHALLENGE, "code_challenge_method": "s256"});
    world.post("/signup", body).await.ok();
    world.later(301);
    let code = code_of(&world, "ada@x.test").await;
    let exchange = json!({"auth_code": code, "code_verifier": VERIFIER});
    assert_eq!(world.post("/token?grant_type=pkce", exchange).await.refusal(), (422, "flow_state_expired"));
    let body = json!({"email": "ada@x.test", "code_challenge": CHALLENGE, "code_challenge_method": "s256"});
    world.post("/otp", body).await.ok();
    world.later(3000);
    let code = code_of(&world, "ada@x.test").await;
    world.post("/token?grant_type=pkce", json!({"auth_code": code, "code_verifier": VERIFIER})).await.ok();
}

#[tokio::test]
async fn a_typed_code_needs_no_verifier() {
    let world = World::start(|_| {}).await;
    let body = json!({"email": "ada@x.test", "code_challenge": CHALLENGE, "code_challenge_method": "s256"});
    world.post("/otp", body).await.ok();
    let letter = world.letter("ada@x.test");
    world.post("/verify", json!({"type": "email", "email": "ada@x.test", "token": letter.var("Token")})).await.ok();
}

#[tokio::test]
async fn half_a_challenge_is_refused() {
    let world = World::start(|_| {}).await;
    for body in [
        json!({"email": "a@x.test", "code_challenge": CHALLENGE}),
        json!({"email": "a@x.test", "code_challenge": "short", "code_challenge_method": "s256"}),
        json!({"email": "a@x.test", "code_challenge": CHALLENGE, "code_challenge_method": "md5"}),
    ] {
        assert_eq!(world.post("/otp", body).await.refusal(), (400, "validation_failed"));
    }
}
