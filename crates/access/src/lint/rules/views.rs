//! What is read past row-level security: views of the owner, materialized views, foreign tables.

use serde_json::json;

use super::facts::relation_hit;
use super::{Category, Facts, Hit, Level, Rule, rule};
use crate::schema::{Relation, RelationKind};

pub const AUTH_USERS_EXPOSED: Rule = Rule {
    title: "View that shows auth.users",
    why: "Addresses, phone numbers and tokens of all users are in auth.users.",
    remedy: "Copy what others may see into a table of your own by a trigger, and drop the view.",
    ..rule("auth_users_exposed", "0002", Level::Error, Category::Security, auth_users_exposed)
};

fn auth_users_exposed(facts: &Facts<'_>) -> Vec<Hit> {
    let Some(users) = facts.schema.relation("auth", "users") else { return Vec::new() };
    let shows = |view: &&Relation| {
        let open = match view.kind {
            RelationKind::MaterializedView => true,
            // With the caller's rights the policies of auth.users decide, if they are asked.
            RelationKind::View => !view.security_invoker || !users.rls,
            _ => false,
        };
        open && facts.is_exposed(&view.schema) && view.reads.contains(&users.oid) && !facts.readers(view).is_empty()
    };
    facts
        .ours()
        .filter(shows)
        .map(|view| {
            let readers = facts.readers(view);
            let detail = format!("The view reads auth.users, and {} may read it.", readers.join(" and "));
            let mut hit = relation_hit(view, detail);
            hit.sql = Some(revoke_select(view, &readers));
            hit.metadata.insert("exposed_to".to_owned(), json!(readers));
            hit
        })
        .collect()
}

fn revoke_select(relation: &Relation, roles: &[&str]) -> String {
    let roles: Vec<_> = roles.iter().map(|role| pg::ident(role)).collect();
    format!("revoke select on {} from {};", relation.sql(), roles.join(", "))
}

pub const SECURITY_DEFINER_VIEW: Rule = Rule {
    title: "View with its owner's rights",
    why: "It reads its tables as its owner, whom policies do not bind: everybody who may read the view sees the rows of all.",
    remedy: "Set security_invoker, so that the policies of whoever asks decide.",
    ..rule("security_definer_view", "0010", Level::Error, Category::Security, security_definer_view)
};

fn security_definer_view(facts: &Facts<'_>) -> Vec<Hit> {
    let as_owner = |view: &&Relation| {
        view.kind == RelationKind::View
            && facts.is_exposed(&view.schema)
            && !view.security_invoker
            && !facts.readers(view).is_empty()
    };
    facts
        .ours()
        .filter(as_owner)
        .map(|view| {
            let detail =
                format!("The view runs as {}, and {} may read it.", view.owner, facts.readers(view).join(" and "));
            let mut hit = relation_hit(view, detail);
            hit.sql = Some(format!("alter view {} set (security_invoker = true);", view.sql()));
            hit
        })
        .collect()
}

pub const MATERIALIZED_VIEW_IN_API: Rule = Rule {
    title: "Materialized view in the API",
    why: "It holds rows as its owner saw them; row-level security does not know it.",
    remedy: "Move it to a schema that the API does not serve, and read it by a function or view that filters.",
    ..rule("materialized_view_in_api", "0016", Level::Warn, Category::Security, materialized_view_in_api)
};

fn materialized_view_in_api(facts: &Facts<'_>) -> Vec<Hit> {
    readable(facts, RelationKind::MaterializedView)
}

pub const FOREIGN_TABLE_IN_API: Rule = Rule {
    title: "Foreign table in the API",
    why: "Its rows are elsewhere; row-level security does not know them.",
    remedy: "Move it to a schema that the API does not serve, and read it by a function that filters.",
    ..rule("foreign_table_in_api", "0017", Level::Warn, Category::Security, foreign_table_in_api)
};

fn foreign_table_in_api(facts: &Facts<'_>) -> Vec<Hit> {
    readable(facts, RelationKind::Foreign)
}

fn readable(facts: &Facts<'_>, kind: RelationKind) -> Vec<Hit> {
    let served = facts.ours().filter(|relation| relation.kind == kind && facts.is_exposed(&relation.schema));
    served
        .filter_map(|relation| {
            let readers = facts.readers(relation);
            let detail = format!("{} may read all of it.", readers.join(" and "));
            (!readers.is_empty())
                .then(|| Hit { sql: Some(revoke_select(relation, &readers)), ..relation_hit(relation, detail) })
        })
        .collect()
}
