use serde_json::{Value, json};

use crate::lint::{Finding, Level, Rule, rules};

/// SARIF 2.1.0 (OASIS standard), as code scanners of forges read it. `version` is that of the tool.
pub fn sarif(findings: &[Finding], version: &str) -> Value {
    let used: Vec<&Rule> = rules::ALL.iter().filter(|rule| findings.iter().any(|f| f.rule.name == rule.name)).collect();
    let rules: Vec<_> = used.iter().map(|rule| descriptor(rule)).collect();
    let results: Vec<_> = findings
        .iter()
        .map(|finding| result(finding, used.iter().position(|rule| rule.name == finding.rule.name)))
        .collect();
    json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": { "name": "basalt db lint", "version": version, "rules": rules } },
            "results": results,
        }],
    })
}

fn descriptor(rule: &Rule) -> Value {
    json!({
        "id": rule.name, "name": rule.code,
        "shortDescription": { "text": rule.title }, "fullDescription": { "text": rule.why },
        "help": { "text": rule.remedy },
        "defaultConfiguration": { "level": level(rule.level) },
        "properties": { "tags": [rule.category.as_str().to_lowercase()] },
    })
}

fn result(finding: &Finding, rule: Option<usize>) -> Value {
    let object = &finding.object;
    let message = match &finding.remedy_sql {
        Some(sql) => format!("{}: {}\n\n{sql}", object.path(), finding.detail),
        None => format!("{}: {}", object.path(), finding.detail),
    };
    let mut result = json!({
        "ruleId": finding.rule.name, "ruleIndex": rule, "level": level(finding.rule.level),
        "message": { "text": message },
        // A finding is about an object of the database; a forge wants a file too, and the schema is made by these.
        "locations": [{
            "physicalLocation": { "artifactLocation": { "uri": "supabase/migrations" } },
            "logicalLocations": [{ "fullyQualifiedName": object.path(), "name": object.name, "kind": object.kind }],
        }],
        "partialFingerprints": { "cacheKey/v1": finding.cache_key },
    });
    if let Some(reason) = &finding.allowed {
        result["suppressions"] = json!([{ "kind": "external", "justification": reason }]);
    }
    result
}

fn level(level: Level) -> &'static str {
    match level {
        Level::Info => "note",
        Level::Warn => "warning",
        Level::Error => "error",
    }
}
