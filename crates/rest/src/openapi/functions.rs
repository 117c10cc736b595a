//! Paths of functions.

use catalog::{Parameter, Routine, Volatility};
use serde_json::{Map, Value, json};

use super::title_and_rest;
use super::types::{describe, element, swagger_format, swagger_type};

/// GET for what does not write, and POST.
pub(super) fn path(routine: &Routine) -> Value {
    let operation = |parameters: Value| {
        let (summary, description) = title_and_rest(routine.description.as_deref());
        let mut operation = json!({
            "tags": [format!("(rpc) {}", routine.name)],
            "produces": [
                "application/json",
                "application/vnd.pgrst.object+json;nulls=stripped",
                "application/vnd.pgrst.object+json"
            ],
            "responses": {"200": {"description": "OK"}},
        });
        if let Some(summary) = summary {
            operation["summary"] = summary.into();
        }
        if let Some(description) = description.filter(|d| !d.is_empty()) {
            operation["description"] = description.into();
        }
        if parameters.as_array().is_some_and(|list| !list.is_empty()) {
            operation["parameters"] = parameters;
        }
        operation
    };
    let mut path = json!({"post": operation(json!([
        {"name": "args", "required": true, "in": "body", "schema": arguments(routine)},
        {"$ref": "#/parameters/preferParams"},
    ]))});
    if routine.volatility != Volatility::Volatile {
        path["get"] = operation(routine.parameters.iter().map(query_parameter).collect());
    }
    path
}

fn arguments(routine: &Routine) -> Value {
    let mut schema = json!({"type": "object"});
    if let Some(description) = &routine.description {
        schema["description"] = description.as_str().into();
    }
    let required: Vec<&str> = routine.parameters.iter().filter(|p| p.required).map(|p| p.name.as_str()).collect();
    if !required.is_empty() {
        schema["required"] = json!(required);
    }
    if !routine.parameters.is_empty() {
        let properties: Map<String, Value> =
            routine.parameters.iter().map(|p| (p.name.clone(), Value::Object(describe(&p.type_name)))).collect();
        schema["properties"] = Value::Object(properties);
    }
    schema
}

fn query_parameter(parameter: &Parameter) -> Value {
    let type_name = parameter.type_name.as_str();
    let mut out = json!({"name": parameter.name, "required": parameter.required, "in": "query"});
    if parameter.variadic {
        let of = element(type_name);
        out["type"] = swagger_type(type_name).unwrap_or("string").into();
        out["collectionFormat"] = "multi".into();
        out["items"] = json!({"format": swagger_format(of)});
        if let Some(kind) = swagger_type(of) {
            out["items"]["type"] = kind.into();
        }
    } else {
        out["format"] = swagger_format(type_name).into();
        // In a query string an array is written as text, and JSON too.
        out["type"] = swagger_type(type_name).filter(|t| *t != "array").unwrap_or("string").into();
    }
    out
}
