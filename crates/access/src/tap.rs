//! pgTAP tests: run as `supabase test db` runs them, and their output (the Test Anything Protocol) read and told.
//!
//! - [`Outcome`]: what a file's output says.
//! - [`Script`], [`run`]: a file, run to its end.
//! - [`render`]: many outcomes, in the form that `pg_prove` has made familiar.

mod parse;
mod render;
mod run;
mod variables;

pub use parse::{Directive, Outcome, Test};
pub use render::render;
pub use run::{Script, Stop, run};
