//! Words to whoever started us, who may be gone: a terminal that was closed, a disk that is full. `println!` would panic then, and what
//! runs would not be ended in order.

use std::fmt::Display;
use std::io::{Write, stderr, stdout};

/// A line on standard output.
pub fn out(text: impl Display) {
    let _ = writeln!(stdout().lock(), "{text}");
}

/// A line on standard error.
pub fn err(text: impl Display) {
    let _ = writeln!(stderr().lock(), "{text}");
}
