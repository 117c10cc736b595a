//! A read as a tree: one node per relation, with everything that its part of the statement needs.

use catalog::{QualifiedName, Relationship};

use crate::request::ast::{Aggregate, Join, JsonStep, Operation};
use crate::request::ranges::Range;

/// A relation to read from, and those embedded in it.
#[derive(Debug, Clone)]
pub(crate) struct Node {
    pub(crate) select: Vec<SelectColumn>,
    pub(crate) from: QualifiedName,
    pub(crate) alias: Option<String>,
    pub(crate) filters: Vec<Condition>,
    pub(crate) order: Vec<OrderBy>,
    pub(crate) range: Range,
    /// The name in the request.
    pub(crate) name: String,
    /// The alias in the request.
    pub(crate) given_alias: Option<String>,
    pub(crate) relationship: Option<Relationship>,
    /// What the function of a computed relationship is called with: the parent's alias.
    pub(crate) row_of: Option<QualifiedName>,
    pub(crate) join_conditions: Vec<JoinCondition>,
    /// What the subselect is called in the parent.
    pub(crate) subselect: String,
    pub(crate) join: Option<Join>,
    pub(crate) spread: Option<Spread>,
    /// What the parent's select list has of each child, in the children's order.
    pub(crate) embedded: Vec<Embedded>,
    pub(crate) depth: usize,
    /// A filter, order or limit named it by its relation although it has an alias.
    pub(crate) legacy_name_used: bool,
    pub(crate) children: Vec<Node>,
}

impl Node {
    /// The name under which requests refer to it.
    pub(crate) fn label(&self) -> &str {
        self.given_alias.as_deref().unwrap_or(&self.name)
    }

    /// Does it lead to one row?
    pub(crate) fn is_to_one(&self) -> bool {
        self.relationship.as_ref().is_some_and(Relationship::is_to_one)
    }

    /// Is it joined so that parents without a row fall away?
    pub(crate) fn is_inner(&self) -> bool {
        self.join == Some(Join::Inner)
    }
}

/// `a.x = b.y`
#[derive(Debug, Clone)]
pub(crate) struct JoinCondition {
    pub(crate) left: (QualifiedName, String),
    pub(crate) right: (QualifiedName, String),
}

/// A column as the statement uses it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Column {
    pub(crate) name: String,
    pub(crate) path: Vec<JsonStep>,
    /// It is no JSON, so steps into it need `to_jsonb`.
    pub(crate) wrap_for_path: bool,
    /// Full-text search on a column that is no `tsvector`: the configuration's name, if given.
    pub(crate) to_tsvector: Option<Option<String>>,
    /// The declared type; empty if the catalog does not know the column.
    pub(crate) nominal_type: String,
    /// A function of a domain representation.
    pub(crate) transform: Option<String>,
    pub(crate) default: Option<String>,
    /// The whole row, for counting rows of a spread.
    pub(crate) whole_row: bool,
    /// Its text output can be written as JSON without help.
    pub(crate) plain: bool,
}

impl Column {
    /// A name that the catalog does not know.
    pub(crate) fn unknown(name: impl Into<String>) -> Self {
        Self { name: name.into(), ..Self::default() }
    }

    pub(crate) fn is_star(&self) -> bool {
        self.name == "*"
    }
}

/// An item of the select list.
#[derive(Debug, Clone, Default)]
pub(crate) struct SelectColumn {
    pub(crate) column: Column,
    pub(crate) alias: Option<String>,
    pub(crate) cast: Option<String>,
    pub(crate) aggregate: Option<Aggregate>,
    pub(crate) aggregate_cast: Option<String>,
}

/// How a child's columns go into the parent.
#[derive(Debug, Clone)]
pub(crate) enum Spread {
    ToOne,
    /// As arrays. What orders them is selected too, under names of its own; the name before it is of the child it comes from.
    ToMany {
        extra: Vec<(Option<String>, SelectColumn)>,
        order: Vec<OrderBy>,
    },
}

/// A child in the parent's select list.
#[derive(Debug, Clone)]
pub(crate) enum Embedded {
    Json {
        name: String,
        subselect: String,
        to_one: bool,
        /// Nothing of it is shown: it only filters.
        hidden: bool,
    },
    Spread {
        columns: Vec<SpreadColumn>,
        subselect: String,
    },
}

impl Embedded {
    pub(crate) fn subselect(&self) -> &str {
        match self {
            Self::Json { subselect, .. } | Self::Spread { subselect, .. } => subselect,
        }
    }
}

/// A column of a spread child, as the parent selects it.
#[derive(Debug, Clone, Default)]
pub(crate) struct SpreadColumn {
    pub(crate) name: String,
    pub(crate) alias: Option<String>,
    pub(crate) aggregate: Option<Aggregate>,
    pub(crate) aggregate_cast: Option<String>,
    /// See [`Column::plain`].
    pub(crate) plain: bool,
}

/// One term of ORDER BY.
#[derive(Debug, Clone)]
pub(crate) struct OrderBy {
    /// The subselect of a child, where it is ordered by one.
    pub(crate) relation: Option<String>,
    pub(crate) column: Column,
    pub(crate) descending: Option<bool>,
    pub(crate) nulls_first: Option<bool>,
}

/// A filter or a group of them.
#[derive(Debug, Clone)]
pub(crate) enum Condition {
    Group {
        negated: bool,
        any: bool,
        members: Vec<Condition>,
    },
    Filter {
        column: Column,
        negated: bool,
        operation: Operation,
    },
    /// An embed has rows, or has none.
    Embed {
        subselect: String,
        exists: bool,
    },
}

/// Calls `visit` on a node and all below it, parents first.
pub(crate) fn walk<'n>(node: &'n Node, visit: &mut impl FnMut(&'n Node)) {
    visit(node);
    for child in &node.children {
        walk(child, visit);
    }
}
