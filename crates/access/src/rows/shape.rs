//! What a type holds, from its name as `format_type` prints it.

use crate::Schema;
use crate::schema::TypeKind;

/// How deep domains, arrays and composites may nest.
const DEPTH: usize = 8;

/// A type, seen through its domains.
#[derive(Debug, Clone)]
pub struct Shape {
    /// What it holds.
    pub kind: Kind,
    /// The `CHECK`s of its domains, over `VALUE`.
    pub checks: Vec<String>,
}

/// What values are made of.
#[derive(Debug, Clone)]
pub enum Kind {
    Bool,
    Integer(i64, i64),
    /// Precision 0: any.
    Numeric {
        precision: i32,
        scale: i32,
    },
    Float,
    Money,
    Text {
        most: Option<usize>,
    },
    Name,
    Uuid,
    Date,
    Timestamp,
    Time,
    Interval,
    Json,
    Bytes,
    Bits {
        length: i32,
        varying: bool,
    },
    Inet,
    Cidr,
    Mac {
        bytes: usize,
    },
    /// `tsvector`
    Words,
    /// `tsquery`
    Query,
    Xml,
    Geometric(String),
    /// PostGIS.
    Spatial {
        form: String,
        srid: i32,
    },
    /// pgvector.
    Vector {
        dimensions: i32,
    },
    /// `ltree`
    Path,
    /// `hstore`
    Pairs,
    Enum(Vec<String>),
    Array(Box<Shape>),
    Range(Box<Shape>),
    Multirange(Box<Shape>),
    Composite(Vec<(String, Shape)>),
    Unknown,
}

impl Shape {
    /// The shape of a type.
    pub fn of(schema: &Schema, type_sql: &str) -> Self {
        Self::at(schema, type_sql, DEPTH)
    }

    fn at(schema: &Schema, type_sql: &str, depth: usize) -> Self {
        let plain = |kind| Self { kind, checks: Vec::new() };
        if depth == 0 {
            return plain(Kind::Unknown);
        }
        if let Some(item) = type_sql.strip_suffix("[]") {
            return plain(Kind::Array(Box::new(Self::at(schema, item, depth - 1))));
        }
        let (namespace, name) = split_name(type_sql);
        let own = namespace.as_deref().and_then(|n| schema.types.iter().find(|t| t.schema == n && t.name == name));
        let Some(own) = own else { return plain(built_in(type_sql, &name)) };
        match own.kind {
            TypeKind::Enum => plain(Kind::Enum(own.labels.clone())),
            TypeKind::Domain => {
                let mut inner = Self::at(schema, own.base.as_deref().unwrap_or_default(), depth - 1);
                inner.checks.extend(own.checks.iter().cloned());
                inner
            }
            TypeKind::Range => {
                plain(Kind::Range(Box::new(Self::at(schema, own.base.as_deref().unwrap_or_default(), depth - 1))))
            }
            TypeKind::Composite => {
                let part = |(name, type_sql): &(String, String)| (name.clone(), Self::at(schema, type_sql, depth - 1));
                plain(Kind::Composite(own.attributes.iter().map(part).collect()))
            }
        }
    }

    /// The values that there are, where they are few.
    pub fn labels(&self) -> Option<Vec<String>> {
        match &self.kind {
            Kind::Bool => Some(vec!["false".to_owned(), "true".to_owned()]),
            Kind::Enum(labels) => Some(labels.clone()),
            _ => None,
        }
    }
}

/// Schema and name of `schema."Type"(mods)`, unquoted; words of a built-in type stay together.
fn split_name(type_sql: &str) -> (Option<String>, String) {
    let mut parts = vec![String::new()];
    let mut quoted = false;
    for c in type_sql.chars() {
        match c {
            '"' => quoted = !quoted,
            '.' if !quoted => parts.push(String::new()),
            '(' if !quoted => break,
            c => {
                if let Some(last) = parts.last_mut() {
                    last.push(c);
                }
            }
        }
    }
    let name = parts.pop().unwrap_or_default().trim_end().to_owned();
    (parts.pop(), name)
}

/// What stands between the brackets of `numeric(10,2)`.
fn modifiers(type_sql: &str) -> Vec<&str> {
    let inner = type_sql.split_once('(').and_then(|(_, rest)| rest.split_once(')')).map(|(inner, _)| inner);
    inner.map_or_else(Vec::new, |inner| inner.split(',').map(str::trim).collect())
}

fn built_in(type_sql: &str, name: &str) -> Kind {
    let modifiers = modifiers(type_sql);
    let number = |at: usize| modifiers.get(at).and_then(|text| text.parse::<i32>().ok());
    let range = |kind: Kind| Box::new(Shape { kind, checks: Vec::new() });
    match name {
        "boolean" => Kind::Bool,
        "smallint" => Kind::Integer(i64::from(i16::MIN), i64::from(i16::MAX)),
        "integer" => Kind::Integer(i64::from(i32::MIN), i64::from(i32::MAX)),
        // What JavaScript reads exactly.
        "bigint" => Kind::Integer(-(1 << 53), 1 << 53),
        "oid" => Kind::Integer(1, 1 << 30),
        "numeric" => Kind::Numeric {
            precision: number(0).unwrap_or(0),
            scale: number(1).unwrap_or(if modifiers.is_empty() { 2 } else { 0 }),
        },
        "real" | "double precision" => Kind::Float,
        "money" => Kind::Money,
        "text" | "citext" => Kind::Text { most: None },
        "character varying" => Kind::Text { most: number(0).and_then(|n| usize::try_from(n).ok()) },
        "character" | "\"char\"" | "char" => {
            Kind::Text { most: Some(number(0).and_then(|n| usize::try_from(n).ok()).unwrap_or(1)) }
        }
        "name" => Kind::Name,
        "uuid" => Kind::Uuid,
        "date" => Kind::Date,
        "json" | "jsonb" => Kind::Json,
        "bytea" => Kind::Bytes,
        "bit" => Kind::Bits { length: number(0).unwrap_or(1), varying: false },
        "bit varying" => Kind::Bits { length: number(0).unwrap_or(16), varying: true },
        "inet" => Kind::Inet,
        "cidr" => Kind::Cidr,
        "macaddr" => Kind::Mac { bytes: 6 },
        "macaddr8" => Kind::Mac { bytes: 8 },
        "tsvector" => Kind::Words,
        "tsquery" => Kind::Query,
        "xml" => Kind::Xml,
        "point" | "line" | "lseg" | "path" | "box" | "circle" | "polygon" => Kind::Geometric(name.to_owned()),
        "geometry" | "geography" => Kind::Spatial {
            form: modifiers.first().map_or_else(|| "point".to_owned(), |form| form.to_lowercase()),
            srid: number(1).unwrap_or(if name == "geography" { 4326 } else { 0 }),
        },
        "vector" | "halfvec" => Kind::Vector { dimensions: number(0).unwrap_or(3) },
        "ltree" => Kind::Path,
        "hstore" => Kind::Pairs,
        "int4range" | "int8range" => Kind::Range(range(Kind::Integer(0, 1 << 30))),
        "numrange" => Kind::Range(range(Kind::Float)),
        "tsrange" | "tstzrange" => Kind::Range(range(Kind::Timestamp)),
        "daterange" => Kind::Range(range(Kind::Date)),
        "int4multirange" | "int8multirange" => Kind::Multirange(range(Kind::Integer(0, 1 << 30))),
        "nummultirange" => Kind::Multirange(range(Kind::Float)),
        "tsmultirange" | "tstzmultirange" => Kind::Multirange(range(Kind::Timestamp)),
        "datemultirange" => Kind::Multirange(range(Kind::Date)),
        _ if name.starts_with("timestamp") => Kind::Timestamp,
        _ if name.starts_with("time") => Kind::Time,
        _ if name.starts_with("interval") => Kind::Interval,
        _ => Kind::Unknown,
    }
}
