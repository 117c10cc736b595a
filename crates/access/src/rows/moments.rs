//! Times of one row that belong together: created before updated, started before ended, apart from other rows where they must.

use super::day::{DAY, date, timestamp};
use super::random::Random;
use super::rules::Cell;
use super::shape::{Kind, Shape};
use crate::schema::Column;

/// Two columns of which one is not above the other.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Pair {
    /// The lower.
    pub low: usize,
    /// The higher.
    pub high: usize,
    /// May they be equal?
    pub equal: bool,
    /// Do they name the ends of one event, which lasts hours, not years?
    pub near: bool,
    /// How far they are apart at least; times in seconds.
    pub least: f64,
    /// At most.
    pub most: f64,
}

impl Pair {
    /// The one below the other, whatever the distance.
    pub const fn new(low: usize, high: usize) -> Self {
        Self { low, high, equal: false, near: false, least: 0.0, most: f64::INFINITY }
    }
}

/// The pairs that names suggest.
pub fn pairs(columns: &[Column], shapes: &[Shape]) -> Vec<Pair> {
    const ENDS: &[(&str, &str)] = &[
        ("start", "end"),
        ("begin", "end"),
        ("from", "to"),
        ("from", "until"),
        ("check_in", "check_out"),
        ("min", "max"),
        ("open", "close"),
    ];
    let mut found = Vec::new();
    let place = |name: &str| columns.iter().position(|column| column.name.to_lowercase() == name);
    for (low, column) in columns.iter().enumerate() {
        let name = column.name.to_lowercase();
        for (start, end) in ENDS.iter().filter(|(start, _)| name.contains(start)) {
            let high = place(&name.replacen(start, end, 1)).or_else(|| place(&name.replacen("starts", "ends", 1)));
            if let Some(high) = high.filter(|high| *high != low && same_kind(&shapes[low], &shapes[*high])) {
                found.push(Pair { near: is_time(&shapes[low]), ..Pair::new(low, high) });
            }
        }
        if matches!(name.as_str(), "created_at" | "inserted_at" | "createdat") {
            let later = |(at, column): (usize, &Column)| {
                let name = column.name.to_lowercase();
                let later = at != low && is_time(&shapes[at]) && (name.ends_with("_at") || name.starts_with("updated"));
                (later && !name.contains("start") && !name.contains("birth")).then_some(at)
            };
            let highs = columns.iter().enumerate().filter_map(later);
            found.extend(highs.map(|high| Pair { equal: true, ..Pair::new(low, high) }));
        }
    }
    found
}

/// A moment?
pub fn is_time(shape: &Shape) -> bool {
    matches!(shape.kind, Kind::Timestamp | Kind::Date)
}

fn same_kind(left: &Shape, right: &Shape) -> bool {
    std::mem::discriminant(&left.kind) == std::mem::discriminant(&right.kind)
}

/// Moves one of two times, whichever is free, so that they are in order.
pub fn put_in_order(
    pair: Pair,
    (low, high): (f64, f64),
    columns: &[Column],
    shapes: &[Shape],
    cells: &mut [Cell],
    free: &[bool],
    random: &mut Random,
) {
    let days = matches!(shapes[pair.high].kind, Kind::Date) || matches!(shapes[pair.low].kind, Kind::Date);
    let period = ["period", "trial", "valid", "subscription"].iter().any(|word| columns[pair.high].name.contains(word));
    let gap = if period {
        30 * DAY
    } else if days {
        random.between(1, 14) * DAY
    } else if pair.near {
        random.between(1, 6) * 1800
    } else {
        random.between(60, 40 * DAY)
    };
    let unit = if days { DAY } else { 1 };
    let least = (pair.least / unit as f64).ceil() as i64 * unit + if pair.equal { 0 } else { unit };
    // With a day's half, which a date cuts off, it could be too far.
    let most =
        if pair.most.is_finite() { ((pair.most / unit as f64).floor() as i64 * unit).max(least) } else { i64::MAX };
    let gap = gap.clamp(least.min(most), most);
    let (at, seconds) = if free[pair.high] { (pair.high, low as i64 + gap) } else { (pair.low, high as i64 - gap) };
    cells[at] =
        Cell::Value(Some(if matches!(shapes[at].kind, Kind::Date) { date(seconds) } else { timestamp(seconds) }));
}

/// Gives the times and ranges of an exclusion constraint a place on the calendar that no other row has.
pub fn take_slots(slots: &[usize], shapes: &[Shape], cells: &mut [Cell], free: &[bool], ordinal: u64, today: i64) {
    let start = today + i64::try_from(ordinal).unwrap_or(0) * 2 * DAY;
    let mut moments = 0;
    for at in slots.iter().copied() {
        if !free[at] || cells[at].text().is_none() {
            continue;
        }
        let text = match &shapes[at].kind {
            Kind::Timestamp | Kind::Date => {
                let seconds = start + moments * DAY;
                moments += 1;
                if matches!(shapes[at].kind, Kind::Date) { date(seconds) } else { timestamp(seconds) }
            }
            Kind::Range(item) => match item.kind {
                Kind::Timestamp => format!("[\"{}\",\"{}\")", timestamp(start), timestamp(start + DAY)),
                Kind::Date => format!("[{},{})", date(start), date(start + DAY)),
                _ => format!("[{},{})", ordinal * 10, ordinal * 10 + 9),
            },
            _ => continue,
        };
        cells[at] = Cell::Value(Some(text));
    }
}
