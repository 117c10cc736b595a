//! Functions: who may call them.

use std::collections::BTreeMap;

use super::caller::Caller;
use super::judge::Finding;
use super::report::Verdict;
use crate::Error;
use crate::Schema;
use crate::identities::Person;
use crate::schema::{Function, FunctionKind};
use crate::spec::{Kind, Operation, Spec};

/// Functions of one name.
#[derive(Debug, Clone)]
pub struct Group {
    /// `schema.name`.
    pub name: String,
    /// All of that name.
    pub overloads: Vec<Function>,
}

/// The project's functions that an API shows, and those that the file names.
pub fn groups(schema: &Schema, spec: Option<&Spec>, exposed: &[String]) -> Vec<Group> {
    let mut groups: BTreeMap<String, Vec<Function>> = BTreeMap::new();
    for function in &schema.functions {
        let name = format!("{}.{}", function.schema, function.name);
        let callable = matches!(function.kind, FunctionKind::Function | FunctionKind::Procedure);
        let named = spec.is_some_and(|spec| spec.object(Kind::Function, &name).is_some());
        if function.extension.is_none() && callable && (exposed.contains(&function.schema) || named) {
            groups.entry(name).or_default().push(function.clone());
        }
    }
    groups.into_iter().map(|(name, overloads)| Group { name, overloads }).collect()
}

/// What one person may call: `oid`s.
///
/// # Errors
/// The connection is lost.
pub async fn callable(caller: &Caller, person: &Person, groups: &[Group]) -> Result<Vec<u32>, Error> {
    let oids: Vec<String> =
        groups.iter().flat_map(|group| &group.overloads).map(|function| function.oid.to_string()).collect();
    let sql = format!(
        "select p.oid from pg_catalog.pg_proc p where p.oid = any (array[{}]::oid[]) \
         and pg_catalog.has_function_privilege(p.oid, 'execute') and pg_catalog.has_schema_privilege(p.pronamespace, 'usage')",
        oids.join(", ")
    );
    caller.begin(person).await?;
    let answer = caller.read(&sql).await;
    caller.rollback().await?;
    Ok(answer?.map(|rows| rows.iter().map(|row| row.get(0)).collect()).unwrap_or_default())
}

/// Holds one name against the file.
pub fn judge(group: &Group, spec: &Spec, person: &Person, callable: &[u32]) -> Vec<Finding> {
    let object = spec.object(Kind::Function, &group.name);
    let said = object.and_then(|object| object.rights_of(&person.kind)).is_some_and(|rights| rights.execute);
    let differs = group.overloads.iter().filter(|function| callable.contains(&function.oid) != said);
    let finding = |function: &Function| Finding {
        verdict: if said { Verdict::Refused } else { Verdict::Leak },
        operation: Operation::Execute,
        column: None,
        key: None,
        expected: if said { "execute" } else { "none" }.to_owned(),
        seen: format!("{} {}", if said { "may not call" } else { "may call" }, function.signature()),
        statement: call(function),
    };
    differs.map(finding).collect()
}

/// A call with nothing in it: whoever may not call is told so before the body runs.
fn call(function: &Function) -> String {
    let needed = function.argument_types.len().saturating_sub(usize::try_from(function.defaults).unwrap_or(0));
    let arguments: Vec<String> = function.argument_types.iter().take(needed).map(|of| format!("null::{of}")).collect();
    let verb = if function.kind == FunctionKind::Procedure { "call" } else { "select" };
    format!("{verb} {}({})", pg::qualified(&function.schema, &function.name), arguments.join(", "))
}

/// Who granted it: the reason of a leak.
pub fn grants(group: &Group, roles: &[String]) -> Vec<String> {
    let mut reasons = Vec::new();
    for function in &group.overloads {
        for grant in &function.grants {
            if grant.privilege == "EXECUTE" && (grant.grantee == "public" || roles.contains(&grant.grantee)) {
                reasons.push(format!("grant execute on function {} to {}", function.signature(), grant.grantee));
            }
        }
    }
    reasons
}
