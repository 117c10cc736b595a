//! A value of a type, under facts.

use super::day::{DAY, date, moment, timestamp};
use super::expression::Value;
use super::facts::Fact;
use super::json;
use super::lifelike::{self, Subject};
use super::random::Random;
use super::shape::{Kind, Shape};
use super::texts::{lengths, text};

/// How often a number that is refused is drawn again.
const TRIES: usize = 12;

/// What a value is for.
pub struct Wanted<'a> {
    /// The table's name.
    pub table: &'a str,
    /// The column's name.
    pub column: &'a str,
    /// Its type.
    pub shape: &'a Shape,
    /// What its checks ask.
    pub facts: &'a [&'a Fact],
    /// The day that times are relative to, in seconds since 1970.
    pub today: i64,
    /// A value that no other row has: `0` asks for nothing, others make it ever more unlike.
    pub distinct: u64,
    /// Another kind of value, where a check does not take the usual one (`0`).
    pub style: u64,
}

/// A value in PostgreSQL's input syntax, or `None` where the type is not known to us.
pub fn make(wanted: &Wanted<'_>, subject: &mut Subject, random: &mut Random) -> Option<String> {
    if let Some(choice) = choice(wanted, random) {
        return Some(choice);
    }
    let name = wanted.column.to_lowercase();
    Some(match &wanted.shape.kind {
        Kind::Bool => {
            random.percent(if name.contains("is_") || name.contains("published") { 70 } else { 50 }).to_string()
        }
        Kind::Integer(low, high) => integer(wanted, &name, *low, *high, random).to_string(),
        Kind::Numeric { precision, scale } => numeric(wanted, &name, *precision, *scale, random),
        Kind::Float => format!("{:.4}", number(wanted, &name, -1e6, 1e6, random)),
        Kind::Money => format!("{:.2}", number(wanted, &name, 0.0, 1e5, random)),
        Kind::Text { most } => text(wanted, *most, subject, random),
        Kind::Name => random.pick(&["public", "main", "other"]).to_owned(),
        Kind::Uuid => random.uuid(),
        Kind::Date => date(time(wanted, &name, DAY, random)),
        Kind::Timestamp => timestamp(time(wanted, &name, 1, random)),
        Kind::Time => clock(time_of_day(wanted, random)),
        Kind::Interval => interval(wanted, random),
        Kind::Json => json::make(wanted, subject, random),
        Kind::Bytes => {
            let (least, most) = lengths(wanted, usize::MAX);
            let length = if least > 0 || most < 8 { least.max(1).min(most) } else { 8 };
            format!("\\x{}", random.hex(2 * length.min(1 << 16)))
        }
        Kind::Bits { length, varying } => {
            let length = if *varying {
                random.between(1, i64::from((*length).clamp(1, 16)))
            } else {
                i64::from((*length).max(1))
            };
            (0..length).map(|_| if random.percent(50) { '1' } else { '0' }).collect()
        }
        Kind::Inet => format!("203.0.113.{}", random.between(1, 254)),
        Kind::Cidr => format!("10.{}.{}.0/24", random.between(0, 255), random.between(0, 255)),
        Kind::Mac { bytes } => (0..*bytes).map(|_| random.hex(2)).collect::<Vec<_>>().join(":"),
        Kind::Words => {
            let sentence = lifelike::sentence(random).to_lowercase();
            sentence.trim_end_matches('.').split(' ').map(|word| format!("'{word}'")).collect::<Vec<_>>().join(" ")
        }
        Kind::Query => "'learn' & 'rust'".to_owned(),
        Kind::Xml => format!("<note>{}</note>", lifelike::sentence(random)),
        Kind::Geometric(form) => geometric(form, random),
        Kind::Spatial { form, srid } => spatial(form, *srid, random),
        Kind::Vector { dimensions } => {
            let parts: Vec<_> =
                (0..(*dimensions).clamp(1, 4096)).map(|_| format!("{:.3}", random.float(-1.0, 1.0))).collect();
            format!("[{}]", parts.join(","))
        }
        Kind::Path => format!("{}.{}", random.hex(4), random.hex(4)),
        Kind::Pairs => format!("colour=>{}, size=>{}", random.hex(3), random.between(1, 9)),
        Kind::Enum(labels) => labels.get(random.below(labels.len()))?.clone(),
        Kind::Array(item) => array(wanted, item, subject, random)?,
        Kind::Range(item) => range(wanted, item, random)?,
        Kind::Multirange(item) => format!("{{{}}}", range(wanted, item, random)?),
        Kind::Composite(parts) => {
            let parts = parts.iter().map(|(column, shape)| {
                let part = make(&Wanted { column, shape, facts: &[], ..*wanted }, subject, random)?;
                Some(quote_item(&part, ','))
            });
            format!("({})", parts.collect::<Option<Vec<_>>>()?.join(","))
        }
        Kind::Unknown => return None,
    })
}

/// Where checks leave a choice between constants.
fn choice(wanted: &Wanted<'_>, random: &mut Random) -> Option<String> {
    let mut from: Option<Vec<&String>> = None;
    for fact in wanted.facts {
        if let Fact::OneOf(values) = fact {
            from = Some(match from {
                Some(from) => from.into_iter().filter(|value| values.contains(value)).collect(),
                None => values.iter().collect(),
            });
        }
    }
    let mut from = from?;
    from.retain(|value| allowed(wanted, value));
    from.get(random.below(from.len())).map(|value| (*value).clone())
}

/// Is it none of those that a check refuses?
pub fn allowed(wanted: &Wanted<'_>, value: &str) -> bool {
    !wanted.facts.iter().any(|fact| matches!(fact, Fact::NoneOf(values) if values.iter().any(|v| v == value)))
}

/// The least and the greatest that checks allow, from `low` to `high`; `step` is what "greater than" adds.
fn bounds(wanted: &Wanted<'_>, mut low: f64, mut high: f64, step: f64) -> (f64, f64) {
    for fact in wanted.facts {
        match fact {
            Fact::Min(value, included) => low = low.max(if *included { *value } else { value + step }),
            Fact::Max(value, included) => high = high.min(if *included { *value } else { value - step }),
            Fact::Within(from, below) => (low, high) = (low.max(*from), high.min(below - step)),
            _ => {}
        }
    }
    (low, high.max(low))
}

/// A number as its column's name suggests, inside of what type and checks allow.
fn number(wanted: &Wanted<'_>, name: &str, low: f64, high: f64, random: &mut Random) -> f64 {
    let (usual_low, usual_high) = usual(name);
    let (low, high) = bounds(wanted, low, high, 1e-4);
    let (mut from, mut to) = (usual_low.max(low), usual_high.min(high));
    if from > to {
        // The checks want something unusual: near the end that they allow.
        (from, to) = if usual_low > high { (low.max(high - 1000.0), high) } else { (low, high.min(low + 1000.0)) };
    }
    if wanted.distinct > 0 {
        (from, to) = (low, high.min(low + 1e6 + wanted.distinct as f64 * 1000.0));
    }
    random.float(from, to)
}

fn integer(wanted: &Wanted<'_>, name: &str, low: i64, high: i64, random: &mut Random) -> i64 {
    let (low, high) = bounds(wanted, low as f64, high as f64, 1.0);
    let (low, high) = (low.ceil() as i64, high.floor() as i64);
    let (usual_low, usual_high) = usual(name);
    let (mut from, mut to) = ((usual_low as i64).max(low), (usual_high as i64).min(high));
    if from > to {
        (from, to) = if (usual_low as i64) > high {
            (low.max(high - 1000), high)
        } else {
            (low, high.min(low.saturating_add(1000)))
        };
    }
    if wanted.distinct % 3 == 2 {
        // What is compared with a count or a position is small.
        let start = low.max(0).min(high);
        (from, to) = (start, high.min(start.saturating_add(4)));
    } else if wanted.distinct > 0 {
        let span = 1_000_000_i64.saturating_add(wanted.distinct as i64 * 1000);
        let start = low.max(0).min(high);
        (from, to) = (start, high.min(start.saturating_add(span)));
        if from == to {
            from = low;
        }
    }
    let mut value = random.between(from, to);
    // 19.99, 49.99: as prices are.
    if (name.contains("price") || name.contains("amount"))
        && name.contains("cents")
        && value / 100 * 100 + 99 <= to
        && value > 100
    {
        value = value / 100 * 100 + 99;
    }
    for _ in 0..TRIES {
        if allowed(wanted, &value.to_string()) {
            break;
        }
        value = random.between(from, to);
    }
    for fact in wanted.facts {
        if let Fact::Multiple(unit) = fact {
            let unit = (*unit as i64).max(1);
            value = value.div_euclid(unit) * unit;
            value += if value < low { unit } else { 0 };
        }
    }
    value
}

fn numeric(wanted: &Wanted<'_>, name: &str, precision: i32, scale: i32, random: &mut Random) -> String {
    let whole_digits = (precision - scale).clamp(-10, 15);
    let step = 10_f64.powi(-scale.clamp(-10, 10));
    let most = if precision > 0 { 10_f64.powi(whole_digits) - step } else { 1e9 };
    let (low, high) = bounds(wanted, -most, most, step);
    let value = number(wanted, name, -most, most, random).clamp(low, high);
    // Rounded towards the inside, so that a bound is kept.
    let rounded = (value / step).floor() * step;
    let rounded = if rounded < low { (low / step).ceil() * step } else { rounded };
    format!("{rounded:.*}", usize::try_from(scale.max(0)).unwrap_or(0))
}

/// What numbers of this name usually are.
fn usual(name: &str) -> (f64, f64) {
    let any = |parts: &[&str]| parts.iter().any(|part| name.contains(part));
    if any(&["cents"]) {
        (500.0, 30_000.0)
    } else if any(&["rating", "stars"]) {
        (1.0, 5.0)
    } else if any(&["percent", "progress", "score"]) {
        (0.0, 100.0)
    } else if any(&["price", "amount", "total", "cost", "fee", "revenue", "salary"]) {
        (5.0, 500.0)
    } else if any(&["latitude"]) || name == "lat" {
        (-60.0, 70.0)
    } else if any(&["longitude"]) || matches!(name, "lng" | "lon") {
        (-170.0, 170.0)
    } else if any(&["year"]) {
        (1990.0, 2026.0)
    } else if name == "age" || name.ends_with("_age") {
        (18.0, 80.0)
    } else if any(&["position", "sort", "order", "index", "rank", "priority", "level", "attempt"]) {
        (0.0, 20.0)
    } else if any(&["width", "height"]) {
        (200.0, 4000.0)
    } else if any(&["bytes", "size"]) {
        (1_000.0, 5_000_000.0)
    } else if any(&["quantity", "count", "number_of", "stock"]) {
        (0.0, 60.0)
    } else {
        (1.0, 1000.0)
    }
}

fn time(wanted: &Wanted<'_>, name: &str, step: i64, random: &mut Random) -> i64 {
    let guess = moment(name, wanted.today, random)
        + if wanted.distinct > 0 { random.between(0, 900 * DAY) - 450 * DAY } else { 0 };
    let far = 200 * 365 * DAY;
    let (low, high) = bounds(wanted, (wanted.today - far) as f64, (wanted.today + far) as f64, step as f64);
    let (low, high) = (low as i64, high as i64);
    for fact in wanted.facts {
        if let Fact::Start(unit) = fact
            && let Some(start) = super::expression::start_of(unit, guess.clamp(low, high) as f64)
        {
            return start as i64;
        }
    }
    if guess >= low && guess <= high {
        return guess;
    }
    // A partition of one month, say: anywhere inside; else near the bound that was crossed.
    let (from, to) = if high - low < 1000 * DAY {
        (low, high)
    } else if guess < low {
        (low, low + 90 * DAY)
    } else {
        (high - 90 * DAY, high)
    };
    random.between(from, to)
}

/// A time of day, in seconds.
fn time_of_day(wanted: &Wanted<'_>, random: &mut Random) -> i64 {
    let (low, high) = bounds(wanted, 0.0, 86399.0, 1.0);
    let (from, to) = (low.max(6.0 * 3600.0).min(high), high.min(22.5 * 3600.0).max(low));
    let second = random.between(from.min(to) as i64, to as i64);
    // On the quarter, where that is inside.
    let quarter = second / 900 * 900;
    if (quarter as f64) < low { second } else { quarter }
}

fn clock(seconds: i64) -> String {
    format!("{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60)
}

fn interval(wanted: &Wanted<'_>, random: &mut Random) -> String {
    const USUAL: [&str; 5] = ["00:30:00", "01:00:00", "1 day", "7 days", "1 mon"];
    let (low, high) = bounds(wanted, 0.0, 1e9, 1.0);
    let fits = |text: &&&str| super::expression::interval(text).is_some_and(|span| span >= low && span <= high);
    let usual: Vec<&&str> = USUAL.iter().filter(fits).collect();
    match usual.get(random.below(usual.len())) {
        Some(text) => (**text).to_owned(),
        None => clock(random.between(low as i64, high.min(low + 86400.0) as i64)),
    }
}

/// `tags`, `items`: but not `settings`, `preferences` and the like, which are objects.
pub fn plural(column: &str) -> bool {
    ["tags", "items", "images", "features", "steps", "options", "links", "skills"]
        .iter()
        .any(|word| column.ends_with(word))
}

fn array(wanted: &Wanted<'_>, item: &Shape, subject: &mut Subject, random: &mut Random) -> Option<String> {
    let (given_least, given_most) = lengths(wanted, usize::MAX);
    let mut among = None;
    let mut items: Vec<String> = Vec::new();
    for fact in wanted.facts {
        match fact {
            Fact::Items(items) => among = Some(items),
            Fact::Holds(Value::Array(held)) => {
                items.extend(
                    held.iter().filter_map(|item| super::facts::texts(item)?.pop()).map(|text| quote_item(&text, ',')),
                );
            }
            Fact::Holds(Value::Text(held)) => {
                let held = super::expression::array_items(held).unwrap_or_default();
                items.extend(held.iter().map(|text| quote_item(text, ',')));
            }
            _ => {}
        }
    }
    let least = if given_least > 0 { given_least } else { 1.min(given_most) };
    let most = given_most.max(least).min(least + 2 + usize::from(given_least > 0));
    let count = random.between(least.min(most) as i64, most as i64);
    for _ in items.len() as i64..count {
        let text = match among {
            Some(among) => among.get(random.below(among.len()))?.clone(),
            None if plural(wanted.column) && matches!(item.kind, Kind::Text { .. }) => {
                lifelike::text(wanted.table, "tag", subject, random).to_lowercase()
            }
            None => make(&Wanted { shape: item, facts: &[], ..*wanted }, subject, random)?,
        };
        // The same tag twice is not lifelike, but too few would break a check.
        let quoted = quote_item(&text, ',');
        if !items.contains(&quoted) || items.len() < least {
            items.push(quoted);
        }
    }
    Some(format!("{{{}}}", items.join(",")))
}

/// An item of an array or record, quoted where it must be.
fn quote_item(text: &str, separator: char) -> String {
    let plain = !text.is_empty()
        && !text.eq_ignore_ascii_case("null")
        && text.chars().all(|c| c.is_alphanumeric() || (matches!(c, '-' | '_' | '.' | ':' | '@') && c != separator));
    if plain { text.to_owned() } else { format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"")) }
}

fn range(wanted: &Wanted<'_>, item: &Shape, random: &mut Random) -> Option<String> {
    let name = wanted.column.to_lowercase();
    Some(match &item.kind {
        Kind::Timestamp => {
            let from =
                moment("start", wanted.today, random) + random.between(0, 400) * DAY * i64::from(wanted.distinct > 0);
            format!("[\"{}\",\"{}\")", timestamp(from), timestamp(from + random.between(1, 6) * 1800))
        }
        Kind::Date => {
            let from = moment("start", wanted.today, random);
            format!("[{},{})", date(from), date(from + random.between(1, 14) * DAY))
        }
        Kind::Integer(..) | Kind::Numeric { .. } | Kind::Float => {
            let from = integer(&Wanted { facts: &[], ..*wanted }, &name, 0, 1_000_000, random);
            format!("[{from},{})", from + random.between(1, 100))
        }
        _ => return None,
    })
}

fn geometric(form: &str, random: &mut Random) -> String {
    let mut point = || format!("({:.2},{:.2})", random.float(0.0, 90.0), random.float(0.0, 90.0));
    match form {
        "point" => point(),
        "line" => "{1,-1,0}".to_owned(),
        "lseg" | "path" => format!("[{},{}]", point(), point()),
        "box" => format!("{},{}", point(), point()),
        "circle" => format!("<{},3>", point()),
        _ => format!("({},{},{})", point(), point(), point()),
    }
}

/// Well-known text of PostGIS, near the middle of Europe.
fn spatial(form: &str, srid: i32, random: &mut Random) -> String {
    let (x, y) = (random.float(-5.0, 25.0), random.float(40.0, 58.0));
    let point = |dx: f64, dy: f64| format!("{:.5} {:.5}", x + dx, y + dy);
    let ring = format!("({},{},{},{})", point(0.0, 0.0), point(0.1, 0.0), point(0.1, 0.1), point(0.0, 0.0));
    let line = format!("({},{})", point(0.0, 0.0), point(0.1, 0.1));
    let body = match form {
        "linestring" => format!("LINESTRING{line}"),
        "polygon" => format!("POLYGON({ring})"),
        "multipoint" => format!("MULTIPOINT({})", point(0.0, 0.0)),
        "multilinestring" => format!("MULTILINESTRING({line})"),
        "multipolygon" => format!("MULTIPOLYGON(({ring}))"),
        "geometrycollection" => format!("GEOMETRYCOLLECTION(POINT({}))", point(0.0, 0.0)),
        _ => format!("POINT({})", point(0.0, 0.0)),
    };
    if srid > 0 { format!("SRID={srid};{body}") } else { body }
}

/// A literal as conditions see it.
pub fn as_value(shape: &Shape, text: Option<&str>) -> Option<Value> {
    let Some(text) = text else { return Some(Value::Null) };
    Some(match &shape.kind {
        Kind::Bool => Value::Bool(matches!(text, "true" | "t")),
        Kind::Integer(..) | Kind::Numeric { .. } | Kind::Float | Kind::Money => Value::Number(text.parse().ok()?),
        Kind::Timestamp => Value::Number(super::expression::time_of(text)? as f64),
        Kind::Date => Value::Date(super::expression::time_of(text)? as f64),
        Kind::Time => Value::Span(super::expression::time_of_day(text)?),
        Kind::Interval => Value::Span(super::expression::interval(text)?),
        Kind::Json => Value::Json(serde_json::from_str(text).ok()?),
        Kind::Array(_) => Value::Array(super::expression::array_items(text)?.into_iter().map(Value::Text).collect()),
        // Their text is not what functions and comparisons see.
        Kind::Range(_) | Kind::Multirange(_) | Kind::Composite(_) | Kind::Bytes => return None,
        _ => Value::Text(text.to_owned()),
    })
}
