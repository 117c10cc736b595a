//! Bearer tokens that must not open anything.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use crypto::jwt::{Algorithm, Jwk, KeySet, generate};
use http::Method;
use serde_json::{Value, json};

use super::world::{SECRET, World, text};

/// A token with a header of one's own, signed with a secret or not at all.
fn forged(header: &Value, claims: &Value, secret: Option<&[u8]>) -> String {
    let signed =
        format!("{}.{}", URL_SAFE_NO_PAD.encode(header.to_string()), URL_SAFE_NO_PAD.encode(claims.to_string()));
    let signature = secret.map(|secret| {
        let key = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, secret);
        URL_SAFE_NO_PAD.encode(aws_lc_rs::hmac::sign(&key, signed.as_bytes()))
    });
    format!("{signed}.{}", signature.unwrap_or_default())
}

#[tokio::test]
async fn no_forged_token_opens_anything() {
    let world = World::autoconfirm().await;
    let key = generate(Algorithm::ES256).unwrap();
    let keys = json!([key.members()]).to_string();
    world.auth.set_keys(KeySet::from_signing_keys(&keys, Some(SECRET)).unwrap().into());
    let session = world.signed_up("ada@x.test").await;
    let good = text(&session["access_token"]);
    let claims = crypto::jwt::unverified_claims(&good).unwrap().1;
    let claims = |change: &dyn Fn(&mut Value)| {
        let mut claims = Value::Object(claims.clone());
        change(&mut claims);
        claims
    };
    let plain = claims(&|_| ());
    let admin = claims(&|c| c["role"] = json!("service_role"));
    let (hs, secret) = (json!({"alg": "HS256", "typ": "JWT"}), Some(SECRET.as_bytes()));
    assert_eq!(world.get("/user", &good).await.status, 200);
    assert_eq!(
        world.get("/user", &forged(&hs, &plain, secret)).await.status,
        200,
        "the secret still signs, and needs no kid"
    );
    let stranger = generate(Algorithm::ES256).unwrap();
    let with_kid = |jwk: &Jwk| {
        let mut members = jwk.members().clone();
        members.insert("kid".into(), json!(key.kid()));
        KeySet::from_jwks(&[Jwk::new(members)]).unwrap()
    };
    let public = Jwk::new(key.public().unwrap()).members().clone();
    let now = world.clock.unix_seconds();
    let own_key = with_kid(&key);
    let cases = [
        ("none", forged(&json!({"alg": "none", "typ": "JWT"}), &plain, None)),
        ("None", forged(&json!({"alg": "None", "typ": "JWT"}), &plain, None)),
        ("none, with the kid", forged(&json!({"alg": "none", "kid": key.kid()}), &plain, None)),
        ("no algorithm", forged(&json!({"typ": "JWT"}), &plain, secret)),
        ("another secret", forged(&hs, &plain, Some(b"another-secret-that-is-long-enough-0000"))),
        ("an empty secret", forged(&hs, &plain, Some(b""))),
        ("a stranger's key under our kid", with_kid(&stranger).sign(&plain).unwrap()),
        ("a stranger's key", KeySet::from_jwks(&[stranger]).unwrap().sign(&plain).unwrap()),
        (
            "our public key as a secret",
            forged(&json!({"alg": "HS256", "kid": key.kid()}), &plain, Some(json!(public).to_string().as_bytes())),
        ),
        ("HS256 in the name of ES256", forged(&json!({"alg": "ES256", "kid": key.kid()}), &plain, secret)),
        ("critical headers", forged(&json!({"alg": "HS256", "crit": ["exp"], "exp": 1}), &plain, secret)),
        (
            "a key in the header",
            forged(&json!({"alg": "HS256", "jwk": {"kty": "oct", "k": "AAAA"}}), &plain, Some(b"\0\0\0")),
        ),
        ("expired", own_key.sign(&claims(&|c| c["exp"] = json!(now - 1))).unwrap()),
        ("without an end", own_key.sign(&claims(&|c| drop(c.as_object_mut().unwrap().shift_remove("exp")))).unwrap()),
        ("an end that is no number", own_key.sign(&claims(&|c| c["exp"] = json!("tomorrow"))).unwrap()),
        ("not before tomorrow", own_key.sign(&claims(&|c| c["nbf"] = json!(now + 86_400))).unwrap()),
        ("of the future", own_key.sign(&claims(&|c| c["iat"] = json!(now + 86_400))).unwrap()),
        ("another audience", own_key.sign(&claims(&|c| c["aud"] = json!("somebody else"))).unwrap()),
        ("no audience", own_key.sign(&claims(&|c| drop(c.as_object_mut().unwrap().shift_remove("aud")))).unwrap()),
        ("nobody", own_key.sign(&claims(&|c| c["sub"] = json!(""))).unwrap()),
        ("a subject that is no UUID", own_key.sign(&claims(&|c| c["sub"] = json!("ada"))).unwrap()),
        ("a list of subjects", own_key.sign(&claims(&|c| c["sub"] = json!([c["sub"].clone()]))).unwrap()),
        (
            "a session that is not there",
            own_key.sign(&claims(&|c| c["session_id"] = json!(crypto::random::uuid()))).unwrap(),
        ),
        ("a session that is no UUID", own_key.sign(&claims(&|c| c["session_id"] = json!(["x"]))).unwrap()),
        ("four parts", format!("{good}.x")),
        ("two parts", good.rsplit_once('.').unwrap().0.to_owned()),
        ("cut", good[..good.len() - 4].to_owned()),
        ("no signature", format!("{}.", good.rsplit_once('.').unwrap().0)),
        ("long", "x".repeat(10_000)),
        ("claims that are a list", forged(&hs, &json!([1]), secret)),
    ];
    for (name, token) in &cases {
        for (method, path) in
            [(Method::GET, "/user"), (Method::PUT, "/user"), (Method::POST, "/logout"), (Method::POST, "/factors")]
        {
            let answer = world.send(method.clone(), path, Some(token), Some(json!({}))).await;
            let status = answer.status.as_u16();
            assert!((400..=403).contains(&status), "{name} {method} {path}: {status} {}", answer.body);
            assert!(answer.body["code"].is_string(), "{name}: {}", answer.body);
        }
        assert_ne!(world.get("/admin/users", token).await.status, 200, "{name}");
    }
    assert_eq!(world.get("/user", &good).await.status, 200, "the good one is still good");
    assert_eq!(world.get("/admin/users", &good).await.refusal(), (403, "not_admin"));
    let ahead = claims(&|c| {
        c["iat"] = json!(now + 20);
        c["nbf"] = json!(now + 20);
    });
    assert_eq!(world.get("/user", &own_key.sign(&ahead).unwrap()).await.status, 200, "clocks differ by seconds");
    for role in [
        json!("SERVICE_ROLE"),
        json!(["service_role"]),
        json!({"service_role": 1}),
        json!(null),
        json!("service_role "),
    ] {
        let token = own_key.sign(&claims(&|c| c["role"] = role.clone())).unwrap();
        assert_eq!(world.get("/admin/users", &token).await.refusal(), (403, "not_admin"), "{role}");
    }
    assert_eq!(world.get("/admin/users", &forged(&hs, &admin, secret)).await.status, 200);
    for header in ["", "Bearer", "Bearer ", "Basic YTpi", "bearer\tx"] {
        let headers = [("authorization".to_owned(), header.to_owned())];
        assert_eq!(
            world.raw(Method::GET, "/user", &headers, "").await.refusal(),
            (401, "no_authorization"),
            "{header:?}"
        );
    }
}
