//! How relations lead to one another: foreign keys, views over them, junctions, and functions that say so.

use ahash::AHashMap;
use serde::Serialize;

use crate::key_dependencies::{KeyDependency, KeyKind};
use crate::{QualifiedName, Table};

/// A column of the origin and the column of the target that it equals.
pub type ColumnPair = (String, String);

/// A way from one relation to another. The order of variants and fields is the order in which errors list them.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub enum Relationship {
    /// By a foreign key, of tables or of views that show its columns.
    Detected {
        /// Where it starts.
        table: QualifiedName,
        /// Where it leads.
        foreign_table: QualifiedName,
        /// Both are the same relation.
        is_self: bool,
        /// How many to how many, and by which columns.
        cardinality: Cardinality,
        /// The start is a view.
        table_is_view: bool,
        /// The target is a view.
        foreign_is_view: bool,
    },
    /// By a function that takes a row of the one and returns rows of the other.
    Computed {
        /// The function.
        function: QualifiedName,
        /// The relation whose row it takes.
        table: QualifiedName,
        /// The relation whose rows it returns.
        foreign_table: QualifiedName,
        /// It returns one row at most.
        to_one: bool,
        /// Both are the same relation.
        is_self: bool,
    },
}

/// How many rows meet how many.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub enum Cardinality {
    /// One row here, many there.
    OneToMany {
        /// The foreign key's name.
        constraint: String,
        /// Pairs (here, there).
        columns: Vec<ColumnPair>,
    },
    /// Many here, one there.
    ManyToOne {
        /// The foreign key's name.
        constraint: String,
        /// Pairs (here, there).
        columns: Vec<ColumnPair>,
    },
    /// One here, one there: the foreign key is unique.
    OneToOne {
        /// The foreign key's name.
        constraint: String,
        /// Pairs (here, there).
        columns: Vec<ColumnPair>,
        /// The foreign key is on the other side.
        is_parent: bool,
    },
    /// Through a table that holds both keys.
    ManyToMany(Junction),
}

/// The table between two others.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Junction {
    /// The table.
    pub table: QualifiedName,
    /// Its foreign key to the origin.
    pub constraint_source: String,
    /// Its foreign key to the target.
    pub constraint_target: String,
    /// Pairs (origin, junction).
    pub columns_source: Vec<ColumnPair>,
    /// Pairs (target, junction).
    pub columns_target: Vec<ColumnPair>,
}

impl Relationship {
    /// Where it starts.
    pub fn table(&self) -> &QualifiedName {
        match self {
            Self::Detected { table, .. } | Self::Computed { table, .. } => table,
        }
    }

    /// Where it leads.
    pub fn foreign_table(&self) -> &QualifiedName {
        match self {
            Self::Detected { foreign_table, .. } | Self::Computed { foreign_table, .. } => foreign_table,
        }
    }

    /// Does it lead to one row at most?
    pub fn is_to_one(&self) -> bool {
        match self {
            Self::Detected { cardinality, .. } => {
                matches!(cardinality, Cardinality::ManyToOne { .. } | Cardinality::OneToOne { .. })
            }
            Self::Computed { to_one, .. } => *to_one,
        }
    }

    /// The columns of the origin that the join needs.
    pub fn origin_columns(&self) -> Vec<&str> {
        match self {
            Self::Detected { cardinality, .. } => cardinality.origin_columns(),
            Self::Computed { .. } => Vec::new(),
        }
    }
}

impl Cardinality {
    fn origin_columns(&self) -> Vec<&str> {
        let pairs = match self {
            Self::OneToMany { columns, .. } | Self::ManyToOne { columns, .. } | Self::OneToOne { columns, .. } => {
                columns
            }
            Self::ManyToMany(junction) => &junction.columns_source,
        };
        pairs.iter().map(|(here, _)| here.as_str()).collect()
    }

    /// The foreign key and its columns, where there is exactly one.
    pub fn foreign_key(&self) -> Option<(&str, &[ColumnPair])> {
        match self {
            Self::OneToMany { constraint, columns }
            | Self::ManyToOne { constraint, columns }
            | Self::OneToOne { constraint, columns, .. } => Some((constraint, columns)),
            Self::ManyToMany(_) => None,
        }
    }
}

/// A foreign key as the database has it.
#[derive(Debug, Clone)]
pub(crate) struct ForeignKey {
    pub(crate) id: u32,
    pub(crate) name: String,
    pub(crate) table: QualifiedName,
    pub(crate) foreign_table: QualifiedName,
    pub(crate) columns: Vec<ColumnPair>,
    pub(crate) unique: bool,
}

/// All relationships: foreign keys, the same through views, junctions, and each the other way round; computed ones replace
/// detected ones that lead to a relation of the function's name.
pub(crate) fn relationships(
    keys: &[ForeignKey],
    dependencies: &[KeyDependency],
    tables: &AHashMap<QualifiedName, Table>,
    computed: Vec<Relationship>,
    exposed: &[String],
) -> AHashMap<(QualifiedName, String), Vec<Relationship>> {
    let mut all = forward(keys, dependencies);
    let junctions = junctions(&all, tables);
    all.extend(junctions);
    let inverse: Vec<Relationship> = all.iter().filter_map(inverse).collect();
    all.extend(inverse);

    let overridden: AHashMap<(QualifiedName, QualifiedName), Relationship> = computed
        .into_iter()
        .filter_map(|rel| match &rel {
            Relationship::Computed { function, table, .. } => Some(((table.clone(), function.clone()), rel)),
            Relationship::Detected { .. } => None,
        })
        .collect();
    all.retain(|rel| !overridden.contains_key(&(rel.table().clone(), rel.foreign_table().clone())));
    all.extend(overridden.into_values());

    let is_exposed = |name: &QualifiedName| exposed.contains(&name.schema);
    let mut map: AHashMap<(QualifiedName, String), Vec<Relationship>> = AHashMap::new();
    for rel in all {
        let schema = match &rel {
            Relationship::Computed { function, .. } => &function.schema,
            Relationship::Detected { foreign_table, .. } => &foreign_table.schema,
        };
        let junction_hidden = matches!(&rel, Relationship::Detected { cardinality: Cardinality::ManyToMany(j), .. }
            if !is_exposed(&j.table));
        if is_exposed(rel.table()) {
            // A relation whose relationships are all hidden is known all the same: errors must not suggest another.
            let list = map.entry((rel.table().clone(), schema.clone())).or_default();
            if is_exposed(rel.foreign_table()) && !junction_hidden {
                list.push(rel);
            }
        }
    }
    for list in map.values_mut() {
        list.sort();
        list.shrink_to_fit();
    }
    map
}

/// Foreign keys as many-to-one or one-to-one, from and to tables and the views that show their columns.
fn forward(keys: &[ForeignKey], dependencies: &[KeyDependency]) -> Vec<Relationship> {
    let mut by_key: AHashMap<(u32, KeyKind), Vec<&KeyDependency>> = AHashMap::new();
    for dependency in dependencies {
        by_key.entry((dependency.constraint, dependency.kind)).or_default().push(dependency);
    }
    let mut all = Vec::new();
    for key in keys {
        let (here, there): (Vec<String>, Vec<String>) = key.columns.iter().cloned().unzip();
        let views = |kind| by_key.get(&(key.id, kind)).into_iter().flatten();
        // Every end of the key: the table itself and each way in which a view shows the columns.
        let ends = |table: &QualifiedName, columns: &[String], kind| {
            let mut ends = vec![(table.clone(), columns.to_vec(), false)];
            for view in views(kind) {
                ends.extend(combinations(&view.columns).into_iter().map(|c| (view.view.clone(), c, true)));
            }
            ends
        };
        let targets = ends(&key.foreign_table, &there, KeyKind::Referenced);
        for (table, columns, table_is_view) in ends(&key.table, &here, KeyKind::Foreign) {
            for (foreign_table, foreign_columns, foreign_is_view) in &targets {
                let pairs: Vec<ColumnPair> = columns.iter().cloned().zip(foreign_columns.iter().cloned()).collect();
                let cardinality = if key.unique {
                    Cardinality::OneToOne { constraint: key.name.clone(), columns: pairs, is_parent: false }
                } else {
                    Cardinality::ManyToOne { constraint: key.name.clone(), columns: pairs }
                };
                all.push(Relationship::Detected {
                    is_self: table == *foreign_table,
                    table: table.clone(),
                    foreign_table: foreign_table.clone(),
                    cardinality,
                    table_is_view,
                    foreign_is_view: *foreign_is_view,
                });
            }
        }
    }
    all
}

/// One column out of each list, in every way.
fn combinations(lists: &[Vec<String>]) -> Vec<Vec<String>> {
    /// A view that shows every column of a wide key several times would make more relationships than anyone can name.
    const LIMIT: usize = 64;
    lists.iter().fold(vec![Vec::new()], |acc, list| {
        acc.iter()
            .flat_map(|prefix| {
                list.iter().map(move |column| {
                    let mut next = prefix.clone();
                    next.push(column.clone());
                    next
                })
            })
            .take(LIMIT)
            .collect()
    })
}

fn junctions(forward: &[Relationship], tables: &AHashMap<QualifiedName, Table>) -> Vec<Relationship> {
    let mut by_table: AHashMap<&QualifiedName, Vec<&Relationship>> = AHashMap::new();
    for rel in forward {
        if matches!(rel, Relationship::Detected { cardinality: Cardinality::ManyToOne { .. }, .. }) {
            by_table.entry(rel.table()).or_default().push(rel);
        }
    }
    let mut found = Vec::new();
    for (junction, rels) in by_table {
        // Of a hidden table the key is not known; what leads through it is hidden all the same.
        let key = tables.get(junction).map(|t| t.primary_key.as_slice());
        for source in &rels {
            for target in &rels {
                found.extend(junction_between(key, junction, source, target));
            }
        }
    }
    found
}

fn junction_between(
    primary_key: Option<&[String]>,
    junction: &QualifiedName,
    source: &Relationship,
    target: &Relationship,
) -> Option<Relationship> {
    let parts = |rel: &Relationship| match rel {
        Relationship::Detected {
            cardinality: Cardinality::ManyToOne { constraint, columns },
            foreign_table,
            foreign_is_view,
            ..
        } => Some((constraint.clone(), columns.clone(), foreign_table.clone(), *foreign_is_view)),
        _ => None,
    };
    let (constraint_source, source_columns, origin, origin_is_view) = parts(source)?;
    let (constraint_target, target_columns, goal, goal_is_view) = parts(target)?;
    let in_key = |(here, _): &ColumnPair| primary_key.is_none_or(|key| key.contains(here));
    if constraint_source == constraint_target
        || !source_columns.iter().all(in_key)
        || !target_columns.iter().all(in_key)
    {
        return None;
    }
    let swap = |pairs: Vec<ColumnPair>| pairs.into_iter().map(|(a, b)| (b, a)).collect();
    Some(Relationship::Detected {
        is_self: origin == goal,
        table: origin,
        foreign_table: goal,
        cardinality: Cardinality::ManyToMany(Junction {
            table: junction.clone(),
            constraint_source,
            constraint_target,
            columns_source: swap(source_columns),
            columns_target: swap(target_columns),
        }),
        table_is_view: origin_is_view,
        foreign_is_view: goal_is_view,
    })
}

fn inverse(rel: &Relationship) -> Option<Relationship> {
    let Relationship::Detected { table, foreign_table, is_self, cardinality, table_is_view, foreign_is_view } = rel
    else {
        return None;
    };
    let swap = |pairs: &[ColumnPair]| pairs.iter().map(|(a, b)| (b.clone(), a.clone())).collect();
    let cardinality = match cardinality {
        Cardinality::ManyToOne { constraint, columns } => {
            Cardinality::OneToMany { constraint: constraint.clone(), columns: swap(columns) }
        }
        Cardinality::OneToOne { constraint, columns, is_parent } => {
            Cardinality::OneToOne { constraint: constraint.clone(), columns: swap(columns), is_parent: !is_parent }
        }
        Cardinality::OneToMany { .. } | Cardinality::ManyToMany(_) => return None,
    };
    Some(Relationship::Detected {
        table: foreign_table.clone(),
        foreign_table: table.clone(),
        is_self: *is_self,
        cardinality,
        table_is_view: *foreign_is_view,
        foreign_is_view: *table_is_view,
    })
}
