//! Columns that carry privilege or money and that their own subject may write.

use std::collections::BTreeMap;

use serde_json::json;

use super::facts::relation_hit;
use super::{Category, Facts, Hit, Level, Rule, rule};
use crate::expr::tokens;
use crate::lint::PolicyFacts;
use crate::lint::caller::{Who, own_columns, pinned};
use crate::schema::{Column, Command, Relation};

/// Names of what a person has of others' grace, whatever the table.
const PRIVILEGES: &[&str] = &[
    "role",
    "roles",
    "user_role",
    "is_admin",
    "admin",
    "is_staff",
    "is_superuser",
    "superuser",
    "is_super_admin",
    "is_moderator",
    "moderator",
    "is_owner",
    "permission",
    "permissions",
    "scopes",
    "access_level",
    "entitlements",
    "verified",
    "is_verified",
    "verified_at",
    "email_verified",
    "approved",
    "is_approved",
    "approved_at",
    "banned",
    "is_banned",
    "suspended",
    "is_suspended",
    "credits",
    "credit",
    "balance",
    "points",
    "score",
    "grade",
    "paid",
    "is_paid",
    "paid_at",
    "amount_paid",
    "plan",
    "plan_id",
    "tier",
    "quota",
    "premium",
    "is_premium",
    "is_pro",
    "trial_ends_at",
    "trial_end",
    "current_period_end",
    "karma",
    "reputation",
];
/// Names that begin so.
const BEGINNINGS: &[&str] = &["credits_", "total_credits", "balance_", "subscription_", "stripe_"];
/// Names that end so.
const ENDINGS: &[&str] = &["_credits", "_balance", "_quota", "_role"];
/// Numbers that others give.
const COUNTS: &[&str] = &[
    "likes",
    "followers",
    "forks",
    "watchers",
    "retweets",
    "upvotes",
    "downloads",
    "views",
    "votes",
    "student_count",
    "rating_count",
    "rating_average",
    "rating_avg",
    "download_count",
];
/// Names that are privileges in the row that is the person himself, and plain facts about what he owns.
const OF_THE_PERSON: &[&str] = &[
    "status",
    "state",
    "is_active",
    "active",
    "level",
    "price",
    "discount",
    "limit",
    "organization_id",
    "tenant_id",
    "tenant",
];

pub const PRIVILEGED_COLUMN_WRITABLE: Rule = Rule {
    title: "Privilege or money that its subject may write",
    why: "A policy on the own row lets the user write every column of it that the grants allow: he makes himself an admin, or gives himself \
          credits. Row-level security cannot say which columns.",
    remedy: "Grant UPDATE and INSERT on the other columns only, and change this one by a function of the server. If it is meant, say why: \
             comment on column … is '@access ok: reason', or [lint] allow in access.toml.",
    ..rule("privileged_column_writable", "1002", Level::Error, Category::Security, privileged_column_writable)
};

fn privileged_column_writable(facts: &Facts<'_>) -> Vec<Hit> {
    let mut hits = Vec::new();
    for table in facts.tables().filter(|table| table.rls) {
        let mut found: BTreeMap<i16, (&Column, Vec<String>)> = BTreeMap::new();
        for policy in facts.policies_of(table).filter(|policy| policy.policy.permissive) {
            for (command, privilege) in [(Command::Insert, "INSERT"), (Command::Update, "UPDATE")] {
                if !policy.covers(command) {
                    continue;
                }
                for column in table.columns.iter().filter(|column| column.generated.is_none()) {
                    let roles = facts.callers.iter().filter(|role| {
                        facts.binds(policy.policy, role) && facts.may_column(role, privilege, table, &column.name)
                    });
                    let by: Vec<_> = roles.map(|role| format!("{privilege} by {role}")).collect();
                    if !by.is_empty()
                        && is_privileged(table, policy, column)
                        && lets_subject(facts, policy, command, column)
                    {
                        let entry = found.entry(column.number).or_insert((column, Vec::new()));
                        entry.1.extend(by);
                    }
                }
            }
        }
        hits.extend(found.into_values().map(|(column, by)| hit(facts, table, column, by)));
    }
    hits
}

fn hit(facts: &Facts<'_>, table: &Relation, column: &Column, mut by: Vec<String>) -> Hit {
    by.dedup();
    let mut detail = format!("{} is open to {}, on one's own row.", column.name, by.join(", "));
    if let Some(trigger) = guarding_trigger(facts, table, &column.name) {
        detail += &format!(
            " The trigger {trigger} looks at it and may refuse; whether it does cannot be seen without trying."
        );
    }
    let checks: Vec<_> = table.checks.iter().filter(|check| check.columns.contains(&column.name)).collect();
    if !checks.is_empty() {
        let names: Vec<_> = checks.iter().map(|check| check.name.as_str()).collect();
        detail += &format!(" CHECK {} bounds its values, not who writes them.", names.join(", "));
    }
    let mut hit = relation_hit(table, detail);
    hit.key += &format!("_{}", column.name);
    hit.object.column = Some(column.name.clone());
    hit.sql = Some(grant_the_rest(facts, table, &column.name));
    hit.metadata.insert("open_to".to_owned(), json!(by));
    hit
}

fn is_privileged(table: &Relation, policy: &PolicyFacts<'_>, column: &Column) -> bool {
    let name = column.name.to_lowercase();
    let name = name.as_str();
    // A key that names a row is no value of its own.
    if table.primary_key().iter().any(|key| key == name) {
        return false;
    }
    PRIVILEGES.contains(&name)
        || BEGINNINGS.iter().any(|start| name.starts_with(start))
        || ENDINGS.iter().any(|end| name.ends_with(end))
        || COUNTS.contains(&name) && column.category == "N"
        || OF_THE_PERSON.contains(&name) && is_the_person(table, policy)
}

/// Is a row of the table a person: does a policy hold its primary key, or a unique column, to the caller?
fn is_the_person(table: &Relation, policy: &PolicyFacts<'_>) -> bool {
    let is_unique = |name: &str| {
        table
            .indexes
            .iter()
            .any(|index| index.unique && index.predicate.is_none() && index.columns == [name.to_owned()])
    };
    policy
        .clauses()
        .flat_map(|clause| clause.expr.branches())
        .any(|branch| pinned(&branch, table).into_iter().any(is_unique))
}

/// Does the policy admit a row of the caller's own, without looking at the column? A branch for staff is for staff to use.
fn lets_subject(facts: &Facts<'_>, policy: &PolicyFacts<'_>, command: Command, column: &Column) -> bool {
    let Some(check) = policy.new_row() else { return false };
    let open = |branch: &Vec<&crate::expr::Expr>| facts.who(branch, policy.table) != Who::Staff;
    let finds =
        command == Command::Insert || policy.using.as_ref().is_none_or(|using| using.expr.branches().iter().any(open));
    finds
        && check.expr.branches().iter().any(|branch| {
            let looks = branch.iter().any(|part| own_columns(part, policy.table).contains(&column.name));
            open(branch) && !looks
        })
}

/// A trigger before the write whose function names the column as `new.column`.
fn guarding_trigger<'a>(facts: &Facts<'a>, table: &'a Relation, column: &str) -> Option<&'a str> {
    let before = table.triggers.iter().filter(|trigger| trigger.enabled && trigger.definition.contains(" BEFORE "));
    before
        .filter(|trigger| {
            facts.function(trigger.function).is_some_and(|function| {
                tokens(&function.body)
                    .windows(3)
                    .any(|w| w[0].is("new") && w[1].is_symbol(".") && w[2].name().is_some_and(|name| name == column))
            })
        })
        .map(|trigger| trigger.name.as_str())
        .next()
}

/// Takes INSERT and UPDATE away from callers and gives them back for the columns that they have now, without this one.
fn grant_the_rest(facts: &Facts<'_>, table: &Relation, without: &str) -> String {
    let mut sql = Vec::new();
    let name = table.sql();
    for role in &facts.callers {
        for privilege in ["INSERT", "UPDATE"] {
            if !facts.may_column(role, privilege, table, without) {
                continue;
            }
            let rest = table.columns.iter().filter(|column| {
                column.name != without
                    && column.generated.is_none()
                    && facts.may_column(role, privilege, table, &column.name)
            });
            let rest: Vec<_> = rest.map(|column| pg::ident(&column.name)).collect();
            let (word, role) = (privilege.to_lowercase(), pg::ident(role));
            sql.push(format!("revoke {word} on {name} from {role};"));
            if !rest.is_empty() {
                sql.push(format!("grant {word} ({}) on {name} to {role};", rest.join(", ")));
            }
        }
    }
    sql.join("\n")
}
