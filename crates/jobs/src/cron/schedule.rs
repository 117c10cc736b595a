//! When a job is due, in pg_cron's notation.

use std::str::FromStr;
use std::time::Duration;

use croner::parser::{CronParser, Seconds};
use time::OffsetDateTime;

/// A parsed schedule, in UTC as pg_cron's default `cron.timezone` is GMT.
#[derive(Debug, Clone)]
pub enum Schedule {
    /// `30 seconds`: so long after the last start. 1 to 59 seconds.
    Every(Duration),
    /// `*/5 * * * *`: five fields; `$` is the last day of the month.
    Calendar(Box<croner::Cron>),
}

/// A schedule that cannot be read.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("invalid schedule {0:?}: use cron format such as 5 4 * * *, or an interval such as '30 seconds' (1 to 59)")]
pub struct InvalidSchedule(String);

impl FromStr for Schedule {
    type Err = InvalidSchedule;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let invalid = || InvalidSchedule(text.to_owned());
        let words: Vec<&str> = text.split_whitespace().collect();
        if let [count, "second" | "seconds"] = words[..] {
            let seconds: u64 = count.parse().map_err(|_| invalid())?;
            return if (1..=59).contains(&seconds) {
                Ok(Self::Every(Duration::from_secs(seconds)))
            } else {
                Err(invalid())
            };
        }
        let last_day = text.trim().replace('$', "L");
        let parser = CronParser::builder().seconds(Seconds::Disallowed).build();
        parser.parse(&last_day).map(|cron| Self::Calendar(Box::new(cron))).map_err(|_| invalid())
    }
}

impl Schedule {
    /// The first time after `last` when the job is due; `None` for a date that never comes (30 February).
    pub fn next_after(&self, last: OffsetDateTime) -> Option<OffsetDateTime> {
        match self {
            Self::Every(interval) => Some(last + *interval),
            Self::Calendar(cron) => {
                let last = chrono::DateTime::from_timestamp(last.unix_timestamp(), 0)?;
                let next = cron.find_next_occurrence(&last, false).ok()?;
                OffsetDateTime::from_unix_timestamp(next.timestamp()).ok()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use time::format_description::well_known::Rfc3339;

    use super::*;

    fn next(schedule: &str, after: &str) -> String {
        let after = OffsetDateTime::parse(after, &Rfc3339).unwrap();
        let next = schedule.parse::<Schedule>().unwrap().next_after(after);
        next.map_or("never".into(), |t| t.format(&Rfc3339).unwrap())
    }

    #[test]
    fn schedules_of_real_folders() {
        assert_eq!(next("*/5 * * * *", "2026-03-01T10:02:30Z"), "2026-03-01T10:05:00Z");
        assert_eq!(next("0 3 * * *", "2026-03-01T03:00:00Z"), "2026-03-02T03:00:00Z");
        assert_eq!(next("0 0 * * 0", "2026-03-02T00:00:00Z"), "2026-03-08T00:00:00Z");
        assert_eq!(next("0 12 $ * *", "2024-02-01T00:00:00Z"), "2024-02-29T12:00:00Z");
        assert_eq!(next("30 seconds", "2026-03-01T10:02:30Z"), "2026-03-01T10:03:00Z");
    }

    #[test]
    fn nonsense_is_refused() {
        for bad in ["", "often", "60 seconds", "0 seconds", "* * * *", "61 * * * *", "* * * * * *"] {
            assert!(bad.parse::<Schedule>().is_err(), "{bad:?} was taken");
        }
    }
}
