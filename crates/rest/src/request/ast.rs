//! What a query string says, before anything is known of the schema.

/// A value of a filter. Where the same request comes again with another value, only this changes: see `slot`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Value {
    /// The text as given.
    pub(crate) text: String,
    /// Which parameter of the query string it was, if the request is remembered by its shape.
    pub(crate) slot: Option<u16>,
}

impl Value {
    pub(crate) fn new(text: impl Into<String>) -> Self {
        Self { text: text.into(), slot: None }
    }
}

/// `data->a->>0`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub(crate) struct Field {
    /// The column, computed column or embedded resource.
    pub(crate) name: String,
    /// Steps into JSON.
    pub(crate) path: Vec<JsonStep>,
}

/// One step into JSON.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct JsonStep {
    /// `->>` and not `->`.
    pub(crate) as_text: bool,
    /// Where to.
    pub(crate) to: JsonOperand,
}

/// A key or an index with its sign.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum JsonOperand {
    Key(String),
    Index(String),
}

/// One item of `select=`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum SelectItem {
    Field(SelectField),
    Embed(Embed),
}

/// A column to return.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct SelectField {
    pub(crate) field: Field,
    pub(crate) alias: Option<String>,
    pub(crate) cast: Option<String>,
    pub(crate) aggregate: Option<Aggregate>,
    pub(crate) aggregate_cast: Option<String>,
}

/// A related resource to return.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Embed {
    pub(crate) relation: String,
    pub(crate) alias: Option<String>,
    pub(crate) hint: Option<String>,
    pub(crate) join: Option<Join>,
    /// `...relation(…)`: its columns go into the parent.
    pub(crate) spread: bool,
    pub(crate) items: Vec<SelectItem>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Join {
    Inner,
    Left,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Aggregate {
    Sum,
    Avg,
    Count,
    Max,
    Min,
}

impl Aggregate {
    /// The function's name, as PostgreSQL labels the column.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Sum => "sum",
            Self::Avg => "avg",
            Self::Count => "count",
            Self::Max => "max",
            Self::Min => "min",
        }
    }
}

/// A field and what it must fulfil.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Filter {
    pub(crate) field: Field,
    pub(crate) negated: bool,
    pub(crate) operation: Operation,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Operation {
    /// An operator with one value.
    Binary {
        operator: Operator,
        quantifier: Option<Quantifier>,
        value: Value,
    },
    /// `in.(…)`.
    In(Vec<String>),
    /// `is.null` and its like.
    Is(Truth),
    IsDistinct(Value),
    Search {
        kind: Search,
        language: Option<String>,
        value: Value,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Operator {
    Equal,
    NotEqual,
    Greater,
    GreaterEqual,
    Less,
    LessEqual,
    Like,
    ILike,
    Match,
    IMatch,
    Contains,
    Contained,
    Overlap,
    StrictlyLeft,
    StrictlyRight,
    NotExtendsRight,
    NotExtendsLeft,
    Adjacent,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Quantifier {
    Any,
    All,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Truth {
    Null,
    NotNull,
    True,
    False,
    Unknown,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Search {
    Full,
    Plain,
    Phrase,
    Web,
}

/// `and(…)`, `or(…)` and filters in them.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Logic {
    Group { negated: bool, any: bool, members: Vec<Logic> },
    Filter(Filter),
}

/// One term of `order=`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct OrderTerm {
    /// The embedded resource whose column it is.
    pub(crate) relation: Option<String>,
    pub(crate) field: Field,
    pub(crate) descending: Option<bool>,
    pub(crate) nulls_first: Option<bool>,
}

/// The names of embedded resources that lead to one.
pub(crate) type EmbedPath = Vec<String>;
