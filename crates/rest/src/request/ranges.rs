//! `limit`, `offset` and the `Range` header as one thing.

/// Row numbers from `lower` to `upper`, both included. Not empty unless `upper < lower`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Range {
    pub(crate) lower: i128,
    pub(crate) upper: Option<i128>,
}

impl Range {
    /// All rows.
    pub(crate) const ALL: Self = Self { lower: 0, upper: None };
    /// `limit=0`: the one empty range that is allowed.
    const NONE: Self = Self { lower: 0, upper: Some(-1) };

    pub(crate) const fn from(lower: i128) -> Self {
        Self { lower, upper: None }
    }

    pub(crate) fn is_empty(self) -> bool {
        self.upper.is_some_and(|upper| upper < self.lower)
    }

    fn intersection(self, other: Self) -> Self {
        let upper = match (self.upper, other.upper) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        };
        Self { lower: self.lower.max(other.lower), upper }
    }

    /// At most `limit` rows from where it begins.
    pub(crate) fn restricted(self, limit: Option<i128>) -> Self {
        let Some(limit) = limit else { return self };
        let end = self.lower.saturating_add(limit).saturating_sub(1);
        self.intersection(Self { lower: self.lower, upper: Some(end) })
    }

    /// How many rows at most.
    pub(crate) fn limit(self) -> Option<i128> {
        self.upper.map(|upper| upper.saturating_sub(self.lower).saturating_add(1))
    }

    fn is_limit_zero(self) -> bool {
        self.upper == Self::NONE.upper
    }

    /// The range cut to `max_rows`, for reads and calls.
    pub(crate) fn capped(self, max_rows: Option<i128>) -> Self {
        if self.is_limit_zero() { Self::NONE } else { self.restricted(max_rows) }
    }
}

/// Of `limit=` and `offset=` of one level. What is no number is not heard.
pub(crate) fn of_parameters(limit: Option<&str>, offset: Option<&str>) -> Option<Range> {
    let limit = limit.map(|text| Range::ALL.restricted(number(text)));
    let offset = offset.map(|text| number(text).map_or(Range::ALL, Range::from));
    match (limit, offset) {
        (Some(limit), Some(offset)) => {
            let count = limit.limit().unwrap_or(0);
            let upper = offset.lower.saturating_add(count).saturating_sub(1);
            Some(Range { lower: offset.lower, upper: Some(upper) })
        }
        (limit, offset) => limit.or(offset),
    }
}

/// A whole number of any size; one that nobody can have as rows stands for the largest.
fn number(text: &str) -> Option<i128> {
    let text = text.trim();
    let digits = text.strip_prefix('-').unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    // Far below the ends of i128, so that sums stay in it.
    const LARGEST: i128 = 1 << 100;
    let magnitude = digits.parse().unwrap_or(LARGEST).min(LARGEST);
    Some(if digits.len() < text.len() { -magnitude } else { magnitude })
}

/// `0-9` or `10-` of the `Range` header; anything else asks for all.
pub(crate) fn of_header(text: &str) -> Range {
    let Some((from, to)) = text.split_once('-') else { return Range::ALL };
    let is_number = |s: &str| s.bytes().all(|b| b.is_ascii_digit());
    if from.is_empty() || !is_number(from) || !is_number(to) {
        return Range::ALL;
    }
    Range { lower: number(from).unwrap_or(0), upper: number(to) }
}

/// Why a range cannot be had.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unsatisfiable {
    /// A limit below zero.
    NegativeLimit,
    /// `Range: 5-1`.
    LowerAboveUpper,
    /// There are fewer rows than the offset.
    OutOfBounds {
        /// The offset asked for.
        offset: String,
        /// How many rows there are.
        total: String,
    },
}

/// The range of the outermost level: header and parameters together.
pub(crate) fn top_level(header: Range, parameters: Option<Range>) -> Result<Range, Unsatisfiable> {
    let parameters = parameters.unwrap_or(Range::ALL);
    if parameters.is_limit_zero() {
        return Ok(Range::NONE);
    }
    let both = header.intersection(parameters);
    match (both.is_empty(), header.is_empty()) {
        (false, _) => Ok(both),
        (true, true) => Err(Unsatisfiable::LowerAboveUpper),
        (true, false) => Err(Unsatisfiable::NegativeLimit),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limit_and_offset_make_a_range() {
        assert_eq!(of_parameters(Some("5"), Some("10")), Some(Range { lower: 10, upper: Some(14) }));
        assert_eq!(of_parameters(Some("x"), None), Some(Range::ALL));
        assert_eq!(of_parameters(None, None), None);
        assert_eq!(of_parameters(Some("0"), None).unwrap().limit(), Some(0));
    }

    #[test]
    fn what_cannot_be_is_refused() {
        assert_eq!(top_level(of_header("1-0"), None), Err(Unsatisfiable::LowerAboveUpper));
        assert_eq!(top_level(Range::ALL, of_parameters(Some("-1"), None)), Err(Unsatisfiable::NegativeLimit));
        assert_eq!(top_level(Range::ALL, of_parameters(Some("0"), None)), Ok(Range::NONE));
        assert_eq!(top_level(Range::ALL, of_parameters(None, Some("-4"))), Ok(Range::ALL));
        assert_eq!(top_level(of_header("0-9"), of_parameters(Some("3"), None)).unwrap().limit(), Some(3));
    }
}
