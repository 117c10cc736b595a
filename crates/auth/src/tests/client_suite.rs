//! The published client of JavaScript against two running servers.

use std::path::Path;
use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::routing::get;
use base::Clock;
use serde_json::{Value, json};
use web::gateway::ApiKeys;
use web::{Edge, Limits, Listener, Readiness, Running};

use super::world::{Sent, World};

/// The service behind the edge that everybody meets, with keys as a project has them.
async fn serve(world: &World, listener: Listener) -> Running {
    let exp = Clock::system().unix_seconds() + 3600;
    let token = |role: &str| world.keys.sign(&json!({"role": role, "exp": exp})).unwrap();
    let keys = ApiKeys {
        publishable: "sb_publishable_test".into(),
        secret: "sb_secret_test".into(),
        anon_token: token("anon").as_str().into(),
        service_token: token("service_role").as_str().into(),
        required: false,
    };
    let (_, readiness) = tokio::sync::watch::channel(Readiness::Ready);
    let edge = Edge::new(Some(keys), Limits::default(), readiness, Arc::default()).with(world.auth.service());
    listener.serve(&Arc::new(edge)).unwrap()
}

/// A server whose links lead to itself.
async fn start(autoconfirm: bool) -> (World, Running, String) {
    let address = ([127, 0, 0, 1], testkit::free_port()).into();
    let listener = Listener::bind(&[address], None).await.unwrap();
    let url = format!("http://{address}/auth/v1");
    let external = url.clone();
    let world = World::on(testkit::database().await, Clock::system(), |config| {
        config.external_url = external;
        config.mailer.autoconfirm = autoconfirm;
        config.mailer.max_frequency = std::time::Duration::ZERO;
    })
    .await;
    let running = serve(&world, listener).await;
    (world, running, url)
}

async fn letters(State(sent): State<Arc<Sent>>) -> axum::Json<Vec<Value>> {
    let letters = sent.letters.lock();
    let show = |letter: &crate::Letter| {
        json!({"to": letter.to, "token": letter.variables["Token"], "hash": letter.variables["TokenHash"],
            "link": letter.variables["ConfirmationURL"]})
    };
    axum::Json(letters.iter().map(show).collect())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn auth_js_walks_its_flows() {
    let (_plain, _running, auth_url) = start(true).await;
    let (confirm, _other, confirm_url) = start(false).await;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let letters_url = format!("http://{}/", listener.local_addr().unwrap());
    let app = Router::new().route("/", get(letters)).with_state(confirm.sent.clone());
    tokio::spawn(async move { axum::serve(listener, app).await });
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/clients/auth");
    testkit::npm_install(&folder).await;
    let environment = [
        ("AUTH_URL", auth_url.as_str()),
        ("CONFIRM_URL", confirm_url.as_str()),
        ("LETTERS_URL", letters_url.as_str()),
        ("ANON_KEY", "sb_publishable_test"),
        ("SERVICE_KEY", "sb_secret_test"),
    ];
    testkit::node(&folder.join("flows.test.mjs"), &environment).await;
}
