//! The page to look at: a client of the API, in one file.

pub(super) const PAGE: &str = include_str!("page.html");
