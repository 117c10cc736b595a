//! A project, brought up and down.
//!
//! [`Plan::read`] looks at files only; [`Running::up`] walks the stages: PostgreSQL, platform, migrations, services, listener.

mod database;
pub mod gate;
mod location;
pub mod mutants;
pub mod origins;
mod overrides;
pub mod pgtap;
mod plan;
pub mod proof;
mod readiness;
pub mod room;
pub mod run_file;
mod running;
pub mod schema;
pub mod services;
pub mod shadow;
pub mod status;

pub use database::Database;
pub use location::Location;
pub use overrides::Overrides;
pub use plan::Plan;
pub use running::Running;
