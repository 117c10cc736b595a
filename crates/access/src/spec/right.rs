//! One right: which rows, by which columns.

use std::fmt;

/// `own or published: title, body`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Right {
    /// Which rows.
    pub rows: Expr,
    /// Of an update, which rows they may become, where that is not the same.
    pub after: Option<Expr>,
    /// By which columns; `None` for all.
    pub columns: Option<Vec<String>>,
}

/// Which rows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Expr {
    /// No row.
    #[default]
    None,
    /// Each row.
    All,
    /// Those whose owner the identity is.
    Own,
    /// Those whose owner it is not, or that have none.
    Others,
    /// Those for which the named condition holds.
    Word(String),
    /// Both.
    And(Box<Self>, Box<Self>),
    /// Either.
    Or(Box<Self>, Box<Self>),
    /// Those for which this SQL holds.
    Where(String),
}

impl Default for Right {
    fn default() -> Self {
        Self { rows: Expr::None, after: None, columns: None }
    }
}

impl Right {
    /// All columns of these rows.
    pub const fn to(rows: Expr) -> Self {
        Self { rows, after: None, columns: None }
    }

    /// What a row must satisfy once it is changed.
    pub fn becoming(&self) -> &Expr {
        self.after.as_ref().unwrap_or(&self.rows)
    }

    /// Is this column among them?
    pub fn names(&self, column: &str) -> bool {
        self.columns.as_ref().is_none_or(|columns| columns.iter().any(|name| name == column))
    }

    /// Reads one.
    ///
    /// # Errors
    /// A sentence on what is wrong.
    pub fn parse(text: &str) -> Result<Self, String> {
        if let Some((before, after)) = text.split_once(" becoming ") {
            let after = Self::parse(after)?;
            return Ok(Self { rows: Self::parse(before)?.rows, after: Some(after.rows), columns: after.columns });
        }
        let text = text.trim();
        if let Some(sql) = text.strip_prefix("where ") {
            let (sql, columns) = match last_colon(sql) {
                Some(at) if columns(&sql[at + 1..]).is_ok() => (&sql[..at], Some(columns(&sql[at + 1..])?)),
                _ => (sql, None),
            };
            return Ok(Self { rows: Expr::Where(sql.trim().to_owned()), after: None, columns });
        }
        match text.split_once(':') {
            Some((rows, names)) => Ok(Self { columns: Some(columns(names)?), ..Self::to(Expr::parse(rows)?) }),
            None => Ok(Self::to(Expr::parse(text)?)),
        }
    }
}

impl Expr {
    /// Reads words that are joined by `and` and `or`; `and` binds closer.
    fn parse(text: &str) -> Result<Self, String> {
        let mut either: Option<Self> = None;
        for part in split(text, "or") {
            let mut both: Option<Self> = None;
            for word in split(&part, "and") {
                let word = Self::word(&word)?;
                both = Some(match both {
                    Some(left) => Self::And(Box::new(left), Box::new(word)),
                    None => word,
                });
            }
            let both = both.ok_or("a right is empty; say \"none\"")?;
            either = Some(match either {
                Some(left) => Self::Or(Box::new(left), Box::new(both)),
                None => both,
            });
        }
        either.ok_or_else(|| "a right is empty; say \"none\"".to_owned())
    }

    fn word(text: &str) -> Result<Self, String> {
        match text {
            "none" => Ok(Self::None),
            "all" => Ok(Self::All),
            "own" => Ok(Self::Own),
            "others" => Ok(Self::Others),
            "" => Err("a word is missing beside \"and\" or \"or\"".to_owned()),
            _ if text.chars().all(|c| c.is_alphanumeric() || c == '_') => Ok(Self::Word(text.to_owned())),
            _ => Err(format!("{text:?} is no word; join words by \"and\" and \"or\", or write \"where <SQL>\"")),
        }
    }

    /// The SQL of a `where`.
    pub fn condition(&self) -> Option<&str> {
        if let Self::Where(sql) = self { Some(sql) } else { None }
    }

    /// The words that it names.
    pub fn words(&self) -> Vec<&str> {
        match self {
            Self::Word(word) => vec![word],
            Self::And(left, right) | Self::Or(left, right) => [left.words(), right.words()].concat(),
            _ => Vec::new(),
        }
    }

    /// Does it speak of an owner?
    pub fn needs_owner(&self) -> bool {
        match self {
            Self::Own | Self::Others => true,
            Self::And(left, right) | Self::Or(left, right) => left.needs_owner() || right.needs_owner(),
            _ => false,
        }
    }
}

impl fmt::Display for Expr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => f.write_str("none"),
            Self::All => f.write_str("all"),
            Self::Own => f.write_str("own"),
            Self::Others => f.write_str("others"),
            Self::Word(word) => f.write_str(word),
            Self::And(left, right) => write!(f, "{left} and {right}"),
            Self::Or(left, right) => write!(f, "{left} or {right}"),
            Self::Where(sql) => write!(f, "where {sql}"),
        }
    }
}

impl fmt::Display for Right {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.rows)?;
        if let Some(after) = &self.after {
            write!(f, " becoming {after}")?;
        }
        let Some(columns) = &self.columns else { return Ok(()) };
        for (place, column) in columns.iter().enumerate() {
            f.write_str(if place == 0 { ": " } else { ", " })?;
            match column.chars().all(|c| c.is_alphanumeric() || c == '_') {
                true => f.write_str(column)?,
                false => f.write_str(&pg::ident(column))?,
            }
        }
        Ok(())
    }
}

/// The column that names whose row it is, perhaps through other tables.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owner {
    /// A column of the object itself.
    pub column: String,
    /// From there: `schema`, `table` and `column` of each next step.
    pub steps: Vec<(String, String, String)>,
}

impl Owner {
    /// Reads `user_id` or `course_id -> public.courses.instructor_id`.
    ///
    /// # Errors
    /// A sentence on what is wrong.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut parts = text.split("->").map(str::trim);
        let column = parts.next().filter(|column| !column.is_empty()).ok_or("an owner is a column's name")?;
        let step = |part: &str| {
            let names: Vec<_> = part.split('.').map(str::to_owned).collect();
            match <[String; 3]>::try_from(names) {
                Ok([schema, table, column]) => Ok((schema, table, column)),
                Err(_) => Err(format!("{part:?} is not schema.table.column")),
            }
        };
        Ok(Self { column: column.to_owned(), steps: parts.map(step).collect::<Result<_, _>>()? })
    }
}

impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.column)?;
        self.steps.iter().try_for_each(|(schema, table, column)| write!(f, " -> {schema}.{table}.{column}"))
    }
}

/// Splits at a whole word.
fn split(text: &str, word: &str) -> Vec<String> {
    let mut parts = vec![String::new()];
    for token in text.split_whitespace() {
        if token == word {
            parts.push(String::new());
        } else if let Some(last) = parts.last_mut() {
            if !last.is_empty() {
                last.push(' ');
            }
            last.push_str(token);
        }
    }
    parts
}

/// Reads `a, b, "odd, name"`.
fn columns(text: &str) -> Result<Vec<String>, String> {
    let mut names = Vec::new();
    let mut rest = text.trim();
    loop {
        let (name, after) = match rest.strip_prefix('"') {
            Some(quoted) => {
                let end = quoted.find('"').ok_or("a quoted column's name does not end")?;
                (quoted[..end].to_owned(), quoted[end + 1..].trim_start())
            }
            None => {
                let end = rest.find(',').unwrap_or(rest.len());
                let name = rest[..end].trim();
                if name.is_empty() || !name.chars().all(|c| c.is_alphanumeric() || c == '_') {
                    return Err(format!("{name:?} is no column's name"));
                }
                (name.to_owned(), &rest[end..])
            }
        };
        names.push(name);
        match after.strip_prefix(',') {
            Some(next) => rest = next.trim_start(),
            None if after.is_empty() => return Ok(names),
            None => return Err(format!("a comma is missing before {after:?}")),
        }
    }
}

/// The last colon that is no part of `::`.
fn last_colon(sql: &str) -> Option<usize> {
    let bytes = sql.as_bytes();
    (0..bytes.len())
        .rev()
        .find(|&at| bytes[at] == b':' && bytes.get(at + 1) != Some(&b':') && (at == 0 || bytes[at - 1] != b':'))
}
