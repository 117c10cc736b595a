//! Passkeys and factors with an authenticator made of software.

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::Method;
use serde_json::{Value, json};

use crate::tests::world::{World, text};

enum Key {
    P256(EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
}

/// What a phone or a security key does.
struct Authenticator {
    id: Vec<u8>,
    key: Key,
    counter: u32,
    owner: String,
    origin: String,
    rp_id: String,
}

impl Authenticator {
    fn new(key: Key) -> Self {
        Self {
            id: crypto::random::bytes::<32>().to_vec(),
            key,
            counter: 1,
            owner: String::new(),
            origin: "https://app.test".into(),
            rp_id: "app.test".into(),
        }
    }

    fn p256() -> Self {
        Self::new(Key::P256(EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).unwrap()))
    }

    /// COSE_Key, written by hand.
    fn cose(&self) -> Vec<u8> {
        match &self.key {
            Key::P256(pair) => {
                let point = pair.public_key().as_ref();
                // {1: 2, 3: -7, -1: 1, -2: x, -3: y}
                [&[0xa5, 1, 2, 3, 0x26, 0x20, 1, 0x21, 0x58, 32], &point[1..33], &[0x22, 0x58, 32], &point[33..]]
                    .concat()
            }
            Key::Ed25519(pair) => {
                // {1: 1, 3: -8, -1: 6, -2: x}
                [&[0xa4, 1, 1, 3, 0x27, 0x20, 6, 0x21, 0x58, 32], pair.public_key().as_ref()].concat()
            }
        }
    }

    fn authenticator_data(&self, flags: u8) -> Vec<u8> {
        [&crypto::sha256(self.rp_id.as_bytes())[..], &[flags], &self.counter.to_be_bytes()].concat()
    }

    fn client_data(&self, kind: &str, options: &Value) -> String {
        json!({"type": kind, "challenge": options["challenge"], "origin": self.origin, "crossOrigin": false})
            .to_string()
    }

    /// `navigator.credentials.create()`.
    fn create(&mut self, options: &Value) -> Value {
        self.owner = text(&options["user"]["id"]);
        let mut data = self.authenticator_data(0x45);
        data.extend([0; 16]);
        data.extend(u16::try_from(self.id.len()).unwrap().to_be_bytes());
        data.extend(&self.id);
        data.extend(self.cose());
        // {"fmt": "none", "attStmt": {}, "authData": …}
        let mut object = vec![0xa3, 0x63];
        object.extend(b"fmt");
        object.push(0x64);
        object.extend(b"none");
        object.push(0x67);
        object.extend(b"attStmt");
        object.extend([0xa0, 0x68]);
        object.extend(b"authData");
        object.push(0x59);
        object.extend(u16::try_from(data.len()).unwrap().to_be_bytes());
        object.extend(data);
        let encode = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        json!({
            "id": encode(&self.id), "rawId": encode(&self.id), "type": "public-key",
            "response": {
                "clientDataJSON": encode(self.client_data("webauthn.create", options).as_bytes()),
                "attestationObject": encode(&object), "transports": ["internal"],
            },
        })
    }

    /// `navigator.credentials.get()`.
    fn get(&mut self, options: &Value) -> Value {
        self.counter += 1;
        let data = self.authenticator_data(0x05);
        let client_data = self.client_data("webauthn.get", options);
        let message = [&data[..], &crypto::sha256(client_data.as_bytes())].concat();
        let signature = match &self.key {
            Key::P256(pair) => pair.sign(&SystemRandom::new(), &message).unwrap().as_ref().to_vec(),
            Key::Ed25519(pair) => pair.sign(&message).as_ref().to_vec(),
        };
        let encode = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        json!({
            "id": encode(&self.id), "rawId": encode(&self.id), "type": "public-key",
            "response": {
                "clientDataJSON": encode(client_data.as_bytes()), "authenticatorData": encode(&data),
                "signature": encode(&signature), "userHandle": self.owner,
            },
        })
    }
}

async fn world() -> World {
    World::start(|config| {
        config.mailer.autoconfirm = true;
        config.webauthn.passkeys_enabled = true;
        config.webauthn.rp_id = "app.test".into();
        config.webauthn.rp_origins = vec!["https://app.test".into()];
        config.mfa.webauthn.enroll = true;
        config.mfa.webauthn.verify = true;
    })
    .await
}

async fn register(world: &World, token: &str, authenticator: &mut Authenticator) -> crate::tests::world::Answer {
    let begun = world.send(Method::POST, "/passkeys/registration/options", Some(token), Some(json!({}))).await.ok();
    let credential = authenticator.create(&begun["options"]);
    let body = json!({"challenge_id": begun["challenge_id"], "credential": credential});
    world.send(Method::POST, "/passkeys/registration/verify", Some(token), Some(body)).await
}

async fn options(world: &World) -> Value {
    world.post("/passkeys/authentication/options", json!({})).await.ok()
}

async fn answer(world: &World, begun: &Value, credential: &Value) -> crate::tests::world::Answer {
    let body = json!({"challenge_id": begun["challenge_id"], "credential": credential});
    world.post("/passkeys/authentication/verify", body).await
}

#[tokio::test]
async fn a_passkey_signs_in_and_is_listed_named_and_removed() {
    let world = world().await;
    let ada = world.signed_up("ada@example.org").await;
    let token = text(&ada["access_token"]);
    for mut authenticator in
        [Authenticator::p256(), Authenticator::new(Key::Ed25519(Ed25519KeyPair::generate().unwrap()))]
    {
        let made = register(&world, &token, &mut authenticator).await.ok();
        assert!(made["created_at"].is_string());
        let begun = options(&world).await;
        assert!(begun["options"]["allowCredentials"].is_null());
        let session = answer(&world, &begun, &authenticator.get(&begun["options"])).await.ok();
        assert_eq!(session["user"]["id"], ada["user"]["id"]);
        let claims = world.claims(&session["access_token"]);
        assert_eq!((&claims["amr"][0]["method"], &claims["aal"]), (&json!("passkey"), &json!("aal1")));
    }
    let list = world.get("/passkeys", &token).await.ok();
    assert_eq!(list.as_array().unwrap().len(), 2);
    assert!(list[0]["last_used_at"].is_string());
    let path = format!("/passkeys/{}", text(&list[0]["id"]));
    let named = world.send(Method::PATCH, &path, Some(&token), Some(json!({"friendly_name": "My phone"}))).await.ok();
    assert_eq!(named["friendly_name"], "My phone");
    let too_long =
        world.send(Method::PATCH, &path, Some(&token), Some(json!({"friendly_name": "x".repeat(121)}))).await;
    assert_eq!(too_long.refusal(), (400, "validation_failed"));
    let ben = text(&world.signed_up("ben@example.org").await["access_token"]);
    assert_eq!(world.send(Method::DELETE, &path, Some(&ben), None).await.refusal(), (404, "validation_failed"));
    assert_eq!(world.send(Method::DELETE, &path, Some(&token), None).await.status, 204);
    let user = text(&ada["user"]["id"]);
    let rest = world.admin(Method::GET, &format!("/admin/users/{user}/passkeys"), None).await.ok();
    assert_eq!(rest.as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn what_does_not_fit_is_refused() {
    let world = world().await;
    let ada = text(&world.signed_up("ada@example.org").await["access_token"]);
    let ben = text(&world.signed_up("ben@example.org").await["access_token"]);
    let mut key = Authenticator::p256();
    let mut elsewhere = Authenticator::p256();
    elsewhere.origin = "https://evil.test".into();
    assert_eq!(register(&world, &ada, &mut elsewhere).await.refusal(), (400, "webauthn_verification_failed"));
    elsewhere = Authenticator::p256();
    elsewhere.rp_id = "evil.test".into();
    assert_eq!(register(&world, &ada, &mut elsewhere).await.refusal(), (400, "webauthn_verification_failed"));
    register(&world, &ada, &mut key).await.ok();
    assert_eq!(register(&world, &ben, &mut key).await.refusal(), (422, "webauthn_credential_exists"));

    // Ben's registration told the authenticator another owner.
    let begun = options(&world).await;
    assert_eq!(
        answer(&world, &begun, &key.get(&begun["options"])).await.refusal(),
        (400, "webauthn_verification_failed")
    );
    assert_eq!(
        answer(&world, &begun, &key.get(&begun["options"])).await.refusal(),
        (400, "webauthn_challenge_not_found")
    );

    let mut other = Authenticator::p256();
    register(&world, &ben, &mut other).await.ok();
    let begun = options(&world).await;
    let mut forged = other.get(&begun["options"]);
    forged["response"]["signature"] = json!(URL_SAFE_NO_PAD.encode([0x30, 6, 2, 1, 1, 2, 1, 1]));
    assert_eq!(answer(&world, &begun, &forged).await.refusal(), (400, "webauthn_verification_failed"));
    // A challenge of somebody else's ceremony.
    let (one, two) = (options(&world).await, options(&world).await);
    assert_eq!(
        answer(&world, &one, &other.get(&two["options"])).await.refusal(),
        (400, "webauthn_verification_failed")
    );
    // A copy of the key that counts from an older number.
    let begun = options(&world).await;
    answer(&world, &begun, &other.get(&begun["options"])).await.ok();
    other.counter = 0;
    let begun = options(&world).await;
    assert_eq!(
        answer(&world, &begun, &other.get(&begun["options"])).await.refusal(),
        (400, "webauthn_verification_failed")
    );
    let begun = options(&world).await;
    world.later(301);
    other.counter = 50;
    assert_eq!(
        answer(&world, &begun, &other.get(&begun["options"])).await.refusal(),
        (400, "webauthn_challenge_expired")
    );
    for junk in [
        json!(null),
        json!({}),
        json!({"rawId": "%", "response": 5}),
        json!({"rawId": "AAAA", "response": {"userHandle": "AA"}}),
    ] {
        let begun = options(&world).await;
        assert_eq!(answer(&world, &begun, &junk).await.refusal(), (400, "webauthn_verification_failed"), "{junk}");
    }
}

#[tokio::test]
async fn a_webauthn_factor_raises_the_session() {
    let world = world().await;
    let ada = world.signed_up("ada@example.org").await;
    let token = text(&ada["access_token"]);
    let factor = world
        .send(Method::POST, "/factors", Some(&token), Some(json!({"factor_type": "webauthn", "friendly_name": "key"})))
        .await
        .ok();
    let id = text(&factor["id"]);
    let challenge = async |token: &str| {
        let body = json!({"webauthn": {"rpId": "app.test", "rpOrigins": ["https://app.test"]}});
        world.send(Method::POST, &format!("/factors/{id}/challenge"), Some(token), Some(body)).await.ok()
    };
    let verify = async |token: &str, challenge: &Value, kind: &str, credential: Value| {
        let body =
            json!({"challenge_id": challenge["id"], "webauthn": {"type": kind, "credential_response": credential}});
        world.send(Method::POST, &format!("/factors/{id}/verify"), Some(token), Some(body)).await
    };
    let mut key = Authenticator::p256();
    let first = challenge(&token).await;
    assert_eq!((&first["type"], &first["webauthn"]["type"]), (&json!("webauthn"), &json!("create")));
    let created = key.create(&first["webauthn"]["credential_options"]["publicKey"]);
    let raised = verify(&token, &first, "create", created).await.ok();
    assert_eq!(world.claims(&raised["access_token"])["aal"], "aal2");

    let again = world.sign_in("ada@example.org").await;
    let low = text(&again["access_token"]);
    let second = challenge(&low).await;
    assert_eq!(second["webauthn"]["type"], "request");
    let wrong = Authenticator::p256().get(&second["webauthn"]["credential_options"]["publicKey"]);
    assert_eq!(verify(&low, &second, "request", wrong).await.refusal(), (422, "mfa_verification_failed"));
    let third = challenge(&low).await;
    let proof = key.get(&third["webauthn"]["credential_options"]["publicKey"]);
    let raised = verify(&low, &third, "request", proof).await.ok();
    let claims = world.claims(&raised["access_token"]);
    assert_eq!(claims["aal"], "aal2");
    assert!(claims["amr"].as_array().unwrap().iter().any(|one| one["method"] == "mfa/webauthn"));
}

#[tokio::test]
async fn switched_off_it_is_not_there() {
    let world = World::autoconfirm().await;
    assert_eq!(world.post("/passkeys/authentication/options", json!({})).await.refusal(), (404, "passkey_disabled"));
}
