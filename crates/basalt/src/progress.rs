//! What a person sees while a step takes long.

use std::io::IsTerminal;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

use crate::say;

/// A spinner on a terminal, plain lines elsewhere; nothing on standard output, which belongs to results.
#[derive(Debug, Clone)]
pub struct Progress(Shown);

#[derive(Debug, Clone)]
enum Shown {
    Spinner(ProgressBar),
    Lines,
    Nothing,
}

impl Progress {
    /// Shows nothing: for looking at a project on the side.
    pub fn silent() -> Self {
        Self(Shown::Nothing)
    }

    /// Starts to show steps.
    pub fn start() -> Self {
        if !std::io::stderr().is_terminal() {
            return Self(Shown::Lines);
        }
        let bar = ProgressBar::new_spinner();
        if let Ok(style) = ProgressStyle::with_template("{spinner} {msg} ({elapsed})") {
            bar.set_style(style);
        }
        bar.enable_steady_tick(Duration::from_millis(100));
        Self(Shown::Spinner(bar))
    }

    /// The step that begins now.
    pub fn step(&self, what: &str) {
        match &self.0 {
            Shown::Spinner(bar) => bar.set_message(what.to_owned()),
            Shown::Lines => say::err(what),
            Shown::Nothing => {}
        }
    }

    /// Something the user should hear, above the current step.
    pub fn note(&self, what: &str) {
        match &self.0 {
            Shown::Spinner(bar) => bar.suspend(|| say::err(format_args!("note: {what}"))),
            Shown::Lines => say::err(format_args!("note: {what}")),
            Shown::Nothing => {}
        }
    }

    /// All steps are done.
    pub fn done(&self) {
        if let Shown::Spinner(bar) = &self.0 {
            bar.finish_and_clear();
        }
    }
}
