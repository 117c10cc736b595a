use serde_json::{Value, json};

use crate::lint::Finding;

/// A list with the advisor's field names; `code`, `why` and `sql` are ours.
pub fn json(findings: &[Finding]) -> Value {
    let list: Vec<_> = findings
        .iter()
        .map(|finding| {
            let (rule, object) = (finding.rule, &finding.object);
            let mut metadata = finding.metadata.clone();
            metadata.insert("schema".to_owned(), json!(object.schema));
            metadata.insert("name".to_owned(), json!(object.name));
            metadata.insert("type".to_owned(), json!(object.kind));
            for (key, value) in [("column", &object.column), ("policy", &object.policy)] {
                if let Some(value) = value {
                    metadata.insert(key.to_owned(), json!(value));
                }
            }
            json!({
                "name": rule.name, "code": rule.code, "title": rule.title, "level": rule.level.as_str(), "facing": "EXTERNAL",
                "categories": [rule.category.as_str()], "description": rule.why, "detail": finding.detail,
                "remediation": rule.remedy, "sql": finding.remedy_sql, "metadata": metadata, "cache_key": finding.cache_key,
                "allowed": finding.allowed,
            })
        })
        .collect();
    Value::Array(list)
}
