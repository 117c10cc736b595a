//! What a project folder says about itself: `supabase/config.toml` with the keys and defaults of the Supabase CLI,
//! `.env` files, and the keys that sign and open its API.
//!
//! - [`Env`]: the environment as a value; only the binary reads the real one.
//! - [`load`]: a folder → [`Loaded`], typed sections and warnings.
//! - [`keys`]: the well-known development keys, or secrets made once for production.
//! - [`signing_keys`]: the keys of access tokens, in rotation.
//! - [`reference`]: every knob with its default and sentence, printed from the same declarations.
//!
//! No network, no database, no process. Reads the files it is told about and nothing else.

mod env;
mod error;
mod init;
mod jwt;
pub mod keys;
mod load;
mod node;
mod port;
mod private_file;
mod reference;
mod sections;
mod setting;
pub mod signing_keys;
mod values;

pub use env::Env;
pub use error::{Error, Warning};
pub use init::{init_toml, sanitize_project_id};
pub use keys::{Keys, Mode};
pub use load::{Loaded, Paths, find_project, load, load_remote};
pub use private_file::create_private;
pub use reference::{Key, keys_table, reference};
pub use sections::*;
pub use values::{Bytes, GoDuration};
