//! Sign-in by a real OpenID provider (oauth2-mock-server), and by doubles of providers that speak plain OAuth.

use std::path::Path;
use std::process::Stdio;

use base::{Clock, Secret};
use http::{Method, StatusCode};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::sync::Mutex;

use super::presets::ALL;
use crate::config::Provider;
use crate::tests::world::{Answer, World, text};

/// The provider, a process of its own.
struct Oidc {
    issuer: String,
    talk: Mutex<(ChildStdin, Lines<BufReader<ChildStdout>>)>,
    _process: Child,
}

impl Oidc {
    async fn start() -> Self {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/clients/oidc");
        testkit::npm_install(&folder).await;
        let mut process = Command::new("node")
            .arg(folder.join("server.mjs"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("Node 20 or later runs the provider");
        let input = process.stdin.take().unwrap();
        let mut output = BufReader::new(process.stdout.take().unwrap()).lines();
        let issuer = output.next_line().await.unwrap().expect("the provider prints its issuer");
        Self { issuer, talk: Mutex::new((input, output)), _process: process }
    }

    async fn say(&self, what: Value) -> String {
        let mut talk = self.talk.lock().await;
        talk.0.write_all(format!("{what}\n").as_bytes()).await.unwrap();
        talk.1.next_line().await.unwrap().unwrap()
    }

    /// Who signs in next.
    async fn is(&self, sub: &str, email: &str, verified: bool) {
        self.say(json!({"sub": sub, "email": email, "email_verified": verified, "name": "Ada L.", "picture": "https://p.test/a.png"}))
            .await;
    }

    async fn id_token(&self, claims: Value) -> String {
        self.say(json!({ "sign": claims })).await
    }
}

fn provider(url: &str) -> Provider {
    Provider {
        enabled: true,
        client_ids: vec!["client".into(), "other-client".into()],
        secret: Secret::new("secret".into()),
        url: Some(url.to_owned()),
        ..Provider::default()
    }
}

async fn world(oidc: &Oidc, change: impl FnOnce(&mut crate::AuthConfig)) -> World {
    let url = oidc.issuer.clone();
    World::on(testkit::database().await, Clock::system(), |config| {
        config.providers.insert("keycloak".into(), provider(&url));
        config.manual_linking_enabled = true;
        config.uri_allow_list = vec!["https://app.test/**".into()];
        change(config);
    })
    .await
}

/// Follows the browser: to the provider, and back to our callback. Returns where it ends.
async fn round_trip(world: &World, start: &Answer) -> Answer {
    assert_eq!(start.status, StatusCode::FOUND, "{}", start.body);
    round_trip_from(world, start.location()).await
}

async fn round_trip_from(world: &World, url: &str) -> Answer {
    let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
    let back = client.get(url).send().await.unwrap();
    let back = back.headers()["location"].to_str().unwrap().to_owned();
    let path = back.strip_prefix("https://api.test/auth/v1").unwrap_or_else(|| panic!("{back}"));
    world.raw(Method::GET, path, &[], "").await
}

async fn sign_in(world: &World) -> Answer {
    let start = world.raw(Method::GET, "/authorize?provider=keycloak&redirect_to=https://app.test/in", &[], "").await;
    round_trip(world, &start).await
}

/// What stands in the fragment, or in the query, of where the browser ended.
fn param(answer: &Answer, name: &str) -> Option<String> {
    let location = answer.location();
    let (_, after) = location.split_once(['#', '?'])?;
    form_urlencoded::parse(after.replace(['#', '?'], "&").as_bytes())
        .find(|(key, _)| key == name)
        .map(|(_, v)| v.into_owned())
}

async fn user_of(world: &World, answer: &Answer) -> Value {
    let token = param(answer, "access_token").unwrap_or_else(|| panic!("{}", answer.location()));
    world.get("/user", &token).await.ok()
}

#[tokio::test]
async fn the_implicit_flow_signs_up_and_in_again() {
    let oidc = Oidc::start().await;
    let world = world(&oidc, |_| ()).await;
    oidc.is("u-1", "Ada@Example.org", true).await;
    let end = sign_in(&world).await;
    assert!(end.location().starts_with("https://app.test/in#access_token="), "{}", end.location());
    assert!(param(&end, "provider_token").is_some() && param(&end, "refresh_token").is_some());
    let user = user_of(&world, &end).await;
    assert_eq!(user["email"], "ada@example.org");
    assert_eq!(user["app_metadata"], json!({"provider": "keycloak", "providers": ["keycloak"]}));
    for (key, value) in [
        ("full_name", "Ada L."),
        ("name", "Ada L."),
        ("avatar_url", "https://p.test/a.png"),
        ("provider_id", "u-1"),
        ("sub", "u-1"),
    ] {
        assert_eq!(user["user_metadata"][key], value);
        assert_eq!(user["identities"][0]["identity_data"][key], value);
    }
    assert_eq!(user["identities"][0]["identity_data"]["email_verified"], true);
    assert!(!user["email_confirmed_at"].is_null());
    let token = json!(param(&end, "access_token").unwrap());
    assert_eq!(world.claims(&token)["amr"][0]["method"], "oauth");

    let again = sign_in(&world).await;
    assert_eq!(user_of(&world, &again).await["id"], user["id"]);
    assert_eq!(world.count("select count(*) from auth.users").await, 1);
}

#[tokio::test]
async fn pkce_ends_with_a_code_that_brings_the_providers_tokens() {
    let oidc = Oidc::start().await;
    let world = world(&oidc, |_| ()).await;
    oidc.is("u-1", "ada@example.org", true).await;
    let verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
    let start = world
        .raw(
            Method::GET,
            "/authorize?provider=keycloak&redirect_to=https://app.test/in&code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM&code_challenge_method=s256&scopes=groups,offline&prompt=consent&client_id=evil",
            &[],
            "",
        )
        .await;
    let asked = url::Url::parse(start.location()).unwrap();
    let query = |name: &str| asked.query_pairs().find(|(k, _)| k == name).map(|(_, v)| v.into_owned());
    assert_eq!(query("scope").unwrap(), "openid profile email groups offline");
    assert_eq!(query("prompt").unwrap(), "consent");
    assert_eq!(query("client_id").unwrap(), "client");
    let end = round_trip(&world, &start).await;
    let code = param(&end, "code").unwrap();
    assert!(param(&end, "access_token").is_none());
    let wrong = world.post("/token?grant_type=pkce", json!({"auth_code": code, "code_verifier": "x".repeat(43)})).await;
    assert_eq!(wrong.refusal(), (400, "bad_code_verifier"));
    let session =
        world.post("/token?grant_type=pkce", json!({"auth_code": code, "code_verifier": verifier})).await.ok();
    assert!(session["provider_token"].is_string() && session["provider_refresh_token"].is_string(), "{session}");
    let twice = world.post("/token?grant_type=pkce", json!({"auth_code": code, "code_verifier": verifier})).await;
    assert_eq!(twice.refusal(), (404, "flow_state_not_found"));
}

#[tokio::test]
async fn a_state_is_used_once_and_dies() {
    let oidc = Oidc::start().await;
    let world = world(&oidc, |_| ()).await;
    oidc.is("u-1", "ada@example.org", true).await;
    let start = world.raw(Method::GET, "/authorize?provider=keycloak&code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM&code_challenge_method=s256", &[], "").await;
    round_trip(&world, &start).await;
    let again = round_trip(&world, &start).await;
    assert_eq!(param(&again, "error_code").as_deref(), Some("flow_state_already_used"));
    for (query, code) in [
        ("state=nonsense&code=x", "bad_oauth_state"),
        ("state=3f0c9f6e-7a3c-4b3e-9a65-000000000000&code=x", "bad_oauth_state"),
        ("code=x", "bad_oauth_state"),
    ] {
        let end = world.raw(Method::GET, &format!("/callback?{query}"), &[], "").await;
        assert!(end.location().starts_with("https://app.test?error="), "{}", end.location());
        assert_eq!(param(&end, "error_code").as_deref(), Some(code));
    }
    let start = world.raw(Method::GET, "/authorize?provider=keycloak&redirect_to=https://app.test/in", &[], "").await;
    let state =
        url::Url::parse(start.location()).unwrap().query_pairs().find(|(k, _)| k == "state").unwrap().1.into_owned();
    let denied = world
        .raw(Method::GET, &format!("/callback?state={state}&error=access_denied&error_description=no+thanks"), &[], "")
        .await;
    assert!(denied.location().starts_with("https://app.test/in?error=access_denied"), "{}", denied.location());
    assert_eq!(param(&denied, "error_description").as_deref(), Some("no thanks"));
}

#[tokio::test]
async fn accounts_join_by_addresses_that_are_proved_on_both_sides_only() {
    let oidc = Oidc::start().await;
    let world = world(&oidc, |config| config.mailer.autoconfirm = true).await;
    let ada = world.signed_up("ada@example.org").await;
    // The provider does not vouch for the address: another account, and without it.
    oidc.is("stranger", "ada@example.org", false).await;
    let end = sign_in(&world).await;
    let stranger = user_of(&world, &end).await;
    assert_ne!(stranger["id"], ada["user"]["id"]);
    assert_eq!(stranger["email"], "");
    // It does: the same account, and the password still works.
    oidc.is("u-ada", "ada@example.org", true).await;
    let joined = user_of(&world, &sign_in(&world).await).await;
    assert_eq!(joined["id"], ada["user"]["id"]);
    assert_eq!(joined["app_metadata"]["providers"], json!(["email", "keycloak"]));
    assert_eq!(joined["identities"].as_array().unwrap().len(), 2);
    world.sign_in("ada@example.org").await;
}

/// Nor does it join later, when the owner comes: an identity that nobody vouched for is no claim to an address.
#[tokio::test]
async fn an_unproved_identity_does_not_wait_for_its_owner() {
    let oidc = Oidc::start().await;
    let world = world(&oidc, |config| {
        config.mailer.autoconfirm = true;
        config.providers.get_mut("keycloak").unwrap().email_optional = true;
    })
    .await;
    let ada = world.signed_up("ada@example.org").await;
    oidc.is("stranger", "ada@example.org", false).await;
    let stranger = user_of(&world, &sign_in(&world).await).await;
    let path = format!("/admin/users/{}", text(&ada["user"]["id"]));
    world.admin(Method::DELETE, &path, None).await.ok();
    oidc.is("u-ada", "ada@example.org", true).await;
    let owner = user_of(&world, &sign_in(&world).await).await;
    assert_ne!(owner["id"], stranger["id"]);
    assert_eq!(owner["email"], "ada@example.org");
}

/// Somebody registers the address of another and waits: when the owner comes by his provider, nothing of the first one is left.
#[tokio::test]
async fn a_waiting_hijacker_loses_the_account() {
    let oidc = Oidc::start().await;
    let world = world(&oidc, |_| ()).await;
    let squat = json!({"email": "ada@example.org", "password": "correct horse", "data": {"evil": true}});
    world.post("/signup", squat).await.ok();
    oidc.is("u-ada", "ada@example.org", true).await;
    let user = user_of(&world, &sign_in(&world).await).await;
    assert_eq!(user["identities"].as_array().unwrap().len(), 1);
    assert_eq!(user["identities"][0]["provider"], "keycloak");
    assert!(user["user_metadata"]["evil"].is_null());
    let password = world
        .post("/token?grant_type=password", json!({"email": "ada@example.org", "password": "correct horse"}))
        .await;
    assert_eq!(password.refusal(), (400, "invalid_credentials"));
}

/// The same where he could even sign in while he waited: his session ends, and his second factor does not lock the owner out.
#[tokio::test]
async fn a_waiting_hijackers_session_ends() {
    let oidc = Oidc::start().await;
    let world = world(&oidc, |config| config.mailer.allow_unverified_email_sign_ins = true).await;
    oidc.is("u-eve", "ada@example.org", false).await;
    let eve = param(&sign_in(&world).await, "access_token").unwrap();
    world.send(Method::POST, "/factors", Some(&eve), Some(json!({"factor_type": "totp"}))).await.ok();
    oidc.is("u-ada", "ada@example.org", true).await;
    let ada = user_of(&world, &sign_in(&world).await).await;
    assert_eq!(ada["email"], "ada@example.org");
    assert_eq!(world.get("/user", &eve).await.refusal(), (403, "session_not_found"));
    assert_eq!(world.count("select count(*) from auth.mfa_factors").await, 0);
}

#[tokio::test]
async fn an_unproved_address_must_be_confirmed_first() {
    let oidc = Oidc::start().await;
    let world = world(&oidc, |_| ()).await;
    oidc.is("u-1", "new@example.org", false).await;
    let end = sign_in(&world).await;
    assert_eq!(param(&end, "error_code").as_deref(), Some("provider_email_needs_verification"));
    assert_eq!(world.count("select count(*) from auth.users").await, 1);
    world.raw(Method::GET, &world.letter("new@example.org").link(), &[], "").await;
    assert_eq!(user_of(&world, &sign_in(&world).await).await["email"], "new@example.org");
}

#[tokio::test]
async fn closed_banned_and_nameless_are_refused() {
    let oidc = Oidc::start().await;
    let world = world(&oidc, |config| config.disable_signup = true).await;
    oidc.is("u-1", "ada@example.org", true).await;
    let end = sign_in(&world).await;
    assert_eq!(
        (param(&end, "error").unwrap().as_str(), param(&end, "error_code").unwrap().as_str()),
        ("access_denied", "signup_disabled")
    );
    let made = world
        .admin(
            Method::POST,
            "/admin/users",
            Some(json!({"email": "ada@example.org", "email_confirm": true, "ban_duration": "1h"})),
        )
        .await
        .ok();
    assert!(made["id"].is_string());
    assert_eq!(param(&sign_in(&world).await, "error_code").as_deref(), Some("user_banned"));
    oidc.say(json!({"sub": "u-2"})).await;
    assert_eq!(param(&sign_in(&world).await, "error_code").as_deref(), Some("unexpected_failure"));
    for bad in ["nothing", "github", ""] {
        let answer = world.raw(Method::GET, &format!("/authorize?provider={bad}"), &[], "").await;
        assert_eq!(answer.refusal(), (400, "validation_failed"), "{bad}");
    }
}

#[tokio::test]
async fn a_signed_in_user_links_and_unlinks() {
    let oidc = Oidc::start().await;
    let world = world(&oidc, |config| config.mailer.autoconfirm = true).await;
    let ada = world.signed_up("ada@example.org").await;
    let token = text(&ada["access_token"]);
    oidc.is("u-9", "other@example.org", true).await;
    let link = async |token: &str| {
        let url = world
            .get(
                "/user/identities/authorize?provider=keycloak&skip_http_redirect=true&redirect_to=https://app.test/in",
                token,
            )
            .await
            .ok();
        round_trip_from(&world, url["url"].as_str().unwrap()).await
    };
    let user = user_of(&world, &link(&token).await).await;
    assert_eq!((&user["id"], &user["email"]), (&ada["user"]["id"], &json!("ada@example.org")));
    assert_eq!(user["app_metadata"]["providers"], json!(["email", "keycloak"]));
    assert_eq!(param(&link(&token).await, "error_code").as_deref(), Some("identity_already_exists"));
    let ben = world.signed_up("ben@example.org").await;
    let taken = link(&text(&ben["access_token"])).await;
    assert_eq!(param(&taken, "error_description").as_deref(), Some("Identity is already linked to another user"));
    let identity = user["identities"].as_array().unwrap().iter().find(|i| i["provider"] == "keycloak").unwrap();
    let path = format!("/user/identities/{}", text(&identity["identity_id"]));
    world.send(Method::DELETE, &path, Some(&token), None).await.ok();
    assert_eq!(world.get("/user", &token).await.ok()["app_metadata"]["providers"], json!(["email"]));
}

#[tokio::test]
async fn an_anonymous_user_becomes_somebody_by_linking() {
    let oidc = Oidc::start().await;
    let world = world(&oidc, |config| config.anonymous_users_enabled = true).await;
    let anonymous = world.post("/signup", json!({})).await.ok();
    oidc.is("u-1", "ada@example.org", true).await;
    let path = "/user/identities/authorize?provider=keycloak&skip_http_redirect=true";
    let url = world.get(path, &text(&anonymous["access_token"])).await.ok();
    let user = user_of(&world, &round_trip_from(&world, url["url"].as_str().unwrap()).await).await;
    assert_eq!(
        (&user["id"], &user["is_anonymous"], &user["email"]),
        (&anonymous["user"]["id"], &json!(false), &json!("ada@example.org"))
    );
}

#[tokio::test]
async fn id_tokens_are_taken_from_their_issuer_for_our_clients_with_the_nonce() {
    let oidc = Oidc::start().await;
    let world = world(&oidc, |_| ()).await;
    let good = json!({"sub": "p-1", "aud": "other-client", "email": "ada@example.org", "email_verified": true});
    let with = |key: &str, value: Value| {
        let mut claims = good.clone();
        claims[key] = value;
        claims
    };
    let grant = async |body: Value| world.post("/token?grant_type=id_token", body).await;
    let token = oidc.id_token(good.clone()).await;
    let session = grant(json!({"provider": "keycloak", "id_token": token})).await.ok();
    assert_eq!(session["user"]["email"], "ada@example.org");

    let hash = hex::encode(crypto::sha256(b"n-0nce"));
    let bound = oidc.id_token(with("nonce", json!(hash))).await;
    grant(json!({"provider": "keycloak", "id_token": bound, "nonce": "n-0nce"})).await.ok();
    let refused = async |body: Value| {
        let answer = grant(body).await;
        assert_eq!(answer.status, 400, "{}", answer.body);
        (text(&answer.body["error"]), text(&answer.body["error_description"]))
    };
    assert_eq!(refused(json!({"provider": "keycloak", "id_token": bound, "nonce": "other"})).await.0, "invalid nonce");
    assert_eq!(refused(json!({"provider": "keycloak", "id_token": bound})).await.0, "invalid request");
    let foreign = oidc.id_token(with("aud", json!("somebody-else"))).await;
    assert!(refused(json!({"provider": "keycloak", "id_token": foreign})).await.1.contains("Unacceptable audience"));
    let issuer = oidc.id_token(with("iss", json!("https://evil.test"))).await;
    assert!(refused(json!({"provider": "keycloak", "id_token": issuer})).await.1.contains("Bad ID token"));
    let old = oidc.id_token(with("exp", json!(1_600_000_000))).await;
    assert!(refused(json!({"provider": "keycloak", "id_token": old})).await.1.contains("Bad ID token"));
    let mut changed = token.clone();
    changed.replace_range(token.len() - 6..token.len() - 2, "AAAA");
    assert!(refused(json!({"provider": "keycloak", "id_token": changed})).await.1.contains("Bad ID token"));
    assert!(refused(json!({"provider": "keycloak", "id_token": "junk"})).await.1.contains("Bad ID token"));
    let disabled = grant(json!({"provider": "google", "id_token": "junk"})).await;
    assert_eq!(disabled.refusal(), (400, "provider_disabled"));
    assert!(text(&disabled.body["message"]).contains("not enabled"));
}

#[tokio::test]
async fn two_callbacks_of_one_new_user_make_one_account() {
    let oidc = Oidc::start().await;
    let world = world(&oidc, |_| ()).await;
    let token =
        oidc.id_token(json!({"sub": "p-1", "aud": "client", "email": "ada@example.org", "email_verified": true})).await;
    let body = json!({"provider": "keycloak", "id_token": token});
    let both = tokio::join!(
        world.post("/token?grant_type=id_token", body.clone()),
        world.post("/token?grant_type=id_token", body.clone())
    );
    assert_eq!((both.0.status, both.1.status), (StatusCode::OK, StatusCode::OK), "{} {}", both.0.body, both.1.body);
    assert_eq!(world.count("select count(*) from auth.users").await, 1);
    world.post("/token?grant_type=id_token", body).await.ok();
}

/// Whoever holds the user may go on to his identities: a sign-in waits, and does not stand in the way.
#[tokio::test]
async fn a_sign_in_and_an_unlinking_at_once_end_well() {
    let oidc = Oidc::start().await;
    let world = world(&oidc, |_| ()).await;
    let claims = json!({"sub": "p-1", "aud": "client", "email": "ada@example.org", "email_verified": true});
    let body = json!({"provider": "keycloak", "id_token": oidc.id_token(claims).await});
    world.post("/token?grant_type=id_token", body.clone()).await.ok();
    let other = world.database.connect(&world.database.admin).await;
    other.batch_execute("begin; select 1 from auth.users for update").await.unwrap();
    let go_on = async {
        tokio::time::sleep(std::time::Duration::from_millis(300)).await;
        other.batch_execute("update auth.identities set updated_at = now(); commit").await
    };
    let (answer, went_on) = tokio::join!(world.post("/token?grant_type=id_token", body), go_on);
    assert!(went_on.is_ok(), "{went_on:?}");
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
}

#[tokio::test]
async fn an_admins_own_provider_is_kept_in_the_database() {
    let oidc = Oidc::start().await;
    let world = world(&oidc, |config| config.custom_providers_enabled = true).await;
    let new = json!({"provider_type": "oidc", "identifier": "custom:acme", "name": "Acme", "client_id": "client", "client_secret": "s3cret", "issuer": "https://acme.test"});
    let made = world.admin(Method::POST, "/admin/custom-providers", Some(new.clone())).await;
    assert_eq!(made.status, 201, "{}", made.body);
    assert!(made.body["client_secret"].is_null());
    let twice = world.admin(Method::POST, "/admin/custom-providers", Some(new)).await;
    assert_eq!(twice.refusal(), (409, "conflict"));
    let plain = json!({"provider_type": "oidc", "identifier": "x1", "name": "X", "client_id": "c", "client_secret": "s", "issuer": "http://x.test"});
    assert_eq!(
        world.admin(Method::POST, "/admin/custom-providers", Some(plain)).await.refusal(),
        (400, "validation_failed")
    );
    // The table wants https, which the provider of this test has not.
    world
        .database
        .run("alter table auth.custom_oauth_providers drop constraint custom_oauth_providers_oidc_issuer_https")
        .await;
    world.database.run(&format!("update auth.custom_oauth_providers set issuer = '{}'", oidc.issuer)).await;
    oidc.is("u-1", "ada@example.org", true).await;
    let start = world.raw(Method::GET, "/authorize?provider=custom:acme", &[], "").await;
    assert!(start.location().contains("code_challenge_method=S256"));
    let user = user_of(&world, &round_trip(&world, &start).await).await;
    assert_eq!(user["app_metadata"]["provider"], "custom:acme");
    assert_eq!(world.admin(Method::DELETE, "/admin/custom-providers/custom:acme", None).await.status, 204);
    assert_eq!(
        world.admin(Method::GET, "/admin/custom-providers/custom:acme", None).await.refusal(),
        (404, "custom_provider_not_found")
    );
}

#[test]
fn each_provider_reads_the_answer_that_it_documents() {
    let read = |name: &str, answer: Value| {
        let preset = ALL.iter().find(|preset| preset.name == name).unwrap();
        let profile = (preset.read)(&answer);
        let best = profile.best_address().map(|a| (a.email.clone(), a.verified));
        (profile.sub.clone(), best, profile.claims.get("name").and_then(Value::as_str).unwrap_or_default().to_owned())
    };
    let is = |sub: &str, email: &str, verified: bool, name: &str| {
        (sub.to_owned(), Some((email.to_owned(), verified)), name.to_owned())
    };
    let github = json!({"id": 7, "login": "ada", "name": null, "emails": [
        {"email": "old@x.org", "verified": true, "primary": false}, {"email": "Ada@x.org", "verified": true, "primary": true}]});
    assert_eq!(read("github", github), is("7", "ada@x.org", true, "ada"));
    assert_eq!(
        read("gitlab", json!({"id": 7, "name": "Ada", "email": "a@x.org", "confirmed_at": "2020"})),
        is("7", "a@x.org", true, "Ada")
    );
    assert_eq!(read("gitlab", json!({"id": 7, "name": "Ada", "email": "a@x.org"})), is("7", "a@x.org", false, "Ada"));
    assert_eq!(
        read(
            "discord",
            json!({"id": "80351110224678912", "username": "ada", "discriminator": "0", "email": "a@x.org", "verified": true})
        ),
        is("80351110224678912", "a@x.org", true, "ada")
    );
    assert_eq!(read("azure", json!({"sub": "s", "email": "a@x.org", "name": "Ada"})), is("s", "a@x.org", true, "Ada"));
    assert_eq!(
        read("azure", json!({"sub": "s", "email": "a@x.org", "name": "Ada", "xms_edov": "0"})),
        is("s", "a@x.org", false, "Ada")
    );
    assert_eq!(
        read("facebook", json!({"id": "1", "name": "Ada", "email": "a@x.org"})),
        is("1", "a@x.org", true, "Ada")
    );
    assert_eq!(
        read("spotify", json!({"id": "1", "display_name": "Ada", "email": "a@x.org"})),
        is("1", "a@x.org", false, "Ada")
    );
    assert_eq!(
        read("twitch", json!({"data": [{"id": "1", "login": "ada", "email": "a@x.org"}]})),
        is("1", "a@x.org", true, "ada")
    );
    assert_eq!(
        read("notion", json!({"bot": {"owner": {"user": {"id": "1", "name": "Ada", "person": {"email": "a@x.org"}}}}})),
        is("1", "a@x.org", true, "Ada")
    );
    assert_eq!(
        read(
            "bitbucket",
            json!({"uuid": "{1}", "display_name": "Ada", "emails": {"values": [{"email": "a@x.org", "is_confirmed": true, "is_primary": true}]}})
        ),
        is("{1}", "a@x.org", true, "Ada")
    );
    assert_eq!(
        read(
            "kakao",
            json!({"id": 5, "kakao_account": {"email": "a@x.org", "is_email_verified": true, "is_email_valid": true, "profile": {"nickname": "Ada"}}})
        ),
        is("5", "a@x.org", true, "Ada")
    );
    assert_eq!(
        read("x", json!({"data": {"id": "1", "name": "Ada", "username": "ada", "confirmed_email": "a@x.org"}})),
        is("1", "a@x.org", true, "Ada")
    );
    assert_eq!(
        read("zoom", json!({"id": "1", "first_name": "Ada", "last_name": "L", "email": "a@x.org", "verified": 1})),
        is("1", "a@x.org", true, "Ada L")
    );
    // Whatever comes: no answer makes a reader fail.
    for preset in ALL {
        for junk in [json!(null), json!([]), json!({"id": [], "email": 5, "data": 1, "emails": {}})] {
            let profile = (preset.read)(&junk);
            assert!(profile.addresses.is_empty(), "{}", preset.name);
        }
    }
    assert_eq!(super::presets::apple_name(r#"{"name":{"firstName":"Ada","lastName":"L"}}"#).as_deref(), Some("Ada L"));
}
