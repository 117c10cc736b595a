use std::time::Duration;

/// Reads a duration as Go writes it: `300ms`, `1.5h`, `2h45m`; a bare number is seconds (as older variables have it).
///
/// # Errors
/// A sentence on what is wrong.
pub fn parse_duration(text: &str) -> Result<Duration, String> {
    let wrong = || format!("{text:?} is not a duration; write for example \"10s\", \"5m\" or \"24h\"");
    let text_trimmed = text.trim();
    if text_trimmed.is_empty() {
        return Err(wrong());
    }
    if let Ok(seconds) = text_trimmed.parse::<f64>() {
        return Duration::try_from_secs_f64(seconds).map_err(|_| wrong());
    }
    let mut rest = text_trimmed;
    let mut total = 0.0;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.').ok_or_else(wrong)?;
        let number: f64 = rest[..digits].parse().map_err(|_| wrong())?;
        rest = &rest[digits..];
        let unit_end = rest.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(rest.len());
        total += number
            * match &rest[..unit_end] {
                "ns" => 1e-9,
                "us" | "µs" => 1e-6,
                "ms" => 1e-3,
                "s" => 1.0,
                "m" => 60.0,
                "h" => 3600.0,
                _ => return Err(wrong()),
            };
        rest = &rest[unit_end..];
    }
    Duration::try_from_secs_f64(total).map_err(|_| wrong())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_go_writes_them() {
        for (text, seconds) in [("10s", 10.0), ("1h30m", 5400.0), ("1.5h", 5400.0), ("250ms", 0.25), ("60", 60.0)] {
            assert_eq!(parse_duration(text).unwrap(), Duration::from_secs_f64(seconds), "{text}");
        }
        for text in ["", "ten", "5d", "-5s", "1e400", "."] {
            assert!(parse_duration(text).is_err(), "{text}");
        }
    }
}
