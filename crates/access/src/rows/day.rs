//! Days and times as text. No clock: all is relative to a day that is given.

use super::expression::parts_of;
use super::random::Random;

/// Seconds of one day.
pub const DAY: i64 = 86_400;

/// The day that rows are relative to where none is given: 2026-01-15, in seconds since 1970.
pub const TODAY: i64 = 1_768_435_200;

/// `2026-01-15`.
pub fn date(seconds: i64) -> String {
    let (year, month, day) = parts_of(seconds as f64);
    format!("{year:04}-{month:02}-{day:02}")
}

/// `2026-01-15 08:30:00+00`.
pub fn timestamp(seconds: i64) -> String {
    let (year, month, day) = parts_of(seconds as f64);
    let rest = seconds.rem_euclid(DAY);
    format!("{year:04}-{month:02}-{day:02} {:02}:{:02}:{:02}+00", rest / 3600, rest / 60 % 60, rest % 60)
}

/// A moment that fits a column's name, in seconds since 1970.
pub fn moment(name: &str, today: i64, random: &mut Random) -> i64 {
    let days = |random: &mut Random, low: i64, high: i64| today + random.between(low * DAY, high * DAY);
    let has = |part: &str| name.contains(part);
    if has("birth") || has("dob") {
        return days(random, -70 * 365, -18 * 365).div_euclid(DAY) * DAY;
    }
    let ahead = [
        "expire",
        "due",
        "until",
        "next",
        "renew",
        "deadline",
        "scheduled",
        "valid_to",
        "trial_end",
        "period_end",
        "remind",
    ];
    if ahead.iter().any(|part| has(part)) {
        return days(random, 1, 120).div_euclid(60) * 60;
    }
    if has("start") || has("begin") || has("end") || has("event") {
        // People meet on the hour or half of it.
        return days(random, -90, 90).div_euclid(1800) * 1800;
    }
    if has("updated") || has("modified") || has("last") {
        return days(random, -60, 0);
    }
    days(random, -540, -1)
}
