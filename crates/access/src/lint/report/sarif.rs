use serde_json::{Value, json};

use crate::lint::{Finding, Level, Object, Rule, rules};

/// Where an object comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// A file or folder, relative to where the command runs.
    pub uri: String,
    /// From 1; `None` of a folder.
    pub line: Option<usize>,
}

/// SARIF 2.1.0 (OASIS standard), as code scanners of forges read it. `version` is that of the tool; `place` says what made an object: a
/// finding is about the database, and a forge wants a file.
pub fn sarif(findings: &[Finding], version: &str, place: &dyn Fn(&Object) -> Place) -> Value {
    let used: Vec<&Rule> = rules::ALL.iter().filter(|rule| findings.iter().any(|f| f.rule.name == rule.name)).collect();
    let rules: Vec<_> = used.iter().map(|rule| descriptor(rule)).collect();
    let results: Vec<_> = findings
        .iter()
        .map(|finding| {
            let rule = used.iter().position(|rule| rule.name == finding.rule.name);
            result(finding, rule, &place(&finding.object))
        })
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

fn result(finding: &Finding, rule: Option<usize>, place: &Place) -> Value {
    let object = &finding.object;
    let message = match &finding.remedy_sql {
        Some(sql) => format!("{}: {}\n\n{sql}", object.path(), finding.detail),
        None => format!("{}: {}", object.path(), finding.detail),
    };
    let mut result = json!({
        "ruleId": finding.rule.name, "ruleIndex": rule, "level": level(finding.rule.level),
        "message": { "text": message },
        "locations": [{
            "physicalLocation": physical(place),
            "logicalLocations": [{ "fullyQualifiedName": object.path(), "name": object.name, "kind": object.kind }],
        }],
        "partialFingerprints": { "cacheKey/v1": finding.cache_key },
    });
    if let Some(reason) = &finding.allowed {
        result["suppressions"] = json!([{ "kind": "external", "justification": reason }]);
    }
    result
}

fn physical(place: &Place) -> Value {
    let mut location = json!({ "artifactLocation": { "uri": place.uri } });
    if let Some(line) = place.line {
        location["region"] = json!({ "startLine": line });
    }
    location
}

fn level(level: Level) -> &'static str {
    match level {
        Level::Info => "note",
        Level::Warn => "warning",
        Level::Error => "error",
    }
}
