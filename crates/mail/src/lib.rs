//! Letters and text messages.

pub mod template;
