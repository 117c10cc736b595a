//! A provider of another make (samlify, with xml-crypto underneath): it reads our metadata, checks our signed request and signs its
//! answer.

use std::path::Path;
use std::process::Stdio;

use base::Clock;
use http::{Method, StatusCode};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::process::Command;

use super::*;
use crate::tests::world::{World, text};

fn pem(label: &str, base64: &str) -> String {
    let lines: Vec<&str> = base64.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).unwrap()).collect();
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", lines.join("\n"))
}

#[tokio::test]
async fn a_provider_of_another_make_understands_us_and_we_understand_it() {
    let world = World::on(testkit::database().await, Clock::system(), |config| {
        config.saml.enabled = true;
        config.saml.private_key = private_key();
        config.uri_allow_list = vec!["https://app.test/**".into()];
    })
    .await;
    let key = KeyPair::generate(KeySize::Rsa2048).unwrap();
    let pkcs8: Pkcs8V1Der<'_> = key.as_der().unwrap();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/clients/saml");
    testkit::npm_install(&folder).await;
    let mut process = Command::new("node")
        .arg(folder.join("provider.mjs"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .expect("Node 20 or later runs the provider");
    let mut input = process.stdin.take().unwrap();
    let mut output = BufReader::new(process.stdout.take().unwrap()).lines();
    let mut say = async |line: Value| -> Value {
        input.write_all(format!("{line}\n").as_bytes()).await.unwrap();
        serde_json::from_str(&output.next_line().await.unwrap().expect("the provider lives")).unwrap()
    };
    let ours = world.raw(Method::GET, "/sso/saml/metadata", &[], "").await.body;
    let begun = json!({
        "key": pem("PRIVATE KEY", &STANDARD.encode(pkcs8.as_ref())),
        "certificate": pem("CERTIFICATE", &self_signed(&key, "idp.test").unwrap()),
        "sp": ours,
    });
    let metadata = say(begun).await["metadata"].clone();
    let body = json!({"type": "saml", "metadata_xml": metadata, "domains": ["x.test"]});
    let made = world.admin(Method::POST, "/admin/sso/providers", Some(body)).await;
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.body);
    for what in ["assertion", "message", "both"] {
        let asked = json!({"domain": "x.test", "skip_http_redirect": true, "redirect_to": "https://app.test/in"});
        let url = text(&world.post("/sso", asked).await.ok()["url"]);
        let answer = say(json!({"url": url, "sign": what, "email": "ada@x.test"})).await;
        assert!(answer.get("error").is_none(), "{what}: {answer}");
        let form = form_urlencoded::Serializer::new(String::new())
            .append_pair("SAMLResponse", &text(&answer["SAMLResponse"]))
            .append_pair("RelayState", &text(&answer["RelayState"]))
            .finish();
        let back = world.raw(Method::POST, "/sso/saml/acs", &[], form).await;
        assert!(back.location().starts_with("https://app.test/in#access_token="), "{what}: {}", back.location());
    }
    assert_eq!(world.count("select count(*) from auth.users where email = 'ada@x.test' and is_sso_user").await, 1);
    // Our request, changed on the way: the provider sees it.
    let url = text(&world.post("/sso", json!({"domain": "x.test", "skip_http_redirect": true})).await.ok()["url"]);
    let changed = url.replacen("RelayState=", "RelayState=0", 1);
    assert!(say(json!({"url": changed, "sign": "assertion", "email": "ada@x.test"})).await["error"].is_string());
}
