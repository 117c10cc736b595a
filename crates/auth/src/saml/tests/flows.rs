//! Sign-in by SAML as browsers and administrators see it.

use std::io::Read as _;

use aws_lc_rs::signature::{KeyPair as _, RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
use base::Secret;
use http::{Method, StatusCode};
use serde_json::{Value, json};

use super::*;
use crate::tests::world::{Answer, World, text};

struct Company {
    world: World,
    idp: Idp,
    us: ServiceProvider,
    provider: String,
}

impl Company {
    async fn start() -> Self {
        let world = World::start(|config| {
            config.saml.enabled = true;
            config.saml.private_key = private_key();
            config.mailer.autoconfirm = true;
            config.uri_allow_list = vec!["https://app.test/**".into()];
        })
        .await;
        let idp = Idp::rsa();
        let body = json!({"type": "saml", "metadata_xml": idp.metadata(), "domains": ["X.test"],
            "attribute_mapping": {"keys": {"full_name": {"name": "displayName"}, "team": {"names": ["nothing", "ou"], "default": "none"},
                "groups": {"name": "groups", "array": true}}}});
        let made = world.admin(Method::POST, "/admin/sso/providers", Some(body)).await;
        assert_eq!(made.status, StatusCode::CREATED, "{}", made.body);
        let us = ServiceProvider::at("https://api.test/auth/v1");
        Self { provider: text(&made.body["id"]), world, idp, us }
    }

    fn said(&self) -> Said {
        Said::at(&self.us, self.world.clock.now())
    }

    /// The browser posts an answer.
    async fn post(&self, response: &str, relay_state: &str) -> Answer {
        let form = form_urlencoded::Serializer::new(String::new())
            .append_pair("SAMLResponse", &STANDARD.encode(response))
            .append_pair("RelayState", relay_state)
            .finish();
        let headers = [("content-type".to_owned(), "application/x-www-form-urlencoded".to_owned())];
        self.world.raw(Method::POST, "/sso/saml/acs", &headers, form).await
    }

    /// Asks to sign in; the request's id and the relay state.
    async fn ask(&self, more: Value) -> (String, String) {
        let mut body = json!({"domain": "x.TEST", "skip_http_redirect": true});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let url = text(&self.world.post("/sso", body).await.ok()["url"]);
        let url = url::Url::parse(&url).unwrap();
        let query = |name: &str| url.query_pairs().find(|(key, _)| key == name).unwrap().1.into_owned();
        let mut xml = String::new();
        flate2::read::DeflateDecoder::new(STANDARD.decode(query("SAMLRequest")).unwrap().as_slice())
            .read_to_string(&mut xml)
            .unwrap();
        let document = xml::parse(&xml).unwrap();
        let id = document.root_element().attribute("ID").unwrap().to_owned();
        (id, query("RelayState"))
    }
}

fn fragment(answer: &Answer) -> std::collections::HashMap<String, String> {
    let fragment = answer.location().split_once('#').unwrap().1;
    form_urlencoded::parse(fragment.as_bytes()).into_owned().collect()
}

#[track_caller]
fn refused(answer: &Answer, code: &str) {
    assert_eq!(answer.status, StatusCode::SEE_OTHER);
    assert_eq!(fragment(answer)["error_code"], code, "{}", answer.location());
}

#[tokio::test]
async fn a_browser_signs_in_and_the_session_ends_when_the_provider_says() {
    let company = Company::start().await;
    let world = &company.world;
    let (id, relay) = company.ask(json!({"redirect_to": "https://app.test/in"})).await;
    let now = world.clock.now();
    let said = Said { in_response_to: Some(id), session_until: Some(now + Duration::hours(8)), ..company.said() };
    let attributes =
        [attribute("displayName", &["Ada L."]), attribute("ou", &["Engines"]), attribute("groups", &["a", "b"])];
    let said = Said { attributes: attributes.concat(), ..said };
    let answer = company.post(&said.signed(&company.idp), &relay).await;
    assert_eq!(answer.status, StatusCode::FOUND);
    assert!(answer.location().starts_with("https://app.test/in#access_token="), "{}", answer.location());
    let session = fragment(&answer);
    let user = world.get("/user", &session["access_token"]).await.ok();
    assert_eq!(user["email"], "ada@x.test");
    assert_eq!(user["app_metadata"]["provider"], format!("sso:{}", company.provider));
    assert_eq!(user["user_metadata"]["full_name"], "Ada L.");
    assert_eq!(user["user_metadata"]["iss"], IDP);
    assert_eq!(user["user_metadata"]["custom_claims"], json!({"team": "Engines", "groups": ["a", "b"]}));
    assert_eq!(user["identities"][0]["id"], "ada@x.test");
    let claims = world.claims(&json!(session["access_token"]));
    assert_eq!(claims["amr"][0]["method"], "sso/saml");
    assert_eq!(claims["amr"][0]["provider"], company.provider.as_str());
    // The company manages its people: nothing is changed here.
    let change = world.put_user(&session["access_token"], json!({"password": "another horse"})).await;
    assert_eq!(change.refusal(), (422, "user_sso_managed"));
    // The relay state and the assertion are used up.
    refused(&company.post(&said.signed(&company.idp), &relay).await, "saml_relay_state_not_found");
    world.later(9 * 3600);
    assert_eq!(world.refresh(&json!(session["refresh_token"])).await.refusal(), (400, "session_expired"));
}

#[tokio::test]
async fn with_pkce_the_browser_gets_a_code() {
    let company = Company::start().await;
    let verifier = "v".repeat(43);
    let (id, relay) = company.ask(json!({"code_challenge": verifier, "code_challenge_method": "plain"})).await;
    let end = company.world.clock.now() + Duration::hours(1);
    let said = Said { in_response_to: Some(id), session_until: Some(end), ..company.said() };
    let answer = company.post(&said.signed(&company.idp), &relay).await;
    let code = answer.location().split_once("?code=").unwrap_or_default().1.to_owned();
    let body = json!({"auth_code": code, "code_verifier": verifier});
    let session = company.world.post("/token?grant_type=pkce", body.clone()).await.ok();
    assert_eq!(session["user"]["email"], "ada@x.test");
    assert_eq!(company.world.claims(&session["access_token"])["amr"][0]["method"], "sso/saml");
    assert_eq!(company.world.post("/token?grant_type=pkce", body).await.refusal(), (404, "flow_state_not_found"));
    company.world.later(2 * 3600);
    assert_eq!(company.world.refresh(&session["refresh_token"]).await.refusal(), (400, "session_expired"));
}

#[tokio::test]
async fn a_provider_may_begin_and_each_of_its_assertions_is_good_once() {
    let company = Company::start().await;
    let answer = company.said().signed(&company.idp);
    let first = company.post(&answer, "https://app.test/home").await;
    assert!(first.location().starts_with("https://app.test/home#access_token="), "{}", first.location());
    let again = company.post(&answer, "").await;
    refused(&again, "validation_failed");
    assert!(again.location().contains("used+before"), "{}", again.location());
    // Another assertion is another sign-in of the same user; a target that is not allowed is replaced.
    let second = Said { id: "_second".into(), ..company.said() };
    let answer = company.post(&second.signed(&company.idp), "https://evil.test/").await;
    assert!(answer.location().starts_with("https://app.test#access_token="), "{}", answer.location());
    assert_eq!(company.world.count("select count(*) from auth.users").await, 1);
    let both = [second.signed(&company.idp).replace("_second", "_third"), company.said().response("")];
    for text in both {
        refused(&company.post(&text, "").await, "validation_failed");
    }
    refused(&company.post("not XML", "").await, "validation_failed");
    refused(&company.post(&answer_of_nobody(&company), "").await, "saml_idp_not_found");
    refused(&company.post("x", "neither UUID nor URL").await, "validation_failed");
    refused(&company.post("x", "00000000-0000-4000-8000-000000000000").await, "saml_relay_state_not_found");
}

fn answer_of_nobody(company: &Company) -> String {
    Said { issuer: "https://nobody.test".into(), ..company.said() }.signed(&company.idp)
}

#[tokio::test]
async fn two_posts_of_one_assertion_at_once_are_one_sign_in() {
    let company = Company::start().await;
    let answer = company.said().signed(&company.idp);
    let (one, two) = tokio::join!(company.post(&answer, ""), company.post(&answer, ""));
    let signed_in = [&one, &two].into_iter().filter(|answer| answer.location().contains("#access_token=")).count();
    assert_eq!(signed_in, 1, "{} {}", one.location(), two.location());
    assert_eq!(company.world.count("select count(*) from auth.sessions").await, 1);
}

#[tokio::test]
async fn users_of_a_company_are_apart_from_others_of_the_same_address() {
    let company = Company::start().await;
    let world = &company.world;
    let own = world.signed_up("ada@x.test").await;
    let answer = company.post(&company.said().signed(&company.idp), "").await;
    let by_sso = world.get("/user", &fragment(&answer)["access_token"]).await.ok();
    assert_ne!(by_sso["id"], own["user"]["id"], "an identity provider does not take over an account");
    let still = world.sign_in("ada@x.test").await;
    assert_eq!(still["user"]["id"], own["user"]["id"]);
    // A recovery letter goes to the user with a password, never to the company's.
    world.post("/recover", json!({"email": "ada@x.test"})).await.ok();
    assert_eq!(
        world.count("select count(*) from auth.users where is_sso_user and recovery_sent_at is not null").await,
        0
    );
}

#[tokio::test]
async fn an_answer_needs_somebody_to_be_about() {
    let company = Company::start().await;
    let transient = "urn:oasis:names:tc:SAML:2.0:nameid-format:transient".to_owned();
    let nobody = Said { format: transient.clone(), ..company.said() };
    refused(&company.post(&nobody.signed(&company.idp), "").await, "saml_assertion_no_user_id");
    let persistent = "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent".to_owned();
    let no_mail = Said { id: "_2".into(), format: persistent, name_id: "4711".into(), ..company.said() };
    refused(&company.post(&no_mail.signed(&company.idp), "").await, "saml_assertion_no_email");
    let mail = Said { id: "_3".into(), attributes: attribute("mail", &["Ada@X.test"]), ..no_mail };
    let answer = company.post(&mail.signed(&company.idp), "").await;
    let user = company.world.get("/user", &fragment(&answer)["access_token"]).await.ok();
    assert_eq!((&user["email"], &user["identities"][0]["id"]), (&json!("ada@x.test"), &json!("4711")));
    let subject_id =
        attribute("urn:oasis:names:tc:SAML:attribute:subject-id", &["s-1@x.test"]) + &attribute("email", &["s@x.test"]);
    let by_attribute = Said { id: "_4".into(), format: transient, attributes: subject_id, ..company.said() };
    let answer = company.post(&by_attribute.signed(&company.idp), "").await;
    let user = company.world.get("/user", &fragment(&answer)["access_token"]).await.ok();
    assert_eq!(user["identities"][0]["id"], "s-1@x.test");
}

#[tokio::test]
async fn a_relay_state_ends_and_a_provider_can_be_switched_off() {
    let company = Company::start().await;
    let (id, relay) = company.ask(json!({})).await;
    company.world.later(121);
    let late = Said { in_response_to: Some(id), ..company.said() };
    refused(&company.post(&late.signed(&company.idp), &relay).await, "saml_relay_state_expired");
    let path = format!("/admin/sso/providers/{}", company.provider);
    company.world.admin(Method::PUT, &path, Some(json!({"disabled": true}))).await.ok();
    let asked = company.world.post("/sso", json!({"domain": "x.test"})).await;
    assert_eq!(asked.refusal(), (404, "sso_provider_disabled"));
    refused(&company.post(&company.said().signed(&company.idp), "").await, "sso_provider_disabled");
}

#[tokio::test]
async fn the_request_is_signed_and_the_browser_is_sent() {
    let company = Company::start().await;
    let world = &company.world;
    let answer = world.post("/sso", json!({"provider_id": company.provider})).await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER);
    let query = answer.location().strip_prefix("https://idp.test/sso?").unwrap();
    let (signed, signature) = query.split_once("&Signature=").unwrap();
    let signature = form_urlencoded::parse(format!("s={signature}").as_bytes()).next().unwrap().1.into_owned();
    let key = &world.auth.saml.as_ref().unwrap().key;
    let info = key.public_key();
    UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, info)
        .verify(signed.as_bytes(), &STANDARD.decode(signature).unwrap())
        .unwrap();
    for (body, refusal) in [
        (json!({}), (400, "validation_failed")),
        (json!({"domain": "x.test", "provider_id": company.provider}), (400, "validation_failed")),
        (json!({"domain": "unknown.test"}), (404, "sso_provider_not_found")),
        (json!({"provider_id": "00000000-0000-4000-8000-000000000000"}), (400, "validation_failed")),
        (json!({"provider_id": "not a UUID"}), (400, "bad_json")),
        (
            json!({"domain": "x.test", "code_challenge": "short", "code_challenge_method": "s256"}),
            (400, "validation_failed"),
        ),
    ] {
        let answer = world.post("/sso", body.clone()).await;
        if body["provider_id"] == "00000000-0000-4000-8000-000000000000" {
            assert_eq!(answer.refusal(), (404, "sso_provider_not_found"));
            continue;
        }
        assert_eq!(answer.refusal(), refusal, "{body}");
    }
}

#[tokio::test]
async fn our_metadata_hold_the_key_and_the_addresses() {
    let company = Company::start().await;
    let answer = company.world.raw(Method::GET, "/sso/saml/metadata?download=true", &[], "").await;
    assert_eq!(answer.headers["content-type"], "application/xml");
    assert!(answer.headers["content-disposition"].to_str().unwrap().contains("metadata.xml"));
    let xml = answer.body.as_str().unwrap().to_owned();
    let document = xml::parse(&xml).unwrap();
    let root = document.root_element();
    assert_eq!(root.attribute("entityID"), Some("https://api.test/auth/v1/sso/saml/metadata"));
    assert_eq!(root.attribute("validUntil"), Some("2031-02-28T12:00:00Z"));
    let acs = document.descendants().find(|node| node.tag_name().name() == "AssertionConsumerService").unwrap();
    assert_eq!(acs.attribute("Location"), Some("https://api.test/auth/v1/sso/saml/acs"));
    let certificate = document.descendants().find(|node| node.tag_name().name() == "X509Certificate").unwrap();
    certificate::PublicKey::of_certificate(&xml::text(certificate)).unwrap();
}

#[tokio::test]
async fn administrators_keep_the_providers() {
    let company = Company::start().await;
    let world = &company.world;
    let path = format!("/admin/sso/providers/{}", company.provider);
    let listed = world.admin(Method::GET, "/admin/sso/providers", None).await.ok();
    assert_eq!(listed["items"][0]["saml"]["entity_id"], IDP);
    assert!(listed["items"][0]["saml"].get("metadata_xml").is_none(), "lists are short");
    let got = world.admin(Method::GET, &path, None).await.ok();
    assert_eq!(got["domains"], json!([{"domain": "X.test"}]));
    assert!(got["saml"]["metadata_xml"].is_string());
    let other = Idp::rsa().metadata().replace(IDP, "https://other.test");
    let create = async |body: Value| world.admin(Method::POST, "/admin/sso/providers", Some(body)).await;
    let xml = company.idp.metadata();
    for (body, refusal) in [
        (json!({}), (400, "validation_failed")),
        (json!({"type": "saml"}), (400, "validation_failed")),
        (json!({"type": "oidc", "metadata_xml": other}), (400, "validation_failed")),
        (
            json!({"type": "saml", "metadata_xml": other, "metadata_url": "https://idp.test"}),
            (400, "validation_failed"),
        ),
        (json!({"type": "saml", "metadata_url": "http://idp.test"}), (400, "validation_failed")),
        (json!({"type": "saml", "metadata_url": "https://127.0.0.1:1/"}), (400, "saml_metadata_fetch_failed")),
        (json!({"type": "saml", "metadata_xml": "<a/>"}), (400, "validation_failed")),
        (json!({"type": "saml", "metadata_xml": xml}), (422, "saml_idp_already_exists")),
        (json!({"type": "saml", "metadata_xml": other, "domains": ["x.test"]}), (400, "sso_domain_already_exists")),
        (json!({"type": "saml", "metadata_xml": other, "domains": [""]}), (400, "validation_failed")),
        (json!({"type": "saml", "metadata_xml": other, "name_id_format": "x"}), (400, "validation_failed")),
        (json!({"type": "saml", "metadata_xml": other, "domains": "x.test"}), (400, "bad_json")),
        (json!({"type": "saml", "metadata_xml": other, "attribute_mapping": {"keys": []}}), (400, "bad_json")),
    ] {
        assert_eq!(create(body.clone()).await.refusal(), refusal, "{body}");
    }
    let second =
        create(json!({"type": "saml", "metadata_xml": other, "domains": ["y.test"], "resource_id": "resource_y"}))
            .await;
    assert_eq!(second.status, StatusCode::CREATED, "{}", second.body);
    assert_eq!(world.admin(Method::GET, "/admin/sso/providers/resource_y", None).await.ok()["id"], second.body["id"]);
    let listed = world.admin(Method::GET, "/admin/sso/providers?resource_id_prefix=resource_", None).await.ok();
    assert_eq!(listed["items"].as_array().unwrap().len(), 1);
    let changed = world.admin(Method::PUT, &path, Some(json!({"domains": ["z.test", "X.test"]}))).await.ok();
    assert_eq!(changed["domains"], json!([{"domain": "z.test"}, {"domain": "X.test"}]));
    let taken = world.admin(Method::PUT, &path, Some(json!({"domains": ["y.test"]}))).await;
    assert_eq!(taken.refusal(), (400, "sso_domain_already_exists"));
    let mismatch = world.admin(Method::PUT, &path, Some(json!({"metadata_xml": other}))).await;
    assert_eq!(mismatch.refusal(), (400, "saml_entity_id_mismatch"));
    world.admin(Method::DELETE, &path, None).await.ok();
    for method in [Method::GET, Method::PUT, Method::DELETE] {
        let gone = world.admin(method, &path, Some(json!({}))).await;
        assert_eq!(gone.refusal(), (404, "sso_provider_not_found"));
    }
    assert_eq!(world.send(Method::GET, "/admin/sso/providers", None, None).await.refusal(), (401, "no_authorization"));
}

#[tokio::test]
async fn switched_off_it_says_so_and_bad_keys_stop_the_start() {
    let world = World::start(|_| ()).await;
    for (method, path) in [(Method::POST, "/sso"), (Method::GET, "/sso/saml/metadata"), (Method::POST, "/sso/saml/acs")]
    {
        assert_eq!(world.send(method, path, None, Some(json!({}))).await.refusal(), (404, "saml_provider_disabled"));
    }
    let mut config = AuthConfig::default();
    config.saml.enabled = true;
    for (key, says) in [("", "PKCS#1"), ("!", "Base64"), ("AAAA", "PKCS#1")] {
        config.saml.private_key = Secret::new(key.into());
        assert!(Saml::new(&config).err().unwrap().contains(says), "{key}");
    }
    config.saml.private_key = private_key();
    let one = Saml::new(&config).unwrap().unwrap().certificate;
    let two = Saml::new(&config).unwrap().unwrap().certificate;
    assert_eq!(one, two, "the same after each start");
}
