//! What an outcome says about rights.

use super::caller::{Failure, Outcome, TOO_LONG};

/// What an outcome says about rights.
pub enum Says {
    /// It was done.
    Allowed,
    /// Rights stopped it, or what stands in for them.
    Refused(String),
    /// Rights let it through; something else stopped it.
    Stopped(String),
    /// An error where an answer should be.
    Broken(String),
    /// It proves nothing.
    Nothing(String),
}

/// Reads it. `expected`: should it be done?
pub fn says(outcome: &Outcome, expected: bool) -> Says {
    let failure = match outcome {
        Outcome::Touched(0) => return Says::Refused("no row is touched".to_owned()),
        Outcome::Touched(_) => return Says::Allowed,
        Outcome::TakenBack if expected => return Says::Nothing("a trigger takes the change back".to_owned()),
        Outcome::TakenBack => return Says::Refused("a trigger takes the change back".to_owned()),
        Outcome::Failed(failure) => failure,
    };
    match (&failure.function, failure.code.as_str()) {
        (_, TOO_LONG) => Says::Nothing(words(failure)),
        (None, "42501" | "55000" | "0A000") => Says::Refused(words(failure)),
        // Row-level security is checked before constraints: whoever meets one has been let through.
        (None, code) if code.starts_with("23") => Says::Stopped(words(failure)),
        (_, "42P17" | "54001" | "42883" | "42P01" | "42703") => Says::Broken(words(failure)),
        (Some(function), _) if !expected => Says::Refused(format!("{} stops it: {}", function, words(failure))),
        (Some(function), "42501") => Says::Refused(format!("{} stops it: {}", function, words(failure))),
        (Some(function), _) => Says::Nothing(format!("{} raises: {}", function, words(failure))),
        (None, _) => Says::Nothing(words(failure)),
    }
}

/// PostgreSQL's words and its code.
pub fn words(failure: &Failure) -> String {
    format!("{} (SQLSTATE {})", failure.message, failure.code)
}
