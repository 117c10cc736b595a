//! The access matrix: what each identity may really do, by trying it on a database that may be thrown away.

mod report;

pub use report::{Cell, Counterexample, Difference, OneSided, Report, Untried, Verdict};
