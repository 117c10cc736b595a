//! Times and lengths of time, as numbers of seconds.

/// Seconds since 1970 of `2026-01-31[ 12:00:00[+00]]`; other zones and forms are not read.
pub fn time_of(text: &str) -> Option<i64> {
    let mut days = text.get(..10)?.split('-').map(str::parse::<i64>);
    let (year, month, day) = (days.next()?.ok()?, days.next()?.ok()?, days.next()?.ok()?);
    let rest = text[10..].trim_start_matches(['T', ' ']);
    let rest = rest.strip_suffix("+00").or_else(|| rest.strip_suffix('Z')).unwrap_or(rest);
    let mut seconds = 0;
    for (part, unit) in rest.split('.').next()?.split(':').filter(|part| !part.is_empty()).zip([3600, 60, 1]) {
        seconds += part.parse::<i64>().ok()? * unit;
    }
    Some(days_from_civil(year, month, day) * 86400 + seconds)
}

/// Howard Hinnant's algorithm: days since 1970-01-01 of a date in the Gregorian calendar.
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let of_year = (153 * (month + if month > 2 { -3 } else { 9 }) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

/// Seconds of `1 day 02:00:00`; a month is 30 days, as PostgreSQL compares them.
pub fn interval(text: &str) -> Option<f64> {
    let mut seconds = 0.0;
    let mut words = text.split_whitespace();
    while let Some(word) = words.next() {
        if word.contains(':') {
            for (part, unit) in word.split(':').zip([3600.0, 60.0, 1.0]) {
                seconds += part.parse::<f64>().ok()? * unit;
            }
            continue;
        }
        let unit = match words.next()?.trim_end_matches('s') {
            "year" => 365.25 * 86400.0,
            "mon" | "month" => 30.0 * 86400.0,
            "week" => 7.0 * 86400.0,
            "day" => 86400.0,
            "hour" => 3600.0,
            "min" | "minute" => 60.0,
            "sec" | "second" => 1.0,
            _ => return None,
        };
        seconds += word.parse::<f64>().ok()? * unit;
    }
    Some(seconds)
}

/// Seconds since midnight of `09:30[:00[.5]][+00]`.
pub fn time_of_day(text: &str) -> Option<f64> {
    let text = text.trim().trim_end_matches("+00");
    let mut seconds = 0.0;
    for (part, unit) in text.split(':').zip([3600.0, 60.0, 1.0]) {
        seconds += part.parse::<f64>().ok()? * unit;
    }
    text.contains(':').then_some(seconds)
}

/// Year, month and day of a moment.
pub fn parts_of(seconds: f64) -> (i64, i64, i64) {
    // The inverse of `days_from_civil`, by the same author.
    let days = (seconds / 86400.0).floor() as i64 + 719_468;
    let (era, of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let shifted = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    (year + era * 400 + i64::from(month <= 2), month, day)
}

/// From 1, Monday, to 7.
pub fn day_of_week(seconds: f64) -> i64 {
    ((seconds / 86400.0).floor() as i64 + 3).rem_euclid(7) + 1
}

/// The start of the hour, day, week, month, quarter or year that a moment is in.
pub fn start_of(unit: &str, seconds: f64) -> Option<f64> {
    let (year, month, _) = parts_of(seconds);
    let start = |month| (days_from_civil(year, month, 1) * 86400) as f64;
    let midnight = (seconds / 86400.0).floor() * 86400.0;
    Some(match unit {
        "second" => seconds.floor(),
        "minute" => (seconds / 60.0).floor() * 60.0,
        "hour" => (seconds / 3600.0).floor() * 3600.0,
        "day" => midnight,
        "week" => midnight - (day_of_week(seconds) - 1) as f64 * 86400.0,
        "month" => start(month),
        "quarter" => start((month - 1) / 3 * 3 + 1),
        "year" => start(1),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_those_of_the_calendar() {
        for (text, parts, weekday) in
            [("1970-01-01", (1970, 1, 1), 4), ("2024-02-29", (2024, 2, 29), 4), ("1969-12-31", (1969, 12, 31), 3)]
        {
            let seconds = time_of(text).unwrap() as f64;
            assert_eq!((parts_of(seconds), day_of_week(seconds)), (parts, weekday), "{text}");
        }
        let moment = time_of("2026-08-20 13:45:10").unwrap() as f64;
        for (unit, start) in [
            ("month", "2026-08-01"),
            ("quarter", "2026-07-01"),
            ("week", "2026-08-17"),
            ("hour", "2026-08-20 13:00:00"),
        ] {
            assert_eq!(start_of(unit, moment), time_of(start).map(|seconds| seconds as f64), "{unit}");
        }
        assert_eq!((time_of_day("09:30"), time_of_day("noon")), (Some(34200.0), None));
    }
}
