use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::routing::post;
use http::HeaderMap;
use parking_lot::Mutex;
use serde_json::{Value, json};

use super::world::World;
use crate::config::{AuthConfig, Hook, HookPoint};

const SECRET: &str = "v1,whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

fn sql_hook(config: &mut AuthConfig, point: HookPoint, function: &str) {
    let uri = format!("pg-functions://postgres/public/{function}");
    config.hooks.insert(point, Hook { uri, secrets: "".into() });
    config.mailer.autoconfirm = true;
}

async fn with_sql(point: HookPoint, body: &str) -> World {
    let world = World::start(|config| sql_hook(config, point, "hook")).await;
    let sql = format!(
        "create function public.hook(event jsonb) returns jsonb language plpgsql as $hook$ begin {body} end $hook$;
         grant usage on schema public to supabase_auth_admin;
         grant execute on function public.hook to supabase_auth_admin;"
    );
    world.database.run(&sql).await;
    world
}

#[tokio::test]
async fn a_function_adds_claims() {
    let body = "return jsonb_set(event, '{claims,plan}', to_jsonb(event->>'authentication_method'));";
    let world = with_sql(HookPoint::CustomAccessToken, body).await;
    let session = world.signed_up("ada@x.test").await;
    assert_eq!(world.claims(&session["access_token"])["plan"], "password");
    let refreshed = world.refresh(&session["refresh_token"]).await.ok();
    assert_eq!(world.claims(&refreshed["access_token"])["plan"], "token_refresh");
}

/// The other services must refuse a token for as long as it lives, not for as long as the settings say.
#[tokio::test]
async fn a_token_that_a_function_made_live_long_is_dead_for_as_long() {
    let body = "return jsonb_set(event, '{claims,exp}', to_jsonb((event->'claims'->>'iat')::bigint + 604800));";
    let world = with_sql(HookPoint::CustomAccessToken, body).await;
    let session = world.signed_up("ada@x.test").await;
    assert_eq!(session["expires_in"], 604_800);
    let token = session["access_token"].as_str().unwrap();
    let id = world.claims(&session["access_token"])["session_id"].as_str().unwrap().parse().unwrap();
    world.send(http::Method::POST, "/logout", Some(token), None).await;
    world.later(6 * 86_400);
    world.auth.clean_up().await.unwrap();
    assert!(world.revocations.is_revoked(id));
    world.later(86_400);
    world.auth.clean_up().await.unwrap();
    assert!(!world.revocations.is_revoked(id), "it is over by itself now");
}

#[tokio::test]
async fn a_function_that_drops_a_claim_is_a_failure_of_the_server() {
    let world = with_sql(HookPoint::CustomAccessToken, "return event #- '{claims,role}';").await;
    let answer = world.post("/signup", json!({"email": "ada@x.test", "password": "correct horse"})).await;
    assert_eq!(answer.refusal(), (500, "unexpected_failure"));
    assert_eq!(world.count("select count(*) from auth.users").await, 0);
}

#[tokio::test]
async fn a_function_refuses_a_sign_up_in_its_own_words() {
    let body = "if event->'user'->>'email' like '%@spam.test' then
            return jsonb_build_object('error', jsonb_build_object('http_code', 403, 'message', 'not here'));
        end if; return '{}'::jsonb;";
    let world = with_sql(HookPoint::BeforeUserCreated, body).await;
    let refused = world.post("/signup", json!({"email": "x@spam.test", "password": "correct horse"})).await;
    assert_eq!((refused.status.as_u16(), refused.body["message"].as_str()), (403, Some("not here")));
    world.signed_up("ada@x.test").await;
}

#[tokio::test]
async fn a_function_that_takes_too_long_is_cut_off() {
    let world = with_sql(HookPoint::BeforeUserCreated, "perform pg_sleep(30); return '{}'::jsonb;").await;
    let answer = world.post("/signup", json!({"email": "ada@x.test", "password": "correct horse"})).await;
    assert_eq!(answer.refusal(), (422, "hook_timeout"));
}

#[tokio::test]
async fn a_function_stops_password_guessing() {
    let body = "if (event->>'valid')::boolean then return '{\"decision\":\"continue\"}'::jsonb; end if;
        return '{\"decision\":\"reject\",\"message\":\"locked\",\"should_logout_user\":true}'::jsonb;";
    let world = with_sql(HookPoint::PasswordVerificationAttempt, body).await;
    let session = world.signed_up("ada@x.test").await;
    world.sign_in("ada@x.test").await;
    let wrong = world.post("/token?grant_type=password", json!({"email": "ada@x.test", "password": "wrong"})).await;
    assert_eq!(wrong.refusal(), (400, "invalid_credentials"));
    assert_eq!(wrong.body["message"], "locked");
    assert_eq!(world.refresh(&session["refresh_token"]).await.refusal(), (400, "refresh_token_not_found"));
}

type Received = Arc<Mutex<Vec<(HeaderMap, String)>>>;

async fn receiver(answer: Value) -> (String, Received) {
    let received = Received::default();
    let handler = move |State(received): State<Received>, headers: HeaderMap, body: String| async move {
        received.lock().push((headers, body));
        axum::Json(answer)
    };
    let app = Router::new().route("/hook", post(handler)).with_state(received.clone());
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/hook", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, app).await });
    (url, received)
}

#[tokio::test]
async fn letters_go_to_a_signed_call_instead() {
    let (uri, received) = receiver(json!({})).await;
    let world = World::start(|config| {
        config.hooks.insert(HookPoint::SendEmail, Hook { uri, secrets: SECRET.into() });
    })
    .await;
    world.post("/signup", json!({"email": "ada@x.test", "password": "correct horse"})).await.ok();
    assert!(world.sent.letters.lock().is_empty());
    let (headers, body) = received.lock()[0].clone();
    let header = |name: &str| headers[name].to_str().unwrap().to_owned();
    crypto::webhook::WebhookKeys::parse(SECRET)
        .unwrap()
        .verify(
            &header("webhook-id"),
            &header("webhook-timestamp"),
            &header("webhook-signature"),
            body.as_bytes(),
            world.clock.unix_seconds(),
        )
        .unwrap();
    let payload: Value = serde_json::from_str(&body).unwrap();
    assert_eq!(payload["email_data"]["email_action_type"], "signup");
    assert_eq!(payload["email_data"]["site_url"], "https://api.test/auth/v1");
    let code = payload["email_data"]["token"].as_str().unwrap();
    world.post("/verify", json!({"type": "signup", "email": "ada@x.test", "token": code})).await.ok();
}

/// A hook that does not answer: whoever needs it waits, everybody else does not.
#[tokio::test]
async fn a_hook_that_hangs_holds_up_nobody_else() {
    let gate = Arc::new(tokio::sync::Semaphore::new(0));
    let asked = Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let (latch, count) = (Arc::clone(&gate), Arc::clone(&asked));
    let handler = move || {
        let latch = Arc::clone(&latch);
        count.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        async move {
            latch.acquire().await.unwrap().forget();
            axum::Json(json!({}))
        }
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let uri = format!("http://{}/hook", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, Router::new().route("/hook", post(handler))).await });
    let world = World::start(|config| {
        config.hooks.insert(HookPoint::SendEmail, Hook { uri, secrets: SECRET.into() });
    })
    .await;
    let user = json!({"email": "ada@x.test", "password": "correct horse", "email_confirm": true});
    world.admin(http::Method::POST, "/admin/users", Some(user)).await.ok();
    let session = world.sign_in("ada@x.test").await;
    let world = Arc::new(world);
    let mut waiting = tokio::task::JoinSet::new();
    // More than there are connections.
    for n in 0..16 {
        let world = Arc::clone(&world);
        let body = json!({"email": format!("u{n}@x.test"), "password": "correct horse"});
        waiting.spawn(async move { world.post("/signup", body).await.status });
    }
    while asked.load(std::sync::atomic::Ordering::SeqCst) < crate::hooks::FAR_CALLS {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    let others = async {
        world.sign_in("ada@x.test").await;
        world.refresh(&session["refresh_token"]).await.ok();
    };
    // Whoever waits for the hook does so for as long as its tries last.
    tokio::select! {
        biased;
        () = others => {}
        _ = waiting.join_next() => panic!("others are answered meanwhile"),
    }
    gate.add_permits(1_000);
    while waiting.join_next().await.is_some() {}
}

#[tokio::test]
async fn a_call_that_answers_with_an_error_refuses() {
    let (uri, _) = receiver(json!({"error": {"http_code": 418, "message": "no tea"}})).await;
    let world = World::start(|config| {
        config.hooks.insert(HookPoint::SendEmail, Hook { uri, secrets: SECRET.into() });
    })
    .await;
    let answer = world.post("/signup", json!({"email": "ada@x.test", "password": "correct horse"})).await;
    assert_eq!((answer.status.as_u16(), answer.body["message"].as_str()), (418, Some("no tea")));
}
