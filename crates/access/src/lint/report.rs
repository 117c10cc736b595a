//! Findings for people and for machines.

mod json;
mod rules_page;
mod sarif;
mod text;

pub use json::json;
pub use rules_page::rules_page;
pub use sarif::{Place, sarif};
pub use text::{Style, text};
