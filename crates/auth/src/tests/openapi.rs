//! The document says what is there.

use http::Method;
use serde_json::Value;

use super::world::World;

#[tokio::test]
async fn every_path_of_the_document_is_served() {
    let world = World::start(|_| ()).await;
    let document = world.raw(Method::GET, "/openapi.json", &[], "").await.ok();
    assert_eq!(document["openapi"], "3.1.0");
    let paths = document["paths"].as_object().unwrap();
    assert!(paths.len() > 50);
    for (path, operations) in paths {
        for (method, operation) in operations.as_object().unwrap() {
            let concrete = path.replace("{id}", "00000000-0000-4000-8000-000000000000");
            let answer = world.raw(method.to_uppercase().parse().unwrap(), &concrete, &[], "{}").await;
            assert_ne!(answer.status, 405, "{method} {path}");
            assert_ne!(answer.body, Value::String("404 page not found\n".to_owned()), "{method} {path}");
            assert!(answer.status.as_u16() < 500, "{method} {path}: {}", answer.body);
            for (name, part) in operation["requestBody"]["content"].as_object().into_iter().flatten() {
                assert!(part["schema"].is_object(), "{method} {path} {name}");
            }
        }
    }
    let text = document.to_string();
    for reference in text.split("\"$ref\":\"#").skip(1).filter_map(|rest| rest.split('"').next()) {
        assert!(document.pointer(reference).is_some(), "{reference}");
    }
}
