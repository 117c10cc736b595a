//! `*` where it does not do, and aliases that nobody gave.

use catalog::{Catalog, QualifiedName};

use super::node::{Node, SelectColumn, Spread};
use super::resolve::Resolver;
use crate::request::ast::{Aggregate, JsonOperand};

/// Puts columns in the place of `*`: where a domain has a representation, where something is aggregated (PostgreSQL wants to
/// know what to group by), and where each column becomes an array.
pub(crate) fn expand(node: &mut Node, root: &QualifiedName, catalog: &Catalog, aggregated_above: bool) {
    let aggregated = aggregated_above
        || node.select.iter().any(|s| s.aggregate.is_some())
        || matches!(node.spread, Some(Spread::ToMany { .. }));
    let relation = if node.depth == 0 { root.clone() } else { node.from.clone() };
    expand_one(node, Resolver::new(catalog, &relation), aggregated);
    for child in &mut node.children {
        expand(child, root, catalog, aggregated);
    }
}

fn expand_one(node: &mut Node, resolver: Resolver<'_>, aggregated: bool) {
    let is_spread = node.spread.is_some();
    let counts = |s: &SelectColumn| is_spread && s.aggregate == Some(Aggregate::Count);
    let has_star = node.select.iter().any(|s| s.column.is_star() && (s.aggregate.is_none() || counts(s)));
    if !has_star || !(aggregated || resolver.has_representations()) {
        return;
    }
    let select = std::mem::take(&mut node.select);
    for mut item in select {
        let is_star = item.column.is_star() && item.column.path.is_empty();
        match item.aggregate {
            None if is_star => node.select.extend(all_columns(resolver, &item)),
            Some(Aggregate::Count) if is_star && is_spread => {
                item.column.whole_row = true;
                node.select.push(item);
            }
            _ => node.select.push(item),
        }
    }
}

fn all_columns(resolver: Resolver<'_>, star: &SelectColumn) -> Vec<SelectColumn> {
    let names = resolver.table.into_iter().flat_map(|t| t.columns.keys());
    names.map(|name| SelectColumn { column: resolver.output(resolver.column(name)), ..star.clone() }).collect()
}

/// The columns of a relation, where a plain `*` would return some that cannot be written as JSON from their text.
pub(crate) fn explicit_columns(resolver: Resolver<'_>, star: &SelectColumn) -> Option<Vec<SelectColumn>> {
    let table = resolver.table?;
    (!table.columns.is_empty() && table.columns.values().any(|c| !c.plain)).then(|| all_columns(resolver, star))
}

/// A step into JSON is called by its last key, a represented column by its name, an aggregate of a spread by its function.
pub(crate) fn add_aliases(node: &mut Node) {
    let is_spread = node.spread.is_some();
    for item in node.select.iter_mut().filter(|s| s.alias.is_none()) {
        item.alias = match item.aggregate {
            Some(aggregate) if is_spread => Some(aggregate.name().to_owned()),
            Some(_) => None,
            None if !item.column.path.is_empty() => Some(last_key(item)),
            None if item.column.transform.is_some() => Some(item.column.name.clone()),
            None => None,
        };
    }
    node.children.iter_mut().for_each(add_aliases);
}

/// Of `data->a->0` it is `a`; of `data->0` the column.
fn last_key(item: &SelectColumn) -> String {
    let key = item.column.path.iter().rev().find_map(|step| match &step.to {
        JsonOperand::Key(key) => Some(key),
        JsonOperand::Index(_) => None,
    });
    key.unwrap_or(&item.column.name).clone()
}
