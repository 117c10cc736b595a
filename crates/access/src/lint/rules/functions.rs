//! Functions: whose rights, whose search path, who may call them, and whether they work.

use super::facts::{function_hit, function_sql};
use super::{Category, Facts, Hit, Level, Rule, rule};
use crate::schema::{Function, FunctionKind};

fn search_path(function: &Function) -> Option<&str> {
    function.settings.iter().find_map(|setting| setting.strip_prefix("search_path="))
}

pub const FUNCTION_SEARCH_PATH_MUTABLE: Rule = Rule {
    title: "Function without a search path",
    why: "Its names mean what the caller's search path says: a caller who may make objects can put his own in their place.",
    remedy: "Set search_path = '' and qualify the names in its body.",
    ..rule("function_search_path_mutable", "0011", Level::Warn, Category::Security, function_search_path_mutable)
};

fn function_search_path_mutable(facts: &Facts<'_>) -> Vec<Hit> {
    let loose = facts.our_functions().filter(|f| search_path(f).is_none() && f.kind != FunctionKind::Aggregate);
    loose
        .map(|function| {
            let mut hit = function_hit(function, "The function does not set its search_path.".to_owned());
            hit.sql = Some(format!("alter {} set search_path = '';", function_sql(function)));
            hit
        })
        .collect()
}

pub const ANON_SECURITY_DEFINER_FUNCTION_EXECUTABLE: Rule = Rule {
    title: "anon may call a SECURITY DEFINER function",
    why: "It runs with its owner's rights, whom policies do not bind, for everybody who has the public key.",
    remedy: "Revoke EXECUTE, make it SECURITY INVOKER, or move it to a schema that the API does not serve.",
    ..rule("anon_security_definer_function_executable", "0028", Level::Warn, Category::Security, anon_definer)
};

fn anon_definer(facts: &Facts<'_>) -> Vec<Hit> {
    definer_called_by(facts, "anon")
}

pub const AUTHENTICATED_SECURITY_DEFINER_FUNCTION_EXECUTABLE: Rule = Rule {
    title: "authenticated may call a SECURITY DEFINER function",
    why: "It runs with its owner's rights, whom policies do not bind, for everybody who signs up.",
    remedy: "Revoke EXECUTE, make it SECURITY INVOKER, or move it to a schema that the API does not serve.",
    ..rule(
        "authenticated_security_definer_function_executable",
        "0029",
        Level::Warn,
        Category::Security,
        authenticated_definer,
    )
};

fn authenticated_definer(facts: &Facts<'_>) -> Vec<Hit> {
    definer_called_by(facts, "authenticated")
}

fn definer_called_by(facts: &Facts<'_>, role: &str) -> Vec<Hit> {
    let open = |function: &&Function| {
        function.security_definer
            && facts.is_exposed(&function.schema)
            && function.kind != FunctionKind::Trigger
            && facts.may_call(role, function)
    };
    facts
        .our_functions()
        .filter(open)
        .map(|function| {
            let detail = format!("{role} may call it through the API; it runs as {}.", function.owner);
            let mut hit = function_hit(function, detail);
            let by_public = function.grants.iter().any(|grant| grant.grantee == "public");
            let whom = if by_public { format!("public, {}", pg::ident(role)) } else { pg::ident(role) };
            hit.sql = Some(format!("revoke execute on {} from {whom};", function_sql(function)));
            hit
        })
        .collect()
}

pub const DEFINER_SEARCH_PATH_SHADOWED: Rule = Rule {
    title: "SECURITY DEFINER function that temporary tables can shadow",
    why: "Unless pg_temp is named last, temporary tables and types of the caller come first in every search path: what the function reads by \
          a plain name may be the caller's.",
    remedy: "Set search_path = '' and qualify the names, or name pg_temp last.",
    ..rule("definer_search_path_shadowed", "1021", Level::Warn, Category::Security, definer_search_path_shadowed)
};

fn definer_search_path_shadowed(facts: &Facts<'_>) -> Vec<Hit> {
    let mut hits = Vec::new();
    for function in facts.our_functions().filter(|function| function.security_definer) {
        let Some(path) = search_path(function) else { continue };
        let schemas: Vec<_> = path.split(',').map(|schema| schema.trim().trim_matches('"')).collect();
        let names_any = schemas.iter().any(|schema| !matches!(*schema, "" | "pg_catalog" | "pg_temp"));
        if names_any && schemas.last() != Some(&"pg_temp") {
            let mut hit = function_hit(function, format!("Its search path is {path}, without pg_temp at the end."));
            let rest: Vec<_> = schemas.iter().filter(|s| **s != "pg_temp").map(|schema| pg::ident(schema)).collect();
            let path = rest.join(", ");
            hit.sql = Some(format!("alter {} set search_path = {path}, pg_temp;", function_sql(function)));
            hits.push(hit);
        }
    }
    hits
}

pub const FUNCTION_CALLABLE_BY_PUBLIC: Rule = Rule {
    title: "Function that PUBLIC may call",
    why: "PostgreSQL lets everybody call a new function. A grant to the roles that need it says who is meant, and a role made later gets \
          nothing by accident.",
    remedy: "Revoke EXECUTE from PUBLIC and grant it to the roles that need it.",
    ..rule("function_callable_by_public", "1022", Level::Info, Category::Security, function_callable_by_public)
};

fn function_callable_by_public(facts: &Facts<'_>) -> Vec<Hit> {
    let open = |function: &&Function| {
        facts.is_exposed(&function.schema)
            && function.kind != FunctionKind::Trigger
            && function.grants.iter().any(|grant| grant.grantee == "public")
    };
    facts
        .our_functions()
        .filter(open)
        .map(|function| {
            let sql = function_sql(function);
            let mut hit = function_hit(function, "PUBLIC may call it.".to_owned());
            hit.sql = Some(format!("revoke execute on {sql} from public;\ngrant execute on {sql} to authenticated;"));
            hit
        })
        .collect()
}

pub const LEAKPROOF_FUNCTION: Rule = Rule {
    title: "LEAKPROOF function",
    why: "PostgreSQL trusts it to tell nothing of its arguments, and runs it on rows before policies have refused them. An error message or \
          a notice of it shows what a policy hides.",
    remedy: "Make it NOT LEAKPROOF.",
    ..rule("leakproof_function", "1023", Level::Warn, Category::Security, leakproof_function)
};

fn leakproof_function(facts: &Facts<'_>) -> Vec<Hit> {
    let leakproof = facts.our_functions().filter(|function| function.leakproof);
    leakproof
        .map(|function| {
            let mut hit = function_hit(function, "The function is LEAKPROOF.".to_owned());
            hit.sql = Some(format!("alter {} not leakproof;", function_sql(function)));
            hit
        })
        .collect()
}

pub const FUNCTION_DOES_NOT_COMPILE: Rule = Rule {
    title: "Function that no longer compiles",
    why: "What it names has been renamed, changed or dropped since: calls of it fail.",
    remedy: "Write it anew against the schema as it is, or drop it.",
    ..rule("function_does_not_compile", "1024", Level::Error, Category::Security, function_does_not_compile)
};

fn function_does_not_compile(facts: &Facts<'_>) -> Vec<Hit> {
    let broken = facts.context.observed.uncompilable.iter();
    broken
        .filter_map(|broken| {
            let function = facts.function(broken.function)?;
            facts
                .is_ours(&function.schema, function.extension.as_ref())
                .then(|| function_hit(function, format!("PostgreSQL refuses its source: {}.", broken.error)))
        })
        .collect()
}
