//! Every route of the OpenAPI document with hostile bodies, paths and queries: an answer of GoTrue's kind, never a 5xx.

use std::collections::BTreeSet;

use http::Method;
use serde_json::{Map, Value, json};

use super::world::{Answer, World, text};
use crate::error::Code;

/// Everything that can be switched on is on.
async fn world() -> World {
    World::start(|config| {
        config.phone.enabled = true;
        config.anonymous_users_enabled = true;
        config.mailer.autoconfirm = true;
        config.phone.autoconfirm = true;
        config.manual_linking_enabled = true;
        config.custom_providers_enabled = true;
        config.oauth_server.enabled = true;
        config.oauth_server.allow_dynamic_registration = true;
        config.webauthn.passkeys_enabled = true;
        config.webauthn.rp_id = "app.test".into();
        config.webauthn.rp_origins = vec!["https://app.test".into()];
        config.mfa.phone.enroll = true;
        config.mfa.phone.verify = true;
        config.mfa.webauthn.enroll = true;
        config.mfa.webauthn.verify = true;
        config.saml.enabled = true;
        config.saml.private_key = crate::saml::test_key();
        config.providers.insert(
            "github".into(),
            crate::config::Provider { enabled: true, client_ids: vec!["c".into()], ..Default::default() },
        );
    })
    .await
}

/// Bodies that are no sensible JSON, or none at all.
fn raw_bodies() -> Vec<Vec<u8>> {
    let texts = [
        "",
        "{",
        "[]",
        "null",
        "true",
        "7",
        "\"x\"",
        "{}",
        "[[",
        "{\"email\":\"\\ud800\",\"token\":\"\\udfff\"}",
        "{\"email\":\"a@x.test\",\"email\":7,\"password\":\"correct horse\"}",
        "{\"email\":1e999}",
        "\u{feff}{}",
        "{\"a\":\"\\u0000\"}",
        "{\"\\u0000\":1}",
        "a=1&b=2",
        "{\"email\":\"a@x.test\"} trailing",
        "--boundary\r\n",
    ];
    let mut all: Vec<Vec<u8>> = texts.into_iter().map(|text| text.as_bytes().to_vec()).collect();
    all.push(b"{\"email\":\"\xff\xfe\"}".to_vec());
    all.push(b"\x00\x01\x02".to_vec());
    all.push("[".repeat(20_000).into_bytes());
    all.push(format!("{{\"data\":{}1{}}}", "[".repeat(100), "]".repeat(100)).into_bytes());
    all
}

/// Values that stand where others belong.
fn values() -> Vec<Value> {
    vec![
        json!(null),
        json!(true),
        json!(0),
        json!(-1),
        json!(i64::MIN),
        json!(u64::MAX),
        json!(1e308),
        json!(""),
        json!(" "),
        json!("x".repeat(20_000)),
        json!("a\u{0}b"),
        json!("'; drop table auth.users; --"),
        json!("$1 \\ % _ \u{202e}\u{fffe}"),
        json!("../../../etc/passwd"),
        json!("9999-99-99T99:99:99Z"),
        json!("00000000-0000-0000-0000-000000000000"),
        json!("{\"a\":1}"),
        json!("http://[::1"),
        json!([]),
        json!({}),
        json!(["x", 1, null, {"a": []}]),
        json!({"a": {"b": [null, "\u{0}"]}}),
    ]
}

const PATHS: [&str; 6] = [
    "x",
    "00000000-0000-4000-8000-000000000000",
    "00000000-0000-0000-0000-000000000000",
    "%00",
    "%27%20or%201=1--",
    "custom:%ff",
];

const QUERIES: [&str; 9] = [
    "page=-1&per_page=99999999999999999999",
    "page=x&per_page=0&sort=created_at;drop%20table%20auth.users&filter=%25%27%5c",
    "limit=-5&cursor=%00",
    "redirect_to=http://evil%5c@x.test&scopes=%00&provider=github&code_challenge=x",
    "provider=github&redirect_to=https://app.test&scopes=a,b&invite_token=%27",
    "token=%27;--&type=signup&redirect_to=javascript:alert(1)",
    "client_id=x&response_type=code&redirect_uri=::&code_challenge=%ff",
    "query=author:%27%25&scope=everything&state=%ff%fe&code=x&error=%0d%0aset-cookie:x",
    "grant_type=%F0%9F%92%A9&grant_type=password",
];

/// A body that the document would take, as far as its schema says.
fn plausible(document: &Value, schema: &Value, depth: usize) -> Value {
    let schema = match schema["$ref"].as_str() {
        Some(reference) => document.pointer(reference.trim_start_matches('#')).unwrap_or(&Value::Null),
        None => schema,
    };
    if let Some(first) = schema["enum"].as_array().and_then(|all| all.first()) {
        return first.clone();
    }
    match schema["type"].as_str().unwrap_or_default() {
        "object" if depth < 4 => {
            let properties = schema["properties"].as_object();
            let pairs =
                properties.into_iter().flatten().map(|(name, one)| (name.clone(), named(document, name, one, depth)));
            Value::Object(pairs.collect())
        }
        "array" if depth < 4 => json!([plausible(document, &schema["items"], depth + 1)]),
        "boolean" => json!(true),
        "integer" | "number" => json!(1),
        _ if schema["format"] == "uuid" => json!("00000000-0000-4000-8000-000000000000"),
        _ => json!("text"),
    }
}

fn named(document: &Value, name: &str, schema: &Value, depth: usize) -> Value {
    match name {
        "email" | "new_email" => json!("eve@x.test"),
        "phone" => json!("15550100"),
        "password" => json!("correct horse"),
        "redirect_uris" => json!(["https://client.test/cb"]),
        _ => plausible(document, schema, depth + 1),
    }
}

struct Walk {
    world: World,
    codes: BTreeSet<&'static str>,
    requests: usize,
    failures: Vec<String>,
}

impl Walk {
    async fn send(&mut self, method: &Method, path: &str, token: Option<&str>, form: bool, body: Vec<u8>) {
        let mut headers: Vec<(String, String)> =
            token.map(|token| ("authorization".to_owned(), format!("Bearer {token}"))).into_iter().collect();
        if form {
            headers.push(("content-type".into(), "application/x-www-form-urlencoded".into()));
        }
        let shown = String::from_utf8_lossy(&body[..body.len().min(200)]).into_owned();
        let answer = self.world.raw(method.clone(), path, &headers, body).await;
        self.requests += 1;
        self.judge(&format!("{method} {path} {shown}"), &answer);
    }

    fn judge(&mut self, what: &str, answer: &Answer) {
        let status = answer.status.as_u16();
        if status >= 500 {
            self.failures.push(format!("{what}: {status} {}", answer.body));
        }
        if status < 400 {
            return;
        }
        let known = answer.body["code"].as_str().is_some_and(|code| self.codes.contains(code));
        let oauth = answer.body["error"].is_string();
        if !known && !oauth {
            self.failures.push(format!("{what}: {status} {} has no code of GoTrue's", answer.body));
        }
    }

    /// A session of its own for each operation: the one before may have ended it.
    async fn user(&self) -> String {
        let body = json!({"email": "mallory@x.test", "password": "correct horse"});
        let answer = self.world.post("/token?grant_type=password", body).await;
        if answer.status == 200 {
            return text(&answer.body["access_token"]);
        }
        // Some operation deleted or changed him.
        let id = crypto::random::uuid();
        let gone = "with gone as (delete from auth.users where email = 'mallory@x.test' returning 1) select count(*) from gone";
        self.world.count(gone).await;
        let made = json!({"id": id, "email": "mallory@x.test", "password": "correct horse", "email_confirm": true});
        self.world.admin(Method::POST, "/admin/users", Some(made)).await.ok();
        self.world.sign_in("mallory@x.test").await["access_token"].as_str().unwrap().to_owned()
    }
}

#[tokio::test]
async fn whatever_comes_in_no_5xx_goes_out() {
    let world = world().await;
    let document = world.raw(Method::GET, "/openapi.json", &[], "").await.ok();
    let codes = Code::ALL.iter().map(|code| code.as_str()).collect();
    let mut walk = Walk { world, codes, requests: 0, failures: Vec::new() };
    walk.world.signed_up("mallory@x.test").await;
    for (path, operations) in document["paths"].as_object().unwrap() {
        for (method, operation) in operations.as_object().unwrap() {
            let method: Method = method.to_uppercase().parse().unwrap();
            let is_admin = operation["security"].to_string().contains("admin");
            let token = if is_admin { walk.world.service_token() } else { walk.user().await };
            let token = Some(token.as_str());
            let at = |id: &str| {
                path.split('/').map(|part| if part.starts_with('{') { id } else { part }).collect::<Vec<_>>().join("/")
            };
            let normal = at(PATHS[1]);
            for id in PATHS.iter().filter(|_| path.contains('{')) {
                walk.send(&method, &at(id), token, false, b"{}".to_vec()).await;
            }
            for query in QUERIES {
                walk.send(&method, &format!("{normal}?{query}"), token, false, b"{}".to_vec()).await;
            }
            let content = operation["requestBody"]["content"].as_object();
            for body in raw_bodies() {
                walk.send(&method, &normal, token, false, body).await;
            }
            for (kind, schema) in content.into_iter().flatten() {
                let Value::Object(base) = plausible(&document, &schema["schema"], 0) else { continue };
                let form = kind.contains("form");
                walk.fields(&method, &with_grant(&normal), token, form, &base).await;
            }
        }
    }
    assert!(
        walk.failures.is_empty(),
        "{} of them:\n{}",
        walk.failures.len(),
        walk.failures[..walk.failures.len().min(40)].join("\n")
    );
    assert!(walk.requests > 3_000, "{}", walk.requests);
    // The tables are all there, and so is the server.
    assert_eq!(walk.world.raw(Method::GET, "/health", &[], "").await.status, 200);
    assert!(walk.world.count("select count(*) from auth.users").await > 0);
}

fn with_grant(path: &str) -> String {
    if path == "/token" { format!("{path}?grant_type=password") } else { path.to_owned() }
}

impl Walk {
    /// One wrong field at a time, beside others that are right.
    async fn fields(
        &mut self,
        method: &Method,
        path: &str,
        token: Option<&str>,
        form: bool,
        base: &Map<String, Value>,
    ) {
        for name in base.keys() {
            for value in values() {
                let mut body = base.clone();
                body.insert(name.clone(), value);
                let text = if form { as_form(&body) } else { Value::Object(body).to_string() };
                self.send(method, path, token, form, text.into_bytes()).await;
            }
        }
    }
}

fn as_form(body: &Map<String, Value>) -> String {
    let mut form = form_urlencoded::Serializer::new(String::new());
    for (key, value) in body {
        form.append_pair(key, value.as_str().unwrap_or(&value.to_string()));
    }
    form.finish()
}
