//! What the database asks the server to do later, on its behalf.
//!
//! - [`cron`]: `cron.schedule` of our `pg_cron`: commands at their times, each as the role that scheduled it.
//! - [`net`]: `net.http_get` and its kin of our `pg_net`: requests that leave after the transaction that asked for them.
//!
//! Both sleep until they are woken (a NOTIFY of the extension, or a due time): idle costs nothing.

pub mod cron;
pub mod net;

pub use cron::Cron;
pub use net::Net;
