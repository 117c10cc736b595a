//! Which requests are known to run no code that might change the session.
//!
//! Only they rely on what a session keeps (`pg::exec`). What is not understood here is not harmless; that costs time, and nothing else.

use catalog::{Cardinality, Catalog, QualifiedName, Relationship};

use crate::plan::negotiate::Handler;
use crate::plan::node::{Column, Condition, Node, OrderBy, SelectColumn, Spread, walk};
use crate::plan::{CallPlan, WritePlan};
use crate::request::Mutation;

/// A read of relations that are harmless, by columns that they have.
pub(crate) fn is_read(tree: &Node, catalog: &Catalog) -> bool {
    let mut harmless = true;
    walk(tree, &mut |node| harmless &= is_node(node, catalog));
    harmless
}

/// A plain insert that returns nothing.
pub(crate) fn is_insert(plan: &WritePlan, catalog: &Catalog) -> bool {
    let known = |column: &Column| is_column(column, &plan.relation, catalog);
    plan.mutation == Mutation::Insert
        && plan.on_conflict.is_none()
        && !plan.with_defaults
        && catalog.harmless.get(&plan.relation) == Some(&true)
        && plan.columns.iter().all(known)
}

/// A call of a function that is harmless and returns values, not rows.
pub(crate) fn is_call(plan: &CallPlan, catalog: &Catalog) -> bool {
    let (routine, tree) = (&plan.routine, &plan.tree);
    plan.read_only
        && !routine.returns.composite
        && catalog.harmless_functions.contains(&QualifiedName::new(&routine.schema, &routine.name))
        && matches!(plan.handler, Handler::Json | Handler::None)
        && tree.filters.is_empty()
        && tree.order.is_empty()
        && tree.children.is_empty()
        && tree.select.iter().all(|item| item.column.is_star() || item.column.whole_row)
}

fn is_node(node: &Node, catalog: &Catalog) -> bool {
    let relation = |name: &QualifiedName| catalog.harmless.contains_key(name);
    let related = match &node.relationship {
        None => true,
        Some(Relationship::Detected { cardinality: Cardinality::ManyToMany(junction), .. }) => {
            relation(&junction.table)
        }
        Some(Relationship::Detected { .. }) => true,
        Some(Relationship::Computed { .. }) => false,
    };
    let column = |column: &Column| is_column(column, &node.from, catalog);
    let item = |item: &SelectColumn| {
        item.cast.is_none() && item.aggregate.is_none() && item.aggregate_cast.is_none() && column(&item.column)
    };
    let ordered = |term: &OrderBy| term.relation.is_some() || column(&term.column);
    related
        && relation(&node.from)
        && node.select.iter().all(item)
        && node.filters.iter().all(|filter| is_condition(filter, &column))
        && node.order.iter().all(ordered)
        // Of a child that is spread as arrays more is selected than its node says.
        && !matches!(node.spread, Some(Spread::ToMany { .. }))
}

fn is_condition(condition: &Condition, column: &impl Fn(&Column) -> bool) -> bool {
    match condition {
        Condition::Group { members, .. } => members.iter().all(|member| is_condition(member, column)),
        Condition::Filter { column: filtered, .. } => column(filtered),
        Condition::Embed { .. } => true,
    }
}

/// A column of the table: another name may be that of a function.
fn is_column(column: &Column, of: &QualifiedName, catalog: &Catalog) -> bool {
    column.transform.is_none()
        && (column.is_star()
            || column.whole_row
            || catalog.table(of).is_some_and(|table| table.columns.contains_key(&column.name)))
}
