//! Another application signs users in here.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use crypto::jwt::{Algorithm, KeySet, generate};
use http::{Method, StatusCode};
use serde_json::{Value, json};
use std::sync::Arc;

use crate::tests::world::{Answer, World, text};

const REDIRECT: &str = "https://client.test/cb?keep=1";
/// RFC 7636, appendix B.
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

async fn world() -> World {
    World::start(|config| {
        config.mailer.autoconfirm = true;
        config.oauth_server.enabled = true;
        config.oauth_server.allow_dynamic_registration = true;
    })
    .await
}

async fn client(world: &World, more: Value) -> Value {
    let mut body = json!({"client_name": "Desk", "redirect_uris": [REDIRECT]});
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let made = world.admin(Method::POST, "/admin/oauth/clients", Some(body)).await;
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.body);
    made.body
}

fn authorize_path(client: &Value, scope: &str) -> String {
    let query = form_urlencoded::Serializer::new(String::new())
        .append_pair("client_id", client["client_id"].as_str().unwrap())
        .append_pair("redirect_uri", REDIRECT)
        .append_pair("response_type", "code")
        .append_pair("scope", scope)
        .append_pair("state", "st&1")
        .append_pair("nonce", "n1")
        .append_pair("code_challenge", CHALLENGE)
        .append_pair("code_challenge_method", "S256")
        .finish();
    format!("/oauth/authorize?{query}")
}

fn param(url: &str, name: &str) -> Option<String> {
    url::Url::parse(url).unwrap().query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
}

/// The browser reaches the consent page; returns the authorization's id.
async fn ask(world: &World, client: &Value, scope: &str) -> String {
    let answer = world.raw(Method::GET, &authorize_path(client, scope), &[], "").await;
    assert_eq!(answer.status, StatusCode::FOUND, "{}", answer.body);
    assert!(answer.location().starts_with("https://app.test/oauth/consent?authorization_id="), "{}", answer.location());
    param(answer.location(), "authorization_id").unwrap()
}

async fn approve(world: &World, token: &str, id: &str) -> String {
    let path = format!("/oauth/authorizations/{id}/consent");
    text(&world.send(Method::POST, &path, Some(token), Some(json!({"action": "approve"}))).await.ok()["redirect_url"])
}

async fn trade(world: &World, client: &Value, pairs: &[(&str, &str)]) -> Answer {
    let form = form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
    let mut headers = vec![("content-type".to_owned(), "application/x-www-form-urlencoded".to_owned())];
    if let Some(secret) = client["client_secret"].as_str() {
        let both = STANDARD.encode(format!("{}:{secret}", client["client_id"].as_str().unwrap()));
        headers.push(("authorization".to_owned(), format!("Basic {both}")));
    }
    world.raw(Method::POST, "/oauth/token", &headers, form).await
}

fn code_pairs(code: &str) -> [(&str, &str); 4] {
    [("grant_type", "authorization_code"), ("code", code), ("redirect_uri", REDIRECT), ("code_verifier", VERIFIER)]
}

/// It reads who the user is, and what the policies of the tables let it read; his account is his own.
#[tokio::test]
async fn a_client_does_not_own_the_account() {
    let world = world().await;
    let client = client(&world, json!({})).await;
    let session = world.signed_up("ada@x.test").await;
    let token = text(&session["access_token"]);
    let url = approve(&world, &token, &ask(&world, &client, "email").await).await;
    let theirs = trade(&world, &client, &code_pairs(&param(&url, "code").unwrap())).await.ok();
    let theirs = text(&theirs["access_token"]);
    assert_eq!(world.get("/user", &theirs).await.ok()["email"], "ada@x.test");
    let more = format!("/oauth/authorizations/{}/consent", ask(&world, &client, "openid email phone profile").await);
    for (method, path, body) in [
        (Method::PUT, "/user", json!({"password": "another password"})),
        (Method::PUT, "/user", json!({"email": "eve@x.test"})),
        (Method::POST, "/factors", json!({"factor_type": "totp"})),
        (Method::GET, "/reauthenticate", Value::Null),
        (Method::GET, "/sessions", Value::Null),
        (Method::GET, "/user/oauth/grants", Value::Null),
        (Method::GET, "/user/identities/authorize?provider=github", Value::Null),
        (Method::POST, more.as_str(), json!({"action": "approve"})),
    ] {
        let answer = world.send(method, path, Some(&theirs), Some(body)).await;
        assert_eq!(answer.refusal(), (403, "no_authorization"), "{path}: {}", answer.body);
    }
    assert_eq!(world.send(Method::POST, "/logout", Some(&theirs), None).await.status, 204);
    assert_eq!(world.get("/user", &theirs).await.refusal(), (403, "session_not_found"));
    assert_eq!(world.get("/user", &token).await.status, 200, "the user himself stays signed in");
    world.sign_in("ada@x.test").await;
}

#[tokio::test]
async fn a_client_gets_tokens_after_consent_and_refreshes_them() {
    let world = world().await;
    let key = generate(Algorithm::ES256).unwrap();
    let keys =
        KeySet::from_gotrue(Some(&json!([key.members()]).to_string()), Some(crate::tests::world::SECRET)).unwrap();
    world.auth.set_keys(Arc::new(keys));
    let ada = world.signed_up("ada@example.org").await;
    let token = text(&ada["access_token"]);
    let client = client(&world, json!({})).await;
    let id = ask(&world, &client, "openid email").await;
    let shown = world.get(&format!("/oauth/authorizations/{id}"), &token).await.ok();
    assert_eq!(
        (&shown["client"]["name"], &shown["scope"], &shown["user"]["email"]),
        (&json!("Desk"), &json!("openid email"), &json!("ada@example.org"))
    );
    let back = approve(&world, &token, &id).await;
    assert!(back.starts_with(REDIRECT), "{back}");
    assert_eq!(param(&back, "state").as_deref(), Some("st&1"));
    let code = param(&back, "code").unwrap();

    let tokens = trade(&world, &client, &code_pairs(&code)).await.ok();
    assert!(tokens["user"].is_null());
    assert_eq!(tokens["scope"], "openid email");
    let verified = world.auth.keys().verify_signature(tokens["access_token"].as_str().unwrap()).unwrap();
    assert_eq!(verified.claims["client_id"], client["client_id"]);
    assert_eq!(verified.claims["scope"], "openid email");
    let id_token = world.auth.keys().verify_signature(tokens["id_token"].as_str().unwrap()).unwrap();
    assert_eq!(id_token.claims["aud"], client["client_id"]);
    assert_eq!(id_token.claims["nonce"], "n1");
    assert_eq!(id_token.claims["iss"], "https://api.test/auth/v1");
    let info = world.get("/oauth/userinfo", tokens["access_token"].as_str().unwrap()).await.ok();
    assert_eq!(info, json!({"sub": ada["user"]["id"], "email": "ada@example.org", "email_verified": true}));

    let refresh = text(&tokens["refresh_token"]);
    let next = trade(&world, &client, &[("grant_type", "refresh_token"), ("refresh_token", &refresh)]).await.ok();
    assert_ne!(next["refresh_token"], tokens["refresh_token"]);
    // A session of a client is no session of the application, and the reverse.
    assert_eq!(world.refresh(&next["refresh_token"]).await.status, 400);
    let own = text(&ada["refresh_token"]);
    let foreign = trade(&world, &client, &[("grant_type", "refresh_token"), ("refresh_token", &own)]).await;
    assert_eq!((foreign.status.as_u16(), &foreign.body["error"]), (400, &json!("invalid_grant")));
    // A code works once.
    let twice = trade(&world, &client, &code_pairs(&code)).await;
    assert_eq!((twice.status.as_u16(), &twice.body["error"]), (400, &json!("invalid_grant")));
}

#[tokio::test]
async fn consent_is_remembered_listed_and_taken_back() {
    let world = world().await;
    let ada = world.signed_up("ada@example.org").await;
    let token = text(&ada["access_token"]);
    let client = client(&world, json!({})).await;
    let id = ask(&world, &client, "email").await;
    let code = param(&approve(&world, &token, &id).await, "code").unwrap();
    let tokens = trade(&world, &client, &code_pairs(&code)).await.ok();
    let id = ask(&world, &client, "email").await;
    let at_once = world.get(&format!("/oauth/authorizations/{id}"), &token).await.ok();
    assert!(param(at_once["redirect_url"].as_str().unwrap(), "code").is_some());
    let id = ask(&world, &client, "email profile").await;
    assert!(
        world.get(&format!("/oauth/authorizations/{id}"), &token).await.ok()["redirect_url"].is_null(),
        "more is asked"
    );

    let grants = world.get("/user/oauth/grants", &token).await.ok();
    assert_eq!((&grants[0]["client"]["id"], &grants[0]["scopes"]), (&client["client_id"], &json!(["email"])));
    let path = format!("/user/oauth/grants?client_id={}", text(&client["client_id"]));
    assert_eq!(world.send(Method::DELETE, &path, Some(&token), None).await.status, 204);
    assert_eq!(world.send(Method::DELETE, &path, Some(&token), None).await.refusal(), (404, "oauth_consent_not_found"));
    let dead = world.get("/oauth/userinfo", tokens["access_token"].as_str().unwrap()).await;
    assert_eq!(dead.refusal(), (403, "session_not_found"));
    world.get("/user", &token).await.ok();
}

#[tokio::test]
async fn an_authorization_belongs_to_one_user_is_decided_once_and_ends() {
    let world = world().await;
    let ada = text(&world.signed_up("ada@example.org").await["access_token"]);
    let ben = text(&world.signed_up("ben@example.org").await["access_token"]);
    let client = client(&world, json!({})).await;
    let id = ask(&world, &client, "email").await;
    world.get(&format!("/oauth/authorizations/{id}"), &ada).await.ok();
    assert_eq!(
        world.get(&format!("/oauth/authorizations/{id}"), &ben).await.refusal(),
        (404, "oauth_authorization_not_found")
    );
    let path = format!("/oauth/authorizations/{id}/consent");
    let denied = world.send(Method::POST, &path, Some(&ada), Some(json!({"action": "deny"}))).await.ok();
    assert_eq!(param(denied["redirect_url"].as_str().unwrap(), "error").as_deref(), Some("access_denied"));
    let again = world.send(Method::POST, &path, Some(&ada), Some(json!({"action": "approve"}))).await;
    assert_eq!(again.refusal(), (400, "validation_failed"));
    let headers =
        [("authorization".to_owned(), format!("Bearer {ada}")), ("origin".to_owned(), "https://evil.test".to_owned())];
    let evil = world.raw(Method::GET, &format!("/oauth/authorizations/{id}"), &headers, "").await;
    assert_eq!(evil.refusal(), (400, "validation_failed"));

    let id = ask(&world, &client, "email").await;
    world.later(601);
    assert_eq!(
        world.get(&format!("/oauth/authorizations/{id}"), &ada).await.refusal(),
        (404, "oauth_authorization_not_found")
    );
}

#[tokio::test]
async fn a_bad_request_goes_back_to_the_client_but_only_to_a_known_address() {
    let world = world().await;
    let client = client(&world, json!({})).await;
    let good = authorize_path(&client, "email");
    for (from, to) in [
        ("redirect_uri=https%3A%2F%2Fclient.test%2Fcb%3Fkeep%3D1", "redirect_uri=https%3A%2F%2Fevil.test%2F"),
        ("client_id=", "client_id=x"),
        ("client_id=", "other="),
    ] {
        let answer = world.raw(Method::GET, &good.replace(from, to), &[], "").await;
        assert_eq!(answer.status.as_u16(), 400, "{to}: {}", answer.body);
    }
    for (from, to, error) in [
        ("response_type=code", "response_type=token", "unsupported_response_type"),
        ("scope=email", "scope=everything", "invalid_scope"),
        ("code_challenge=", "no_challenge=", "invalid_request"),
        ("nonce=n1", "resource=not-a-url", "invalid_target"),
    ] {
        let answer = world.raw(Method::GET, &good.replace(from, to), &[], "").await;
        assert_eq!(param(answer.location(), "error").as_deref(), Some(error), "{to}");
        assert_eq!(param(answer.location(), "state").as_deref(), Some("st&1"));
    }
}

#[tokio::test]
async fn a_code_is_bound_to_client_verifier_and_address() {
    let world = world().await;
    let token = text(&world.signed_up("ada@example.org").await["access_token"]);
    let one = client(&world, json!({})).await;
    let two = client(&world, json!({"client_type": "public"})).await;
    assert!(two["client_secret"].is_null());
    let code_of = async |client: &Value| {
        let id = ask(&world, client, "email").await;
        param(&approve(&world, &token, &id).await, "code").unwrap()
    };
    let refused = |answer: &Answer| (answer.status.as_u16(), text(&answer.body["error"]));
    let public_id = text(&two["client_id"]);
    let code = code_of(&one).await;
    let mut pairs = code_pairs(&code).to_vec();
    pairs.push(("client_id", &public_id));
    assert_eq!(refused(&trade(&world, &two, &pairs).await), (400, "invalid_grant".into()), "another client's code");
    let code = code_of(&one).await;
    let mut pairs = code_pairs(&code);
    let wrong = "x".repeat(43);
    pairs[3].1 = &wrong;
    assert_eq!(refused(&trade(&world, &one, &pairs).await), (400, "invalid_grant".into()), "another verifier");
    let code = code_of(&one).await;
    let mut pairs = code_pairs(&code);
    pairs[2].1 = "https://client.test/other";
    assert_eq!(refused(&trade(&world, &one, &pairs).await), (400, "invalid_grant".into()), "another address");
    // The public client proves itself by PKCE alone, and a confidential one never without its secret.
    let code = code_of(&two).await;
    let mut pairs = code_pairs(&code).to_vec();
    pairs.push(("client_id", &public_id));
    trade(&world, &two, &pairs).await.ok();
    let code = code_of(&one).await;
    let confidential = text(&one["client_id"]);
    let mut pairs = code_pairs(&code).to_vec();
    pairs.push(("client_id", &confidential));
    assert_eq!(refused(&trade(&world, &two, &pairs).await), (401, "invalid_client".into()));
    let mut forged = one.clone();
    forged["client_secret"] = json!("guess");
    assert_eq!(refused(&trade(&world, &forged, &code_pairs(&code)).await), (401, "invalid_client".into()));
    let odd = trade(&world, &one, &[("grant_type", "password")]).await;
    assert_eq!(refused(&odd), (400, "unsupported_grant_type".into()));
}

#[tokio::test]
async fn clients_register_themselves_and_admins_keep_them() {
    let world = world().await;
    let body = json!({"client_name": "MCP", "redirect_uris": ["http://localhost:7777/cb", "com.example.app://cb"], "token_endpoint_auth_method": "none"});
    let made = world.post("/oauth/clients/register", body).await;
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.body);
    assert_eq!((&made.body["client_type"], &made.body["registration_type"]), (&json!("public"), &json!("dynamic")));
    for bad in [
        json!({"client_name": "x"}),
        json!({"redirect_uris": []}),
        json!({"redirect_uris": ["http://shop.test/cb"]}),
        json!({"redirect_uris": ["https://shop.test/cb#x"]}),
        json!({"redirect_uris": ["javascript:alert(1)"]}),
        json!({"redirect_uris": ["https://a.test"], "grant_types": ["password"]}),
        json!({"redirect_uris": ["https://a.test"], "client_type": "public", "token_endpoint_auth_method": "client_secret_basic"}),
        json!({"redirect_uris": vec!["https://a.test"; 11]}),
    ] {
        let answer = world.post("/oauth/clients/register", bad.clone()).await;
        assert_eq!(answer.refusal(), (400, "validation_failed"), "{bad}");
    }
    let path = format!("/admin/oauth/clients/{}", text(&made.body["client_id"]));
    let named = world.admin(Method::PUT, &path, Some(json!({"client_name": "Better"}))).await.ok();
    assert_eq!(named["client_name"], "Better");
    assert_eq!(
        world.admin(Method::GET, "/admin/oauth/clients", None).await.ok()["clients"].as_array().unwrap().len(),
        1
    );
    let confidential = client(&world, json!({})).await;
    let again = format!("/admin/oauth/clients/{}/regenerate_secret", text(&confidential["client_id"]));
    let new = world.admin(Method::POST, &again, None).await.ok();
    assert_ne!(new["client_secret"], confidential["client_secret"]);
    assert_eq!(world.admin(Method::DELETE, &path, None).await.status, 204);
    assert_eq!(world.admin(Method::GET, &path, None).await.refusal(), (404, "oauth_client_not_found"));
    let stored =
        world.count("select count(*) from auth.oauth_clients where client_secret_hash like '%' || 'desk'").await;
    assert_eq!(stored, 0);
}

#[tokio::test]
async fn discovery_says_where_everything_is_and_off_means_off() {
    let world = world().await;
    let document = world.raw(Method::GET, "/.well-known/oauth-authorization-server", &[], "").await.ok();
    assert_eq!(document["issuer"], "https://api.test/auth/v1");
    assert_eq!(document["registration_endpoint"], "https://api.test/auth/v1/oauth/clients/register");
    let off = World::autoconfirm().await;
    assert_eq!(off.raw(Method::GET, "/.well-known/openid-configuration", &[], "").await.status, 200);
    for (method, path) in [
        (Method::GET, "/.well-known/oauth-authorization-server"),
        (Method::POST, "/oauth/clients/register"),
        (Method::GET, "/oauth/authorize"),
        (Method::POST, "/oauth/token"),
        (Method::GET, "/oauth/userinfo"),
    ] {
        assert_eq!(off.raw(method, path, &[], "{}").await.refusal(), (404, "feature_disabled"), "{path}");
    }
}
