//! New rows: is everything checked that the old row was found by, and everything that it refers to?

use std::collections::BTreeSet;

use super::{Category, Facts, Hit, Level, Rule, rule};
use crate::expr::Expr;
use crate::lint::caller::{Who, own_columns, pinned};
use crate::lint::{Clause, PolicyFacts};
use crate::schema::{Command, Relation};

/// Callers that a policy binds and that have a privilege on the column.
fn writers<'a>(facts: &Facts<'a>, policy: &PolicyFacts<'_>, privilege: &str, column: &str) -> Vec<&'a str> {
    let bound = facts.callers.iter().copied().filter(|role| facts.binds(policy.policy, role));
    bound.filter(|role| facts.may_column(role, privilege, policy.table, column)).collect()
}

/// Columns of the row that a branch says anything about.
fn read_by(branch: &[&Expr], table: &Relation) -> BTreeSet<String> {
    branch.iter().flat_map(|part| own_columns(part, table)).collect()
}

/// Branches of a check that let in others than staff.
fn open_branches<'e>(facts: &Facts<'_>, check: &'e Clause<'_>, table: &Relation) -> Vec<Vec<&'e Expr>> {
    check.expr.branches().into_iter().filter(|branch| facts.who(branch, table) != Who::Staff).collect()
}

pub const ROW_CAN_BE_GIVEN_AWAY: Rule = Rule {
    title: "Row that can be given away",
    why: "USING ties the row to the caller by a column that WITH CHECK does not look at: he can write another owner or tenant there, and put \
          rows into somebody else's account.",
    remedy: "Repeat in WITH CHECK what USING says.",
    ..rule("row_can_be_given_away", "1004", Level::Error, Category::Security, row_can_be_given_away)
};

fn row_can_be_given_away(facts: &Facts<'_>) -> Vec<Hit> {
    let mut hits = Vec::new();
    for policy in facts.policies.iter().filter(|p| p.policy.permissive && p.covers(Command::Update)) {
        let (Some(using), Some(check)) = (&policy.using, &policy.check) else { continue };
        let table = policy.table;
        let mut ties: BTreeSet<String> = BTreeSet::new();
        for branch in using.expr.branches().iter().filter(|branch| facts.who(branch, table) == Who::Subject) {
            let tied = branch.iter().filter(|part| facts.names_caller(part)).flat_map(|part| own_columns(part, table));
            ties.extend(tied);
        }
        let open = open_branches(facts, check, table);
        let lost = ties.into_iter().filter(|column| {
            !writers(facts, policy, "UPDATE", column).is_empty()
                && open.iter().any(|branch| !read_by(branch, table).contains(column))
        });
        for column in lost.collect::<Vec<_>>() {
            let detail = format!(
                "{column} ties the row to the caller in USING of {:?}; WITH CHECK admits any.",
                policy.policy.name
            );
            let mut hit = policy.hit(detail);
            hit.key += &format!("_{column}");
            hit.object.column = Some(column);
            let both =
                if check.sql == "true" { using.sql.to_owned() } else { format!("{} and {}", using.sql, check.sql) };
            hit.sql = Some(policy.alter(None, Some(&both)));
            hits.push(hit);
        }
    }
    hits
}

pub const OWNER_NOT_CHECKED: Rule = Rule {
    title: "Row in another's name",
    why: "One way through the check leaves the column open that says whose row it is: the caller can name anybody as its author.",
    remedy: "Hold the column to the caller on every way through the check, or revoke INSERT and UPDATE on it and give it a default.",
    ..rule("owner_not_checked", "1005", Level::Warn, Category::Security, owner_not_checked)
};

fn owner_not_checked(facts: &Facts<'_>) -> Vec<Hit> {
    /// What the column of a row's maker is called.
    const OWNERS: &[&str] =
        &["user_id", "owner_id", "author_id", "sender_id", "creator_id", "created_by", "profile_id"];
    let mut hits = Vec::new();
    for policy in facts.policies.iter().filter(|policy| policy.policy.permissive) {
        let Some(check) = policy.new_row() else { continue };
        let table = policy.table;
        let branches = check.expr.branches();
        let mut owners: BTreeSet<&str> = branches.iter().flat_map(|branch| pinned(branch, table)).collect();
        let refers = |name: &str| table.foreign_keys.iter().any(|key| key.columns.iter().any(|column| column == name));
        owners.extend(OWNERS.iter().copied().filter(|name| table.column(name).is_some() && refers(name)));
        for owner in owners {
            let may = |privilege: &str, command| {
                policy.covers(command) && !writers(facts, policy, privilege, owner).is_empty()
            };
            if !may("INSERT", Command::Insert) && !may("UPDATE", Command::Update) {
                continue;
            }
            let open = branches.iter().filter(|branch| facts.who(branch, table) == Who::Subject);
            let Some(branch) = open.into_iter().find(|branch| !read_by(branch, table).contains(owner)) else {
                continue;
            };
            let way: Vec<_> = branch.iter().map(|part| part.text(check.sql)).collect();
            let detail = format!(
                "{owner} is open in the policy {:?} where {}.",
                policy.policy.name,
                one_line(&way.join(" AND "))
            );
            let mut hit = policy.hit(detail);
            hit.key += &format!("_{owner}");
            hit.object.column = Some(owner.to_owned());
            let pinned = format!("{} and {} = (select auth.uid())", check.sql, pg::ident(owner));
            hit.sql = Some(policy.alter(None, Some(&pinned)));
            hits.push(hit);
        }
    }
    hits
}

/// PostgreSQL breaks sub-selects over lines.
fn one_line(sql: &str) -> String {
    sql.split_whitespace().collect::<Vec<_>>().join(" ")
}

pub const REFERENCE_NOT_CHECKED: Rule = Rule {
    title: "Reference to a row of somebody else",
    why: "The column may name any row of the other table, also one that its policies hide from the caller: he attaches his row to another's, \
          and learns from errors which keys exist.",
    remedy: "Check in the policy that the caller may use the other row, or tie both by a composite foreign key.",
    ..rule("reference_not_checked", "1006", Level::Warn, Category::Security, reference_not_checked)
};

fn reference_not_checked(facts: &Facts<'_>) -> Vec<Hit> {
    let mut hits = Vec::new();
    for policy in facts.policies.iter().filter(|p| p.policy.permissive && p.covers(Command::Insert)) {
        let Some(check) = policy.new_row() else { continue };
        let table = policy.table;
        for key in &table.foreign_keys {
            let Some(target) = facts.relation(key.target).filter(|target| facts.tables().any(|t| t.oid == target.oid))
            else {
                continue;
            };
            let Some(first) = key.columns.first() else { continue };
            let roles = writers(facts, policy, "INSERT", first);
            let hidden = roles.iter().any(|role| is_private(facts, target, role));
            let open = open_branches(facts, check, table);
            let unread = open.iter().any(|branch| {
                let read = read_by(branch, table);
                // Another key that ties the same column to what is checked does as well.
                !key.columns.iter().any(|column| read.contains(column))
            });
            let tied = table
                .foreign_keys
                .iter()
                .any(|other| other.name != key.name && other.columns.len() > 1 && other.columns.contains(first));
            if hidden && unread && !tied {
                let detail = format!(
                    "{} may name any row of {}.{}: the policy {:?} does not look at it.",
                    key.columns.join(", "),
                    target.schema,
                    target.name,
                    policy.policy.name
                );
                let mut hit = policy.hit(detail);
                hit.key += &format!("_{}", key.name);
                hit.object.column = Some(first.clone());
                hits.push(hit);
            }
        }
    }
    hits
}

/// Does the table hide rows of one caller from another, all of them?
fn is_private(facts: &Facts<'_>, table: &Relation, role: &str) -> bool {
    let mut reading = facts.policies_of(table).filter(|policy| {
        policy.policy.permissive && policy.covers(Command::Select) && facts.binds(policy.policy, role)
    });
    let shows_others = |policy: &PolicyFacts<'_>| {
        policy
            .using
            .as_ref()
            .is_none_or(|using| using.expr.branches().iter().any(|branch| facts.who(branch, table) == Who::Anybody))
    };
    table.rls && !reading.any(shows_others)
}

pub const UPDATE_WITHOUT_CHECK: Rule = Rule {
    title: "UPDATE policy without WITH CHECK",
    why: "PostgreSQL then holds the new row to USING. It is safe as long as USING is about whose row it is; written out, a reader sees what \
          a new row must be, and a later change of one does not silently change the other.",
    remedy: "Write WITH CHECK.",
    ..rule("update_without_check", "1007", Level::Info, Category::Security, update_without_check)
};

fn update_without_check(facts: &Facts<'_>) -> Vec<Hit> {
    let mut hits = Vec::new();
    for policy in facts.policies.iter().filter(|p| matches!(p.policy.command, Command::Update | Command::All)) {
        let bound = facts.callers.iter().any(|role| facts.binds(policy.policy, role));
        if let (Some(using), None, true) = (&policy.using, &policy.check, bound) {
            let mut hit = policy.hit(format!("The policy {:?} has no WITH CHECK.", policy.policy.name));
            hit.sql = Some(policy.alter(None, Some(using.sql)));
            hits.push(hit);
        }
    }
    hits
}
