//! The tree of a read: where filters belong, how relations meet, what is selected.

use catalog::{Cardinality, Catalog, QualifiedName, Relationship};

use super::node::{Column, Condition, JoinCondition, Node, OrderBy, SelectColumn, Spread};
use super::relate::find_relationship;
use super::resolve::Resolver;
use super::{aggregates, stars};
use crate::config::RestConfig;
use crate::error::Error;
use crate::request::ast::{Embed, Join, Logic, Operation, OrderTerm, SelectField, SelectItem, Truth};
use crate::request::query::Query;
use crate::request::ranges::Range;

/// The name of the statement whose rows a write or a call leaves.
pub(crate) const SOURCE: &str = "pgrst_source";

/// What the root of the tree reads from, and which parts of the query string are for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The relation itself.
    Read,
    /// The rows that a write returned: root filters and ranges were the write's.
    Write,
    /// The rows that a function returned.
    Call,
}

/// Makes the tree.
pub(crate) fn tree(
    root: &QualifiedName,
    kind: Kind,
    query: &Query,
    top_range: Range,
    catalog: &Catalog,
    config: &RestConfig,
) -> Result<Node, Error> {
    let mut draft = Draft::root(&root.name, &query.select);
    place(&mut draft, kind, query, top_range, config.legacy_target_names)?;
    let mut node = build(draft, root, kind, catalog)?;
    stars::expand(&mut node, root, catalog, false);
    stars::add_aliases(&mut node);
    resolve_related_orders(&mut node)?;
    resolve_embed_filters(&mut node);
    aggregates::list_embedded(&mut node);
    aggregates::check_allowed(&node, config.aggregates_enabled)?;
    aggregates::hoist(&mut node);
    aggregates::order_spreads(&mut node)?;
    if kind != Kind::Write {
        cap(&mut node, config.max_rows.map(i128::from));
    }
    Ok(node)
}

/// A node before anything is known of the relation.
#[derive(Default)]
struct Draft {
    name: String,
    alias: Option<String>,
    hint: Option<String>,
    join: Option<Join>,
    spread: bool,
    fields: Vec<SelectField>,
    filters: Vec<Logic>,
    order: Vec<OrderTerm>,
    range: Option<Range>,
    legacy_name_used: bool,
    children: Vec<Draft>,
}

impl Draft {
    fn root(name: &str, items: &[SelectItem]) -> Self {
        let mut draft = Self { name: name.to_owned(), ..Self::default() };
        draft.take(items);
        draft
    }

    fn take(&mut self, items: &[SelectItem]) {
        for item in items {
            match item {
                SelectItem::Field(field) => self.fields.push(field.clone()),
                SelectItem::Embed(embed) => self.children.push(Self::embed(embed)),
            }
        }
    }

    fn embed(embed: &Embed) -> Self {
        let mut draft = Self {
            name: embed.relation.clone(),
            alias: embed.alias.clone(),
            hint: embed.hint.clone(),
            join: embed.join,
            spread: embed.spread,
            ..Self::default()
        };
        draft.take(&embed.items);
        draft
    }

    /// The node that a path of names leads to.
    fn at(&mut self, path: &[String], legacy: bool) -> Result<&mut Self, Error> {
        let Some((name, rest)) = path.split_first() else { return Ok(self) };
        let by_label = |d: &Self| d.alias.as_deref().unwrap_or(&d.name) == name;
        let by_either = |d: &Self| d.name == *name || d.alias.as_deref() == Some(name);
        let found = self.children.iter().position(|d| if legacy { by_either(d) } else { by_label(d) });
        let Some(found) = found else {
            let alias = (!legacy)
                .then(|| self.children.iter().find(|d| by_either(d)).map(|d| d.alias.clone().unwrap_or_default()))
                .flatten();
            return Err(Error::NotEmbedded { name: name.clone(), alias });
        };
        // It comes first from here on, in the answer and for the names that follow, as it does for upstream.
        self.children[..=found].rotate_right(1);
        let child = &mut self.children[0];
        if child.name == *name && child.alias.as_ref().is_some_and(|alias| alias != name) {
            child.legacy_name_used = true;
        }
        child.at(rest, legacy)
    }
}

/// Gives each filter, order and range to the node it is for. The last wrong path is the one complained about.
fn place(draft: &mut Draft, kind: Kind, query: &Query, top_range: Range, legacy: bool) -> Result<(), Error> {
    let for_tree = |path: &[String]| kind != Kind::Write || !path.is_empty();
    for (path, filter) in query.filters.iter().rev().filter(|(path, _)| for_tree(path)) {
        draft.at(path, legacy)?.filters.insert(0, Logic::Filter(filter.clone()));
    }
    for (path, terms) in query.order.iter().rev() {
        draft.at(path, legacy)?.order.clone_from(terms);
    }
    if kind != Kind::Write {
        for (path, range) in query.ranges.iter().rev() {
            draft.at(path, legacy)?.range = Some(*range);
        }
        draft.range = Some(top_range);
    }
    for (path, logic) in query.logic.iter().rev().filter(|(path, _)| for_tree(path)) {
        draft.at(path, legacy)?.filters.insert(0, logic.clone());
    }
    Ok(())
}

fn build(draft: Draft, root: &QualifiedName, kind: Kind, catalog: &Catalog) -> Result<Node, Error> {
    let resolver = Resolver::new(catalog, root);
    let (from, alias) = match kind {
        Kind::Read => (root.clone(), None),
        Kind::Write | Kind::Call => (QualifiedName::local(SOURCE), Some(root.name.clone())),
    };
    let mut node = resolved(&draft, resolver, resolver, from, alias, 0);
    node.children = build_children(draft.children, &node, &root.name, &root.schema, resolver)?;
    Ok(node)
}

fn build_children(
    drafts: Vec<Draft>,
    parent: &Node,
    origin: &str,
    schema: &str,
    root: Resolver<'_>,
) -> Result<Vec<Node>, Error> {
    drafts
        .into_iter()
        .map(|draft| {
            let relationship = find_relationship(root.catalog, schema, origin, &draft.name, draft.hint.as_deref())?;
            let mut node = related(&draft, relationship, parent, root);
            let origin = node.from.name.clone();
            node.children = build_children(draft.children, &node, &origin, schema, root)?;
            Ok(node)
        })
        .collect()
}

/// The node of an embed, with its join.
fn related(draft: &Draft, relationship: Relationship, parent: &Node, root: Resolver<'_>) -> Node {
    let depth = parent.depth + 1;
    let target = relationship.foreign_table().clone();
    // The junction of a many-to-many is named in the same FROM, so the target keeps its name there.
    let alias = match &relationship {
        Relationship::Detected { cardinality: Cardinality::ManyToMany(_), .. } => None,
        _ => Some(format!("{}_{depth}", target.name)),
    };
    let mut node = resolved(draft, Resolver::new(root.catalog, &target), root, target, alias.clone(), depth);
    let label = draft.alias.as_deref().unwrap_or(&draft.name);
    node.subselect = format!("{}_{label}_{depth}", relationship.table().name);
    let parent_name = parent.alias.as_ref().map_or_else(|| parent.from.clone(), QualifiedName::local);
    match &relationship {
        Relationship::Computed { .. } => {
            let row = parent.alias.as_ref().map_or_else(|| relationship.table().clone(), QualifiedName::local);
            node.row_of = Some(row);
        }
        Relationship::Detected { foreign_table, cardinality, .. } => {
            let own_name = alias.map_or_else(|| foreign_table.clone(), QualifiedName::local);
            node.join_conditions = join_conditions(cardinality, &parent_name, &own_name);
        }
    }
    if draft.spread {
        node.spread = Some(if relationship.is_to_one() {
            Spread::ToOne
        } else {
            Spread::ToMany { extra: Vec::new(), order: Vec::new() }
        });
    }
    node.relationship = Some(relationship);
    node
}

fn join_conditions(cardinality: &Cardinality, parent: &QualifiedName, own: &QualifiedName) -> Vec<JoinCondition> {
    let equal = |left: &QualifiedName, left_column: &str, right: &QualifiedName, right_column: &str| JoinCondition {
        left: (left.clone(), left_column.to_owned()),
        right: (right.clone(), right_column.to_owned()),
    };
    match cardinality {
        Cardinality::ManyToMany(junction) => {
            let target = junction.columns_target.iter().map(|(there, j)| equal(&junction.table, j, own, there));
            let source = junction.columns_source.iter().map(|(here, j)| equal(&junction.table, j, parent, here));
            target.chain(source).collect()
        }
        Cardinality::OneToMany { columns, .. }
        | Cardinality::ManyToOne { columns, .. }
        | Cardinality::OneToOne { columns, .. } => {
            columns.iter().map(|(here, there)| equal(own, there, parent, here)).collect()
        }
    }
}

/// Orders are resolved by the columns of the root, as upstream does it at every level: steps into a JSON column of an embed find `jsonb`,
/// which can be ordered by, where `json` could not.
fn resolved(
    draft: &Draft,
    resolver: Resolver<'_>,
    root: Resolver<'_>,
    from: QualifiedName,
    alias: Option<String>,
    depth: usize,
) -> Node {
    Node {
        select: draft.fields.iter().map(|f| resolver.select(f)).collect(),
        from,
        alias,
        filters: draft.filters.iter().map(|l| resolver.logic(l)).collect(),
        order: draft.order.iter().map(|t| root.order(t)).collect(),
        range: draft.range.unwrap_or(Range::ALL),
        name: draft.name.clone(),
        given_alias: draft.alias.clone(),
        relationship: None,
        row_of: None,
        join_conditions: Vec::new(),
        subselect: String::new(),
        join: draft.join,
        spread: None,
        embedded: Vec::new(),
        depth,
        legacy_name_used: draft.legacy_name_used,
        children: Vec::new(),
    }
}

/// `order=clients(name)`: the embed must be there and lead to one row.
fn resolve_related_orders(node: &mut Node) -> Result<(), Error> {
    let origin = node.from.name.clone();
    for term in &mut node.order {
        let Some(name) = &term.relation else { continue };
        let Some(child) = node.children.iter().find(|c| c.label() == name) else {
            return Err(Error::NotEmbedded { name: name.clone(), alias: None });
        };
        if !child.is_to_one() {
            return Err(Error::RelatedOrderNotToOne { origin, target: child.label().to_owned() });
        }
        term.relation = Some(child.subselect.clone());
    }
    node.children.iter_mut().try_for_each(resolve_related_orders)
}

/// `clients=not.is.null`: whether an embed has rows.
fn resolve_embed_filters(node: &mut Node) {
    let labels: Vec<(String, String)> =
        node.children.iter().map(|c| (c.label().to_owned(), c.subselect.clone())).collect();
    for condition in &mut node.filters {
        resolve_embed_filter(condition, &labels);
    }
    node.children.iter_mut().for_each(resolve_embed_filters);
}

fn resolve_embed_filter(condition: &mut Condition, labels: &[(String, String)]) {
    match condition {
        Condition::Group { members, .. } => members.iter_mut().for_each(|m| resolve_embed_filter(m, labels)),
        Condition::Filter { column, negated, operation: Operation::Is(truth @ (Truth::Null | Truth::NotNull)) }
            if column.path.is_empty() =>
        {
            if let Some((_, subselect)) = labels.iter().find(|(label, _)| *label == column.name) {
                let exists = *negated != (*truth == Truth::NotNull);
                *condition = Condition::Embed { subselect: subselect.clone(), exists };
            }
        }
        _ => {}
    }
}

fn cap(node: &mut Node, max_rows: Option<i128>) {
    node.range = node.range.capped(max_rows);
    node.children.iter_mut().for_each(|c| cap(c, max_rows));
}

/// The columns that a write or a call must return so that the tree can be read from its rows. Names are sorted.
pub(crate) fn needed_columns(node: &Node, keys: &[String]) -> Vec<String> {
    let star = || vec!["*".to_owned()];
    let mut names: Vec<String> = node.select.iter().map(|s| s.column.name.clone()).collect();
    // With `*` the keys are there already, and naming them again would return them twice. What a computed relationship
    // needs of the row is not known.
    let is_computed = |c: &Node| matches!(c.relationship, Some(Relationship::Computed { .. }));
    if names.iter().any(|n| n == "*") || node.children.iter().any(is_computed) {
        return star();
    }
    for relationship in node.children.iter().filter_map(|c| c.relationship.as_ref()) {
        names.extend(relationship.origin_columns().into_iter().map(str::to_owned));
    }
    names.extend(keys.iter().cloned());
    names.sort();
    names.dedup();
    names
}

/// The columns that the tree's filters name.
pub(crate) fn filter_columns(node: &Node) -> Vec<String> {
    fn of(condition: &Condition, names: &mut Vec<String>) {
        match condition {
            Condition::Group { members, .. } => members.iter().for_each(|m| of(m, names)),
            Condition::Filter { column, .. } => names.push(column.name.clone()),
            Condition::Embed { .. } => {}
        }
    }
    let mut names = Vec::new();
    node.filters.iter().for_each(|c| of(c, &mut names));
    names
}

/// Is `*` all that is selected?
pub(crate) fn is_default_select(node: &Node) -> bool {
    node.children.is_empty() && matches!(node.select.as_slice(), [only] if only.column.is_star())
}

/// A column made up for an order of its own.
pub(crate) fn ordering_column(term: &OrderBy, alias: &str) -> (Option<String>, SelectColumn) {
    let column = Column { transform: None, ..term.column.clone() };
    (term.relation.clone(), SelectColumn { column, alias: Some(alias.to_owned()), ..SelectColumn::default() })
}
