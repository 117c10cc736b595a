//! What parents select of their children; and aggregates, which a spread lifts to where they mean something.

use super::node::{Embedded, Node, OrderBy, Spread, SpreadColumn};
use super::read::ordering_column;
use crate::error::Error;
use crate::request::ast::Aggregate;

use super::node::Column;

/// Fills [`Node::embedded`], from the leaves up.
pub(crate) fn list_embedded(node: &mut Node) {
    node.children.iter_mut().for_each(list_embedded);
    node.embedded = node.children.iter().map(embedded).collect();
}

fn embedded(child: &Node) -> Embedded {
    let subselect = child.subselect.clone();
    if child.spread.is_some() {
        return Embedded::Spread { columns: spread_columns(child), subselect };
    }
    Embedded::Json { name: child.label().to_owned(), subselect, to_one: child.is_to_one(), hidden: is_empty(child) }
}

/// Nothing is selected, here and below.
fn is_empty(node: &Node) -> bool {
    node.select.is_empty() && node.children.iter().all(is_empty)
}

fn spread_columns(child: &Node) -> Vec<SpreadColumn> {
    let own = child.select.iter().map(|s| SpreadColumn {
        name: s.alias.clone().unwrap_or_else(|| s.column.name.clone()),
        plain: s.column.plain && s.cast.is_none() && s.aggregate.is_none() && s.column.path.is_empty(),
        ..SpreadColumn::default()
    });
    let below = child.embedded.iter().flat_map(|e| match e {
        Embedded::Json { name, .. } => {
            vec![SpreadColumn { name: name.clone(), plain: true, ..SpreadColumn::default() }]
        }
        Embedded::Spread { columns, .. } => columns.clone(),
    });
    own.chain(below).collect()
}

/// Aggregates are off by default.
pub(crate) fn check_allowed(node: &Node, allowed: bool) -> Result<(), Error> {
    if !allowed && node.select.iter().any(|s| s.aggregate.is_some()) {
        return Err(Error::AggregatesNotAllowed);
    }
    node.children.iter().try_for_each(|c| check_allowed(c, allowed))
}

/// An aggregate taken out of a to-one spread: in a subselect of one row it would do nothing.
struct Lifted {
    subselect: String,
    name: String,
    aggregate: Aggregate,
    cast: Option<String>,
    alias: Option<String>,
}

/// Lifts aggregates of to-one spreads up to the first node that is not one.
pub(crate) fn hoist(node: &mut Node) {
    hoist_from(node);
}

fn hoist_from(node: &mut Node) -> Vec<Lifted> {
    let below: Vec<Lifted> = node.children.iter_mut().flat_map(hoist_from).collect();
    if node.depth > 0 && matches!(node.spread, Some(Spread::ToOne)) {
        let mut lifted = lift(node);
        lifted.extend(below.into_iter().map(|l| Lifted { subselect: node.subselect.clone(), ..l }));
        return lifted;
    }
    for embedded in &mut node.embedded {
        let Embedded::Spread { columns, subselect } = embedded else { continue };
        for column in columns {
            if let Some(found) = below.iter().find(|l| l.subselect == *subselect && l.name == column.name) {
                column.aggregate = Some(found.aggregate);
                column.aggregate_cast.clone_from(&found.cast);
                column.alias.clone_from(&found.alias);
            }
        }
    }
    Vec::new()
}

fn lift(node: &mut Node) -> Vec<Lifted> {
    let mut lifted = Vec::new();
    for item in &mut node.select {
        let Some(aggregate) = item.aggregate.take() else { continue };
        lifted.push(Lifted {
            subselect: node.subselect.clone(),
            name: item.alias.clone().unwrap_or_else(|| item.column.name.clone()),
            aggregate,
            cast: item.aggregate_cast.take(),
            alias: item.alias.clone(),
        });
    }
    lifted
}

/// In a to-many spread the order is that of the arrays, so what it is by must be selected below under names of its own.
pub(crate) fn order_spreads(node: &mut Node) -> Result<(), Error> {
    if let Some(Spread::ToMany { extra, order }) = &mut node.spread {
        let in_embedded = |e: &Embedded| match e {
            Embedded::Spread { columns, .. } => columns.iter().any(|c| c.aggregate.is_some()),
            Embedded::Json { .. } => false,
        };
        if node.select.iter().any(|s| s.aggregate.is_some()) || node.embedded.iter().any(in_embedded) {
            return Err(Error::NotImplemented(
                "Aggregates are not implemented for one-to-many or many-to-many spreads.",
            ));
        }
        for (n, term) in node.order.drain(..).enumerate() {
            let alias = format!("{}_{}_{}", node.subselect, term.column.name, n + 1);
            extra.push(ordering_column(&term, &alias));
            order.push(OrderBy { relation: None, column: Column::unknown(alias), ..term });
        }
    }
    node.children.iter_mut().try_for_each(order_spreads)
}
